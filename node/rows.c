#include "node/rows.h"

#include <stdlib.h>
#include <string.h>

#define KEYS_BATCH 256

enum err rows_floor(struct db_conn *c, struct stamp *out)
{
    int row;
    sqlite3_stmt *s = db_stmt(c, "SELECT floor FROM ledger");
    enum err e = db_step(c, s, &row);
    if (!e)
        *out = row ? db_column_stamp(s, 0) : STAMP_ZERO;
    return e;
}

enum err rows_course(struct db_conn *c, const char *key, struct rows_course *out)
{
    memset(out, 0, sizeof(*out));
    sqlite3_stmt *s = db_stmt(c, "SELECT promised, slot_ballot FROM course WHERE key = ?");
    db_bind_text(s, 1, key);
    enum err e = db_step(c, s, &out->exists);
    if (e)
        return e;
    if (!out->exists)
        return rows_floor(c, &out->promised);
    out->promised = db_column_stamp(s, 0);
    out->has_slot = !db_column_is_null(s, 1);
    out->slot_ballot = db_column_stamp(s, 1);
    return ERR_OK;
}

enum err rows_promise(struct db_conn *c, const char *key, struct stamp stamp)
{
    sqlite3_stmt *s =
        db_stmt(c, "INSERT INTO course (key, promised) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET promised = excluded.promised");
    db_bind_text(s, 1, key);
    db_bind_stamp(s, 2, stamp);
    return db_run(c, s);
}

enum err rows_touch(struct db_conn *c, const char *key)
{
    struct stamp floor;
    enum err e = rows_floor(c, &floor);
    if (e)
        return e;
    sqlite3_stmt *s = db_stmt(c, "INSERT INTO course (key, promised) VALUES (?, ?) ON CONFLICT (key) DO NOTHING");
    db_bind_text(s, 1, key);
    db_bind_stamp(s, 2, floor);
    return db_run(c, s);
}

enum err rows_slot(struct db_conn *c, const char *key, struct stamp ballot, const struct record *value)
{
    struct buf text;
    buf_init(&text, RECORD_JSON_MAX);
    enum err e = value ? record_print(value, &text) : ERR_OK;
    sqlite3_stmt *s = db_stmt(c, "INSERT INTO course (key, promised, slot_ballot, slot_record, slot_sha256) VALUES (?1, ?2, ?2, ?3, ?4)"
                                 " ON CONFLICT (key) DO UPDATE SET promised = excluded.promised, slot_ballot = excluded.slot_ballot,"
                                 " slot_record = excluded.slot_record, slot_sha256 = excluded.slot_sha256");
    db_bind_text(s, 1, key);
    db_bind_stamp(s, 2, ballot);
    db_bind_text(s, 3, value ? buf_str(&text) : NULL);
    db_bind_text(s, 4, value ? value->sha256 : "");
    if (!e)
        e = db_run(c, s);
    if (s)
        sqlite3_clear_bindings(s);
    buf_release(&text);
    return e;
}

enum err rows_insert(struct db_conn *c, const char *key, const struct record *record, int direct)
{
    struct buf text;
    buf_init(&text, RECORD_JSON_MAX);
    enum err e = record_print(record, &text);
    sqlite3_stmt *s = db_stmt(c, "INSERT INTO record (key, id, direct, sha256, body) VALUES (?, ?, ?, ?, ?)"
                                 " ON CONFLICT (key, id) DO UPDATE SET direct = 1 WHERE excluded.direct = 1");
    db_bind_text(s, 1, key);
    db_bind_stamp(s, 2, record->id);
    db_bind_u64(s, 3, direct != 0);
    db_bind_text(s, 4, record->sha256);
    db_bind_text(s, 5, buf_str(&text));
    if (!e)
        e = db_run(c, s);
    if (s)
        sqlite3_clear_bindings(s);
    buf_release(&text);
    return e;
}

enum err rows_find_direct(struct db_conn *c, const char *key, struct stamp id, int *direct)
{
    int row;
    sqlite3_stmt *s = db_stmt(c, "SELECT direct FROM record WHERE key = ? AND id = ?");
    db_bind_text(s, 1, key);
    db_bind_stamp(s, 2, id);
    enum err e = db_step(c, s, &row);
    *direct = !e && row && db_column_u64(s, 0) != 0;
    return e;
}

