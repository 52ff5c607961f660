#include "lib/peer/blocks.h"

#include "lib/base/clock.h"
#include "lib/peer/dial.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECTIONS_KEPT 128L
#define BUFFER_BYTES (256L << 10)
/* With a limit, small pieces let the parts take turns. */
#define BUFFER_LIMITED_BYTES (16L << 10)
#define TURN_MS 20u     /* between two looks at the limit */
#define LOOK_MS 500u    /* between two looks for parts that stand still */
#define BURSTS_PER_S 10 /* the limit's budget never holds more than this part of a second */

/* A part under way. */
struct flight {
    struct blocks *blocks;
    struct block_fetch *fetch; /* NULL: this place is free */
    CURL *easy;                /* kept for the next part of this place */
    struct curl_slist *headers;
    uint64_t moved_ms;
    int judged; /* the answer's header was found right */
    int paused; /* by the limit */
    int ended;
};

struct blocks {
    CURLM *multi; /* owns the kept connections */
    unsigned stall_ms;
    uint64_t limit; /* bytes a second, 0: none */
    int64_t budget; /* bytes that may come now; a piece may overdraw it */
    uint64_t budget_ms;
    size_t first_turn; /* whose turn it is to go on first */
    uint64_t received;
    struct flight flights[BLOCKS_AT_ONCE_MAX];
};

enum err blocks_new(unsigned stall_ms, struct blocks **out)
{
    struct blocks *b = calloc(1, sizeof *b);

    if (!b)
        return ERR_NOMEM;
    b->multi = curl_multi_init();
    if (!b->multi) {
        free(b);
        return ERR_NOMEM;
    }
    curl_multi_setopt(b->multi, CURLMOPT_MAXCONNECTS, CONNECTIONS_KEPT);
    b->stall_ms = stall_ms;
    *out = b;
    return ERR_OK;
}

/* The place is free afterwards; its handle stays. */
static void land(struct flight *f)
{
    curl_multi_remove_handle(f->blocks->multi, f->easy);
    curl_easy_reset(f->easy);
    curl_slist_free_all(f->headers);
    f->headers = NULL;
    f->fetch = NULL;
}

void blocks_free(struct blocks *b)
{
    if (!b)
        return;
    for (size_t i = 0; i < BLOCKS_AT_ONCE_MAX; i++) {
        if (b->flights[i].fetch)
            land(&b->flights[i]);
        curl_easy_cleanup(b->flights[i].easy);
    }
    curl_multi_cleanup(b->multi);
    free(b);
}

void blocks_limit(struct blocks *b, uint64_t bytes_per_s)
{
    b->limit = bytes_per_s > 0 && bytes_per_s < BLOCKS_LIMIT_MIN ? BLOCKS_LIMIT_MIN : bytes_per_s;
    b->budget = 0;
    b->budget_ms = clock_boot_ms();
}

/* ---- one part */

static enum err error_of(long status)
{
    switch (status) {
    case 200: /* the whole: it has another ETag by now, or ignores what part we want */
    case 416: return ERR_CONFLICT;
    case 401: return ERR_AUTH;
    case 403: return ERR_DENIED;
    case 404:
    case 410: return ERR_NOT_FOUND;
    default: return ERR_UNAVAILABLE;
    }
}

/* The header says: exactly the part that was asked for, of a file of the size that was meant. */
static enum err judge(struct flight *f)
{
    struct block_fetch *q = f->fetch;
    struct curl_header *range;
    char want[96];

    curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &q->status);
    if (q->status != 206)
        return error_of(q->status);
    snprintf(want, sizeof want, "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, q->offset, q->offset + q->len - 1, q->file_size);
    if (curl_easy_header(f->easy, "Content-Range", 0, CURLH_HEADER, -1, &range) != CURLHE_OK || strcmp(range->value, want) != 0)
        return ERR_CONFLICT;
    f->judged = 1;
    return ERR_OK;
}

