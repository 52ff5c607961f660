#include "node/share_kept.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PRUNE_TOGETHER 512

/* Steps to the row of a file that is still as it was. */
static enum err step_to(struct db_conn *c, sqlite3_stmt *s, const char *name, const struct share_stat *st)
{
    int row;
    db_bind_text(s, 1, name);
    db_bind_u64(s, 2, st->size);
    db_bind_u64(s, 3, st->mtime_ns);
    db_bind_u64(s, 4, st->ctime_ns);
    db_bind_u64(s, 5, st->inode);
    enum err e = db_step(c, s, &row);
    return !e && !row ? ERR_NOT_FOUND : e;
}

enum err share_kept_hash(struct db_conn *c, const char *name, const struct share_stat *st, uint8_t sha256[HASH_SIZE])
{
    size_t n;
    sqlite3_stmt *s = db_stmt(
        c, "SELECT sha256 FROM shared WHERE name = ? AND size = ? AND mtime_ns = ? AND ctime_ns = ? AND inode = ? AND length(sha256) = 32");
    enum err e = step_to(c, s, name, st);
    if (!e)
        memcpy(sha256, db_column_bytes(s, 0, &n), HASH_SIZE);
    if (s)
        sqlite3_reset(s);
    return e;
}

static enum err take_blocks(sqlite3_stmt *s, const struct share_stat *st, struct blocks *out)
{
    size_t n_sha256, n_blocks;
    struct blocks b = {.size = st->size, .n = shared_block_count(st->size)};
    const void *sha256 = db_column_bytes(s, 0, &n_sha256), *blocks = db_column_bytes(s, 1, &n_blocks);
    if (n_sha256 != HASH_SIZE || n_blocks != b.n * HASH_SIZE)
        return ERR_NOT_FOUND;
    b.hashes = calloc(b.n + 1, sizeof(*b.hashes));
    if (!b.hashes)
        return ERR_NOMEM;
    memcpy(b.sha256, sha256, HASH_SIZE);
    if (b.n > 0)
        memcpy(b.hashes, blocks, n_blocks);
    *out = b;
    return ERR_OK;
}

enum err share_kept_blocks(struct db *db, const char *name, const struct share_stat *st, struct blocks *out)
{
    struct db_conn *c;
    enum err e = db_read_begin(db, &c);
    if (e)
        return e;
    sqlite3_stmt *s =
        db_stmt(c, "SELECT sha256, blocks FROM shared WHERE name = ? AND size = ? AND mtime_ns = ? AND ctime_ns = ? AND inode = ?");
    e = step_to(c, s, name, st);
    if (!e)
        e = take_blocks(s, st, out);
    db_read_end(c);
    return e;
}

enum err share_kept_put(struct db_conn *c, const char *name, const struct share_stat *st, const struct blocks *b)
{
    sqlite3_stmt *s = db_stmt(c, "INSERT OR REPLACE INTO shared VALUES (?, ?, ?, ?, ?, ?, ?)");
    db_bind_text(s, 1, name);
    db_bind_u64(s, 2, st->size);
    db_bind_u64(s, 3, st->mtime_ns);
    db_bind_u64(s, 4, st->ctime_ns);
    db_bind_u64(s, 5, st->inode);
    db_bind_bytes(s, 6, b->sha256, HASH_SIZE);
    db_bind_bytes(s, 7, b->hashes, b->n * HASH_SIZE);
    enum err e = db_run(c, s);
    if (s)
        sqlite3_reset(s);
    return e;
}

/* ---- forgetting */

struct page {
    char names[PRUNE_TOGETHER][SHARED_NAME_MAX + 1];
    size_t n;
};

static enum err read_page(struct db *db, const char *after, struct page *page)
{
    struct db_conn *c;
    int row = 1;
    enum err e = db_read_begin(db, &c);
    if (e)
        return e;
    sqlite3_stmt *s = db_stmt(c, "SELECT name FROM shared WHERE name > ? ORDER BY name LIMIT ?");
    db_bind_text(s, 1, after);
    db_bind_u64(s, 2, PRUNE_TOGETHER);
    page->n = 0;
    while (!e && row) {
        e = db_step(c, s, &row);
        if (!e && row && page->n < PRUNE_TOGETHER)
            snprintf(page->names[page->n++], SHARED_NAME_MAX + 1, "%s", db_column_text(s, 0));
    }
    db_read_end(c);
    return e;
}

static enum err forget_unlisted(struct db *db, struct share_list *list, const struct page *page)
{
    struct share_stat st;
    char sha256[HASH_HEX_SIZE];
    struct db_conn *c = NULL;
    enum err e = ERR_OK;
    for (size_t i = 0; i < page->n && !e; i++) {
        if (share_list_get(list, page->names[i], &st, sha256) != ERR_NOT_FOUND)
            continue;
        if (!c)
            e = db_write_begin(db, &c);
        if (e)
            break;
        sqlite3_stmt *s = db_stmt(c, "DELETE FROM shared WHERE name = ?");
        db_bind_text(s, 1, page->names[i]);
        e = db_run(c, s);
        if (s)
            sqlite3_reset(s);
    }
    return c ? db_write_end(c, e) : e;
}

enum err share_kept_prune(struct db *db, struct share_list *list)
{
    char after[SHARED_NAME_MAX + 1] = "";
    struct page *page = malloc(sizeof(*page));
    enum err e = page ? ERR_OK : ERR_NOMEM;
    do {
        if (!e)
            e = read_page(db, after, page);
        if (!e && page->n > 0) {
            memcpy(after, page->names[page->n - 1], sizeof(after));
            e = forget_unlisted(db, list, page);
        }
    } while (!e && page->n == PRUNE_TOGETHER);
    free(page);
    return e;
}
