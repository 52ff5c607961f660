/* GET and POST /links/{text}: what a share link opens, to whoever holds it. Every way of failing is answered in the same words. */
#include "fcgi/handler/bytes.h"
#include "fcgi/handler/handlers.h"
#include "fcgi/handler/inputs.h"
#include "fcgi/handler/posted.h"
#include "fcgi/service/links.h"
#include "lib/auth/secret.h"
#include "lib/base/text.h"

#include <stdlib.h>
#include <string.h>

#define FORM_TYPE "application/x-www-form-urlencoded"
#define FORM_FIELD "password="

static void refuse(struct request *r)
{
    request_refuse(
        r, ERR_DENIED, "This link opens nothing, or its password is missing or wrong. Ask whoever gave it to you for a new one.");
}

/* What the link opens; bytes of a course that was deleted since are a failure like any other. */
static enum err serve(struct request *r, const struct docs_link *link, int attachment)
{
    char id[STAMP_HEX_SIZE];
    struct read_target target = {.key = link->course};
    if (!stamp_is_zero(link->record)) {
        stamp_hex(link->record, id);
        target.version = id;
    }
    enum err e = bytes_serve(r, &target, attachment);
    return e == ERR_NOT_FOUND || e == ERR_GONE ? ERR_DENIED : e;
}

static void open_link(struct request *r, const char *password)
{
    struct docs_link link;
    size_t len;
    int attachment;
    const char *text = request_capture(r, 0, &len), *detail = NULL;
    enum err e = inputs_flag(request_query(r, "download"), &attachment, &detail);
    if (e) {
        response_problem(r, e, detail);
        return;
    }
    int counts = strcmp(request_method(r), "HEAD") != 0 && inputs_range_begins(request_header(r, "Range"));
    e = links_open(request_worker(r), text, len, password, password ? strlen(password) : 0, counts, &link);
    if (!e) {
        request_note_who(r, arena_printf(request_arena(r), "link:%s", link.id));
        e = serve(r, &link, attachment);
    }
    if (e == ERR_DENIED)
        refuse(r);
    else if (e)
        response_problem(
            r, e, e == ERR_UNAVAILABLE ? "No machine that keeps this file answers, or too many open links with passwords at once." : NULL);
}

void links_open_get(struct request *r)
{
    open_link(r, request_header(r, "RB-Link-Password"));
}

/* ---- the password as a page's form sends it ---- */

/* Decodes the one field into out, which has room for the text and NUL. */
static enum err decode_field(const char *text, size_t len, char *out)
{
    size_t n, head = strlen(FORM_FIELD);
    if (len < head || memcmp(text, FORM_FIELD, head) != 0 || memchr(text + head, '&', len - head))
        return ERR_SYNTAX;
    enum err e = text_percent_decode(text + head, len - head, 1, out, &n);
    return !e && !text_is_utf8(out, n) ? ERR_SYNTAX : e;
}

/* text and out: POSTED_BYTES_MAX + 1 bytes each. */
static enum err read_form(struct request *r, char *text, char *out, const char **detail)
{
    char type[RECORD_TYPE_MAX + 1];
    uint64_t size;
    size_t len = 0;
    *detail = "POST takes the form field password, as " FORM_TYPE ".";
    enum err e = inputs_media_type(request_header(r, "Content-Type"), type, detail);
    if (e || strcmp(type, FORM_TYPE) != 0)
        return ERR_TYPE;
    e = request_content_length(r, POSTED_BYTES_MAX, &size);
    while (!e && len < size) {
        long got = request_read(r, text + len, (size_t)size - len);
        if (got <= 0)
            return ERR_SYNTAX;
        len += (size_t)got;
    }
    return e ? e : decode_field(text, len, out);
}

void links_open_post(struct request *r)
{
    const char *detail = NULL;
    char *room = calloc(2, POSTED_BYTES_MAX + 1), *password = room ? room + POSTED_BYTES_MAX + 1 : NULL;
    enum err e = room ? read_form(r, room, password, &detail) : ERR_NOMEM;
    if (e)
        response_problem(r, e, e == ERR_NOMEM ? NULL : detail);
    else
        open_link(r, password);
    if (room)
        secret_wipe(room, 2 * (POSTED_BYTES_MAX + 1));
    free(room);
}
