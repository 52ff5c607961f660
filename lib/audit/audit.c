#include "lib/audit/audit.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RETRY_MS 1000u /* between tries while nothing can be written */
#define SAY_MS 30000u
#define MORE_MS 1000u          /* between two lines that count refusals */
#define IDLE_MS 60000u         /* the longest sleep: keys and files have their times */
#define KEEP_BYTES (64u << 10) /* of an empty queue's memory */
#define TOKEN 1000u            /* a refusal's price; refilled by the millisecond */

/* A line that waits: its head, and `len` bytes of members behind it. */
struct entry {
    uint64_t at_ms;
    size_t len;
};

struct audit {
    struct audit_settings settings;
    char folder[AUDIT_PATH_SIZE];
    pthread_mutex_t lock;
    pthread_cond_t work;
    pthread_t thread;

    /* under the lock */
    struct buf waiting; /* entries */
    uint64_t lost;      /* since the last `lost` line */
    uint64_t more;      /* since the last `more` line */
    uint64_t tokens, refilled_ms;
    int stopping;
    struct audit_stats stats;

    /* the thread's own */
    struct audit_writer writer;
    struct buf taken;
    uint64_t synced_ms, headed_ms, head_n, more_ms, tried_ms, said_ms; /* boot time, and a number of a line */
    uint64_t mislaid;                                                  /* taken from the queue and not written: for the next `lost` line */
};

static uint64_t now_boot(const struct audit *a)
{
    return a->settings.boot_ms();
}

/* ---- noting */

static const struct member {
    const char *name;
    size_t offset, max; /* bytes once escaped */
} members[] = {
    {"who", offsetof(struct audit_event, who), 160},
    {"what", offsetof(struct audit_event, what), 96},
    {"on", offsetof(struct audit_event, on), 1536},
    {"from", offsetof(struct audit_event, from), 96},
    {"result", offsetof(struct audit_event, result), 96},
    {"request", offsetof(struct audit_event, request), 96},
    {"detail", offsetof(struct audit_event, detail), 512},
};

static enum err write_members(const struct audit_event *event, struct buf *out)
{
    enum err e = ERR_OK;
    for (size_t i = 0; i < sizeof members / sizeof *members && !e; i++) {
        const char *value;
        memcpy(&value, (const char *)event + members[i].offset, sizeof value);
        e = audit_member_text(out, members[i].name, value ? value : "-", members[i].max);
    }
    return e;
}

/* (locked) Whether a refusal may have a line of its own. */
static int may_refuse(struct audit *a)
{
    uint64_t now_ms = now_boot(a), passed_ms = now_ms - a->refilled_ms;
    a->refilled_ms = now_ms;
    if (passed_ms > AUDIT_REFUSALS_MAX * TOKEN / AUDIT_REFUSALS_PER_S)
        passed_ms = AUDIT_REFUSALS_MAX * TOKEN / AUDIT_REFUSALS_PER_S;
    a->tokens += passed_ms * AUDIT_REFUSALS_PER_S;
    if (a->tokens > AUDIT_REFUSALS_MAX * TOKEN)
        a->tokens = AUDIT_REFUSALS_MAX * TOKEN;
    if (a->tokens < TOKEN)
        return 0;
    a->tokens -= TOKEN;
    return 1;
}

/* (locked) */
static void enqueue(struct audit *a, const struct entry *entry, const char *text)
{
    size_t before = a->waiting.len;
    enum err e = buf_add(&a->waiting, entry, sizeof *entry);
    if (!e)
        e = buf_add(&a->waiting, text, entry->len);
    if (e) {
        buf_truncate(&a->waiting, before);
        a->lost++;
        a->stats.lost++;
    }
    if (before == 0)
        pthread_cond_signal(&a->work);
}

