#include "fcgi/handler/intake.h"

#include "fcgi/handler/allow.h"
#include "fcgi/handler/outcome.h"
#include "fcgi/handler/people.h"

#include <string.h>

enum err intake_open(struct request *r, const struct course_name *course, uint64_t bytes, struct intake *out)
{
    const struct asker *a = request_asker(r);
    const char *detail = NULL;
    memset(out, 0, sizeof(*out));
    enum err e = allow(r, ACT_UPLOAD, course->key, NULL);
    if (e)
        return e;
    out->waits = auth_upload_waits(&a->who, &a->settings.rules, course->key);
    e = quota_take(request_worker(r), a->who.how == HOW_NOBODY ? NULL : &a->account, &a->settings, bytes, &out->hold, &detail);
    if (e)
        response_problem(r, e, detail);
    return e;
}

void intake_close(struct request *r, struct intake *i)
{
    quota_give(request_worker(r), &i->hold);
}

static void send_waiting(struct request *r, struct upload_input *in)
{
    struct pending waiting = {.doc = {.state = DOCS_WAITING}};
    struct upload_result result;
    in->match = MATCH_NOTHING;
    enum err e = pending_upload(request_worker(r), in, waiting.id, &result);
    if (e) {
        outcome_send_record(r, e, &result);
    } else {
        waiting.doc.record = result.record; /* lent: the course it is meant for stands in it already */
        request_note_detail(r, waiting.id);
        response_json(r, 202, people_pending(&waiting));
    }
    upload_result_release(&result);
}

void intake_send(struct request *r, const struct intake *i, struct upload_input *in)
{
    struct upload_result result;
    in->uploader = request_asker(r)->who.name;
    if (i->waits) {
        send_waiting(r, in);
        return;
    }
    enum err e = upload(request_worker(r), in, &result);
    outcome_send_record(r, e, &result);
    upload_result_release(&result);
}
