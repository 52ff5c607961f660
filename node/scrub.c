#include "node/scrub.h"

#include "lib/base/clock.h"
#include "lib/base/limits.h"
#include "lib/base/log.h"
#include "lib/base/num.h"
#include "node/bell.h"
#include "node/repair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEEP_EVERY_MS 5000u     /* the place is written down; after a kill what was read since is read again */
#define EXIST_EVERY_MS 3600000u /* between two looks whether all is here */
#define LIST_TOGETHER 256
#define CATCH_UP_BYTES_PER_MS (32u << 10) /* 32 MiB/s: a round that is late does not take the disk for itself */

struct scrub {
    struct node *node;
    uint64_t period_ms; /* 0: only by order */
    struct bell bell;   /* its lock guards the next two */
    struct scrub_state state;
    int ordered;               /* a new round at full speed is wanted */
    char after[HASH_HEX_SIZE]; /* the thread's: the last blob read */
    uint64_t kept_ms, looked_ms;
    int has_thread;
    pthread_t thread;
};

/* ---- the row */

static enum err load(struct scrub *s)
{
    struct db_conn *c;
    int row;
    enum err e = db_read_begin(s->node->db, &c);
    if (e)
        return e;
    sqlite3_stmt *q = db_stmt(c, "SELECT after, began_ms, ended_ms, read, bad, missing FROM scrub");
    e = db_step(c, q, &row);
    if (!e && !row)
        e = ERR_CORRUPT;
    if (!e) {
        snprintf(s->after, sizeof(s->after), "%s", db_column_text(q, 0));
        s->state.began_ms = db_column_u64(q, 1);
        s->state.ended_ms = db_column_u64(q, 2);
        s->state.read = db_column_u64(q, 3);
        s->state.bad = db_column_u64(q, 4);
        s->state.missing = db_column_u64(q, 5);
    }
    db_read_end(c);
    return e;
}

static void keep(struct scrub *s)
{
    struct db_conn *c;
    struct scrub_state now;
    scrub_look(s, &now);
    s->kept_ms = clock_boot_ms();
    if (node_is_suspect(s->node))
        return;
    enum err e = db_write_begin(s->node->db, &c);
    if (!e) {
        sqlite3_stmt *q = db_stmt(c, "UPDATE scrub SET after = ?, began_ms = ?, ended_ms = ?, read = ?, bad = ?, missing = ?");
        db_bind_text(q, 1, s->after);
        db_bind_u64(q, 2, now.began_ms);
        db_bind_u64(q, 3, now.ended_ms);
        db_bind_u64(q, 4, now.read);
        db_bind_u64(q, 5, now.bad);
        db_bind_u64(q, 6, now.missing);
        e = db_write_end(c, db_run(c, q));
    }
    if (e)
        log_write(LOG_WARN, "scrub", "its place was not kept: %s", err_text(e));
}

/* ---- is everything here */

/* Hashes that records or slots name, after one; the caller's array of LIST_TOGETHER. */
static enum err list_named(struct db *db, const char *after, char (*out)[HASH_HEX_SIZE], size_t *n)
{
    struct db_conn *c;
    int row = 1;
    *n = 0;
    enum err e = db_read_begin(db, &c);
    if (e)
        return e;
    sqlite3_stmt *q = db_stmt(c, "SELECT sha256 FROM record WHERE sha256 > ?1 AND sha256 <> '' UNION"
                                 " SELECT slot_sha256 FROM course WHERE slot_sha256 > ?1 AND slot_sha256 <> '' ORDER BY 1 LIMIT ?2");
    db_bind_text(q, 1, after);
    db_bind_u64(q, 2, LIST_TOGETHER);
    while (!e && row) {
        e = db_step(c, q, &row);
        if (!e && row && *n < LIST_TOGETHER)
            snprintf(out[(*n)++], HASH_HEX_SIZE, "%s", db_column_text(q, 0));
    }
    db_read_end(c);
    return e;
}