void audit_note(struct audit *a, const struct audit_event *event)
{
    struct buf text;
    struct entry entry;
    if (!a)
        return;
    buf_init(&text, AUDIT_LINE_MAX);
    enum err e = write_members(event, &text);
    entry = (struct entry){.at_ms = a->settings.unix_ms(), .len = text.len};
    pthread_mutex_lock(&a->lock);
    if (event->is_refusal && !may_refuse(a)) {
        a->more++;
        a->stats.refused++;
    } else if (e) {
        a->lost++;
        a->stats.lost++;
    } else {
        enqueue(a, &entry, buf_str(&text));
    }
    pthread_mutex_unlock(&a->lock);
    buf_release(&text);
}

void audit_stats(struct audit *a, struct audit_stats *out)
{
    *out = (struct audit_stats){.lines = 0};
    if (!a)
        return;
    pthread_mutex_lock(&a->lock);
    *out = a->stats;
    pthread_mutex_unlock(&a->lock);
}

/* ---- the thread */

/* What was to be written is not. Said once in a while; the next line that can be written tells the number. */
static void failed(struct audit *a, enum err e, uint64_t lines)
{
    uint64_t now_ms = now_boot(a);
    a->mislaid += lines;
    a->tried_ms = now_ms;
    pthread_mutex_lock(&a->lock);
    a->stats.lost += lines;
    a->stats.is_failing = 1;
    pthread_mutex_unlock(&a->lock);
    if (a->said_ms == 0 || now_ms - a->said_ms >= SAY_MS) {
        a->said_ms = now_ms;
        log_write(LOG_ERROR, "audit", "%s cannot be written (%s): %llu lines are missing since the last one; the service goes on",
            a->folder, err_text(e), (unsigned long long)a->mislaid);
    }
}

static void succeeded(struct audit *a, uint64_t lines)
{
    pthread_mutex_lock(&a->lock);
    int was = a->stats.is_failing;
    a->stats.is_failing = 0;
    a->stats.lines += lines;
    pthread_mutex_unlock(&a->lock);
    if (was)
        log_write(LOG_WARN, "audit", "%s can be written again", a->folder);
}

/* Writes the batch of so many lines. */
static enum err flush(struct audit *a, uint64_t *lines)
{
    enum err e = audit_writer_flush(&a->writer);
    if (e)
        failed(a, e, *lines);
    else
        succeeded(a, *lines);
    *lines = 0;
    return e;
}

static enum err add(struct audit *a, uint64_t at_ms, enum audit_kind kind, const char *text, size_t len, uint64_t *lines)
{
    enum err e = audit_writer_add(&a->writer, at_ms, kind, text, len);
    if (e == ERR_NOMEM && *lines > 0) {
        e = flush(a, lines);
        if (!e)
            e = audit_writer_add(&a->writer, at_ms, kind, text, len);
    }
    if (!e)
        (*lines)++;
    return e;
}

static enum err add_count(struct audit *a, enum audit_kind kind, uint64_t count, uint64_t *lines)
{
    struct buf text;
    buf_init(&text, 64);
    enum err e = audit_member_number(&text, "count", count);
    if (!e)
        e = add(a, a->settings.unix_ms(), kind, buf_str(&text), text.len, lines);
    buf_release(&text);
    return e;
}

/* How many lines were taken from the queue. */
static uint64_t count_taken(const struct audit *a)
{
    uint64_t n = 0;
    struct entry entry;
    for (size_t at = 0; at < a->taken.len; at += sizeof entry + entry.len, n++)
        memcpy(&entry, a->taken.data + at, sizeof entry);
    return n;
}

/* A burst's memory goes back. */
static void forget_taken(struct audit *a)
{
    if (a->taken.cap > KEEP_BYTES)
        buf_release(&a->taken);
    else
        buf_reset(&a->taken);
}

