#include "fcgi/handler/outcome.h"

#include "fcgi/handler/course_name.h"
#include "fcgi/handler/inputs.h"
#include "fcgi/handler/shapes.h"
#include "fcgi/metrics.h"
#include "lib/base/text.h"

#include <stdio.h>
#include <string.h>

enum err outcome_terms(struct request *r, struct outcome_terms *out)
{
    const char *detail = NULL;
    struct inputs_condition condition;
    enum err e = inputs_condition(request_header(r, "If-Match"), request_header(r, "If-None-Match"), &condition, &detail);
    const char *key = request_header(r, "Idempotency-Key");
    if (key && !*key)
        key = NULL; /* sent empty is as good as not sent: it protects nobody */
    if (!e)
        e = inputs_idempotency_key(key, &detail);
    if (e) {
        response_problem(r, e, detail);
        return e;
    }
    *out = (struct outcome_terms){.match = condition.match, .match_record = condition.record, .idempotency_key = key};
    memcpy(out->match_sha256, condition.sha256, sizeof(out->match_sha256));
    return ERR_OK;
}

/* Makes the change one of just what was found to be theirs. A condition that does not hold now cannot hold then. */
static enum err bind(struct request *r, const struct own_found *found, struct delete_input *in)
{
    char id[STAMP_HEX_SIZE];
    if (!found->looked)
        return ERR_OK;
    if (in->version) {
        stamp_hex(found->record, id);
        in->version = arena_strdup(request_arena(r), id);
        return in->version ? ERR_OK : ERR_NOMEM;
    }
    if ((in->match == MATCH_RECORD && stamp_cmp(in->match_record, found->current) != 0) ||
        (in->match == MATCH_SHA256 && strcmp(in->match_sha256, found->sha256) != 0) || (in->match == MATCH_NONE && *found->sha256))
        return ERR_PRECONDITION;
    in->match = MATCH_RECORD;
    in->match_record = found->current;
    return ERR_OK;
}

enum err outcome_delete_input(struct request *r, enum own_what whole, struct delete_input *out)
{
    struct course_name course;
    struct outcome_terms terms;
    struct own_found found;
    const char *version = request_query(r, "version"), *detail = NULL;
    if (course_name_read(r, &course) || outcome_terms(r, &terms))
        return ERR_SYNTAX;
    enum err e = inputs_version(version, &detail);
    if (e) {
        response_problem(r, e, detail);
        return e;
    }
    e = own_check(r, ACT_ALTER, course.key, version ? OWN_VERSION : whole, version, &found);
    if (e)
        return e;
    *out = (struct delete_input){
        .course = course.shown,
        .key = course.key,
        .uploader = request_asker(r)->who.name,
        .version = version,
        .match = terms.match,
        .match_record = terms.match_record,
        .idempotency_key = terms.idempotency_key,
    };
    memcpy(out->match_sha256, terms.match_sha256, sizeof(out->match_sha256));
    e = bind(r, &found, out);
    if (e)
        response_problem(r, e, NULL);
    return e;
}

static void send_problem(struct request *r, enum err e, const struct upload_result *result)
{
    struct json *problem = response_problem_begin(r, e, result->detail);
    if (err_http_status(e) == 503) {
        atomic_fetch_add(&request_metrics(r)->quorum_failures, 1);
        json_set_u64(problem, "can_write", result->can_write);
        json_set_u64(problem, "needed", result->needed);
    }
    if (result->retry_after_s > 0) {
        char seconds[16];
        snprintf(seconds, sizeof(seconds), "%u", result->retry_after_s);
        response_header(r, "Retry-After", seconds);
    }
    response_problem_end(r, e, problem);
}

/* Where the very version that was made can be had: it stays right when others follow. */
static void add_location(struct request *r, const struct record *record)
{
    struct buf b;
    char id[STAMP_HEX_SIZE];
    stamp_hex(record->id, id);
    buf_init(&b, 8192);
    if (buf_add_str(&b, "/api/v1/courses/") == ERR_OK && text_percent_encode(&b, record->course, strlen(record->course)) == ERR_OK &&
        buf_addf(&b, "/syllabus?version=%s", id) == ERR_OK)
        response_header(r, "Location", buf_str(&b));
    buf_release(&b);
    response_header(r, "Record-Id", id);
    request_note_detail(r, id);
}

void outcome_send_record(struct request *r, enum err e, const struct upload_result *result)
{
    if (e) {
        send_problem(r, e, result);
        return;
    }
    const struct record *record = &result->record;
    struct json *copies = json_array();
    for (size_t i = 0; i < result->n_copies; i++)
        shapes_add_copy(copies, result->copies[i].node, result->copies[i].name, result->copies[i].state);
    char tag[HASH_HEX_SIZE + 2];
    snprintf(tag, sizeof(tag), "\"%s\"", record->sha256);
    response_header(r, "ETag", tag);
    add_location(r, record);
    if (result->outcome == UPLOAD_CREATED)
        atomic_fetch_add(&request_metrics(r)->upload_bytes, record->size);
    response_json(r, result->outcome == UPLOAD_CREATED ? 201 : 200, shapes_record(record, result->version, 1, copies));
}

void outcome_send_deleted(struct request *r, enum err e, const struct upload_result *result)
{
    if (e) {
        send_problem(r, e, result);
        return;
    }
    char id[STAMP_HEX_SIZE];
    stamp_hex(result->record.id, id);
    response_header(r, "Record-Id", id);
    request_note_detail(r, id);
    response_empty(r, 204);
}
