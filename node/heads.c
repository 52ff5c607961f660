#include "node/heads.h"

#include <string.h>

#define HOUR_MS 3600000u

void heads_init(struct heads *h, struct db *db)
{
    h->db = db;
    atomic_init(&h->hour, 0);
}

/* Compares with the row of this line, if there is one. *there: it is just this. */
static enum err look(struct db_conn *c, const struct audit_head *head, int *there)
{
    int row;
    size_t h_len, mac_len;
    sqlite3_stmt *s = db_stmt(c, "SELECT h, mac FROM head WHERE chain = ? AND process = ? AND n = ?");
    db_bind_text(s, 1, head->chain);
    db_bind_text(s, 2, head->process);
    db_bind_u64(s, 3, head->n);
    enum err e = db_step(c, s, &row);
    *there = 0;
    if (e || !row)
        return e;
    const void *h = db_column_bytes(s, 0, &h_len);
    int is_same = h_len == sizeof head->h && memcmp(h, head->h, h_len) == 0;
    const void *mac = db_column_bytes(s, 1, &mac_len);
    /* The same line told again has another time and so another MAC: what counts is h. */
    *there = is_same && mac && mac_len == sizeof head->mac;
    return *there ? ERR_OK : ERR_CONFLICT;
}

static enum err insert(struct db_conn *c, const struct audit_head *head, uint64_t now_ms)
{
    sqlite3_stmt *s =
        db_stmt(c, "INSERT INTO head (process, chain, n, start, k, h, at_ms, mac, got_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
    db_bind_text(s, 1, head->process);
    db_bind_text(s, 2, head->chain);
    db_bind_u64(s, 3, head->n);
    db_bind_u64(s, 4, head->start);
    db_bind_u64(s, 5, head->k);
    db_bind_bytes(s, 6, head->h, sizeof head->h);
    db_bind_u64(s, 7, head->at_ms);
    db_bind_bytes(s, 8, head->mac, sizeof head->mac);
    db_bind_u64(s, 9, now_ms);
    return db_run(c, s);
}

/* Once an hour: what is too old or too much, and of each hour that is over all but each chain's last. */
static enum err thin(struct db_conn *c, uint64_t now_ms)
{
    uint64_t hour_begin_ms = now_ms / HOUR_MS * HOUR_MS;
    sqlite3_stmt *s = db_stmt(c, "DELETE FROM head WHERE got_ms < ?");
    db_bind_u64(s, 1, now_ms > HEADS_KEEP_MS ? now_ms - HEADS_KEEP_MS : 0);
    enum err e = db_run(c, s);
    if (e)
        return e;
    s = db_stmt(c,
        "DELETE FROM head WHERE got_ms < ?1 AND got_ms >= ?2 AND id NOT IN"
        " (SELECT id FROM (SELECT id, max(n) FROM head WHERE got_ms < ?1 AND got_ms >= ?2 GROUP BY process, chain, got_ms / 3600000))");
    db_bind_u64(s, 1, hour_begin_ms);
    db_bind_u64(s, 2, hour_begin_ms > 24 * HOUR_MS ? hour_begin_ms - 24 * HOUR_MS : 0); /* what is older was thinned already */
    e = db_run(c, s);
    if (e)
        return e;
    s = db_stmt(c, "DELETE FROM head WHERE id <= (SELECT max(id) FROM head) - ?");
    db_bind_u64(s, 1, HEADS_ROWS_MAX);
    return db_run(c, s);
}

enum err heads_keep(struct heads *h, const struct audit_head *head, uint64_t now_ms)
{
    struct db_conn *c;
    int there;
    enum err e = db_write_begin(h->db, &c);
    if (e)
        return e;
    e = look(c, head, &there);
    if (!e && !there) {
        uint64_t hour = now_ms / HOUR_MS;
        e = insert(c, head, now_ms);
        if (!e && atomic_exchange(&h->hour, hour) != hour)
            e = thin(c, now_ms);
    }
    return db_write_end(c, e);
}

static int copy_hash(sqlite3_stmt *s, int column, uint8_t out[HASH_SIZE])
{
    size_t n;
    const void *bytes = db_column_bytes(s, column, &n);
    if (!bytes || n != HASH_SIZE)
        return 0;
    memcpy(out, bytes, HASH_SIZE);
    return 1;
}

static int copy_text(sqlite3_stmt *s, int column, char *out, size_t size)
{
    const char *text = db_column_text(s, column);
    size_t len = strlen(text);
    if (len >= size)
        return 0;
    memcpy(out, text, len + 1);
    return 1;
}

/* The current row; NULL when it is no head. */
static struct json *row_json(sqlite3_stmt *s)
{
    struct audit_head head = {.n = 0};
    if (!copy_text(s, 1, head.process, sizeof head.process) || !copy_text(s, 2, head.chain, sizeof head.chain) ||
        !copy_hash(s, 6, head.h) || !copy_hash(s, 8, head.mac))
        return NULL;
    head.n = db_column_u64(s, 3);
    head.start = db_column_u64(s, 4);
    head.k = db_column_u64(s, 5);
    head.at_ms = db_column_u64(s, 7);
    struct json *j = audit_head_to_json(&head);
    json_set_u64(j, "got", db_column_u64(s, 9));
    return j;
}

enum err heads_list(struct heads *h, uint64_t after, uint64_t limit, struct json *list, uint64_t *next)
{
    struct db_conn *c;
    int row;
    uint64_t count = 0, last = 0;
    enum err e = db_read_begin(h->db, &c);
    if (e)
        return e;
    sqlite3_stmt *s =
        db_stmt(c, "SELECT id, process, chain, n, start, k, h, at_ms, mac, got_ms FROM head WHERE id > ? ORDER BY id LIMIT ?");
    db_bind_u64(s, 1, after);
    db_bind_u64(s, 2, limit);
    for (e = db_step(c, s, &row); !e && row; e = db_step(c, s, &row)) {
        struct json *one = row_json(s);
        last = db_column_u64(s, 0);
        count++;
        if (one)
            json_append(list, one);
    }
    db_read_end(c);
    *next = count == limit ? last : 0;
    return e;
}
