/* Uploads that wait for a maintainer. */
#include "fcgi/service/pending.h"

#include "fcgi/handler/allow.h"
#include "fcgi/handler/bytes.h"
#include "fcgi/handler/handlers.h"
#include "fcgi/handler/outcome.h"
#include "fcgi/handler/people.h"
#include "lib/base/num.h"

#include <string.h>

#define NO_SUCH "Nothing of that number waits."

static void send_page(struct request *r, const char *uploader, int moderates)
{
    struct people_page wish;
    struct pending_page page;
    if (people_read_page(r, &wish))
        return;
    enum err e = pending_list(request_worker(r), wish.after, wish.limit, uploader, !moderates, &page);
    if (e) {
        people_send_no_list(r, e);
        return;
    }
    struct json *items = json_array();
    for (size_t i = 0; i < page.n; i++) {
        const struct record *record = &page.items[i].doc.record;
        if (!moderates || allow_verdict(r, ACT_MODERATE, record->key, record->uploader) == AUTH_ALLOWED)
            json_append(items, people_pending(&page.items[i]));
    }
    people_send_page(r, items, page.next);
    pending_page_release(&page);
}

void pending_get(struct request *r)
{
    send_page(r, NULL, 1);
}

/* What became of one's own. */
void pending_get_own(struct request *r)
{
    char name[AUTH_NAME_SIZE];
    if (!allow_account(r, name))
        send_page(r, name, 0);
}

/* The one in the path, if it is of a course that they moderate; of any other it is not said that it is there. After an error the problem is answered already. */
static enum err find(struct request *r, struct pending *out)
{
    const char *id = request_capture(r, 0, NULL);
    enum err e = num_is_hex(id, PENDING_ID_SIZE - 1) ? pending_read(request_worker(r), id, out) : ERR_NOT_FOUND;
    if (!e && allow_verdict(r, ACT_MODERATE, out->doc.record.key, out->doc.record.uploader) != AUTH_ALLOWED) {
        pending_release(out);
        e = ERR_NOT_FOUND;
    }
    if (e)
        response_problem(r, e, e == ERR_NOT_FOUND ? NO_SUCH : NULL);
    return e;
}

void pending_get_file(struct request *r)
{
    struct pending p;
    char key[PENDING_KEY_SIZE], id[STAMP_HEX_SIZE];
    if (find(r, &p))
        return;
    pending_key(p.id, key);
    stamp_hex(p.doc.record.id, id);
    enum err e = bytes_serve(r, &(struct read_target){.key = key, .version = id}, 1);
    if (e)
        response_problem(r, e, e == ERR_NOT_FOUND ? NO_SUCH : NULL);
    pending_release(&p);
}

void pending_post_accept(struct request *r)
{
    struct pending p;
    struct upload_result result;
    if (find(r, &p))
        return;
    enum err e = pending_accept(request_worker(r), p.id, request_asker(r)->who.name, &result);
    if (e == ERR_CONFLICT && !result.detail)
        result.detail = "It was rejected already.";
    outcome_send_record(r, e, &result);
    upload_result_release(&result);
    pending_release(&p);
}

void pending_post_reject(struct request *r)
{
    struct posted posted;
    struct pending p;
    char reason[DOCS_REASON_SIZE];
    if (posted_open(&posted, r, "reason"))
        return;
    posted_words(&posted, "reason", POSTED_MAY, DOCS_REASON_CHARS_MAX, reason, sizeof(reason));
    if (!posted_check(&posted) && !find(r, &p)) {
        enum err e = pending_reject(request_worker(r), p.id, request_asker(r)->who.name, reason);
        if (e)
            response_problem(r, e, e == ERR_CONFLICT ? "It was accepted already." : NULL);
        else
            response_empty(r, 204);
        pending_release(&p);
    }
    posted_close(&posted);
}
