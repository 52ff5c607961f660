#include "node/catalog.h"

#include "lib/base/log.h"
#include "lib/name/name.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define READ_TOGETHER 256 /* courses in one read transaction, so that none holds the WAL back for long */
#define LIST_TOGETHER 512
#define CHANGED_MAX 65536 /* notes; with more, all is read again */

/* Course keys; doubles are fine. */
struct keys {
    char **at;
    size_t n, cap;
};

struct bucket {
    struct catalog_course *at;
    size_t n, cap;
};

struct catalog {
    struct db *db;
    struct ledger *ledger;
    char self[RING_ID_MAX];
    struct keys touched; /* by the transaction under way; guarded by the writer's lock, like the next */
    int touched_more;    /* and more, which memory did not hold */
    pthread_mutex_t changed_lock;
    struct keys changed; /* by transactions that ended; guarded by changed_lock, like the next */
    int read_all;        /* what changed is not known: nothing was read yet, or memory ran out */
    pthread_mutex_t refreshing;
    pthread_mutex_t lock; /* guards all below */
    struct ledger_ring *held;
    struct catalog_ring ring;
    uint64_t generation;
    struct bucket buckets[CATALOG_BUCKETS];
};

unsigned catalog_bucket(uint64_t point)
{
    return (unsigned)(point / (UINT64_MAX / CATALOG_BUCKETS + 1));
}

/* ---- lists of keys */

static enum err keys_add(struct keys *k, const char *key)
{
    /* A transaction often touches one course many times. */
    if (k->n > 0 && strcmp(k->at[k->n - 1], key) == 0)
        return ERR_OK;
    if (k->n == k->cap) {
        size_t cap = k->cap ? 2 * k->cap : 64;
        char **at = reallocarray(k->at, cap, sizeof(at[0]));
        if (!at)
            return ERR_NOMEM;
        k->at = at;
        k->cap = cap;
    }
    k->at[k->n] = strdup(key);
    return k->at[k->n] ? (k->n++, ERR_OK) : ERR_NOMEM;
}

