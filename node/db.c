#include "node/db.h"

#include "lib/base/log.h"
#include "node/bell.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READERS 4
#define APPLICATION_ID 0x52426e64 /* "RBnd" */
#define FORMAT 4
#define BUSY_TIMEOUT_MS 5000
#define WAL_PASSIVE_PAGES 1000 /* copied back beside the writers from here on */
#define WAL_RESET_PAGES 16384  /* 64 MiB: the writers wait while the rest is copied and the WAL starts again */
#define HOUSEKEEPER_MS 200
#define HOUSEKEEPER_BUSY_MS 20 /* how long it may wait for a reader while it holds the writers */

struct db {
    struct db_conn writer;
    pthread_mutex_t write_lock;
    struct db_conn readers[READERS];
    int reader_busy[READERS];
    pthread_mutex_t read_lock;
    pthread_cond_t reader_free;
    struct db_conn housekeeper;
    struct bell bell;
    pthread_t thread;
    int has_thread, read_only;
    atomic_int wal_pages, suspect;
    void (*write_ended)(void *ctx);
    void *write_ended_ctx;
};

/* The tables of format 1, and what each later format added: a new database gets all of it, an older one what it lacks. */
static const char schema[] =
    "CREATE TABLE about (one INTEGER PRIMARY KEY CHECK (one = 1), node TEXT NOT NULL, starts INTEGER NOT NULL);"
    "CREATE TABLE course (key TEXT PRIMARY KEY, promised BLOB NOT NULL, slot_ballot BLOB, slot_record TEXT, slot_sha256 TEXT)"
    " WITHOUT ROWID;"
    "CREATE INDEX course_blob ON course (slot_sha256) WHERE slot_sha256 <> '';"
    "CREATE TABLE record (key TEXT NOT NULL, id BLOB NOT NULL, direct INTEGER NOT NULL, sha256 TEXT NOT NULL, body TEXT NOT NULL,"
    " PRIMARY KEY (key, id)) WITHOUT ROWID;"
    "CREATE INDEX record_blob ON record (sha256) WHERE sha256 <> '';"
    "CREATE TABLE ledger (one INTEGER PRIMARY KEY CHECK (one = 1), promised TEXT, ring TEXT);"
    "INSERT INTO ledger VALUES (1, NULL, NULL);"
    "CREATE TABLE verified (sha256 TEXT PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, ctime_ns INTEGER NOT NULL,"
    " inode INTEGER NOT NULL, at_ms INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE need (sha256 TEXT PRIMARY KEY, size INTEGER NOT NULL, key TEXT NOT NULL, bad INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE hint (target TEXT NOT NULL, key TEXT NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (target, key)) WITHOUT ROWID;";
static const char format_2[] =
    "ALTER TABLE ledger ADD COLUMN floor BLOB;"
    "ALTER TABLE ledger ADD COLUMN committed INTEGER;"
    "ALTER TABLE ledger ADD COLUMN settle TEXT;"
    "CREATE TABLE settled (key TEXT PRIMARY KEY, epoch INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE scrub (one INTEGER PRIMARY KEY CHECK (one = 1), after TEXT NOT NULL, began_ms INTEGER NOT NULL,"
    " ended_ms INTEGER NOT NULL, read INTEGER NOT NULL, bad INTEGER NOT NULL, missing INTEGER NOT NULL);"
    "INSERT INTO scrub VALUES (1, '', 0, 0, 0, 0, 0);";
static const char format_3[] =
    "CREATE TABLE shared (name TEXT PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, ctime_ns INTEGER NOT NULL,"
    " inode INTEGER NOT NULL, sha256 BLOB NOT NULL, blocks BLOB NOT NULL);";
static const char format_4[] =
    "CREATE TABLE head (id INTEGER PRIMARY KEY AUTOINCREMENT, process TEXT NOT NULL, chain TEXT NOT NULL, n INTEGER NOT NULL,"
    " start INTEGER NOT NULL, k INTEGER NOT NULL, h BLOB NOT NULL, at_ms INTEGER NOT NULL, mac BLOB NOT NULL, got_ms INTEGER NOT NULL,"
    " UNIQUE (chain, process, n));"
    "CREATE INDEX head_got ON head (got_ms);";

