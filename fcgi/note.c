#include "fcgi/note.h"

#include "lib/audit/audit.h"
#include "lib/auth/link.h"
#include "lib/base/num.h"

#include <stdio.h>
#include <string.h>

/* Words for what people do; a route that is not here is noted by its method and pattern. */
static const struct word {
    const char *method, *pattern, *word;
} words[] = {
    {"PUT", "/api/v1/courses/{}/syllabus", "upload"},
    {"POST", "/api/v1/courses/{}/syllabus", "upload"},
    {"DELETE", "/api/v1/courses/{}/syllabus", "delete"},
    {"POST", "/api/v1/courses/{}/restore", "restore"},
    {"PUT", "/api/v1/cluster/replication", "replication"},
    {"POST", "/api/v1/cluster/nodes/{}/drain", "drain"},
    {"POST", "/api/v1/cluster/nodes/{}/undrain", "undrain"},
    {"POST", "/api/v1/cluster/nodes/{}/remove", "remove"},
    {"POST", "/api/v1/session", "sign-in"},
    {"DELETE", "/api/v1/session", "sign-out"},
    {"DELETE", "/api/v1/sessions", "sign-out-everywhere"},
    {"POST", "/api/v1/users", "account-new"},
    {"PATCH", "/api/v1/users/{}", "account-change"},
    {"DELETE", "/api/v1/users/{}", "account-remove"},
    {"PUT", "/api/v1/users/{}/password", "password"},
    {"GET", "/api/v1/users/{}/export", "export"},
    {"POST", "/api/v1/users/{}/erase", "erase"},
    {"POST", "/api/v1/tokens", "token-new"},
    {"DELETE", "/api/v1/tokens/{}", "token-revoke"},
    {"POST", "/api/v1/courses/{}/links", "link-new"},
    {"GET", "/api/v1/links/{}", "link-open"},
    {"POST", "/api/v1/links/{}", "link-open"},
    {"DELETE", "/api/v1/links/{}", "link-revoke"},
    {"POST", "/api/v1/link-keys", "link-keys"},
    {"POST", "/api/v1/pending/{}/accept", "accept"},
    {"POST", "/api/v1/pending/{}/reject", "reject"},
    {"PUT", "/api/v1/settings", "settings"},
    {"POST", "/api/v1/join-tokens", "join-token-new"},
    {"POST", "/api/v1/join", "join"},
};

static void write_what(const struct request *r, char *out, size_t size)
{
    const struct route *route = r->match.route;
    for (size_t i = 0; route && i < sizeof words / sizeof *words; i++) {
        if (strcmp(words[i].method, route->method) == 0 && strcmp(words[i].pattern, route->pattern) == 0) {
            snprintf(out, size, "%s", words[i].word);
            return;
        }
    }
    snprintf(out, size, "%.32s %s", request_method(r), route ? route->pattern : "-");
}

static int is_read(const char *method)
{
    return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0 || strcmp(method, "OPTIONS") == 0;
}

/* Whoever may not, or may not so often, is noted also when only reading. */
static int is_refused(int status)
{
    return status == 401 || status == 403 || status == 429;
}

static int is_dry_run(const struct request *r)
{
    const char *flag = r->match.route ? request_query(r, "dry_run") : NULL;
    return flag && strcmp(flag, "0") != 0 && strcmp(flag, "false") != 0;
}

/* What it was done on: the first part of the path that was captured. The text of a share link is a secret, whatever it is asked for; of that its id. */
static const char *find_on(const struct request *r, struct link_text *link)
{
    const struct route *route = r->match.route;
    size_t len;
    if (!route || r->match.n_captures == 0)
        return NULL;
    const char *text = request_capture(r, 0, &len);
    if (strcmp(route->pattern, "/api/v1/links/{}") != 0 || num_is_hex(text, AUTH_ID_SIZE - 1))
        return text;
    return link_parse(text, len, link) == ERR_OK ? link->id : NULL;
}

void note_request(const struct request *r)
{
    struct link_text link;
    char what[128], result[16];
    int refused = is_refused(r->answered), changes = r->match.route && !is_read(request_method(r)) && !is_dry_run(r);
    if (!refused && !changes)
        return;
    write_what(r, what, sizeof what);
    snprintf(result, sizeof result, "%d", r->answered);
    audit_note(r->worker->app->audit, &(struct audit_event){.who = r->note_who,
                                          .what = what,
                                          .on = find_on(r, &link),
                                          .from = r->transport->param(r->transport->ctx, "REMOTE_ADDR"),
                                          .result = result,
                                          .request = r->id,
                                          .detail = *r->note_detail ? r->note_detail : NULL,
                                          .is_refusal = refused || r->answered >= 400});
}
