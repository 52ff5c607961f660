#include "lib/peer/client.h"

#include "lib/base/clock.h"
#include "lib/base/fs.h"
#include "lib/peer/dial.h"

#include <assert.h>
#include <curl/curl.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define CONNECT_DEFAULT_MS 10000u
#define STALL_DEFAULT_MS 60000u
/* How often `watch` gets its turn when nothing moves. */
#define TURN_MS 100
#define BUFFER_BYTES (256L << 10)

struct client {
    CURLM *multi; /* owns the kept connections */
    CURL *easy;
};

/* One request on its way: what libcurl's call-backs need. */
struct exchange {
    CURL *easy;
    const struct client_request *q;
    struct client_answer *a;
    uint64_t sent;     /* bytes of the body that libcurl took */
    uint64_t received; /* bytes of any body: progress */
    uint64_t moved;    /* grows with everything that moves, headers too */
    long local_port;   /* of the connection that the body was last asked on */
    enum err error;    /* why a call-back ended it */
};

struct client *client_new(void)
{
    struct client *c = calloc(1, sizeof *c);

    if (!c)
        return NULL;
    c->multi = curl_multi_init();
    c->easy = curl_easy_init();
    if (c->multi && c->easy)
        return c;
    client_free(c);
    return NULL;
}

void client_free(struct client *c)
{
    if (!c)
        return;
    curl_easy_cleanup(c->easy);
    curl_multi_cleanup(c->multi);
    free(c);
}

void client_answer_release(struct client_answer *a)
{
    buf_release(&a->body);
    buf_release(&a->headers);
}

/* libcurl calls seek for a new connection only when it has counted body bytes as sent; bytes that it had taken and could not send would be lost. So the body starts
 * again whenever the connection is another one (lib/peer/internal.h, transfer_is_elsewhere). */
static void rewind_when_elsewhere(struct exchange *x)
{
    long before = x->local_port;

    curl_easy_getinfo(x->easy, CURLINFO_LOCAL_PORT, &x->local_port);
    if (before != 0 && before != x->local_port)
        x->sent = 0;
}

static size_t on_read(char *out, size_t size, size_t n, void *ctx)
{
    struct exchange *x = ctx;
    const struct client_request *q = x->q;
    size_t room = size * n;
    ssize_t got;

    rewind_when_elsewhere(x);
    if (room > q->body_len - x->sent)
        room = (size_t)(q->body_len - x->sent);
    if (room == 0)
        return 0;
    if (q->body_is_file) {
        do
            got = pread(q->body_fd, out, room, (off_t)x->sent);
        while (got < 0 && errno == EINTR);
    } else {
        memcpy(out, (const char *)q->body + x->sent, room);
        got = (ssize_t)room;
    }
    if (got <= 0) {
        x->error = got == 0 ? ERR_INVALID : ERR_IO;
        return CURL_READFUNC_ABORT;
    }
    x->sent += (uint64_t)got;
    x->moved++;
    return (size_t)got;
}

static int on_seek(void *ctx, curl_off_t offset, int origin)
{
    struct exchange *x = ctx;

    if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > x->q->body_len)
        return CURL_SEEKFUNC_FAIL;
    x->sent = (uint64_t)offset;
    return CURL_SEEKFUNC_OK;
}

/* Keeps the lines of the last answer: what came before a 100 Continue's own end is not the answer. */
static size_t on_header(char *line, size_t size, size_t n, void *ctx)
{
    struct exchange *x = ctx;
    size_t len = size * n;

    x->moved++;
    if (len >= 5 && memcmp(line, "HTTP/", 5) == 0)
        buf_reset(&x->a->headers);
    x->error = buf_add(&x->a->headers, line, len);
    if (x->error == ERR_NOMEM)
        x->error = ERR_TOO_LARGE;
    return x->error ? 0 : len;
}

static int is_success(long status)
{
    return status >= 200 && status <= 299;
}

static int wants_range(const struct client_request *q)
{
    return q->range_from > 0 || q->range_len > 0;
}

/* A part that begins elsewhere, or a whole, must never be written where a part was wanted. */
static int is_wanted_part(const struct client_request *q, const struct client_answer *a)
{
    char range[128], want[48];
    int n = snprintf(want, sizeof want, "bytes %" PRIu64 "-", q->range_from);

    return a->status == 206 && !client_header(a, "Content-Range", range, sizeof range) && strncmp(range, want, (size_t)n) == 0;
}

static enum err keep(struct exchange *x, const char *data, size_t n)
{
    const struct client_request *q = x->q;
    struct client_answer *a = x->a;
    enum err e;

