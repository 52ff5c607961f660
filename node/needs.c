#include "node/needs.h"

#include "lib/name/name.h"
#include "node/wanted.h"

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

/* Finds a course and a size for a blob, in R or in a slot. *row is 0 when nothing names it. */
static enum err find_name(struct db_conn *c, const char *sha256, sqlite3_stmt **out, int *row)
{
    *out = db_stmt(c,
        "SELECT key, json_extract(body, '$.size') FROM record WHERE sha256 = ?1 AND sha256 <> ''"
        " UNION ALL SELECT key, json_extract(slot_record, '$.size') FROM course WHERE slot_sha256 = ?1 AND slot_sha256 <> '' LIMIT 1");
    db_bind_text(*out, 1, sha256);
    return db_step(c, *out, row);
}

/* What there is to do about a blob: nothing (its row says it all), a row, or ERR_NOT_FOUND. Losses are seen again and again, and only the first is a write. */
static enum err look_before(struct db *db, const char *sha256, int bad, uint64_t deleted_before_ms, int *done, int *is_named)
{
    struct db_conn *c;
    struct wanted how;
    enum err e = db_read_begin(db, &c);
    if (e)
        return e;
    sqlite3_stmt *s = db_stmt(c, "SELECT 1 FROM need WHERE sha256 = ? AND bad >= ?");
    db_bind_text(s, 1, sha256);
    db_bind_u64(s, 2, bad != 0);
    e = db_step(c, s, done);
    *is_named = *done;
    if (!e && !*done) {
        e = wanted_blob(c, sha256, deleted_before_ms, &how);
        *is_named = how.named;
        if (!e && !how.wanted)
            e = ERR_NOT_FOUND;
    }
    db_read_end(c);
    return e;
}

static enum err add_known_in(struct db_conn *c, const char *sha256, int bad)
{
    sqlite3_stmt *s;
    int row;
    char key[NAME_KEY_BYTES_MAX + 1];
    enum err e = find_name(c, sha256, &s, &row);
    if (e || !row)
        return e ? e : ERR_NOT_FOUND;
    snprintf(key, sizeof(key), "%s", db_column_text(s, 0));
    return needs_add(c, sha256, db_column_u64(s, 1), key, bad);
}

enum err needs_add_known(struct db *db, const char *sha256, int bad, uint64_t deleted_before_ms, int *is_named)
{
    struct db_conn *c;
    int done;
    enum err e = look_before(db, sha256, bad, deleted_before_ms, &done, is_named);
    if (e || done)
        return e;
    e = db_write_begin(db, &c);
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

enum err needs_count(struct db *db, uint64_t *out)
{
    struct db_conn *c;
    int row;
    enum err e = db_read_begin(db, &c);
    if (e)
        return e;
    sqlite3_stmt *s = db_stmt(c, "SELECT count(*) FROM need");
    e = db_step(c, s, &row);
    if (!e)
        *out = db_column_u64(s, 0);
    db_read_end(c);
    return e;
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
