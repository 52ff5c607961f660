/* One signed request as a libcurl easy handle. */
#include "lib/peer/dial.h"
#include "lib/peer/internal.h"

#include "lib/base/clock.h"
#include "lib/base/id.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define URL_MAX (PEER_URL_MAX + PEER_PATH_MAX)
/* Shorter than the idle time-out of the servers (30 s), so that most connections are given up here before they are closed there. */
#define KEPT_MAX_S 20L
/* For bodies larger than libcurl's own 64 KiB. */
#define UPLOAD_BUFFER_BYTES (256L << 10)
#define DOWNLOAD_BUFFER_BYTES (64L << 10)
#define STATUS_ANOTHER 421 /* Misdirected Request: the node at this address is not the one meant */

/* What is signed is what is sent: nothing here may make libcurl change it. */
static int is_path(const char *path)
{
    if (path[0] != '/' || strnlen(path, PEER_PATH_MAX) == PEER_PATH_MAX)
        return 0;
    for (const char *p = path; *p; p++) {
        if (*p <= ' ' || *p > '~' || *p == '#')
            return 0;
    }
    return 1;
}

/* Keeps the value of RB-Clock; all other headers pass by. */
static size_t on_header(char *line, size_t size, size_t n, void *ctx)
{
    static const char name[] = "RB-Clock:";
    struct transfer *t = ctx;
    size_t len = size * n;
    const char *value = line + sizeof name - 1;

    if (len < sizeof name || strncasecmp(line, name, sizeof name - 1) != 0)
        return len;
    len -= sizeof name - 1;
    while (len > 0 && (*value == ' ' || *value == '\t')) {
        value++;
        len--;
    }
    while (len > 0 && (value[len - 1] == '\r' || value[len - 1] == '\n' || value[len - 1] == ' '))
        len--;
    if (len < sizeof t->clock) {
        memcpy(t->clock, value, len);
        t->clock[len] = '\0';
    }
    return size * n;
}

static enum err add_line(struct transfer *t, const char *line)
{
    struct curl_slist *more = curl_slist_append(t->headers, line);

    if (!more)
        return ERR_NOMEM;
    t->headers = more;
    return ERR_OK;
}

/* A fresh nonce and the receiver's time as far as it is known. */
static enum err add_signature(struct transfer *t)
{
    const struct transfer_request *q = &t->request;
    struct sign_input in = {
        .method = q->method, .path = q->path, .body_hash = q->body_hash, .sender = sign_keys_self(t->peer->keys), .epoch = q->epoch};
    struct buf line;
    enum err e = sign_keys_to(t->peer->keys, q->to, &t->key);

    if (e)
        return e;
    id_random_hex(t->nonce, (SIGN_NONCE_HEX - 1) / 2);
    memcpy(in.nonce, t->nonce, sizeof in.nonce);
    in.time_ms = clock_unix_ms() + (uint64_t)peer_clock_offset_ms(t->peer, q->base_url);
    buf_init(&line, SIGN_HEADER_MAX + 32);
    e = buf_add_str(&line, "Authorization: ");
    if (!e)
        e = sign_make(&t->key, &in, &line);
    if (!e)
        e = add_line(t, buf_str(&line));
    buf_release(&line);
    return e;
}

static enum err add_receiver(struct transfer *t)
{
    char line[PEER_TO_MAX + 8];

    if (!t->request.to)
        return ERR_OK;
    if (snprintf(line, sizeof line, "RB-To: %s", t->request.to) >= (int)sizeof line)
        return ERR_INVALID;
    return add_line(t, line);
}

static void set_method(CURL *c, const struct transfer_request *q)
{
    if (q->has_body) {
        curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(c, CURLOPT_INFILESIZE_LARGE, (curl_off_t)q->body_len);
        if (q->body_len > 65536)
            curl_easy_setopt(c, CURLOPT_UPLOAD_BUFFERSIZE, UPLOAD_BUFFER_BYTES);
        curl_easy_setopt(c, CURLOPT_READFUNCTION, q->read);
        curl_easy_setopt(c, CURLOPT_READDATA, q->ctx);
        curl_easy_setopt(c, CURLOPT_SEEKFUNCTION, q->seek);
        curl_easy_setopt(c, CURLOPT_SEEKDATA, q->ctx);
    } else if (strcmp(q->method, "HEAD") == 0) {
        curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
    }
    curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, q->method);
}