    if (!is_success(a->status) || !q->out_is_file)
        return buf_add(&a->body, data, n) ? ERR_TOO_LARGE : ERR_OK;
    if (q->out_max > 0 && n > q->out_max - a->received)
        return ERR_TOO_LARGE;
    e = fs_write_all(q->out_fd, data, n);
    if (e)
        return e;
    if (q->hash)
        hash_add(q->hash, data, n);
    a->received += n;
    return ERR_OK;
}

static size_t on_write(char *data, size_t size, size_t n, void *ctx)
{
    struct exchange *x = ctx;
    size_t len = size * n;

    curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &x->a->status);
    if (is_success(x->a->status) && wants_range(x->q) && !is_wanted_part(x->q, x->a))
        x->error = ERR_RANGE;
    else
        x->error = keep(x, data, len);
    if (x->error)
        return 0;
    x->received += len;
    x->moved++;
    return len;
}

static int is_clean(const char *s, size_t max)
{
    if (strnlen(s, max) == max)
        return 0;
    for (const char *p = s; *p; p++) {
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            return 0;
    }
    return 1;
}

static int is_url(const char *url)
{
    if (!is_clean(url, CLIENT_URL_MAX) || (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0))
        return 0;
    for (const char *p = url; *p; p++) {
        if (*p == ' ' || *p == '#' || (unsigned char)*p > '~')
            return 0;
    }
    return 1;
}

static enum err add_line(struct curl_slist **list, const char *line)
{
    struct curl_slist *more;

    if (!is_clean(line, CLIENT_LINE_MAX))
        return ERR_INVALID;
    more = curl_slist_append(*list, line);
    if (!more)
        return ERR_NOMEM;
    *list = more;
    return ERR_OK;
}

static enum err add_range(struct curl_slist **list, const struct client_request *q)
{
    char line[64], condition[CLIENT_LINE_MAX];
    enum err e;

    if (!wants_range(q))
        return ERR_OK;
    if (q->range_len > 0)
        snprintf(line, sizeof line, "Range: bytes=%" PRIu64 "-%" PRIu64, q->range_from, q->range_from + q->range_len - 1);
    else
        snprintf(line, sizeof line, "Range: bytes=%" PRIu64 "-", q->range_from);
    e = add_line(list, line);
    if (e || !q->if_range)
        return e;
    if (snprintf(condition, sizeof condition, "If-Range: %s", q->if_range) >= (int)sizeof condition)
        return ERR_INVALID;
    return add_line(list, condition);
}

static enum err make_headers(const struct client_request *q, struct curl_slist **out)
{
    struct curl_slist *list = NULL;
    enum err e = q->n_headers > CLIENT_HEADERS_SENT_MAX ? ERR_INVALID : ERR_OK;

    for (size_t i = 0; !e && i < q->n_headers; i++)
        e = add_line(&list, q->headers[i]);
    if (!e)
        e = add_range(&list, q);
    if (e)
        curl_slist_free_all(list);
    else
        *out = list;
    return e;
}

static int has_body(const struct client_request *q)
{
    return q->body_len > 0 || q->body_is_file || strcmp(q->method, "PUT") == 0 || strcmp(q->method, "POST") == 0;
}

static void set_body(struct exchange *x)
{
    const struct client_request *q = x->q;

    if (has_body(q)) {
        curl_easy_setopt(x->easy, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(x->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)q->body_len);
        curl_easy_setopt(x->easy, CURLOPT_UPLOAD_BUFFERSIZE, BUFFER_BYTES);
        curl_easy_setopt(x->easy, CURLOPT_READFUNCTION, on_read);
        curl_easy_setopt(x->easy, CURLOPT_READDATA, x);
        curl_easy_setopt(x->easy, CURLOPT_SEEKFUNCTION, on_seek);
        curl_easy_setopt(x->easy, CURLOPT_SEEKDATA, x);
    } else if (strcmp(q->method, "HEAD") == 0) {
        curl_easy_setopt(x->easy, CURLOPT_NOBODY, 1L);
    }
    curl_easy_setopt(x->easy, CURLOPT_CUSTOMREQUEST, q->method);
}

static void set_options(struct exchange *x, const struct curl_slist *headers, char why[CURL_ERROR_SIZE])
{
    const struct client_request *q = x->q;
    CURL *c = x->easy;

    if (q->to_member)
        dial_member(c, q->tls);
    else
        dial_anybody(c);
    curl_easy_setopt(c, CURLOPT_URL, q->url);
    curl_easy_setopt(c, CURLOPT_USERAGENT, "ringbinder");
    curl_easy_setopt(c, CURLOPT_BUFFERSIZE, BUFFER_BYTES);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)(q->connect_timeout_ms ? q->connect_timeout_ms : CONNECT_DEFAULT_MS));
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(c, CURLOPT_HEADERDATA, x);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_write);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, x);
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, why);
    set_body(x);
}

