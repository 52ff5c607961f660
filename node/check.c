#include "node/check.h"

#include "lib/base/log.h"
#include "lib/base/num.h"
#include "lib/wire/history.h"
#include "node/blobs.h"
#include "node/identity.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static enum err print_blob(void *ctx, const char *sha256, const char *path, const struct stat *st)
{
    const char *data = ctx;
    int rc = printf("%s %s/%s 0 %llu\n", sha256, data, path, (unsigned long long)st->st_size);
    return rc < 0 ? ERR_IO : ERR_OK;
}

enum err check_list_blobs(const char *data)
{
    struct blobs *b;
    enum err e = blobs_open_read(data, &b);
    if (e)
        return e;
    /* The walk hands the context back as it is; it is not written to. */
    e = blobs_walk(b, print_blob, (void *)(uintptr_t)data);
    blobs_close(b);
    if (fflush(stdout) != 0)
        e = ERR_IO;
    return e;
}

struct look {
    struct blobs *blobs;
    struct db_conn *db;
    unsigned long wrong, courses, records, checked;
};

__attribute__((format(printf, 2, 3))) static void wrong(struct look *l, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    putchar('\n');
    l->wrong++;
}

static enum err check_integrity(struct look *l)
{
    sqlite3_stmt *s = db_stmt(l->db, "PRAGMA integrity_check");
    for (;;) {
        int row;
        enum err e = db_step(l->db, s, &row);
        if (e || !row)
            return e;
        if (strcmp(db_column_text(s, 0), "ok") != 0)
            wrong(l, "database: %s", db_column_text(s, 0));
    }
}

static void check_blob(struct look *l, const struct record *r)
{
    char id[STAMP_HEX_SIZE], hex[HASH_HEX_SIZE];
    uint8_t digest[HASH_SIZE];
    struct stat st;
    int fd;
    stamp_hex(r->id, id);
    enum err e = blobs_get(l->blobs, r->sha256, &fd, &st);
    if (e) {
        wrong(l, "%s: record %s: blob %s: %s", r->key, id, r->sha256, err_text(e));
        return;
    }
    e = hash_fd(fd, digest, NULL);
    close(fd);
    num_hex(digest, HASH_SIZE, hex);
    if (e)
        wrong(l, "%s: record %s: blob %s: %s", r->key, id, r->sha256, err_text(e));
    else if (strcmp(hex, r->sha256) != 0)
        wrong(l, "%s: record %s: blob %s has bytes with hash %s", r->key, id, r->sha256, hex);
    else if ((uint64_t)st.st_size != r->size)
        wrong(l, "%s: record %s: blob %s has %llu bytes, not %llu", r->key, id, r->sha256, (unsigned long long)st.st_size,
            (unsigned long long)r->size);
    l->checked++;
}

static void check_history(struct look *l, const struct history *h)
{
    for (size_t i = 0; i < h->n; i++)
        if (history_is_live(h, i))
            check_blob(l, &h->entries[i].record);
}

/* All records, ordered by course: each course's history is gathered, then looked at. */
static enum err check_records(struct look *l)
{
    struct history h;
    history_init(&h);
    sqlite3_stmt *s = db_stmt(l->db, "SELECT key, id, sha256, body FROM record ORDER BY key, id");
    enum err e;
    for (;;) {
        int row;
        struct record r;
        e = db_step(l->db, s, &row);
        if (e || !row)
            break;
        const char *key = db_column_text(s, 0), *text = db_column_text(s, 3);
        l->records++;
        if (record_parse(text, strlen(text), &r) != ERR_OK) {
            wrong(l, "%s: a record cannot be read", key);
            continue;
        }
        if (strcmp(r.key, key) != 0 || stamp_cmp(r.id, db_column_stamp(s, 1)) != 0 || strcmp(r.sha256, db_column_text(s, 2)) != 0)
            wrong(l, "%s: a record is not what its row says", key);
        if (h.n > 0 && strcmp(h.entries[0].record.key, r.key) != 0) {
            check_history(l, &h);
            history_release(&h);
            history_init(&h);
        }
        l->courses += h.n == 0;
        e = history_add(&h, &r, 0);
        record_release(&r);
        if (e)
            break;
    }
    check_history(l, &h);
    history_release(&h);
    return e;
}

static enum err check_identity(struct look *l, const char *data, struct db *db)
{
    struct ring_member self;
    char owner[RING_ID_MAX];
    uint64_t starts;
    enum err e = identity_read(data, &self);
    if (e == ERR_NOT_FOUND || e == ERR_CORRUPT) {
        wrong(l, "%s/node.json: %s", data, err_text(e));
        return ERR_OK;
    }
    if (!e)
        e = db_about(db, owner, sizeof(owner), &starts);
    if (!e && strcmp(owner, self.id) != 0)
        wrong(l, "records.db belongs to %s, node.json says %s", owner, self.id);
    return e;
}

enum err check_folder(const char *data, unsigned long *n_wrong)
{
    char path[PATH_MAX];
    struct db *db = NULL;
    struct look l = {.wrong = 0};
    int len = snprintf(path, sizeof(path), "%s/records.db", data);
    enum err e = len < 0 || (size_t)len >= sizeof(path) ? ERR_INVALID : db_open_read(path, &db);
    if (!e)
        e = blobs_open_read(data, &l.blobs);
    if (!e)
        e = check_identity(&l, data, db);
    if (!e)
        e = db_read_begin(db, &l.db);
    if (!e) {
        e = check_integrity(&l);
        if (!e)
            e = check_records(&l);
        db_read_end(l.db);
    }
    if (!e)
        printf("%lu courses, %lu records, %lu blobs of live versions read: %s\n", l.courses, l.records, l.checked,
            l.wrong ? "not well" : "all well");
    blobs_close(l.blobs);
    db_close(db);
    *n_wrong = l.wrong;
    return e;
}