static void set_options(struct transfer *t, const char *url)
{
    const struct transfer_request *q = &t->request;
    CURL *c = t->easy;

    dial_member(c, t->peer->tls);
    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(c, CURLOPT_MAXAGE_CONN, KEPT_MAX_S);
    curl_easy_setopt(c, CURLOPT_FRESH_CONNECT, (long)t->fresh);
    curl_easy_setopt(c, CURLOPT_BUFFERSIZE, DOWNLOAD_BUFFER_BYTES);
    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)q->timeout_ms);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)q->connect_timeout_ms);
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, t->headers);
    curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(c, CURLOPT_HEADERDATA, t);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, q->write);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, q->ctx);
    curl_easy_setopt(c, CURLOPT_PRIVATE, t);
    set_method(c, q);
}

enum err transfer_start(struct transfer *t, struct peer *p)
{
    const struct transfer_request *q = &t->request;
    char url[URL_MAX];
    enum err e;

    if (!tls_url_ok(p->tls, q->base_url) || !is_path(q->path))
        return ERR_INVALID;
    snprintf(url, sizeof url, "%s%s", q->base_url, q->path);
    t->peer = p;
    t->finished = 0;
    t->status = 0;
    t->clock[0] = '\0';
    t->local_port = 0;
    if (!peer_open(p))
        return ERR_NOMEM;
    t->easy = p->n_idle > 0 ? p->idle[--p->n_idle] : curl_easy_init();
    if (!t->easy)
        return ERR_NOMEM;
    e = add_signature(t);
    if (!e)
        e = add_receiver(t);
    if (!e)
        e = add_line(t, q->ask_first ? "Expect: 100-continue" : "Expect:");
    if (!e) {
        set_options(t, url);
        e = curl_multi_add_handle(p->multi, t->easy) == CURLM_OK ? ERR_OK : ERR_NOMEM;
    }
    if (e)
        transfer_stop(t);
    return e;
}

void transfer_stop(struct transfer *t)
{
    struct peer *p = t->peer;

    if (!t->easy)
        return;
    curl_multi_remove_handle(p->multi, t->easy);
    if (p->n_idle < PEER_IDLE_MAX) {
        curl_easy_reset(t->easy);
        p->idle[p->n_idle++] = t->easy;
    } else {
        curl_easy_cleanup(t->easy);
    }
    curl_slist_free_all(t->headers);
    t->easy = NULL;
    t->headers = NULL;
}

int transfer_is_elsewhere(struct transfer *t)
{
    long before = t->local_port;

    curl_easy_getinfo(t->easy, CURLINFO_LOCAL_PORT, &t->local_port);
    return before != 0 && before != t->local_port;
}

static int learn_clock(struct transfer *t)
{
    uint64_t theirs_ms;

    if (t->result != CURLE_OK || t->status != 401 || t->clock_tried || t->clock[0] == '\0')
        return 0;
    if (sign_clock_check(&t->key, t->nonce, t->clock, &theirs_ms))
        return 0;
    t->clock_tried = 1;
    clocks_learn(t->peer, t->request.base_url, (int64_t)(theirs_ms - clock_unix_ms()));
    return 1;
}

/* libcurl itself tries again when a kept connection turns out dead on reading, but not when it does on sending. */
static int met_dead_connection(struct transfer *t)
{
    long connects = 0;

    if (t->result != CURLE_SEND_ERROR || t->status != 0 || t->fresh)
        return 0;
    curl_easy_getinfo(t->easy, CURLINFO_NUM_CONNECTS, &connects);
    t->fresh = connects == 0;
    return t->fresh;
}

int transfer_try_again(struct transfer *t)
{
    return learn_clock(t) || met_dead_connection(t);
}

enum err transfer_end(const struct transfer *t, uint64_t handed)
{
    if (t->result == CURLE_OK)
        return t->status == STATUS_ANOTHER ? ERR_UNAVAILABLE : ERR_OK;
    return transfer_may_have_happened(t, handed) ? ERR_TIMEOUT : ERR_UNAVAILABLE;
}

int transfer_may_have_happened(const struct transfer *t, uint64_t handed)
{
    long sent = 0;

    if (t->request.has_body && t->request.body_len > 0)
        return handed == t->request.body_len;
    if (t->easy)
        curl_easy_getinfo(t->easy, CURLINFO_REQUEST_SIZE, &sent);
    return sent > 0;
}