static enum err watch(struct exchange *x)
{
    const struct client_request *q = x->q;
    curl_off_t total = 0;

    if (!q->watch)
        return ERR_OK;
    curl_easy_getinfo(x->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &total);
    struct client_progress p = {
        .sent = x->sent, .send_total = q->body_len, .received = x->received, .receive_total = total > 0 ? (uint64_t)total : 0};
    return q->watch(&p, q->ctx);
}

static enum err from_curl(CURLcode code)
{
    switch (code) {
    case CURLE_OK: return ERR_OK;
    case CURLE_OUT_OF_MEMORY: return ERR_NOMEM;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL: return ERR_INVALID;
    default: return ERR_UNAVAILABLE;
    }
}

/* True when it has finished; *code says how. */
static int has_finished(CURLM *multi, CURLcode *code)
{
    CURLMsg *m;
    int left, finished = 0;

    while ((m = curl_multi_info_read(multi, &left))) {
        if (m->msg != CURLMSG_DONE)
            continue;
        *code = m->data.result;
        finished = 1;
    }
    return finished;
}

/* Moves it to its end, however that looks. */
static enum err run(CURLM *multi, struct exchange *x)
{
    unsigned stall_ms = x->q->stall_ms ? x->q->stall_ms : STALL_DEFAULT_MS;
    uint64_t moved = 0, moved_ms = clock_boot_ms();
    CURLcode code = CURLE_OK;
    int running;

    for (;;) {
        curl_multi_perform(multi, &running);
        int finished = has_finished(multi, &code);
        enum err e = watch(x);
        if (x->error)
            return x->error;
        if (finished)
            return from_curl(code);
        if (e)
            return e;
        if (x->moved != moved) {
            moved = x->moved;
            moved_ms = clock_boot_ms();
        } else if (clock_boot_ms() - moved_ms >= stall_ms) {
            return ERR_TIMEOUT;
        }
        curl_multi_poll(multi, NULL, 0, TURN_MS, NULL);
    }
}

static enum err exchange(struct client *c, struct exchange *x, const struct curl_slist *headers)
{
    char why[CURL_ERROR_SIZE] = "";
    enum err e;

    set_options(x, headers, why);
    if (curl_multi_add_handle(c->multi, c->easy) != CURLM_OK)
        return ERR_NOMEM;
    e = run(c->multi, x);
    curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &x->a->status);
    curl_multi_remove_handle(c->multi, c->easy);
    if (!e && is_success(x->a->status) && wants_range(x->q) && !is_wanted_part(x->q, x->a))
        e = ERR_RANGE;
    if (e)
        snprintf(x->a->why, sizeof x->a->why, "%s", why[0] ? why : err_text(e));
    return e;
}

enum err client_do(struct client *c, const struct client_request *q, struct client_answer *a)
{
    struct exchange x = {.easy = c->easy, .q = q, .a = a};
    struct curl_slist *headers = NULL;
    enum err e;

    assert(!q->body_len || q->body || q->body_is_file);
    *a = (struct client_answer){0};
    buf_init(&a->body, q->answer_max);
    buf_init(&a->headers, CLIENT_HEADERS_MAX);
    e = is_url(q->url) ? make_headers(q, &headers) : ERR_INVALID;
    if (e) {
        snprintf(a->why, sizeof a->why, "%s", e == ERR_INVALID ? "The address or a header is not well-formed" : err_text(e));
        return e;
    }
    curl_easy_reset(c->easy);
    e = exchange(c, &x, headers);
    curl_easy_reset(c->easy); /* it points into this call no more */
    curl_slist_free_all(headers);
    return e;
}

static size_t trimmed(const char **value, const char *end)
{
    while (*value < end && (**value == ' ' || **value == '\t'))
        (*value)++;
    while (end > *value && (end[-1] == '\r' || end[-1] == '\n' || end[-1] == ' ' || end[-1] == '\t'))
        end--;
    return (size_t)(end - *value);
}

enum err client_header(const struct client_answer *a, const char *name, char *out, size_t size)
{
    size_t name_len = strlen(name);
    const char *line = buf_str(&a->headers), *next;

    for (; *line; line = next) {
        const char *end = strchr(line, '\n');
        next = end ? end + 1 : line + strlen(line);
        if (strncasecmp(line, name, name_len) != 0 || line[name_len] != ':')
            continue;
        const char *value = line + name_len + 1;
        size_t len = trimmed(&value, next);
        if (len >= size)
            return ERR_TOO_LARGE;
        memcpy(out, value, len);
        out[len] = '\0';
        return ERR_OK;
    }
    return ERR_NOT_FOUND;
}
