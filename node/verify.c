#include "node/verify_inside.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/num.h"
#include "node/bell.h"
#include "node/needs.h"
#include "node/pins.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SETS 4096u /* times WAYS entries of 72 bytes: 1.1 MiB */
#define WAYS 4u
#define PENDING_MAX 4096u /* checks that wait to be written down; more are only remembered in memory */
#define READING_MAX 64    /* blobs that are being hashed at once */
#define FLUSH_MS 1000u

struct check {
    uint8_t sha256[HASH_SIZE];
    uint64_t size, mtime_ns, ctime_ns, inode, at_ms;
};

struct verify {
    struct db *db;
    struct blobs *blobs;
    struct pins *pins; /* its own lock */
    void (*lost)(void *ctx, const char *sha256, int bad);
    void *lost_ctx;
    pthread_mutex_t saving; /* who writes checks down, or deletes them, from the look at what is pending until the commit; around `lock` */
    pthread_mutex_t lock;   /* guards all below */
    pthread_cond_t read_ended;
    struct check (*sets)[WAYS];
    unsigned char next_way[SETS];
    struct check *pending;
    size_t n_pending;
    uint8_t reading[READING_MAX][HASH_SIZE];
    size_t n_reading;
    struct bell bell; /* of the thread that writes checks down */
    int has_thread;
    pthread_t thread;
};

struct blobs *verify_blobs(const struct verify *v)
{
    return v->blobs;
}

