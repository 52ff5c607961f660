#include "fcgi/routes.h"

#include "fcgi/handler/handlers.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* All five, always: a row without its act does not compile. */
#define ROW(method, pattern, params, act, handle)      \
    {                                                  \
        (method), (pattern), (params), (act), (handle) \
    }

static const struct route table[] = {
    ROW("GET", "/api/v1/courses", "q term sort limit cursor", ACT_READ, list_get),
    ROW("GET", "/api/v1/courses/{}", "", ACT_READ, course_get),
    ROW("PUT", "/api/v1/courses/{}/syllabus", "filename term title instructor note", ACT_UPLOAD, syllabus_put),
    ROW("POST", "/api/v1/courses/{}/syllabus", "", ACT_UPLOAD, form_post),
    ROW("GET", "/api/v1/courses/{}/syllabus", "version term download", ACT_READ, bytes_get),
    ROW("DELETE", "/api/v1/courses/{}/syllabus", "version", ACT_ALTER, syllabus_delete),
    ROW("POST", "/api/v1/courses/{}/restore", "version", ACT_ALTER, course_restore),
    ROW("GET", "/api/v1/courses/{}/placement", "from", ACT_READ, course_get_placement),
    ROW("GET", "/api/v1/courses/{}/access", "version limit cursor", ACT_ALTER, access_get),
    ROW("POST", "/api/v1/courses/{}/links", "", ACT_LINK, links_post),
    ROW("GET", "/api/v1/courses/{}/links", "limit cursor", ACT_LINK, links_get),
    ROW("GET", "/api/v1/links/{}", "download", ACT_NONE, links_open_get),
    ROW("POST", "/api/v1/links/{}", "download", ACT_NONE, links_open_post),
    ROW("DELETE", "/api/v1/links/{}", "", ACT_LINK, links_delete),
    ROW("GET", "/api/v1/peers", "limit cursor", ACT_READ, peers_get),
    ROW("GET", "/api/v1/peers/files", "q exclude limit cursor", ACT_READ, peers_get_files),
    ROW("GET", "/api/v1/peers/files/{}", "", ACT_READ, bytes_get_adopted),
    ROW("GET", "/api/v1/peers/files/{}/sources", "exclude blocks_of counted", ACT_READ, peers_get_sources),
    ROW("GET", "/api/v1/peers/{}/files/{}", "counted", ACT_READ, peers_get_bytes),
    ROW("GET", "/api/v1/cluster", "", ACT_READ, cluster_get),
    ROW("GET", "/api/v1/cluster/ring", "node", ACT_READ, ring_get),
    ROW("PUT", "/api/v1/cluster/replication", "dry_run", ACT_OPERATE, admin_put_replication),
    ROW("POST", "/api/v1/cluster/nodes/{}/drain", "dry_run force", ACT_OPERATE, admin_drain),
    ROW("POST", "/api/v1/cluster/nodes/{}/undrain", "", ACT_OPERATE, admin_undrain),
    ROW("POST", "/api/v1/cluster/nodes/{}/remove", "dry_run force", ACT_OPERATE, admin_remove),
    ROW("POST", "/api/v1/session", "", ACT_NONE, session_post),
    ROW("GET", "/api/v1/session", "", ACT_NONE, session_get),
    ROW("DELETE", "/api/v1/session", "", ACT_SELF, session_delete),
    ROW("DELETE", "/api/v1/sessions", "", ACT_SELF, session_delete_all),
    ROW("GET", "/api/v1/users", "limit cursor", ACT_ACCOUNTS, users_get_all),
    ROW("POST", "/api/v1/users", "", ACT_ACCOUNTS, users_post),
    ROW("GET", "/api/v1/users/{}", "", ACT_SELF, users_get),
    ROW("PATCH", "/api/v1/users/{}", "", ACT_SELF, users_patch),
    ROW("DELETE", "/api/v1/users/{}", "", ACT_SELF, users_delete),
    ROW("PUT", "/api/v1/users/{}/password", "", ACT_SELF, users_put_password),
    ROW("GET", "/api/v1/users/{}/export", "", ACT_SELF, export_get),
    ROW("POST", "/api/v1/users/{}/erase", "", ACT_SELF, export_erase),
    ROW("GET", "/api/v1/users/{}/pending", "limit cursor", ACT_SELF, pending_get_own),
    ROW("GET", "/api/v1/tokens", "user limit cursor", ACT_SELF, tokens_get),
    ROW("POST", "/api/v1/tokens", "", ACT_SELF, tokens_post),
    ROW("DELETE", "/api/v1/tokens/{}", "", ACT_SELF, tokens_delete),
    ROW("GET", "/api/v1/pending", "limit cursor", ACT_MODERATE, pending_get),
    ROW("GET", "/api/v1/pending/{}/file", "", ACT_MODERATE, pending_get_file),
    ROW("POST", "/api/v1/pending/{}/accept", "", ACT_MODERATE, pending_post_accept),
    ROW("POST", "/api/v1/pending/{}/reject", "", ACT_MODERATE, pending_post_reject),
    ROW("GET", "/api/v1/settings", "", ACT_ACCOUNTS, settings_get),
    ROW("PUT", "/api/v1/settings", "", ACT_ACCOUNTS, settings_put),
    ROW("POST", "/api/v1/link-keys", "", ACT_ACCOUNTS, links_post_keys),
    ROW("POST", "/api/v1/join-tokens", "", ACT_OPERATE, settings_post_join),
    ROW("POST", "/api/v1/join", "", ACT_NONE, join_post),
    ROW("GET", "/api/v1/audit", "after limit verify", ACT_ACCOUNTS, audit_view_get),
    ROW("GET", "/api/v1/openapi.json", "", ACT_NONE, ops_openapi),
    ROW("GET", "/healthz", "", ACT_NONE, ops_healthz),
    ROW("GET", "/readyz", "", ACT_NONE, ops_readyz),
    ROW("GET", "/metrics", "", ACT_NONE, ops_metrics),
};

