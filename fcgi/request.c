#include "fcgi/front.h"

#include "lib/auth/cookie.h"
#include "lib/base/id.h"
#include "lib/base/num.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define HEADER_NAME_MAX 64

static const char *param(const struct request *r, const char *name)
{
    return r->transport->param(r->transport->ctx, name);
}

/* nginx numbers requests; without one (a test, another front) we do. Clients have no say: theirs would come as HTTP_REQUEST_ID. */
static void take_id(struct request *r)
{
    const char *given = param(r, "REQUEST_ID");
    size_t n = given ? strspn(given, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-") : 0;
    if (n > 0 && n < FRONT_ID_SIZE && given[n] == '\0')
        memcpy(r->id, given, n + 1);
    else
        id_random_hex(r->id, 16);
}

void request_init(struct request *r, struct worker *w, struct metrics *m, const struct transport *t)
{
    *r = (struct request){.worker = w, .metrics = m, .transport = t};
    buf_init(&r->headers, FRONT_HEADERS_MAX);
    take_id(r);
    if (request_content_length(r, UINT64_MAX, &r->body_left))
        r->body_left = 0;
}

void request_release(struct request *r)
{
    secret_wipe(r->asker.session, sizeof(r->asker.session));
    buf_release(&r->headers);
}

struct worker *request_worker(const struct request *r)
{
    return r->worker;
}

struct arena *request_arena(const struct request *r)
{
    return &r->worker->arena;
}

struct metrics *request_metrics(const struct request *r)
{
    return r->metrics;
}

const char *request_method(const struct request *r)
{
    const char *method = param(r, "REQUEST_METHOD");
    return method ? method : "";
}

const char *request_capture(const struct request *r, size_t i, size_t *len)
{
    assert(i < r->match.n_captures);
    if (len)
        *len = r->match.captures[i]->len;
    return r->match.captures[i]->text;
}

const char *request_query(const struct request *r, const char *name)
{
    return target_param(&r->target, name);
}

/* Two fields have names of their own in CGI (RFC 3875 §4.1), and nginx always passes them: empty when they were not sent. */
const char *request_header(const struct request *r, const char *name)
{
    char variable[5 + HEADER_NAME_MAX + 1];
    assert(strlen(name) <= HEADER_NAME_MAX);
    int always = strcmp(name, "Content-Length") == 0 || strcmp(name, "Content-Type") == 0;
    snprintf(variable, sizeof(variable), "%s%s", always ? "" : "HTTP_", name);
    for (char *c = variable; *c; c++) {
        if (*c == '-')
            *c = '_';
        else
            *c = (char)toupper((unsigned char)*c);
    }
    const char *value = param(r, variable);
    return value && (*value || !always) ? value : NULL;
}

const char *request_id(const struct request *r)
{
    return r->id;
}

const struct asker *request_asker(const struct request *r)
{
    return &r->asker;
}

void request_drop_cookie(struct request *r)
{
    struct buf value;
    buf_init(&value, 256);
    if (cookie_print(&value, who_is_tls(r), "", 0) == ERR_OK)
        response_header(r, "Set-Cookie", buf_str(&value));
    buf_release(&value);
}

enum err request_find_who(struct request *r)
{
    const char *detail = NULL;
    enum err e = who_find(r, &r->asker, &detail);
    if (e == ERR_AUTH && r->asker.is_bad_cookie)
        e = ERR_OK;
    if (e)
        request_refuse(r, e, detail);
    return e;
}

void request_refuse(struct request *r, enum err e, const char *detail)
{
    if (e == ERR_AUTH && r->asker.is_bad_cookie)
        request_drop_cookie(r);
    if (!detail && e == ERR_AUTH)
        detail = "This takes somebody who has signed in.";
    else if (!detail && e == ERR_DENIED)
        detail = "Your account may not do this.";
    response_problem(r, e, detail);
}

void request_note_who(struct request *r, const char *who)
{
    r->note_who = who;
}

void request_note_detail(struct request *r, const char *detail)
{
    snprintf(r->note_detail, sizeof(r->note_detail), "%s", detail);
}

enum err request_content_length(const struct request *r, uint64_t max, uint64_t *out)
{
    const char *text = request_header(r, "Content-Length");
    if (!text)
        return ERR_LENGTH_REQUIRED;
    /* RFC 9110 §8.6 allows any digits; a number that is only too large for us is no bad syntax. */
    if (strspn(text, "0123456789") != strlen(text))
        return ERR_SYNTAX;
    while (text[0] == '0' && text[1])
        text++;
    enum err e = num_parse_u64(text, max, out);
    return e == ERR_INVALID ? ERR_TOO_LARGE : e;
}

long request_read(struct request *r, void *into, size_t n)
{
    if (n > r->body_left)
        n = (size_t)r->body_left;
    if (n == 0)
        return 0;
    long got = r->transport->read(r->transport->ctx, into, n);
    if (got <= 0)
        return -1; /* an end before Content-Length is a broken body, never a short file */
    r->body_left -= (uint64_t)got;
    return got;
}