static size_t on_write(char *data, size_t size, size_t n, void *ctx)
{
    struct flight *f = ctx;
    struct block_fetch *q = f->fetch;
    size_t len = size * n;

    if (f->blocks->limit > 0 && f->blocks->budget <= 0) {
        f->paused = 1;
        return CURL_WRITEFUNC_PAUSE;
    }
    f->moved_ms = clock_boot_ms();
    if (!f->judged)
        q->error = judge(f);
    if (!q->error && len > q->len - q->got)
        q->error = ERR_CONFLICT;
    if (q->error)
        return 0;
    memcpy((char *)q->to + q->got, data, len);
    q->got += len;
    f->blocks->received += len;
    f->blocks->budget -= f->blocks->limit > 0 ? (int64_t)len : 0;
    return len;
}

static enum err add_line(struct flight *f, const char *name, const char *value)
{
    char line[BLOCKS_LINE_MAX];
    struct curl_slist *more;
    int n = snprintf(line, sizeof line, "%s: %s", name, value);

    if (n < 0 || (size_t)n >= sizeof line || strpbrk(value, "\r\n"))
        return ERR_INVALID;
    more = curl_slist_append(f->headers, line);
    if (!more)
        return ERR_NOMEM;
    f->headers = more;
    return ERR_OK;
}

static void set_options(struct flight *f)
{
    const struct block_fetch *q = f->fetch;
    CURL *c = f->easy;
    char range[64];

    snprintf(range, sizeof range, "%" PRIu64 "-%" PRIu64, q->offset, q->offset + q->len - 1);
    if (q->to_member)
        dial_member(c, q->tls);
    else
        dial_anybody(c);
    curl_easy_setopt(c, CURLOPT_URL, q->url);
    curl_easy_setopt(c, CURLOPT_RANGE, range);
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, f->headers);
    curl_easy_setopt(c, CURLOPT_BUFFERSIZE, f->blocks->limit > 0 ? BUFFER_LIMITED_BYTES : BUFFER_BYTES);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)f->blocks->stall_ms);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_write);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, f);
    curl_easy_setopt(c, CURLOPT_PRIVATE, f);
}

static struct flight *find_flight(struct blocks *b, const struct block_fetch *fetch)
{
    for (size_t i = 0; i < BLOCKS_AT_ONCE_MAX; i++) {
        if (b->flights[i].fetch == fetch)
            return &b->flights[i];
    }
    return NULL;
}

static int is_part(const struct block_fetch *q)
{
    return q->len > 0 && q->len <= q->file_size && q->offset <= q->file_size - q->len && strnlen(q->url, BLOCKS_URL_MAX) < BLOCKS_URL_MAX;
}

enum err blocks_start(struct blocks *b, struct block_fetch *fetch)
{
    struct flight *f = find_flight(b, NULL);
    enum err e = ERR_OK;

    if (!is_part(fetch))
        return ERR_INVALID;
    if (!f)
        return ERR_FULL;
    if (!f->easy)
        f->easy = curl_easy_init();
    if (!f->easy)
        return ERR_NOMEM;
    fetch->got = 0;
    fetch->status = 0;
    fetch->error = ERR_OK;
    *f = (struct flight){.blocks = b, .fetch = fetch, .easy = f->easy, .moved_ms = clock_boot_ms()};
    if (fetch->authorization)
        e = add_line(f, "Authorization", fetch->authorization);
    if (!e && fetch->etag)
        e = add_line(f, "If-Range", fetch->etag);
    if (!e) {
        set_options(f);
        e = curl_multi_add_handle(b->multi, f->easy) == CURLM_OK ? ERR_OK : ERR_NOMEM;
    }
    if (e)
        land(f);
    return e;
}

void blocks_stop(struct blocks *b, struct block_fetch *fetch)
{
    struct flight *f = find_flight(b, fetch);

    if (f)
        land(f);
}