/* Writes what was taken, and before it how much is missing. */
static void write_taken(struct audit *a, uint64_t more)
{
    uint64_t lines = 0, left = count_taken(a), mislaid = a->mislaid;
    enum err e = ERR_OK;
    if (mislaid > 0)
        e = add_count(a, AUDIT_LOST, mislaid, &lines);
    if (!e && more > 0)
        e = add_count(a, AUDIT_MORE, more, &lines);
    if (!e && lines > 0) {
        e = flush(a, &lines); /* alone, so that a failure of what follows counts nothing twice */
        if (!e)
            a->mislaid -= mislaid;
    }
    struct entry entry;
    for (size_t at = 0; at < a->taken.len && !e; at += sizeof entry + entry.len) {
        memcpy(&entry, a->taken.data + at, sizeof entry);
        e = add(a, entry.at_ms, AUDIT_EVENT, a->taken.data + at + sizeof entry, entry.len, &lines);
        left -= e == ERR_OK;
    }
    if (!e && lines > 0)
        e = flush(a, &lines);
    if (e)
        failed(a, e, left + lines);
    forget_taken(a);
}

/* Tells the newest line that is on the disk. */
static void tell_head(struct audit *a, uint64_t now_ms)
{
    struct audit_head head;
    audit_writer_head(&a->writer, a->settings.unix_ms(), &head);
    a->head_n = head.n;
    a->headed_ms = now_ms;
    if (a->settings.head)
        a->settings.head(a->settings.ctx, &head);
}

/* (thread) Lines that no node was told of. */
static uint64_t untold(const struct audit *a)
{
    return a->writer.fd >= 0 && a->writer.before.n > a->head_n ? a->writer.before.n - a->head_n : 0;
}

/* Opens, turns keys and files, flushes and tells, each when it is due. */
static void tend(struct audit *a)
{
    uint64_t now_ms = now_boot(a);
    if (a->writer.fd < 0) {
        if (a->tried_ms && now_ms - a->tried_ms < RETRY_MS)
            return;
        enum err e = audit_writer_begin(&a->writer, a->settings.unix_ms(), now_ms);
        a->head_n = 0;
        if (e) {
            failed(a, e, 0);
            return;
        }
        succeeded(a, 1);
    }
    enum err e = audit_writer_tend(&a->writer, a->settings.unix_ms(), now_ms);
    if (!e && a->writer.unsynced && now_ms - a->synced_ms >= a->settings.sync_ms) {
        e = audit_writer_sync(&a->writer);
        a->synced_ms = now_ms;
    }
    if (e) {
        failed(a, e, 0);
        return;
    }
    if (!a->writer.unsynced && (untold(a) >= a->settings.head_lines || (untold(a) > 0 && now_ms - a->headed_ms >= a->settings.head_ms)))
        tell_head(a, now_ms);
}

/* Milliseconds until something is due though nobody notes anything. */
static uint64_t sleep_ms(const struct audit *a)
{
    if (a->writer.fd < 0 || a->mislaid > 0)
        return RETRY_MS;
    if (a->writer.unsynced)
        return a->settings.sync_ms;
    if (untold(a) > 0 || a->more > 0)
        return a->settings.head_ms < MORE_MS ? a->settings.head_ms : MORE_MS;
    return a->settings.limits.key_ms < IDLE_MS ? a->settings.limits.key_ms : IDLE_MS;
}

/* (locked) Waits for entries, at most until something is due. */
static void wait_for_work(struct audit *a)
{
    struct timespec until;
    uint64_t ms = sleep_ms(a);
    if (a->waiting.len > 0 || a->stopping)
        return;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(ms / 1000);
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_cond_timedwait(&a->work, &a->lock, &until);
}

/* (locked) Empties the queue. The count of refusals is told once in a while only. */
static uint64_t take(struct audit *a, uint64_t now_ms)
{
    struct buf empty = a->taken;
    uint64_t more = 0;
    a->taken = a->waiting;
    a->waiting = empty;
    a->mislaid += a->lost;
    a->lost = 0;
    if (a->more > 0 && (a->stopping || now_ms - a->more_ms >= MORE_MS)) {
        more = a->more;
        a->more = 0;
        a->more_ms = now_ms;
    }
    return more;
}

/* While nothing can be written, a try a second. */
static int may_write(const struct audit *a)
{
    return a->writer.fd >= 0 && (a->mislaid == 0 || !a->tried_ms || now_boot(a) - a->tried_ms >= RETRY_MS);
}

