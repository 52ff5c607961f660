#include "fcgi/note.h"

#include "lib/audit/audit.h"

#include <stdio.h>
#include <string.h>

#define LINKS "/api/v1/links/"
#define SUBJECT_SIZE 128

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

/* What the first segment names, shortened so that nothing in the log opens anything: the text of a share link ends with its MAC. */
static const char *subject(const struct request *r, char out[SUBJECT_SIZE])
{
    if (!r->match.route || r->match.n_captures == 0)
        return NULL;
    const char *text = request_capture(r, 0, NULL), *dot = strrchr(text, '.');
    int is_link = strncmp(r->match.route->pattern, LINKS, strlen(LINKS)) == 0;
    if (!is_link)
        return text;
    size_t len = dot ? (size_t)(dot - text) : strlen(text);
    snprintf(out, SUBJECT_SIZE, "%.*s", len < SUBJECT_SIZE ? (int)len : (int)SUBJECT_SIZE - 1, text);
    return out;
}

void note_request(const struct request *r)
{
    char what[128], result[16], on[SUBJECT_SIZE];
    int refused = is_refused(r->answered), changes = r->match.route && !is_read(request_method(r)) && !is_dry_run(r);
    if (!refused && !changes)
        return;
    write_what(r, what, sizeof what);
    snprintf(result, sizeof result, "%d", r->answered);
    audit_note(r->worker->app->audit, &(struct audit_event){.who = r->note_who,
                                          .what = what,
                                          .on = subject(r, on),
                                          .from = r->transport->param(r->transport->ctx, "REMOTE_ADDR"),
                                          .result = result,
                                          .request = r->id,
                                          .detail = *r->note_detail ? r->note_detail : NULL,
                                          .is_refusal = refused || r->answered >= 400});
}