/* Looks for each wanted blob by its name alone. */
static void look_for_all(struct scrub *s)
{
    char(*names)[HASH_HEX_SIZE] = calloc(LIST_TOGETHER, sizeof(*names));
    char after[HASH_HEX_SIZE] = "";
    size_t n = LIST_TOGETHER;
    uint64_t missing = 0;
    enum err e = names ? ERR_OK : ERR_NOMEM;
    while (!e && n == LIST_TOGETHER && !bell_is_stopping(&s->bell)) {
        e = list_named(s->node->db, after, names, &n);
        for (size_t i = 0; i < n && !e; i++) {
            struct stat st;
            missing += blobs_stat(s->node->blobs, names[i], &st) == ERR_NOT_FOUND && repair_lost(s->node->repair, names[i], 0);
        }
        if (n > 0)
            memcpy(after, names[n - 1], sizeof(after));
    }
    free(names);
    s->looked_ms = clock_boot_ms();
    pthread_mutex_lock(&s->bell.lock);
    s->state.missing = missing;
    pthread_mutex_unlock(&s->bell.lock);
    if (e)
        log_write(LOG_WARN, "scrub", "what should be here cannot be listed: %s", err_text(e));
}

/* ---- reading */

/* When a blob is due, unix ms. */
static uint64_t due_ms(const struct scrub *s, uint64_t began_ms, const char *sha256)
{
    uint8_t head[4];
    char digits[9];
    snprintf(digits, sizeof(digits), "%.8s", sha256);
    if (num_unhex(digits, head, sizeof(head)) != ERR_OK)
        return 0;
    return began_ms + (uint64_t)((double)s->period_ms * ((double)num_load_be32(head) / 4294967296.0));
}

/* Waits until it is this blob's turn; ERR_GONE when the round is given up. */
static enum err wait_for_turn(struct scrub *s, const char *sha256)
{
    int go = 1, ordered = 0;
    while (go && !ordered) {
        struct scrub_state now;
        scrub_look(s, &now);
        uint64_t due = now.fast ? 0 : due_ms(s, now.began_ms, sha256), unix_ms = clock_unix_ms();
        pthread_mutex_lock(&s->bell.lock);
        ordered = s->ordered;
        uint64_t wait_ms = due > unix_ms ? due - unix_ms : 0;
        if (!ordered && wait_ms)
            go = bell_wait_locked(&s->bell, wait_ms < EXIST_EVERY_MS ? wait_ms : EXIST_EVERY_MS, NULL);
        ordered |= s->ordered;
        go &= !s->bell.stop;
        pthread_mutex_unlock(&s->bell.lock);
        if (!wait_ms)
            break;
        if (go && !ordered && clock_boot_ms() - s->looked_ms >= EXIST_EVERY_MS)
            look_for_all(s);
    }
    return go && !ordered ? ERR_OK : ERR_GONE;
}

static void count(struct scrub *s, int is_bad)
{
    pthread_mutex_lock(&s->bell.lock);
    s->state.read++;
    s->state.bad += is_bad != 0;
    pthread_mutex_unlock(&s->bell.lock);
}

static enum err read_one(void *ctx, const char *sha256, const char *path, const struct stat *st)
{
    struct scrub *s = ctx;
    struct scrub_state now;
    uint64_t size = 0;
    (void)path, (void)st;
    enum err e = wait_for_turn(s, sha256);
    if (e)
        return e;
    e = verify_again(s->node->verify, sha256, &size);
    memcpy(s->after, sha256, HASH_HEX_SIZE);
    if (e != ERR_NOT_FOUND)
        count(s, e == ERR_CORRUPT);
    if (e && e != ERR_CORRUPT && e != ERR_NOT_FOUND)
        log_write(LOG_WARN, "scrub", "blob %s: %s", sha256, err_text(e));
    scrub_look(s, &now);
    if (!now.fast)
        bell_wait(&s->bell, size / CATCH_UP_BYTES_PER_MS + 1, NULL);
    if (clock_boot_ms() - s->kept_ms >= KEEP_EVERY_MS)
        keep(s);
    return ERR_OK;
}

