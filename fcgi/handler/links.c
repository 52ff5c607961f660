/* Share links of a course: made, listed, revoked. links_open.c opens them. */
#include "fcgi/handler/course_name.h"
#include "fcgi/handler/handlers.h"
#include "fcgi/handler/own.h"
#include "fcgi/handler/people.h"
#include "fcgi/service/read.h"
#include "lib/base/num.h"

#include <string.h>

/* ---- a new one ---- */

static void read_link(struct posted *p, char label[DOCS_SHOWN_SIZE], struct links_new *out, const char **record)
{
    *record = posted_text(p, "record", POSTED_MAY, POSTED_BYTES_MAX);
    if (*record && stamp_parse(*record, &out->record))
        posted_fail(p, ERR_SYNTAX, "“record” is the id of a version: 32 lower-case hexadecimal digits; null: always the newest.");
    posted_words(p, "label", POSTED_MAY, DOCS_SHOWN_CHARS_MAX, label, DOCS_SHOWN_SIZE);
    out->label = label;
    out->expires_at_ms = people_read_end(p, POSTED_MUST, LINK_LIFE_MAX_S, 0);
    out->password = posted_text(p, "password", POSTED_MAY, PASSWORD_BYTES_MAX);
    out->password_len = out->password ? strlen(out->password) : 0;
    out->downloads_max = people_read_limit(p, "downloads_max", POSTED_MAY, 1, DOCS_NO_LIMIT);
}

/* There has to be something to share, now. After an error the problem is answered already. */
static enum err check_there(struct request *r, const char *key, const char *record)
{
    struct read_bytes b;
    enum err e = read_bytes(request_worker(r), &(struct read_target){.key = key, .version = record}, &b);
    if (!e)
        read_bytes_release(&b);
    else
        response_problem(r, e,
            e == ERR_NOT_FOUND ? record ? "This course has no such version." : ALLOW_MISSING
            : e == ERR_GONE    ? "This syllabus was taken down."
                               : NULL);
    return e;
}

static void make(struct request *r, const struct links_new *in)
{
    struct links_one made = {.downloads_known = 1};
    const char *detail = NULL;
    enum err e = links_make(request_worker(r), in, request_asker(r)->who.name, &made.link, made.text, &detail);
    if (e) {
        response_problem(r, e, detail);
        return;
    }
    request_note_detail(r, made.link.id);
    response_header(r, "Location", arena_printf(request_arena(r), "/api/v1/links/%s", made.text));
    response_json(r, 201, people_link(&made));
}

void links_post(struct request *r)
{
    struct posted p;
    struct course_name course;
    struct own_found found;
    struct links_new in = {0};
    char label[DOCS_SHOWN_SIZE];
    const char *record;
    if (course_name_read(r, &course) || posted_open(&p, r, "record label expires_s password downloads_max"))
        return;
    in.course = course.key;
    read_link(&p, label, &in, &record);
    if (!posted_check(&p) && !own_check(r, ACT_LINK, course.key, record ? OWN_VERSION : OWN_CURRENT, record, &found) &&
        !check_there(r, course.key, record))
        make(r, &in);
    posted_close(&p);
}

/* ---- those there are ---- */

void links_get(struct request *r)
{
    struct course_name course;
    struct people_page wish;
    struct links_page page;
    if (course_name_read(r, &course) || people_read_page(r, &wish) ||
        allow(r, ACT_LINK, course.key, request_asker(r)->who.name)) /* contributors see their own */
        return;
    enum err e = links_list(request_worker(r), course.key, wish.after, wish.limit, &page);
    if (e) {
        people_send_no_list(r, e);
        return;
    }
    struct json *items = json_array();
    for (size_t i = 0; i < page.n; i++) {
        if (allow_verdict(r, ACT_LINK, course.key, page.items[i].link.by) == AUTH_ALLOWED)
            json_append(items, people_link(&page.items[i]));
    }
    people_send_page(r, items, page.next);
}

/* Of a link that is not theirs it is not said that it is there. */
void links_delete(struct request *r)
{
    const char *id = request_capture(r, 0, NULL);
    struct docs_link link;
    enum err e = num_is_hex(id, AUTH_ID_SIZE - 1) ? links_read(request_worker(r), id, &link) : ERR_NOT_FOUND;
    if (!e && allow_verdict(r, ACT_LINK, link.course, link.by) != AUTH_ALLOWED)
        e = ERR_NOT_FOUND;
    if (!e)
        e = links_revoke(request_worker(r), id, request_asker(r)->who.name);
    if (e)
        response_problem(r, e, e == ERR_NOT_FOUND ? "You have no such link." : NULL);
    else
        response_empty(r, 204);
}

void links_post_keys(struct request *r)
{
    enum err e = links_rotate(request_worker(r), request_asker(r)->who.name);
    if (e)
        response_problem(r, e, NULL);
    else
        response_empty(r, 204);
}
