#include "fcgi/routes.h"

#include "fcgi/handler/handlers.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static const struct route table[] = {
    {"GET", "/api/v1/courses", "q term sort limit cursor", list_get},
    {"GET", "/api/v1/courses/{}", "", course_get},
    {"PUT", "/api/v1/courses/{}/syllabus", "filename term title instructor note", syllabus_put},
    {"POST", "/api/v1/courses/{}/syllabus", "", form_post},
    {"GET", "/api/v1/courses/{}/syllabus", "version term download", bytes_get},
    {"DELETE", "/api/v1/courses/{}/syllabus", "version", syllabus_delete},
    {"POST", "/api/v1/courses/{}/restore", "version", course_restore},
    {"GET", "/api/v1/courses/{}/placement", "from", course_get_placement},
    {"GET", "/api/v1/peers", "limit cursor", peers_get},
    {"GET", "/api/v1/peers/files", "q exclude limit cursor", peers_get_files},
    {"GET", "/api/v1/peers/files/{}", "", bytes_get_adopted},
    {"GET", "/api/v1/peers/files/{}/sources", "exclude blocks_of counted", peers_get_sources},
    {"GET", "/api/v1/peers/{}/files/{}", "counted", peers_get_bytes},
    {"GET", "/api/v1/cluster", "", cluster_get},
    {"GET", "/api/v1/cluster/ring", "node", ring_get},
    {"PUT", "/api/v1/cluster/replication", "dry_run", admin_put_replication},
    {"POST", "/api/v1/cluster/nodes/{}/drain", "dry_run force", admin_drain},
    {"POST", "/api/v1/cluster/nodes/{}/undrain", "", admin_undrain},
    {"POST", "/api/v1/cluster/nodes/{}/remove", "dry_run force", admin_remove},
    {"GET", "/api/v1/openapi.json", "", ops_openapi},
    {"GET", "/healthz", "", ops_healthz},
    {"GET", "/readyz", "", ops_readyz},
    {"GET", "/metrics", "", ops_metrics},
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
