#include "node/catalog.h"

#include "lib/base/clock.h"
#include "lib/base/hash.h"
#include "lib/base/num.h"
#include "lib/wire/history.h"
#include "node/records.h"

#include <stdlib.h>
#include <string.h>

uint64_t catalog_digest_of(const char *key, const struct history *h)
{
    if (h->n == 0)
        return 0;
    uint8_t digest[HASH_SIZE];
    struct hash_ctx *hash = hash_new();
    if (!hash)
        abort(); /* as all of hash.h does without memory */
    hash_add(hash, key, strlen(key) + 1);
    for (size_t i = 0; i < h->n; i++) {
        uint8_t id[STAMP_BYTES];
        stamp_bytes(h->entries[i].record.id, id);
        hash_add(hash, id, sizeof(id));
    }
    hash_end(hash, digest);
    hash_free(hash);
    uint64_t value = num_load_be64(digest);
    return value ? value : 1;
}

static enum err is_needed(struct db_conn *conn, const char *sha256, int *out)
{
    sqlite3_stmt *s = db_stmt(conn, "SELECT 1 FROM need WHERE sha256 = ?");
    db_bind_text(s, 1, sha256);
    return db_step(conn, s, out);
}

/* Counts live versions, and those whose blob is not known to be missing. */
static enum err count_live(struct db_conn *conn, const struct history *h, struct catalog_course *out)
{
    const struct record *current = history_current(h);
    enum err e = ERR_OK;
    for (size_t i = 0; i < h->n && !e; i++) {
        int needed = 0;
        const struct record *r = &h->entries[i].record;
        if (!history_is_live(h, i))
            continue;
        e = is_needed(conn, r->sha256, &needed);
        out->live++;
        out->here += !needed;
        if (r == current) {
            out->is_live = 1;
            out->current_here = !needed;
        }
    }
    return e;
}

static enum err read_slot(struct db_conn *conn, const char *key, const struct history *h, struct catalog_course *out)
{
    int row;
    struct record r;
    sqlite3_stmt *s = db_stmt(conn, "SELECT slot_ballot, slot_record FROM course WHERE key = ? AND slot_record IS NOT NULL");
    db_bind_text(s, 1, key);
    enum err e = db_step(conn, s, &row);
    if (e || !row)
        return e;
    const char *text = db_column_text(s, 1);
    out->slot_ms = hlc_to_unix_ms(db_column_stamp(s, 0).clock);
    e = record_parse(text, strlen(text), &r);
    if (e)
        return e == ERR_SYNTAX ? ERR_CORRUPT : e;
    out->open_slot = !history_find(h, r.id);
    record_release(&r);
    return ERR_OK;
}

enum err catalog_read(struct db_conn *conn, const char *key, struct catalog_course *out)
{
    struct history h;
    memset(out, 0, sizeof(*out));
    history_init(&h);
    enum err e = records_history(conn, key, &h);
    if (!e) {
        out->point = ring_key_point(key);
        out->records = (uint32_t)h.n;
        out->digest = catalog_digest_of(key, &h);
        e = count_live(conn, &h, out);
    }
    if (!e)
        e = read_slot(conn, key, &h, out);
    history_release(&h);
    return e;
}