/* ---- all of them */

/* An error that a call-back found stands; else what libcurl said, and whether the part is whole. */
static void end(struct flight *f, CURLcode result)
{
    struct block_fetch *q = f->fetch;

    f->ended = 1;
    if (q->error)
        return;
    if (result == CURLE_OPERATION_TIMEDOUT)
        q->error = ERR_TIMEOUT;
    else if (result != CURLE_OK)
        q->error = ERR_UNAVAILABLE;
    else if (!f->judged)
        q->error = judge(f);
    if (!q->error && q->got != q->len)
        q->error = ERR_UNAVAILABLE;
}

static void collect(struct blocks *b)
{
    CURLMsg *m;
    int left;

    while ((m = curl_multi_info_read(b->multi, &left))) {
        char *private;
        if (m->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &private);
        end((struct flight *)(void *)private, m->data.result);
    }
}

/* A part that moved after now_ms was read is not late. */
static void end_stalled(struct blocks *b, uint64_t now_ms)
{
    for (size_t i = 0; i < BLOCKS_AT_ONCE_MAX; i++) {
        struct flight *f = &b->flights[i];
        if (f->fetch && !f->ended && !f->paused && now_ms >= f->moved_ms + b->stall_ms)
            end(f, CURLE_OPERATION_TIMEDOUT);
    }
}

/* Fills the budget up for the time that passed, and lets those that wait for it go on, each time another one first: who goes on takes its piece at once. */
static void share_out(struct blocks *b, uint64_t now_ms)
{
    int64_t most = (int64_t)(b->limit / BURSTS_PER_S);
    uint64_t passed_ms = now_ms - b->budget_ms;

    if (passed_ms > 1000 / BURSTS_PER_S)
        passed_ms = 1000 / BURSTS_PER_S;
    b->budget += (int64_t)(b->limit * passed_ms / 1000);
    b->budget = b->budget < most ? b->budget : most;
    b->budget_ms = now_ms;
    for (size_t i = 0; i < BLOCKS_AT_ONCE_MAX && (b->limit == 0 || b->budget > 0); i++) {
        struct flight *f = &b->flights[(b->first_turn + i) % BLOCKS_AT_ONCE_MAX];
        if (!f->fetch || !f->paused)
            continue;
        f->paused = 0;
        f->moved_ms = now_ms;
        b->first_turn = (size_t)(f - b->flights) + 1;
        curl_easy_pause(f->easy, CURLPAUSE_CONT);
    }
}

static struct block_fetch *take_ended(struct blocks *b)
{
    for (size_t i = 0; i < BLOCKS_AT_ONCE_MAX; i++) {
        struct block_fetch *fetch = b->flights[i].fetch;
        if (!fetch || !b->flights[i].ended)
            continue;
        land(&b->flights[i]);
        return fetch;
    }
    return NULL;
}

static unsigned turn_ms(const struct blocks *b, uint64_t left_ms)
{
    unsigned most_ms = b->limit > 0 ? TURN_MS : LOOK_MS;

    return left_ms < most_ms ? (unsigned)left_ms : most_ms;
}

struct block_fetch *blocks_wait(struct blocks *b, unsigned wait_ms)
{
    uint64_t now_ms = clock_boot_ms(), end_ms = now_ms + wait_ms;

    for (;;) {
        struct block_fetch *fetch = take_ended(b);
        int running;

        if (fetch)
            return fetch;
        curl_multi_poll(b->multi, NULL, 0, (int)turn_ms(b, end_ms - now_ms), NULL);
        curl_multi_perform(b->multi, &running);
        now_ms = clock_boot_ms();
        share_out(b, now_ms);
        collect(b);
        end_stalled(b, now_ms);
        if (now_ms >= end_ms)
            return take_ended(b);
    }
}

uint64_t blocks_received(const struct blocks *b)
{
    return b->received;
}