/* SQLite's answer as ours; an I/O error makes the volume suspect: what reached the disk is not known any more. */
static enum err from_sqlite(struct db *db, sqlite3 *handle, int rc)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_DONE:
    case SQLITE_ROW: return ERR_OK;
    case SQLITE_FULL: return ERR_FULL;
    case SQLITE_NOMEM: return ERR_NOMEM;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return ERR_UNAVAILABLE;
    case SQLITE_READONLY: return ERR_DENIED;
    default: break;
    }
    log_write(LOG_ERROR, "database", "%s (%d)", handle ? sqlite3_errmsg(handle) : sqlite3_errstr(rc), rc);
    int corrupt = (rc & 0xff) == SQLITE_CORRUPT || (rc & 0xff) == SQLITE_NOTADB;
    if (db && (corrupt || (rc & 0xff) == SQLITE_IOERR))
        atomic_store(&db->suspect, 1);
    return corrupt ? ERR_CORRUPT : ERR_IO;
}

static enum err exec(struct db_conn *c, const char *sql)
{
    return from_sqlite(c->db, c->handle, sqlite3_exec(c->handle, sql, NULL, NULL, NULL));
}

static enum err conn_open(struct db_conn *c, struct db *db, const char *path, int flags)
{
    memset(c, 0, sizeof(*c));
    c->db = db;
    int rc = sqlite3_open_v2(path, &c->handle, flags | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc != SQLITE_OK) {
        enum err e = (rc & 0xff) == SQLITE_CANTOPEN ? ERR_NOT_FOUND : from_sqlite(db, c->handle, rc);
        sqlite3_close(c->handle);
        c->handle = NULL;
        return e;
    }
    sqlite3_busy_timeout(c->handle, BUSY_TIMEOUT_MS);
    sqlite3_extended_result_codes(c->handle, 1);
    /* The housekeeper alone copies the WAL back: a commit never pays for it. */
    return exec(c, "PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0; PRAGMA cache_size=-1024; PRAGMA foreign_keys=OFF;"
                   "PRAGMA journal_size_limit=67108864; PRAGMA trusted_schema=OFF;");
}

static void conn_close(struct db_conn *c)
{
    for (size_t i = 0; i < c->n_cached; i++)
        sqlite3_finalize(c->cache[i].stmt);
    c->n_cached = 0;
    if (c->handle && sqlite3_close(c->handle) != SQLITE_OK)
        log_write(LOG_ERROR, "database", "a connection was closed while in use: %s", sqlite3_errmsg(c->handle));
    c->handle = NULL;
}

