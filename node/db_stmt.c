#include "node/db.h"

#include "lib/base/log.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

sqlite3_stmt *db_stmt(struct db_conn *c, const char *sql)
{
    for (size_t i = 0; i < c->n_cached; i++) {
        if (c->cache[i].sql == sql) {
            sqlite3_reset(c->cache[i].stmt);
            sqlite3_clear_bindings(c->cache[i].stmt);
            return c->cache[i].stmt;
        }
    }
    assert(c->n_cached < DB_STATEMENTS_MAX);
    sqlite3_stmt *s = NULL;
    if (!c->handle || sqlite3_prepare_v3(c->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &s, NULL) != SQLITE_OK) {
        log_write(LOG_ERROR, "database", "cannot prepare \"%s\": %s", sql, c->handle ? sqlite3_errmsg(c->handle) : "not open");
        return NULL;
    }
    c->cache[c->n_cached].sql = sql;
    c->cache[c->n_cached].stmt = s;
    c->n_cached++;
    return s;
}

void db_bind_text(sqlite3_stmt *s, int i, const char *text)
{
    if (s && text)
        sqlite3_bind_text(s, i, text, -1, SQLITE_STATIC);
}

void db_bind_u64(sqlite3_stmt *s, int i, uint64_t value)
{
    if (s)
        sqlite3_bind_int64(s, i, (sqlite3_int64)value);
}

void db_bind_stamp(sqlite3_stmt *s, int i, struct stamp stamp)
{
    uint8_t bytes[STAMP_BYTES];
    stamp_bytes(stamp, bytes);
    if (s)
        sqlite3_bind_blob(s, i, bytes, STAMP_BYTES, SQLITE_TRANSIENT);
}

void db_bind_bytes(sqlite3_stmt *s, int i, const void *bytes, size_t n)
{
    /* A NULL pointer would bind NULL instead of no bytes. */
    if (s)
        sqlite3_bind_blob64(s, i, n > 0 ? bytes : "", n, SQLITE_STATIC);
}

const char *db_column_text(sqlite3_stmt *s, int i)
{
    const unsigned char *text = sqlite3_column_text(s, i);
    return text ? (const char *)text : "";
}

uint64_t db_column_u64(sqlite3_stmt *s, int i)
{
    return (uint64_t)sqlite3_column_int64(s, i);
}

struct stamp db_column_stamp(sqlite3_stmt *s, int i)
{
    const void *bytes = sqlite3_column_blob(s, i);
    return bytes && sqlite3_column_bytes(s, i) == STAMP_BYTES ? stamp_from_bytes(bytes) : STAMP_ZERO;
}

int db_column_is_null(sqlite3_stmt *s, int i)
{
    return sqlite3_column_type(s, i) == SQLITE_NULL;
}

const void *db_column_bytes(sqlite3_stmt *s, int i, size_t *n)
{
    const void *bytes = sqlite3_column_blob(s, i);
    *n = (size_t)sqlite3_column_bytes(s, i);
    return bytes;
}

enum err db_about(struct db *db, char *node_id, size_t size, uint64_t *starts)
{
    struct db_conn *c;
    enum err e = db_read_begin(db, &c);
    if (e)
        return e;
    int row;
    sqlite3_stmt *s = db_stmt(c, "SELECT node, starts FROM about");
    e = db_step(c, s, &row);
    if (!e && !row)
        e = ERR_CORRUPT;
    if (!e) {
        snprintf(node_id, size, "%s", db_column_text(s, 0));
        *starts = db_column_u64(s, 1);
    }
    db_read_end(c);
    return e;
}

enum err db_count_start(struct db *db, uint64_t *starts)
{
    struct db_conn *c;
    enum err e = db_write_begin(db, &c);
    if (e)
        return e;
    int row;
    sqlite3_stmt *s = db_stmt(c, "UPDATE about SET starts = starts + 1 RETURNING starts");
    e = db_step(c, s, &row);
    if (!e && row)
        *starts = db_column_u64(s, 0);
    else if (!e)
        e = ERR_CORRUPT;
    return db_write_end(c, e);
}
