/* GET /users/{name}/export, POST …/erase: all that is somebody's, to take along or to remove. */
#include "fcgi/handler/allow.h"
#include "fcgi/handler/handlers.h"
#include "fcgi/handler/people.h"
#include "fcgi/handler/shapes.h"
#include "lib/base/text.h"
#include "lib/name/reserved.h"

#include <stdio.h>
#include <string.h>

#define PAGE 200u
#define HREF_MAX 8192

/* Takes line: one JSON object a line. */
static enum err add_line(struct buf *out, struct json *line)
{
    enum err e = line ? json_print(line, out) : ERR_NOMEM;
    json_free(line);
    return e ? e : buf_add(out, "\n", 1);
}

static enum err set_href(struct json *line, const struct record *record)
{
    char id[STAMP_HEX_SIZE];
    struct buf b;
    buf_init(&b, HREF_MAX);
    stamp_hex(record->id, id);
    enum err e = buf_add_str(&b, "/api/v1/courses/");
    if (!e)
        e = text_percent_encode(&b, record->course, strlen(record->course));
    if (!e)
        e = buf_addf(&b, "/syllabus?version=%s", id);
    if (!e)
        json_set_str(line, "href", buf_str(&b));
    buf_release(&b);
    return e;
}

/* What waits for a maintainer is no course's version yet: it has lines of its own. */
static enum err add_version(struct buf *out, const struct accounts_version *v)
{
    if (name_is_reserved(v->record.key, strlen(v->record.key)))
        return ERR_OK;
    struct json *line = json_object();
    enum err e = ERR_OK;
    json_set_str(line, "is", "version");
    json_set(line, "record", shapes_record(&v->record, v->version, v->live, json_array()));
    if (v->live)
        e = set_href(line, &v->record);
    else
        json_set_null(line, "href");
    if (!e)
        return add_line(out, line);
    json_free(line);
    return e;
}

static enum err add_versions(struct worker *w, const char *name, struct buf *out)
{
    const char *after = "";
    while (after) {
        struct accounts_versions page;
        enum err e = accounts_versions(w, name, after, PAGE, &page);
        if (e)
            return e;
        for (size_t i = 0; i < page.n && !e; i++)
            e = add_version(out, &page.items[i]);
        after = page.next;
        accounts_versions_release(&page);
        if (e)
            return e;
    }
    return ERR_OK;
}

static enum err add_tokens(struct worker *w, const char *name, struct buf *out)
{
    const char *after = "";
    while (after) {
        struct tokens_page page;
        enum err e = tokens_list(w, name, after, PAGE, &page);
        for (size_t i = 0; !e && i < page.n; i++) {
            struct json *line = people_token(&page.items[i].token, page.items[i].used_at_ms);
            json_set_str(line, "is", "token");
            e = add_line(out, line);
        }
        if (e)
            return e;
        after = page.next;
    }
    return ERR_OK;
}

static enum err add_pending(struct worker *w, const char *name, struct buf *out)
{
    const char *after = "";
    while (after) {
        struct pending_page page;
        enum err e = pending_list(w, after, PAGE, name, 1, &page);
        if (e)
            return e;
        for (size_t i = 0; i < page.n && !e; i++) {
            struct json *line = people_pending(&page.items[i]);
            json_set_str(line, "is", "pending");
            e = add_line(out, line);
        }
        after = page.next;
        pending_page_release(&page);
        if (e)
            return e;
    }
    return ERR_OK;
}

static enum err write_all(struct worker *w, const char *name, struct buf *out)
{
    struct docs_account account;
    enum err e = accounts_read(w, name, &account, NULL);
    if (e)
        return e;
    struct json *line = people_account(&account);
    json_set_str(line, "is", "account");
    e = add_line(out, line);
    if (!e)
        e = add_tokens(w, name, out);
    if (!e)
        e = add_pending(w, name, out);
    return e ? e : add_versions(w, name, out);
}

void export_get(struct request *r)
{
    char name[AUTH_NAME_SIZE];
    struct buf text;
    if (allow_account(r, name))
        return;
    buf_init(&text, RESPONSE_TEXT_MAX);
    enum err e = write_all(request_worker(r), name, &text);
    if (e == ERR_NOT_FOUND) {
        response_problem(r, e, "There is no such account.");
    } else if (e) {
        people_send_no_list(r, e);
    } else {
        response_header(r, "Cache-Control", "no-store");
        response_header(r, "Content-Disposition", arena_printf(request_arena(r), "attachment; filename=\"%s.jsonl\"", name));
        response_text(r, 200, "application/x-ndjson", buf_str(&text), text.len);
    }
    buf_release(&text);
}

void export_erase(struct request *r)
{
    char name[AUTH_NAME_SIZE];
    struct accounts_erased erased;
    if (allow_account(r, name))
        return;
    enum err e = accounts_erase(request_worker(r), name, request_asker(r)->who.name, &erased);
    if (e) {
        people_send_no_list(r, e);
        return;
    }
    struct json *j = json_object();
    json_set_u64(j, "versions", erased.versions);
    json_set_u64(j, "failed", erased.failed);
    json_set_bool(j, "more", erased.more);
    response_json(r, 200, j);
}