enum err db_create(const char *path, const char *node_id)
{
    struct db_conn c = {0};
    if (access(path, F_OK) == 0)
        return ERR_CONFLICT;
    enum err e = conn_open(&c, NULL, path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    char head[128];
    snprintf(head, sizeof(head), "PRAGMA journal_mode=WAL; BEGIN IMMEDIATE; PRAGMA application_id=%d; PRAGMA user_version=%d;",
        APPLICATION_ID, FORMAT);
    if (!e)
        e = exec(&c, head);
    if (!e)
        e = exec(&c, schema);
    if (!e)
        e = exec(&c, format_2);
    if (!e)
        e = exec(&c, format_3);
    if (!e)
        e = exec(&c, format_4);
    sqlite3_stmt *s = db_stmt(&c, "INSERT INTO about VALUES (1, ?, 0)");
    db_bind_text(s, 1, node_id);
    if (!e)
        e = db_run(&c, s);
    if (!e)
        e = exec(&c, "COMMIT");
    conn_close(&c);
    return e;
}

static enum err read_format(struct db_conn *c, uint64_t *out)
{
    int row = 0;
    sqlite3_stmt *s = db_stmt(c, "PRAGMA user_version");
    enum err e = db_step(c, s, &row);
    *out = !e && row ? db_column_u64(s, 0) : 0;
    if (s)
        sqlite3_reset(s);
    return e;
}

/* A database that an older program left gets the newer tables, in one transaction. One that is only looked at stays as it is: who looks reads no table that format 1 lacks. */
static enum err check_format(struct db_conn *c, int read_only)
{
    uint64_t format;
    enum err e = read_format(c, &format);
    if (e)
        return e;
    if (format < 1 || format > FORMAT) {
        log_write(LOG_ERROR, "database", "format %llu is not one this program knows (1 to %d)", (unsigned long long)format, FORMAT);
        return ERR_CORRUPT;
    }
    if (format == FORMAT || read_only)
        return ERR_OK;
    e = exec(c, "BEGIN IMMEDIATE");
    if (e)
        return e;
    if (format < 2)
        e = exec(c, format_2);
    if (!e && format < 3)
        e = exec(c, format_3);
    if (!e)
        e = exec(c, format_4);
    if (!e)
        e = exec(c, "PRAGMA user_version=4");
    if (!e)
        e = exec(c, "COMMIT");
    if (e)
        return e;
    log_write(LOG_INFO, "database", "format %llu became format %d", (unsigned long long)format, FORMAT);
    return ERR_OK;
}

static int note_wal(void *ctx, sqlite3 *handle, const char *name, int pages)
{
    (void)handle, (void)name;
    struct db *db = ctx;
    atomic_store(&db->wal_pages, pages);
    return SQLITE_OK;
}

/* Copies the WAL back beside the writers. Under a load that never pauses the WAL would still grow for ever, because it starts again only when
 * all of it was copied: past WAL_RESET_PAGES the writers are held for the little that came in meanwhile. */
static void checkpoint(struct db *db)
{
    int pages = atomic_load(&db->wal_pages);
    if (pages < WAL_PASSIVE_PAGES)
        return;
    int rc = sqlite3_wal_checkpoint_v2(db->housekeeper.handle, "main", SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    if (rc == SQLITE_OK && pages >= WAL_RESET_PAGES) {
        pthread_mutex_lock(&db->write_lock);
        rc = sqlite3_wal_checkpoint_v2(db->housekeeper.handle, "main", SQLITE_CHECKPOINT_RESTART, NULL, NULL);
        pthread_mutex_unlock(&db->write_lock);
    }
    if (rc == SQLITE_OK)
        atomic_store(&db->wal_pages, 0);
    else if (rc != SQLITE_BUSY)
        (void)from_sqlite(db, db->housekeeper.handle, rc);
}

static void *housekeep(void *ctx)
{
    struct db *db = ctx;
    while (bell_wait(&db->bell, HOUSEKEEPER_MS, NULL)) {
        if (!db_is_suspect(db))
            checkpoint(db);
    }
    return NULL;
}

static enum err open_all(struct db *db, const char *path, int flags)
{
    enum err e = conn_open(&db->writer, db, path, flags);
    if (!e)
        e = check_format(&db->writer, db->read_only);
    for (int i = 0; i < READERS && !e; i++)
        e = conn_open(&db->readers[i], db, path, flags);
    if (!e && !db->read_only)
        e = conn_open(&db->housekeeper, db, path, flags);
    return e;
}

static enum err open_with(const char *path, int flags, struct db **out)
{
    struct db *db = calloc(1, sizeof(*db));
    if (!db)
        return ERR_NOMEM;
    db->read_only = (flags & SQLITE_OPEN_READONLY) != 0;
    pthread_mutex_init(&db->write_lock, NULL);
    pthread_mutex_init(&db->read_lock, NULL);
    pthread_cond_init(&db->reader_free, NULL);
    bell_init(&db->bell);
    enum err e = open_all(db, path, flags);
    if (!e && !db->read_only) {
        sqlite3_wal_hook(db->writer.handle, note_wal, db);
        sqlite3_busy_timeout(db->housekeeper.handle, HOUSEKEEPER_BUSY_MS);
        db->has_thread = pthread_create(&db->thread, NULL, housekeep, db) == 0;
        e = db->has_thread ? ERR_OK : ERR_NOMEM;
    }
    if (e)
        db_close(db);
    else
        *out = db;
    return e;
}

enum err db_open(const char *path, struct db **out)
{
    return open_with(path, SQLITE_OPEN_READWRITE, out);
}

enum err db_open_read(const char *path, struct db **out)
{
    return open_with(path, SQLITE_OPEN_READONLY, out);
}

void db_close(struct db *db)
{
    if (!db)
        return;
    bell_stop(&db->bell);
    if (db->has_thread)
        pthread_join(db->thread, NULL);
    conn_close(&db->housekeeper);
    for (int i = 0; i < READERS; i++) {
        assert(!db->reader_busy[i]);
        conn_close(&db->readers[i]);
    }
    conn_close(&db->writer);
    bell_release(&db->bell);
    pthread_cond_destroy(&db->reader_free);
    pthread_mutex_destroy(&db->read_lock);
    pthread_mutex_destroy(&db->write_lock);
    free(db);
}

int db_is_suspect(const struct db *db)
{
    return atomic_load(&db->suspect);
}

static void reset_statements(struct db_conn *c)
{
    for (size_t i = 0; i < c->n_cached; i++) {
        sqlite3_reset(c->cache[i].stmt);
        sqlite3_clear_bindings(c->cache[i].stmt);
    }
}

enum err db_write_begin(struct db *db, struct db_conn **out)
{
    if (db->read_only)
        return ERR_DENIED;
    if (db_is_suspect(db))
        return ERR_UNAVAILABLE;
    pthread_mutex_lock(&db->write_lock);
    enum err e = exec(&db->writer, "BEGIN IMMEDIATE");
    if (e)
        pthread_mutex_unlock(&db->write_lock);
    else
        *out = &db->writer;
    return e;
}

enum err db_write_commit(struct db_conn *c, enum err e)
{
    reset_statements(c);
    if (!e)
        e = exec(c, "COMMIT");
    /* Some failures end the transaction by themselves; a second ROLLBACK would only be noise. */
    if (e && !sqlite3_get_autocommit(c->handle) && exec(c, "ROLLBACK") != ERR_OK)
        atomic_store(&c->db->suspect, 1);
    return e;
}

void db_on_write_end(struct db *db, void (*ended)(void *ctx), void *ctx)
{
    pthread_mutex_lock(&db->write_lock);
    db->write_ended = ended;
    db->write_ended_ctx = ctx;
    pthread_mutex_unlock(&db->write_lock);
}

void db_write_release(struct db_conn *c)
{
    if (c->db->write_ended)
        c->db->write_ended(c->db->write_ended_ctx);
    pthread_mutex_unlock(&c->db->write_lock);
}

enum err db_write_end(struct db_conn *c, enum err e)
{
    e = db_write_commit(c, e);
    db_write_release(c);
    return e;
}

static int free_reader(const struct db *db)
{
    for (int i = 0; i < READERS; i++)
        if (!db->reader_busy[i])
            return i;
    return -1;
}

static void give_reader(struct db_conn *c)
{
    struct db *db = c->db;
    pthread_mutex_lock(&db->read_lock);
    db->reader_busy[c - db->readers] = 0;
    pthread_cond_signal(&db->reader_free);
    pthread_mutex_unlock(&db->read_lock);
}

enum err db_read_begin(struct db *db, struct db_conn **out)
{
    pthread_mutex_lock(&db->read_lock);
    int i = free_reader(db);
    for (; i < 0; i = free_reader(db))
        pthread_cond_wait(&db->reader_free, &db->read_lock);
    db->reader_busy[i] = 1;
    pthread_mutex_unlock(&db->read_lock);
    enum err e = exec(&db->readers[i], "BEGIN");
    if (e)
        give_reader(&db->readers[i]);
    else
        *out = &db->readers[i];
    return e;
}

void db_read_end(struct db_conn *c)
{
    reset_statements(c);
    if (exec(c, "COMMIT") != ERR_OK)
        log_write(LOG_ERROR, "database", "a read could not be ended");
    give_reader(c);
}

enum err db_step(struct db_conn *c, sqlite3_stmt *s, int *row)
{
    *row = 0;
    if (!s)
        return ERR_IO;
    int rc = sqlite3_step(s);
    *row = rc == SQLITE_ROW;
    return from_sqlite(c->db, c->handle, rc);
}

enum err db_run(struct db_conn *c, sqlite3_stmt *s)
{
    int row;
    enum err e = db_step(c, s, &row);
    return e;
}
