#include "node/needs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum err needs_add(struct db_conn *c, const char *sha256, uint64_t size, const char *key, int bad)
{
    sqlite3_stmt *s = db_stmt(c, "INSERT INTO need (sha256, size, key, bad) VALUES (?, ?, ?, ?)"
                                 " ON CONFLICT (sha256) DO UPDATE SET bad = max(bad, excluded.bad)");
    db_bind_text(s, 1, sha256);
    db_bind_u64(s, 2, size);
    db_bind_text(s, 3, key);
    db_bind_u64(s, 4, bad != 0);
    return db_run(c, s);
}

enum err needs_write(struct db *db, const char *sha256, uint64_t size, const char *key)
{
    struct db_conn *c;
    enum err e = db_write_begin(db, &c);
    return e ? e : db_write_end(c, needs_add(c, sha256, size, key, 0));
}

/* Adds rows by a statement that finds the record; ERR_NOT_FOUND when there is none. */
static enum err add_found(struct db_conn *c, sqlite3_stmt *s, const char *sha256, int bad)
{
    int row;
    db_bind_text(s, 1, sha256);
    db_bind_u64(s, 2, bad != 0);
    enum err e = db_step(c, s, &row);
    return !e && !row ? ERR_NOT_FOUND : e;
}

/* The slots have no index by blob: they are few that are not records too, and blobs are lost rarely. */
static enum err add_known_in(struct db_conn *c, const char *sha256, int bad)
{
    enum err e = add_found(c,
        db_stmt(c, "INSERT INTO need (sha256, size, key, bad)"
                   " SELECT sha256, json_extract(body, '$.size'), key, ?2 FROM record WHERE sha256 = ?1 AND sha256 <> '' LIMIT 1"
                   " ON CONFLICT (sha256) DO UPDATE SET bad = max(bad, excluded.bad) RETURNING 1"),
        sha256, bad);
    if (e != ERR_NOT_FOUND)
        return e;
    return add_found(c,
        db_stmt(c, "INSERT INTO need (sha256, size, key, bad)"
                   " SELECT ?1, json_extract(slot_record, '$.size'), key, ?2 FROM course"
                   " WHERE slot_record IS NOT NULL AND json_extract(slot_record, '$.sha256') = ?1 LIMIT 1"
                   " ON CONFLICT (sha256) DO UPDATE SET bad = max(bad, excluded.bad) RETURNING 1"),
        sha256, bad);
}

enum err needs_add_known(struct db *db, const char *sha256, int bad)
{
    struct db_conn *c;
    enum err e = db_write_begin(db, &c);
    return e ? e : db_write_end(c, add_known_in(c, sha256, bad));
}

enum err needs_remove(struct db *db, const char *sha256)
{
    struct db_conn *c;
    enum err e = db_write_begin(db, &c);
    if (e)
        return e;
    sqlite3_stmt *s = db_stmt(c, "DELETE FROM need WHERE sha256 = ?");
    db_bind_text(s, 1, sha256);
    return db_write_end(c, db_run(c, s));
}

static enum err next_row(struct db_conn *c, sqlite3_stmt *s, struct need *out, int *row)
{
    enum err e = db_step(c, s, row);
    if (e || !*row)
        return e;
    snprintf(out->sha256, sizeof(out->sha256), "%s", db_column_text(s, 0));
    out->size = db_column_u64(s, 1);
    out->bad = db_column_u64(s, 3) != 0;
    out->key = strdup(db_column_text(s, 2));
    return out->key ? ERR_OK : ERR_NOMEM;
}

enum err needs_list(struct db *db, const char *after, struct need *out, size_t max, size_t *n)
{
    struct db_conn *c;
    *n = 0;
    enum err e = db_read_begin(db, &c);
    if (e)
        return e;
    sqlite3_stmt *s = db_stmt(c, "SELECT sha256, size, key, bad FROM need WHERE sha256 > ? ORDER BY sha256 LIMIT ?");
    db_bind_text(s, 1, after);
    db_bind_u64(s, 2, max);
    int row = 1;
    while (!e && row && *n < max) {
        e = next_row(c, s, &out[*n], &row);
        if (!e && row)
            (*n)++;
    }
    db_read_end(c);
    if (e) {
        for (size_t i = 0; i < *n; i++)
            free(out[i].key);
        *n = 0;
    }
    return e;
}

enum blob_state needs_state(struct db *db, const char *sha256)
{
    struct db_conn *c;
    if (db_read_begin(db, &c))
        return BLOB_UNKNOWN;
    int row = 0;
    sqlite3_stmt *s = db_stmt(c, "SELECT bad FROM need WHERE sha256 = ?");
    db_bind_text(s, 1, sha256);
    enum blob_state state = BLOB_MISSING;
    if (db_step(c, s, &row) == ERR_OK && row && db_column_u64(s, 0))
        state = BLOB_BAD;
    db_read_end(c);
    return state;
}