static void *run(void *arg)
{
    struct audit *a = arg;
    for (int stopping = 0; !stopping;) {
        pthread_mutex_lock(&a->lock);
        wait_for_work(a);
        stopping = a->stopping;
        uint64_t more = take(a, now_boot(a));
        pthread_mutex_unlock(&a->lock);
        if (may_write(a) || stopping)
            write_taken(a, more);
        else if (a->taken.len > 0) {
            failed(a, ERR_UNAVAILABLE, count_taken(a));
            forget_taken(a);
        }
        tend(a);
    }
    return NULL;
}

/* ---- open and close */

static void set_defaults(struct audit_settings *s)
{
    struct audit_limits *l = &s->limits;
    l->file_max_bytes = l->file_max_bytes ? l->file_max_bytes : AUDIT_FILE_BYTES;
    l->keep_max_bytes = l->keep_max_bytes ? l->keep_max_bytes : AUDIT_KEEP_BYTES;
    l->keep_ms = l->keep_ms ? l->keep_ms : AUDIT_KEEP_MS;
    l->key_ms = l->key_ms ? l->key_ms : AUDIT_KEY_MS;
    s->sync_ms = s->sync_ms ? s->sync_ms : AUDIT_SYNC_MS;
    s->head_ms = s->head_ms ? s->head_ms : AUDIT_HEAD_MS;
    s->head_lines = s->head_lines ? s->head_lines : AUDIT_HEAD_LINES;
    s->unix_ms = s->unix_ms ? s->unix_ms : clock_unix_ms;
    s->boot_ms = s->boot_ms ? s->boot_ms : clock_boot_ms;
}

static void dispose(struct audit *a)
{
    audit_writer_release(&a->writer);
    buf_release(&a->waiting);
    buf_release(&a->taken);
    pthread_cond_destroy(&a->work);
    pthread_mutex_destroy(&a->lock);
    free(a);
}

static void init(struct audit *a, const struct audit_settings *settings)
{
    pthread_condattr_t attributes;
    a->settings = *settings;
    set_defaults(&a->settings);
    pthread_mutex_init(&a->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&a->work, &attributes);
    pthread_condattr_destroy(&attributes);
    buf_init(&a->waiting, AUDIT_QUEUE_BYTES);
    buf_init(&a->taken, AUDIT_QUEUE_BYTES);
    a->tokens = AUDIT_REFUSALS_MAX * TOKEN;
    a->refilled_ms = now_boot(a);
    a->headed_ms = a->more_ms = a->refilled_ms;
    audit_writer_init(&a->writer, a->folder, a->settings.process, a->settings.master, &a->settings.limits);
}

enum err audit_open(const struct audit_settings *settings, struct audit **out)
{
    struct audit *a = calloc(1, sizeof *a);
    if (!a)
        return ERR_NOMEM;
    init(a, settings);
    enum err e = audit_folder_path(settings->data, "audit", a->folder);
    if (!e)
        e = audit_writer_begin(&a->writer, a->settings.unix_ms(), now_boot(a));
    if (!e)
        a->stats.lines = 1;
    if (e == ERR_FULL) {
        failed(a, e, 0);
        e = ERR_OK;
    }
    if (!e && pthread_create(&a->thread, NULL, run, a) != 0)
        e = ERR_NOMEM;
    if (e) {
        dispose(a);
        return e;
    }
    *out = a;
    return ERR_OK;
}

void audit_close(struct audit *a)
{
    if (!a)
        return;
    pthread_mutex_lock(&a->lock);
    a->stopping = 1;
    pthread_cond_signal(&a->work);
    pthread_mutex_unlock(&a->lock);
    pthread_join(a->thread, NULL);
    if (audit_writer_end(&a->writer, a->settings.unix_ms()) == ERR_OK)
        tell_head(a, now_boot(a));
    else
        log_write(LOG_ERROR, "audit", "the log in %s has no last line", a->folder);
    dispose(a);
}
