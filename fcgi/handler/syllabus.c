/* PUT and DELETE /courses/{course}/syllabus. GET is bytes.c, POST is form.c. */
#include "fcgi/handler/course_name.h"
#include "fcgi/handler/handlers.h"
#include "fcgi/handler/inputs.h"
#include "fcgi/handler/intake.h"
#include "fcgi/handler/outcome.h"

#include <string.h>

static long read_body(void *ctx, void *into, size_t n)
{
    return request_read(ctx, into, n);
}

static const char *query_or_empty(const struct request *r, const char *name)
{
    const char *value = request_query(r, name);
    return value ? value : "";
}

/* Everything but the course and the terms. After an error the problem is answered already. */
static enum err read_body_headers(struct request *r, struct upload_input *in, char type[RECORD_TYPE_MAX + 1])
{
    uint64_t max = request_worker(r)->app->settings.upload_max_bytes;
    const char *detail = NULL;
    enum err e = request_content_length(r, max, &in->body.size);
    if (e == ERR_TOO_LARGE)
        detail = arena_printf(request_arena(r), "The largest file taken has %llu bytes.", (unsigned long long)max);
    else if (e == ERR_SYNTAX)
        detail = "Content-Length must be one plain number.";
    if (!e && in->body.size == 0) {
        e = ERR_INVALID;
        detail = "The file is empty.";
    }
    if (!e)
        e = inputs_media_type(request_header(r, "Content-Type"), type, &detail);
    if (!e)
        e = inputs_content_digest(request_header(r, "Content-Digest"), &in->has_digest, in->digest, &detail);
    if (e)
        response_problem(r, e, detail);
    return e;
}

void syllabus_put(struct request *r)
{
    struct course_name course;
    struct outcome_terms terms;
    struct intake intake;
    char type[RECORD_TYPE_MAX + 1];
    struct upload_input in = {.body = {.read = read_body, .ctx = r}};
    if (course_name_read(r, &course) || outcome_terms(r, &terms) || read_body_headers(r, &in, type) ||
        intake_open(r, &course, in.body.size, &intake))
        return;
    in.course = course.shown;
    in.key = course.key;
    in.term = query_or_empty(r, "term");
    in.title = query_or_empty(r, "title");
    in.instructor = query_or_empty(r, "instructor");
    in.note = query_or_empty(r, "note");
    in.filename = query_or_empty(r, "filename");
    in.claimed_type = type;
    in.match = terms.match;
    in.match_record = terms.match_record;
    memcpy(in.match_sha256, terms.match_sha256, sizeof(in.match_sha256));
    in.idempotency_key = terms.idempotency_key;
    intake_send(r, &intake, &in);
    intake_close(r, &intake);
}

void syllabus_delete(struct request *r)
{
    struct delete_input in;
    if (outcome_delete_input(r, OWN_ALL, &in))
        return;
    struct upload_result result;
    enum err e = upload_delete(request_worker(r), &in, &result);
    outcome_send_deleted(r, e, &result);
    upload_result_release(&result);
}
