#include "node/wanted.h"

#include "lib/base/clock.h"
#include "lib/name/name.h"
#include "node/records.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int deletes_all(const struct record *r)
{
    return r->kind == RECORD_DELETE && stamp_is_zero(r->of);
}

/* Whether a tombstone gives up the bytes of what it covers: old enough, or made to erase. */
static int gives_up(const struct record *r, uint64_t deleted_before_ms)
{
    return r->erase || hlc_to_unix_ms(r->id.clock) < deleted_before_ms;
}

/* Versions that a tombstone of their own removed. */
static void drop_single(const struct history *h, uint64_t deleted_before_ms, unsigned char *wanted)
{
    for (size_t i = 0; i < h->n; i++) {
        const struct record *r = &h->entries[i].record;
        if (r->kind != RECORD_DELETE || stamp_is_zero(r->of) || !gives_up(r, deleted_before_ms))
            continue;
        const struct history_entry *of = history_find(h, r->of);
        if (of)
            wanted[of - h->entries] = 0;
    }
}

void wanted_versions(const struct history *h, uint64_t deleted_before_ms, unsigned char *wanted)
{
    int given_up = 0; /* a tombstone of everything, old enough, stands above */
    for (size_t i = h->n; i > 0; i--) {
        const struct record *r = &h->entries[i - 1].record;
        given_up |= deletes_all(r) && gives_up(r, deleted_before_ms);
        wanted[i - 1] = r->sha256[0] != '\0' && !given_up;
    }
    drop_single(h, deleted_before_ms, wanted);
}

/* Whether a version of this course that is to be kept names the blob. */
static enum err wants(struct db_conn *c, const char *key, const char *sha256, uint64_t deleted_before_ms, int *out)
{
    struct history h;
    history_init(&h);
    enum err e = records_history(c, key, &h);
    unsigned char *wanted = e ? NULL : calloc(h.n + 1, 1);
    if (!e && !wanted)
        e = ERR_NOMEM;
    if (!e)
        wanted_versions(&h, deleted_before_ms, wanted);
    for (size_t i = 0; i < h.n && !e; i++)
        *out |= wanted[i] && strcmp(h.entries[i].record.sha256, sha256) == 0;
    free(wanted);
    history_release(&h);
    return e;
}

static enum err named_by_slot(struct db_conn *c, const char *sha256, int *out)
{
    sqlite3_stmt *s = db_stmt(c, "SELECT 1 FROM course WHERE slot_sha256 = ?1 AND slot_sha256 <> '' LIMIT 1");
    db_bind_text(s, 1, sha256);
    return db_step(c, s, out);
}

enum err wanted_blob(struct db_conn *c, const char *sha256, uint64_t deleted_before_ms, struct wanted *out)
{
    char key[NAME_KEY_BYTES_MAX + 1] = "";
    int row = 0;
    memset(out, 0, sizeof(*out));
    enum err e = named_by_slot(c, sha256, &row);
    out->named = out->wanted = row;
    while (!e && !out->wanted) {
        sqlite3_stmt *s = db_stmt(c, "SELECT key FROM record WHERE sha256 = ?1 AND sha256 <> '' AND key > ?2 ORDER BY key LIMIT 1");
        db_bind_text(s, 1, sha256);
        db_bind_text(s, 2, key);
        e = db_step(c, s, &row);
        if (e || !row)
            break;
        char next[NAME_KEY_BYTES_MAX + 1];
        snprintf(next, sizeof(next), "%s", db_column_text(s, 0));
        if (s)
            sqlite3_clear_bindings(s);
        memcpy(key, next, sizeof(key));
        out->named = 1;
        e = wants(c, key, sha256, deleted_before_ms, &out->wanted);
    }
    return e;
}