static void keys_clear(struct keys *k)
{
    for (size_t i = 0; i < k->n; i++)
        free(k->at[i]);
    free(k->at);
    *k = (struct keys){0};
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* ---- noticing changes */

/* The SQL function catalog_touch(key), called by the triggers below within the writer's transaction. */
static void touch(sqlite3_context *sql, int n, sqlite3_value **values)
{
    struct catalog *c = sqlite3_user_data(sql);
    const unsigned char *key = n == 1 ? sqlite3_value_text(values[0]) : NULL;
    if (!key || keys_add(&c->touched, (const char *)key) != ERR_OK)
        c->touched_more = 1;
}

/* Hands over what a transaction touched, once its effect can be read. One that was taken back costs a look in vain. */
static void write_ended(void *ctx)
{
    struct catalog *c = ctx;
    if (c->touched.n == 0 && !c->touched_more)
        return;
    pthread_mutex_lock(&c->changed_lock);
    c->read_all |= c->touched_more || c->changed.n > CHANGED_MAX;
    for (size_t i = 0; i < c->touched.n && !c->read_all; i++)
        c->read_all = keys_add(&c->changed, c->touched.at[i]) != ERR_OK;
    if (c->read_all)
        keys_clear(&c->changed);
    pthread_mutex_unlock(&c->changed_lock);
    keys_clear(&c->touched);
    c->touched_more = 0;
}

/* The courses that name a blob change when it is lost or found. */
static const char triggers[] =
    "PRAGMA temp_store=MEMORY;"
    "CREATE TEMP TRIGGER record_in AFTER INSERT ON main.record BEGIN SELECT catalog_touch(new.key); END;"
    "CREATE TEMP TRIGGER record_out AFTER DELETE ON main.record BEGIN SELECT catalog_touch(old.key); END;"
    "CREATE TEMP TRIGGER slot_in AFTER INSERT ON main.course WHEN new.slot_record IS NOT NULL BEGIN SELECT catalog_touch(new.key); END;"
    "CREATE TEMP TRIGGER slot_changed AFTER UPDATE OF slot_ballot ON main.course BEGIN SELECT catalog_touch(new.key); END;"
    "CREATE TEMP TRIGGER course_out AFTER DELETE ON main.course BEGIN SELECT catalog_touch(old.key); END;"
    "CREATE TEMP TRIGGER need_in AFTER INSERT ON main.need BEGIN SELECT catalog_touch(key) FROM record WHERE sha256 = new.sha256; END;"
    "CREATE TEMP TRIGGER need_out AFTER DELETE ON main.need BEGIN SELECT catalog_touch(key) FROM record WHERE sha256 = old.sha256; END;";

static enum err watch(struct catalog *c)
{
    struct db_conn *conn;
    char *why = NULL;
    enum err e = db_write_begin(c->db, &conn);
    if (e)
        return e;
    int rc = sqlite3_create_function_v2(conn->handle, "catalog_touch", 1, SQLITE_UTF8 | SQLITE_INNOCUOUS, c, touch, NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(conn->handle, triggers, NULL, NULL, &why);
    if (rc != SQLITE_OK)
        log_write(LOG_ERROR, "catalog", "the database cannot be watched: %s", why ? why : sqlite3_errstr(rc));
    sqlite3_free(why);
    e = db_write_end(conn, rc == SQLITE_OK ? ERR_OK : ERR_IO);
    if (!e)
        db_on_write_end(c->db, write_ended, c);
    return e;
}

/* ---- the table; all under the lock */

static struct catalog_course *find(struct bucket *b, uint64_t point, const char *key)
{
    for (size_t i = 0; i < b->n; i++)
        if (b->at[i].point == point && strcmp(b->at[i].key, key) == 0)
            return &b->at[i];
    return NULL;
}

static void set_owners(const struct catalog_ring *ring, struct catalog_course *course)
{
    uint32_t owners[RING_K_MAX];
    course->n_owners = ring->ring ? (uint32_t)ring_owners(ring->ring, course->point, owners) : 0;
    for (uint32_t i = 0; i < course->n_owners; i++)
        course->owners[i] = (uint16_t)owners[i];
}

static struct catalog_course *add(struct bucket *b, const char *key)
{
    if (b->n == b->cap) {
        size_t cap = b->cap ? 2 * b->cap : 4;
        struct catalog_course *at = reallocarray(b->at, cap, sizeof(at[0]));
        if (!at)
            return NULL;
        b->at = at;
        b->cap = cap;
    }
    struct catalog_course *course = &b->at[b->n];
    memset(course, 0, sizeof(*course));
    course->key = strdup(key);
    if (course->key)
        b->n++;
    return course->key ? course : NULL;
}

/* Puts what was read in place; a course of which nothing is left goes. */
static enum err put(struct catalog *c, const char *key, const struct catalog_course *read)
{
    struct bucket *b = &c->buckets[catalog_bucket(read->point)];
    struct catalog_course *course = find(b, read->point, key);
    c->generation++;
    if (read->digest == 0 && !read->open_slot) {
        if (course) {
            free(course->key);
            *course = b->at[--b->n];
        }
        return ERR_OK;
    }
    if (!course)
        course = add(b, key);
    if (!course)
        return ERR_NOMEM;
    char *kept = course->key;
    *course = *read;
    course->key = kept;
    set_owners(&c->ring, course);
    return ERR_OK;
}

/* ---- refreshing; one thread at a time */

/* All keys, page by page. */
static enum err list_all(struct catalog *c, struct keys *out)
{
    char after[NAME_KEY_BYTES_MAX + 1] = "";
    size_t n = LIST_TOGETHER;
    enum err e = ERR_OK;
    while (!e && n == LIST_TOGETHER) {
        struct db_conn *conn;
        int row = 1;
        e = db_read_begin(c->db, &conn);
        if (e)
            break;
        sqlite3_stmt *s = db_stmt(conn, "SELECT key FROM course WHERE key > ? ORDER BY key LIMIT ?");
        db_bind_text(s, 1, after);
        db_bind_u64(s, 2, LIST_TOGETHER);
        n = 0;
        while (!e && row) {
            e = db_step(conn, s, &row);
            if (!e && row && n++ < LIST_TOGETHER)
                e = keys_add(out, db_column_text(s, 0));
        }
        db_read_end(conn);
        if (n > 0 && out->n > 0)
            snprintf(after, sizeof(after), "%s", out->at[out->n - 1]);
    }
    return e;
}

static enum err read_some(struct catalog *c, char *const *keys, size_t n)
{
    struct catalog_course *read = calloc(n, sizeof(*read));
    struct db_conn *conn;
    enum err e = read ? db_read_begin(c->db, &conn) : ERR_NOMEM;
    if (!e) {
        for (size_t i = 0; i < n && !e; i++)
            e = catalog_read(conn, keys[i], &read[i]);
        db_read_end(conn);
    }
    pthread_mutex_lock(&c->lock);
    for (size_t i = 0; i < n && !e; i++)
        e = put(c, keys[i], &read[i]);
    pthread_mutex_unlock(&c->lock);
    free(read);
    return e;
}

/* Sorts, and leaves out doubles. */
static void make_unique(struct keys *k)
{
    size_t kept = 0;
    if (k->n > 0)
        qsort(k->at, k->n, sizeof(k->at[0]), compare_keys);
    for (size_t i = 0; i < k->n; i++) {
        if (kept > 0 && strcmp(k->at[kept - 1], k->at[i]) == 0)
            free(k->at[i]);
        else
            k->at[kept++] = k->at[i];
    }
    k->n = kept;
}

static void forget_all(struct catalog *c)
{
    pthread_mutex_lock(&c->lock);
    for (size_t b = 0; b < CATALOG_BUCKETS; b++) {
        for (size_t i = 0; i < c->buckets[b].n; i++)
            free(c->buckets[b].at[i].key);
        c->buckets[b].n = 0;
    }
    c->generation++;
    pthread_mutex_unlock(&c->lock);
}

/* Reads what changed; the notes are taken before the reading begins, so that none is lost. */
static enum err refresh_courses(struct catalog *c)
{
    pthread_mutex_lock(&c->changed_lock);
    struct keys keys = c->changed;
    int all = c->read_all;
    c->changed = (struct keys){0};
    c->read_all = 0;
    pthread_mutex_unlock(&c->changed_lock);
    enum err e = ERR_OK;
    if (all) {
        forget_all(c);
        e = list_all(c, &keys);
    }
    make_unique(&keys);
    for (size_t i = 0; i < keys.n && !e; i += READ_TOGETHER)
        e = read_some(c, keys.at + i, keys.n - i < READ_TOGETHER ? keys.n - i : READ_TOGETHER);
    keys_clear(&keys);
    if (e) {
        pthread_mutex_lock(&c->changed_lock);
        c->read_all = 1;
        pthread_mutex_unlock(&c->changed_lock);
    }
    return e;
}

/* Takes a new ring: all owners are found again. */
static enum err refresh_ring(struct catalog *c)
{
    struct ledger_ring *held = ledger_hold(c->ledger);
    if (!held)
        return ERR_UNAVAILABLE;
    pthread_mutex_lock(&c->lock);
    if (!c->held || held->doc != c->held->doc) {
        const struct ringdoc *doc = held->doc;
        struct ledger_ring *old = c->held;
        c->held = held;
        held = old;
        c->ring.ring = doc->before ? doc->before : doc->ring;
        c->ring.epoch = doc->ring->epoch;
        c->ring.serial++;
        c->ring.self = ring_find(c->ring.ring, c->self);
        for (size_t b = 0; b < CATALOG_BUCKETS; b++)
            for (size_t i = 0; i < c->buckets[b].n; i++)
                set_owners(&c->ring, &c->buckets[b].at[i]);
        c->generation++;
    }
    pthread_mutex_unlock(&c->lock);
    ledger_drop(held);
    return ERR_OK;
}

enum err catalog_refresh(struct catalog *c)
{
    pthread_mutex_lock(&c->refreshing);
    enum err e = refresh_courses(c);
    if (!e)
        e = refresh_ring(c);
    pthread_mutex_unlock(&c->refreshing);
    return e;
}

/* ---- asking */

uint64_t catalog_generation(struct catalog *c)
{
    pthread_mutex_lock(&c->lock);
    uint64_t generation = c->generation;
    pthread_mutex_unlock(&c->lock);
    return generation;
}

void catalog_each(struct catalog *c, unsigned bucket,
    void (*each)(void *ctx, const struct catalog_ring *ring, const struct catalog_course *course), void *ctx)
{
    unsigned first = bucket == CATALOG_BUCKETS ? 0 : bucket, end = bucket == CATALOG_BUCKETS ? CATALOG_BUCKETS : bucket + 1;
    pthread_mutex_lock(&c->lock);
    for (unsigned b = first; b < end; b++)
        for (size_t i = 0; i < c->buckets[b].n; i++)
            each(ctx, &c->ring, &c->buckets[b].at[i]);
    pthread_mutex_unlock(&c->lock);
}

void catalog_with_ring(struct catalog *c, void (*look)(void *ctx, const struct catalog_ring *ring), void *ctx)
{
    pthread_mutex_lock(&c->lock);
    look(ctx, &c->ring);
    pthread_mutex_unlock(&c->lock);
}

uint64_t catalog_digest(struct catalog *c, const char *key)
{
    uint64_t point = ring_key_point(key);
    pthread_mutex_lock(&c->lock);
    const struct catalog_course *course = find(&c->buckets[catalog_bucket(point)], point, key);
    uint64_t digest = course ? course->digest : 0;
    pthread_mutex_unlock(&c->lock);
    return digest;
}

/* ---- life */

enum err catalog_open(struct db *db, struct ledger *ledger, const char *self, struct catalog **out)
{
    struct catalog *c = calloc(1, sizeof(*c));
    if (!c)
        return ERR_NOMEM;
    c->db = db;
    c->ledger = ledger;
    c->read_all = 1;
    c->ring.self = -1;
    snprintf(c->self, sizeof(c->self), "%s", self);
    pthread_mutex_init(&c->changed_lock, NULL);
    pthread_mutex_init(&c->refreshing, NULL);
    pthread_mutex_init(&c->lock, NULL);
    enum err e = watch(c);
    if (e)
        catalog_close(c);
    else
        *out = c;
    return e;
}

void catalog_close(struct catalog *c)
{
    if (!c)
        return;
    db_on_write_end(c->db, NULL, NULL);
    keys_clear(&c->touched);
    keys_clear(&c->changed);
    forget_all(c);
    for (size_t b = 0; b < CATALOG_BUCKETS; b++)
        free(c->buckets[b].at);
    ledger_drop(c->held);
    pthread_mutex_destroy(&c->changed_lock);
    pthread_mutex_destroy(&c->refreshing);
    pthread_mutex_destroy(&c->lock);
    free(c);
}