static uint64_t to_ns(struct timespec t)
{
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static struct check check_of(const uint8_t *sha256, const struct stat *st, uint64_t at_ms)
{
    struct check c = {
        .size = (uint64_t)st->st_size, .mtime_ns = to_ns(st->st_mtim), .ctime_ns = to_ns(st->st_ctim), .inode = st->st_ino, .at_ms = at_ms};
    memcpy(c.sha256, sha256, HASH_SIZE);
    return c;
}

static int same_file(const struct check *a, const struct check *b)
{
    return a->size == b->size && a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns && a->inode == b->inode;
}

/* ---- memory */

static struct check *find(struct verify *v, const uint8_t *sha256)
{
    struct check *set = v->sets[num_load_be32(sha256) % SETS];
    for (unsigned i = 0; i < WAYS; i++)
        if (set[i].at_ms != 0 && memcmp(set[i].sha256, sha256, HASH_SIZE) == 0)
            return &set[i];
    return NULL;
}

static void remember(struct verify *v, const struct check *c)
{
    struct check *at = find(v, c->sha256);
    if (!at) {
        uint32_t set = num_load_be32(c->sha256) % SETS;
        at = &v->sets[set][v->next_way[set]];
        v->next_way[set] = (unsigned char)((v->next_way[set] + 1u) % WAYS);
    }
    *at = *c;
}

void verify_note(struct verify *v, const uint8_t *sha256, const struct stat *st)
{
    struct check c = check_of(sha256, st, clock_unix_ms());
    pthread_mutex_lock(&v->lock);
    remember(v, &c);
    if (v->n_pending < PENDING_MAX)
        v->pending[v->n_pending++] = c;
    pthread_mutex_unlock(&v->lock);
}

/* ---- removing */

/* (locked) A check that waits to be written down must not come after its blob went. */
static void drop_pending(struct verify *v, const uint8_t *raw)
{
    size_t kept = 0;
    for (size_t i = 0; i < v->n_pending; i++)
        if (memcmp(v->pending[i].sha256, raw, HASH_SIZE) != 0)
            v->pending[kept++] = v->pending[i];
    v->n_pending = kept;
}

static enum err delete_row(struct verify *v, const char *sha256)
{
    struct db_conn *c;
    enum err e = db_write_begin(v->db, &c);
    if (e)
        return e;
    sqlite3_stmt *s = db_stmt(c, "DELETE FROM verified WHERE sha256 = ?");
    db_bind_text(s, 1, sha256);
    return db_write_end(c, db_run(c, s));
}

/* Nothing says any more that this blob was good: neither memory nor, durably, the database. */
static enum err forget_check(struct verify *v, const char *sha256)
{
    uint8_t raw[HASH_SIZE];
    enum err e = num_unhex(sha256, raw, HASH_SIZE);
    if (e)
        return e;
    pthread_mutex_lock(&v->saving);
    pthread_mutex_lock(&v->lock);
    struct check *known = find(v, raw);
    if (known)
        known->at_ms = 0;
    drop_pending(v, raw);
    pthread_mutex_unlock(&v->lock);
    e = delete_row(v, sha256);
    pthread_mutex_unlock(&v->saving);
    return e;
}

void verify_hold(struct verify *v, const char *sha256)
{
    uint8_t raw[HASH_SIZE];
    if (num_unhex(sha256, raw, HASH_SIZE) == ERR_OK)
        pins_hold(v->pins, raw);
}

void verify_release(struct verify *v, const char *sha256)
{
    uint8_t raw[HASH_SIZE];
    if (num_unhex(sha256, raw, HASH_SIZE) == ERR_OK)
        pins_release(v->pins, raw);
}

void verify_pin(struct verify *v, const char *sha256, uint64_t ms)
{
    uint8_t raw[HASH_SIZE];
    if (num_unhex(sha256, raw, HASH_SIZE) == ERR_OK)
        pins_note(v->pins, raw, ms);
}

static enum err unlink_blob(void *ctx, const char *sha256)
{
    struct verify *v = ctx;
    return blobs_unlink(v->blobs, sha256);
}

enum err verify_remove(struct verify *v, const char *sha256)
{
    enum err e = pins_unless(v->pins, sha256, unlink_blob, v);
    return e ? e : forget_check(v, sha256);
}

/* ---- database */

static enum err load(struct verify *v, const char *sha256, struct check *out)
{
    struct db_conn *c;
    enum err e = db_read_begin(v->db, &c);
    if (e)
        return e;
    int row;
    sqlite3_stmt *s = db_stmt(c, "SELECT size, mtime_ns, ctime_ns, inode, at_ms FROM verified WHERE sha256 = ?");
    db_bind_text(s, 1, sha256);
    e = db_step(c, s, &row);
    if (!e && !row)
        e = ERR_NOT_FOUND;
    if (!e) {
        out->size = db_column_u64(s, 0);
        out->mtime_ns = db_column_u64(s, 1);
        out->ctime_ns = db_column_u64(s, 2);
        out->inode = db_column_u64(s, 3);
        out->at_ms = db_column_u64(s, 4);
    }
    db_read_end(c);
    return e;
}

static enum err save(struct db_conn *c, const struct check *k)
{
    char sha256[HASH_HEX_SIZE];
    num_hex(k->sha256, HASH_SIZE, sha256);
    sqlite3_stmt *s = db_stmt(c, "INSERT OR REPLACE INTO verified VALUES (?, ?, ?, ?, ?, ?)");
    db_bind_text(s, 1, sha256);
    db_bind_u64(s, 2, k->size);
    db_bind_u64(s, 3, k->mtime_ns);
    db_bind_u64(s, 4, k->ctime_ns);
    db_bind_u64(s, 5, k->inode);
    db_bind_u64(s, 6, k->at_ms);
    enum err e = db_run(c, s);
    if (s)
        sqlite3_clear_bindings(s);
    return e;
}

void verify_flush(struct verify *v)
{
    struct check *taken = NULL;
    struct check *fresh = malloc(PENDING_MAX * sizeof(*fresh));
    struct db_conn *c;
    size_t n = 0;
    if (!fresh)
        return;
    pthread_mutex_lock(&v->saving);
    pthread_mutex_lock(&v->lock);
    if (v->n_pending > 0) {
        taken = v->pending;
        n = v->n_pending;
        v->pending = fresh;
        v->n_pending = 0;
        fresh = NULL;
    }
    pthread_mutex_unlock(&v->lock);
    free(fresh);
    if (n > 0 && !db_is_suspect(v->db)) {
        enum err e = db_write_begin(v->db, &c);
        if (!e) {
            for (size_t i = 0; i < n && !e; i++)
                e = save(c, &taken[i]);
            e = db_write_end(c, e);
        }
        if (e)
            log_write(LOG_WARN, "verify", "%zu checks were not written down: %s", n, err_text(e));
    }
    pthread_mutex_unlock(&v->saving);
    free(taken);
}

static void *flush_now_and_then(void *ctx)
{
    struct verify *v = ctx;
    while (bell_wait(&v->bell, FLUSH_MS, NULL))
        verify_flush(v);
    return NULL;
}

/* ---- checking */

/* True when the file is as it was at its last check. */
static int is_checked(struct verify *v, const char *sha256, const uint8_t *raw, const struct stat *st, uint64_t *at_ms)
{
    struct check now = check_of(raw, st, 0);
    pthread_mutex_lock(&v->lock);
    struct check *known = find(v, raw);
    int same = known && same_file(known, &now);
    *at_ms = known ? known->at_ms : 0;
    pthread_mutex_unlock(&v->lock);
    if (same || known)
        return same;
    struct check loaded = now;
    if (load(v, sha256, &loaded) != ERR_OK)
        return 0;
    *at_ms = loaded.at_ms;
    if (!same_file(&loaded, &now))
        return 0;
    pthread_mutex_lock(&v->lock);
    if (!find(v, raw))
        remember(v, &loaded);
    pthread_mutex_unlock(&v->lock);
    return 1;
}

static int find_reading(struct verify *v, const uint8_t *raw)
{
    for (size_t i = 0; i < v->n_reading; i++)
        if (memcmp(v->reading[i], raw, HASH_SIZE) == 0)
            return (int)i;
    return -1;
}

/* Becomes the one reader of a blob. Returns 0 when it had to wait for another one: look again. */
static int begin_reading(struct verify *v, const uint8_t *raw)
{
    int mine = 1;
    pthread_mutex_lock(&v->lock);
    while (find_reading(v, raw) >= 0 || v->n_reading == READING_MAX) {
        mine = 0;
        pthread_cond_wait(&v->read_ended, &v->lock);
    }
    if (mine)
        memcpy(v->reading[v->n_reading++], raw, HASH_SIZE);
    pthread_mutex_unlock(&v->lock);
    return mine;
}

static void end_reading(struct verify *v, const uint8_t *raw)
{
    pthread_mutex_lock(&v->lock);
    int i = find_reading(v, raw);
    v->n_reading--;
    memmove(v->reading[i], v->reading[v->n_reading], HASH_SIZE);
    pthread_cond_broadcast(&v->read_ended);
    pthread_mutex_unlock(&v->lock);
}

/* Hashes an open blob; ERR_CORRUPT when the hash is another one. */
static enum err read_and_hash(int fd, const uint8_t *raw)
{
    uint8_t digest[HASH_SIZE];
    if (lseek(fd, 0, SEEK_SET) != 0)
        return ERR_IO;
    enum err e = hash_fd(fd, digest, NULL);
    if (!e && !hash_equal(digest, raw, HASH_SIZE))
        e = ERR_CORRUPT;
    return e;
}

/* Puts a bad copy away and says so to whom it concerns. Returns ERR_CORRUPT, or why it could not. Its check is forgotten first: a power cut may bring the copy back to its place, with
 * the size and the times of its last check, and then it must be read again. */
static enum err put_away(struct verify *v, const char *sha256)
{
    enum err e = forget_check(v, sha256);
    if (e)
        log_write(LOG_WARN, "verify", "the check of the bad blob %s was not forgotten: %s", sha256, err_text(e));
    e = blobs_quarantine(v->blobs, sha256);
    if (e && e != ERR_NOT_FOUND)
        return e;
    if (v->lost)
        v->lost(v->lost_ctx, sha256, 1);
    return ERR_CORRUPT;
}

/* Checks an open, unchecked blob by reading it; a bad one is put away. A sector that cannot be read is as bad as wrong bytes. */
static enum err read_one(struct verify *v, const char *sha256, const uint8_t *raw, int fd, struct stat *st)
{
    struct stat after;
    enum err e = read_and_hash(fd, raw);
    if (!e && fstat(fd, &after) != 0)
        e = ERR_IO;
    /* Changed while it was read: what was hashed is not what is there. */
    if (!e && to_ns(after.st_ctim) != to_ns(st->st_ctim))
        return ERR_UNAVAILABLE;
    if (!e) {
        verify_note(v, raw, &after);
        return ERR_OK;
    }
    log_write(LOG_ERROR, "verify", "blob %s: %s", sha256, err_text(e));
    return put_away(v, sha256);
}

/* Only its reader moves a blob away; but between its opening and our turn another reader may have done so. */
static int is_still_named(struct verify *v, const char *sha256, const struct stat *st)
{
    struct stat now;
    return blobs_stat(v->blobs, sha256, &now) == ERR_OK && now.st_ino == st->st_ino;
}

enum err verify_get(struct verify *v, const char *sha256, int *fd, struct stat *st)
{
    uint8_t raw[HASH_SIZE];
    enum err e = num_unhex(sha256, raw, HASH_SIZE);
    while (!e) {
        uint64_t at_ms;
        e = blobs_get(v->blobs, sha256, fd, st);
        if (e)
            return e == ERR_CORRUPT ? put_away(v, sha256) : e;
        if (is_checked(v, sha256, raw, st, &at_ms))
            return ERR_OK;
        int mine = begin_reading(v, raw), done = mine && is_still_named(v, sha256, st);
        if (done)
            e = read_one(v, sha256, raw, *fd, st);
        if (mine)
            end_reading(v, raw);
        if (done && !e)
            return ERR_OK;
        close(*fd);
    }
    return e;
}

enum err verify_check(struct verify *v, const char *sha256)
{
    int fd;
    struct stat st;
    enum err e = verify_get(v, sha256, &fd, &st);
    if (!e)
        close(fd);
    return e;
}

enum err verify_again(struct verify *v, const char *sha256, uint64_t *size)
{
    uint8_t raw[HASH_SIZE];
    struct stat st;
    int fd, done = 0;
    enum err e = num_unhex(sha256, raw, HASH_SIZE);
    while (!e && !done) {
        e = blobs_get(v->blobs, sha256, &fd, &st);
        if (e)
            return e == ERR_CORRUPT ? put_away(v, sha256) : e;
        int mine = begin_reading(v, raw);
        if (mine && is_still_named(v, sha256, &st)) {
            posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
            e = read_one(v, sha256, raw, fd, &st);
            done = 1;
        }
        if (mine)
            end_reading(v, raw);
        close(fd);
    }
    if (size && done)
        *size = (uint64_t)st.st_size;
    return e;
}

enum blob_state verify_state(struct verify *v, const char *sha256, uint64_t *at_ms)
{
    uint8_t raw[HASH_SIZE];
    struct stat st;
    *at_ms = 0;
    if (num_unhex(sha256, raw, HASH_SIZE))
        return BLOB_UNKNOWN;
    enum err e = blobs_stat(v->blobs, sha256, &st);
    if (e)
        return e == ERR_NOT_FOUND ? needs_state(v->db, sha256) : BLOB_BAD;
    return is_checked(v, sha256, raw, &st, at_ms) ? BLOB_STORED : BLOB_UNKNOWN;
}

/* ---- life */

enum err verify_open(struct db *db, struct blobs *blobs, struct verify **out)
{
    struct verify *v = calloc(1, sizeof(*v));
    if (!v)
        return ERR_NOMEM;
    v->db = db;
    v->blobs = blobs;
    pthread_mutex_init(&v->saving, NULL);
    pthread_mutex_init(&v->lock, NULL);
    pthread_cond_init(&v->read_ended, NULL);
    bell_init(&v->bell);
    v->sets = calloc(SETS, sizeof(*v->sets));
    v->pending = malloc(PENDING_MAX * sizeof(*v->pending));
    v->pins = pins_new(PINS_AFTER_MS, PINS_MAX);
    if (v->sets && v->pending && v->pins)
        v->has_thread = pthread_create(&v->thread, NULL, flush_now_and_then, v) == 0;
    if (!v->has_thread) {
        verify_close(v);
        return ERR_NOMEM;
    }
    *out = v;
    return ERR_OK;
}

void verify_on_loss(struct verify *v, void (*lost)(void *ctx, const char *sha256, int bad), void *ctx)
{
    v->lost = lost;
    v->lost_ctx = ctx;
}

void verify_close(struct verify *v)
{
    if (!v)
        return;
    bell_stop(&v->bell);
    if (v->has_thread) {
        pthread_join(v->thread, NULL);
        verify_flush(v);
    }
    bell_release(&v->bell);
    pthread_cond_destroy(&v->read_ended);
    pthread_mutex_destroy(&v->lock);
    pthread_mutex_destroy(&v->saving);
    free(v->pending);
    pins_free(v->pins);
    free(v->sets);
    free(v);
}