const struct route *routes_all(size_t *n)
{
    *n = sizeof(table) / sizeof(table[0]);
    return table;
}

/* Walks pattern and segments side by side. Fills captures even when it fails in the end. */
static int fits(const char *pattern, const struct target *t, struct routes_match *m)
{
    size_t i = 0;
    m->n_captures = 0;
    while (*pattern) {
        pattern++; /* the slash */
        size_t len = strcspn(pattern, "/");
        if (i == t->n_segments)
            return 0;
        const struct target_text *segment = &t->segments[i++];
        if (len == 2 && memcmp(pattern, "{}", 2) == 0) {
            assert(m->n_captures < ROUTES_CAPTURES_MAX);
            m->captures[m->n_captures++] = segment;
        } else if (segment->len != len || memcmp(segment->text, pattern, len) != 0) {
            return 0;
        }
        pattern += len;
    }
    return i == t->n_segments;
}

static void add_allow(char allow[ROUTES_ALLOW_SIZE], const char *method)
{
    size_t at = strlen(allow);
    int n = snprintf(allow + at, ROUTES_ALLOW_SIZE - at, "%s%s%s", at ? ", " : "", method, strcmp(method, "GET") == 0 ? ", HEAD" : "");
    assert(n > 0 && (size_t)n < ROUTES_ALLOW_SIZE - at);
}

enum err routes_find(const struct target *t, const char *method, struct routes_match *out)
{
    *out = (struct routes_match){0};
    const char *wanted = strcmp(method, "HEAD") == 0 ? "GET" : method;
    if (t->n_segments > TARGET_SEGMENTS_MAX)
        return ERR_NOT_FOUND;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (!fits(table[i].pattern, t, out))
            continue;
        if (strcmp(table[i].method, wanted) == 0) {
            out->route = &table[i];
            return ERR_OK;
        }
        add_allow(out->allow, table[i].method);
    }
    return *out->allow ? ERR_METHOD : ERR_NOT_FOUND;
}

static int knows(const char *params, const char *name, size_t len)
{
    while (*params) {
        size_t n = strcspn(params, " ");
        if (n == len && memcmp(params, name, n) == 0)
            return 1;
        params += n;
        params += strspn(params, " ");
    }
    return 0;
}

const char *routes_unknown_param(const struct route *route, const struct target *t)
{
    for (size_t i = 0; i < t->n_params; i++) {
        if (!knows(route->params, t->params[i].name.text, t->params[i].name.len))
            return t->params[i].name.text;
    }
    return NULL;
}
