#include "node/settle_inside.h"

#include <stdlib.h>
#include <string.h>

void settle_course_release(struct settle_course *c)
{
    free(c->key);
    free(c->blobs);
    memset(c, 0, sizeof(*c));
}

enum err settle_rows_find(struct db *db, uint64_t epoch, const struct settle_course *courses, size_t n, unsigned char *done)
{
    struct db_conn *c;
    enum err e = db_read_begin(db, &c);
    if (e)
        return e;
    for (size_t i = 0; i < n && !e; i++) {
        int row;
        sqlite3_stmt *s = db_stmt(c, "SELECT 1 FROM settled WHERE key = ? AND epoch = ?");
        db_bind_text(s, 1, courses[i].key);
        db_bind_u64(s, 2, epoch);
        e = db_step(c, s, &row);
        done[i] = row != 0;
    }
    db_read_end(c);
    return e;
}

enum err settle_rows_add(struct db *db, uint64_t epoch, const struct settle_course *courses, const unsigned char *done, size_t n)
{
    struct db_conn *c;
    enum err e = db_write_begin(db, &c);
    if (e)
        return e;
    for (size_t i = 0; i < n && !e; i++) {
        if (!done[i])
            continue;
        sqlite3_stmt *s = db_stmt(c, "INSERT OR REPLACE INTO settled (key, epoch) VALUES (?, ?)");
        db_bind_text(s, 1, courses[i].key);
        db_bind_u64(s, 2, epoch);
        e = db_run(c, s);
    }
    return db_write_end(c, e);
}

enum err settle_rows_forget(struct db *db, uint64_t epoch)
{
    struct db_conn *c;
    enum err e = db_write_begin(db, &c);
    if (e)
        return e;
    sqlite3_stmt *s = db_stmt(c, "DELETE FROM settled WHERE epoch <> ?");
    db_bind_u64(s, 1, epoch);
    return db_write_end(c, db_run(c, s));
}