/* ---- rounds */

static void begin_round(struct scrub *s, int fast)
{
    pthread_mutex_lock(&s->bell.lock);
    uint64_t ended_ms = s->state.ended_ms;
    s->state = (struct scrub_state){.began_ms = clock_unix_ms(), .ended_ms = ended_ms, .running = 1, .fast = fast};
    s->ordered = 0;
    pthread_mutex_unlock(&s->bell.lock);
    s->after[0] = '\0';
    keep(s);
}

static void end_round(struct scrub *s)
{
    struct scrub_state now;
    pthread_mutex_lock(&s->bell.lock);
    s->state.ended_ms = clock_unix_ms();
    s->state.fast = s->state.running = 0;
    now = s->state;
    pthread_mutex_unlock(&s->bell.lock);
    keep(s);
    log_write(LOG_INFO, "scrub", "round over: %llu blobs read, %llu bad, %llu missing", (unsigned long long)now.read,
        (unsigned long long)now.bad, (unsigned long long)now.missing);
}

/* Whether a round is to begin or to go on now. */
static int is_due(struct scrub *s, int *fresh, int *fast)
{
    pthread_mutex_lock(&s->bell.lock);
    const struct scrub_state *now = &s->state;
    int under_way = now->began_ms > now->ended_ms;
    uint64_t next_ms = now->began_ms + s->period_ms;
    *fast = s->ordered;
    *fresh = s->ordered || !under_way;
    int due = s->ordered || (s->period_ms > 0 && (under_way || clock_unix_ms() >= next_ms || now->began_ms > clock_unix_ms()));
    if (due)
        s->state.running = 1;
    pthread_mutex_unlock(&s->bell.lock);
    return due;
}

static void *run(void *ctx)
{
    struct scrub *s = ctx;
    int fresh, fast;
    limits_give_way();
    for (uint64_t wait_ms = 0; bell_wait(&s->bell, wait_ms, NULL); wait_ms = 1000u) {
        if (!is_due(s, &fresh, &fast))
            continue;
        if (fresh)
            begin_round(s, fast);
        look_for_all(s);
        char from[HASH_HEX_SIZE];
        memcpy(from, s->after, sizeof(from));
        enum err e = blobs_walk_after(s->node->blobs, from, read_one, s);
        if (!e)
            end_round(s);
        else if (e != ERR_GONE)
            log_write(LOG_WARN, "scrub", "the round was broken off: %s", err_text(e));
    }
    keep(s);
    return NULL;
}

enum err scrub_start(struct node *n, uint64_t period_s, struct scrub **out)
{
    struct scrub *s = calloc(1, sizeof(*s));
    if (!s)
        return ERR_NOMEM;
    s->node = n;
    s->period_ms = period_s * 1000u;
    bell_init(&s->bell);
    enum err e = load(s);
    if (!e) {
        s->has_thread = pthread_create(&s->thread, NULL, run, s) == 0;
        e = s->has_thread ? ERR_OK : ERR_NOMEM;
    }
    if (e)
        scrub_free(s);
    else
        *out = s;
    return e;
}

void scrub_stop(struct scrub *s)
{
    if (s)
        bell_stop(&s->bell);
}

void scrub_free(struct scrub *s)
{
    if (!s)
        return;
    scrub_stop(s);
    if (s->has_thread)
        pthread_join(s->thread, NULL);
    bell_release(&s->bell);
    free(s);
}

void scrub_now(struct scrub *s)
{
    pthread_mutex_lock(&s->bell.lock);
    s->ordered = 1;
    bell_ring_locked(&s->bell);
    pthread_mutex_unlock(&s->bell.lock);
}

void scrub_look(struct scrub *s, struct scrub_state *out)
{
    pthread_mutex_lock(&s->bell.lock);
    *out = s->state;
    out->running |= s->ordered;
    pthread_mutex_unlock(&s->bell.lock);
}
