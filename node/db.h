/* The node's database: one SQLite file in WAL mode with synchronous=FULL, one writing connection behind a lock, a few reading ones, and a
 * housekeeper that copies the WAL back without holding anybody up. Only this folder includes sqlite3.h.
 *
 * Tables (user_version 4; what 1 lacked is marked with a plus, what 2 lacked with two, 3 with three, and added when the node starts):
 *   about    one row: node id, number of starts (pitfall 5: a database older than its marker file is refused)
 *   course   key, promised stamp, slot (ballot, record JSON or NULL for NONE, its sha256) protocol.md P2 + P3
 *   record   (key, id), direct, sha256 ('' for a tombstone), record JSON                  R
 *   ledger   one row: promised leader ballot, newest ring document, both as JSON (P1); +floor, a stamp (P6.2);
 *            +committed, the number of that document once it is known to be committed; +settle, the leader's last order to settle, as JSON
 *   verified sha256 and what stat(2) said when its bytes were last hashed
 *   need     blobs that a record names and that are not here, or are bad
 *   hint     (target, key): owners that missed something of a course
 *   settled  + key, epoch: courses that this node settled as their mover under a joint ring (P4.3)
 *   scrub    + one row: the last blob that was read, when the round began and the last one ended, how many were read, bad, missing
 *   shared   ++ name of a file of the peer's own folder: what fstat(2) said when it was hashed, its sha256, those of its blocks one after the other
 *   head     +++ newest lines of other processes' audit logs (heads.h)
 * Stamps are 16 bytes, big-endian, so that SQLite orders them as stamp_cmp() does.
 */
#ifndef RB_NODE_DB_H
#define RB_NODE_DB_H

#include "lib/base/stamp.h"

#include <stddef.h>
#include <stdint.h>
#include <sqlite3.h>

#define DB_STATEMENTS_MAX 96

struct db;

/* One connection, in the hands of one thread between begin and end. */
struct db_conn {
    struct db *db;
    sqlite3 *handle;
    struct {
        const char *sql;
        sqlite3_stmt *stmt;
    } cache[DB_STATEMENTS_MAX];
    size_t n_cached;
};

/* Makes a new database for this node id. ERR_CONFLICT: the file is there already. ERR_IO, ERR_FULL. */
enum err db_create(const char *path, const char *node_id) MUST_CHECK;
/* Opens an existing one and starts its housekeeper. ERR_NOT_FOUND, ERR_CORRUPT (not ours, or another version), ERR_IO, ERR_NOMEM. */
enum err db_open(const char *path, struct db **out) MUST_CHECK;
/* The same without writing: for looking at a folder whose node may be running. No housekeeper; db_write_begin() gives ERR_DENIED. */
enum err db_open_read(const char *path, struct db **out) MUST_CHECK;
/* All connections must have been given back. NULL is fine. */
void db_close(struct db *db);
/* True once a write, an fsync or a commit failed for good: the volume is suspect (guarantees.md G1). */
int db_is_suspect(const struct db *db);

/* Begins a transaction (BEGIN IMMEDIATE) on the one writing connection, waiting for its turn. */
enum err db_write_begin(struct db *db, struct db_conn **out) MUST_CHECK;
/* Commits when e is ERR_OK, else rolls back; gives the connection back. Returns e, or what the commit said: on any error nothing was written. */
enum err db_write_end(struct db_conn *c, enum err e) MUST_CHECK;
/* The two halves of it, for what must happen after the commit and before the next writer: the caller calls db_write_release() in any case. */
enum err db_write_commit(struct db_conn *c, enum err e) MUST_CHECK;
void db_write_release(struct db_conn *c);
/* Calls `ended` after each write transaction, committed or not, before the next one begins; NULL calls nobody. */
void db_on_write_end(struct db *db, void (*ended)(void *ctx), void *ctx);
/* Begins a read of one consistent state, beside any writer; and ends it. */
enum err db_read_begin(struct db *db, struct db_conn **out) MUST_CHECK;
void db_read_end(struct db_conn *c);

/* The prepared statement of a literal SQL text (its address is the cache's key), reset and without bindings; NULL when it cannot be had:
 * the binders and db_step() take NULL, so that a straight line needs one check. */
sqlite3_stmt *db_stmt(struct db_conn *c, const char *sql);
/* Binders; texts and bytes are borrowed until the statement was reset or the transaction ended. NULL text binds NULL. */
void db_bind_text(sqlite3_stmt *s, int i, const char *text);
void db_bind_u64(sqlite3_stmt *s, int i, uint64_t value);
void db_bind_stamp(sqlite3_stmt *s, int i, struct stamp stamp);
void db_bind_bytes(sqlite3_stmt *s, int i, const void *bytes, size_t n);
/* Steps; *row is 1 when there is a row. ERR_FULL, ERR_IO (the volume is suspect then), ERR_CORRUPT, ERR_NOMEM. */
enum err db_step(struct db_conn *c, sqlite3_stmt *s, int *row) MUST_CHECK;
/* For statements without rows. */
enum err db_run(struct db_conn *c, sqlite3_stmt *s) MUST_CHECK;

/* Columns of the current row. */
const char *db_column_text(sqlite3_stmt *s, int i); /* "" for NULL; borrowed until the next step */
uint64_t db_column_u64(sqlite3_stmt *s, int i);
struct stamp db_column_stamp(sqlite3_stmt *s, int i); /* zero when it is not 16 bytes */
int db_column_is_null(sqlite3_stmt *s, int i);
const void *db_column_bytes(sqlite3_stmt *s, int i, size_t *n); /* borrowed until the next step */

/* The about row. */
enum err db_about(struct db *db, char *node_id, size_t size, uint64_t *starts) MUST_CHECK;
/* Counts one more start, durably. */
enum err db_count_start(struct db *db, uint64_t *starts) MUST_CHECK;

#endif