static enum err run_with_key(struct db_conn *c, sqlite3_stmt *s, const char *key)
{
    db_bind_text(s, 1, key);
    enum err e = db_run(c, s);
    if (s)
        sqlite3_clear_bindings(s);
    return e;
}

enum err rows_drop(struct db_conn *c, const char *key)
{
    enum err e = run_with_key(c, db_stmt(c, "DELETE FROM record WHERE key = ?"), key);
    if (!e)
        e = run_with_key(c, db_stmt(c, "DELETE FROM course WHERE key = ?"), key);
    /* A need of this course that another one has too is asked for by that one's name from now on. */
    if (!e)
        e = run_with_key(c,
            db_stmt(c,
                "UPDATE need SET key = coalesce((SELECT r.key FROM record r WHERE r.sha256 = need.sha256 AND r.sha256 <> '' LIMIT 1),"
                " (SELECT k.key FROM course k WHERE k.slot_sha256 = need.sha256 AND k.slot_sha256 <> '' LIMIT 1), '') WHERE key = ?"),
            key);
    if (!e)
        e = db_run(c, db_stmt(c, "DELETE FROM need WHERE key = ''"));
    return e;
}

enum err rows_raise_floor(struct db_conn *c, struct stamp stamp)
{
    struct stamp floor;
    enum err e = rows_floor(c, &floor);
    if (e || stamp_cmp(stamp, floor) <= 0)
        return e;
    sqlite3_stmt *s = db_stmt(c, "UPDATE ledger SET floor = ?");
    db_bind_stamp(s, 1, stamp);
    return db_run(c, s);
}

enum err rows_texts(struct db_conn *c, const char *key, enum err (*each)(void *ctx, const char *record), void *ctx)
{
    sqlite3_stmt *s = db_stmt(c, "SELECT body FROM record WHERE key = ? ORDER BY id");
    int row = 1;
    enum err e = ERR_OK;
    db_bind_text(s, 1, key);
    while (!e && row) {
        e = db_step(c, s, &row);
        if (!e && row)
            e = each(ctx, db_column_text(s, 0));
    }
    return e;
}

enum err rows_slot_text(struct db_conn *c, const char *key, int *has, struct stamp *ballot, char **record)
{
    sqlite3_stmt *s = db_stmt(c, "SELECT slot_ballot, slot_record FROM course WHERE key = ? AND slot_ballot IS NOT NULL");
    *record = NULL;
    db_bind_text(s, 1, key);
    enum err e = db_step(c, s, has);
    if (e || !*has)
        return e;
    *ballot = db_column_stamp(s, 0);
    if (db_column_is_null(s, 1))
        return ERR_OK;
    *record = strdup(db_column_text(s, 1));
    return *record ? ERR_OK : ERR_NOMEM;
}

enum err rows_keys(struct db_conn *c, const char *after, char **keys, size_t max, size_t *n)
{
    sqlite3_stmt *s = db_stmt(c, "SELECT key FROM course WHERE key > ? ORDER BY key LIMIT ?");
    int row = 1;
    enum err e = ERR_OK;
    *n = 0;
    db_bind_text(s, 1, after);
    db_bind_u64(s, 2, max);
    while (!e && *n < max) {
        e = db_step(c, s, &row);
        if (e || !row)
            break;
        keys[*n] = strdup(db_column_text(s, 0));
        if (keys[*n])
            (*n)++;
        else
            e = ERR_NOMEM;
    }
    if (s) {
        sqlite3_reset(s);
        sqlite3_clear_bindings(s);
    }
    for (size_t i = 0; e && i < *n; i++)
        free(keys[i]);
    if (e)
        *n = 0;
    return e;
}

enum err rows_drop_unless(struct db_conn *c, int (*keep)(void *ctx, const char *key), void *ctx, uint64_t *dropped)
{
    char *keys[KEYS_BATCH], *after = NULL;
    size_t n = KEYS_BATCH;
    enum err e = ERR_OK;
    *dropped = 0;
    while (!e && n == KEYS_BATCH) {
        e = rows_keys(c, after ? after : "", keys, KEYS_BATCH, &n);
        for (size_t i = 0; i < n; i++) {
            if (!e && !keep(ctx, keys[i])) {
                e = rows_drop(c, keys[i]);
                (*dropped)++;
            }
            free(after);
            after = keys[i];
        }
    }
    free(after);
    return e;
}
