/* The rows of one course (what protocol.md P2 + P3 call an owner's disk), inside a transaction of the caller. Which of them may be written when is no business of this
 * file: see records.h. Errors of all: ERR_IO, ERR_FULL, ERR_NOMEM, ERR_CORRUPT. */
#ifndef RB_NODE_ROWS_H
#define RB_NODE_ROWS_H

#include "lib/wire/record.h"
#include "node/db.h"

/* What a course's row says. Without one (exists 0), promised is the node's floor: what a dropped course had promised at most (P6.2). */
struct rows_course {
    int exists;
    struct stamp promised;
    int has_slot;
    struct stamp slot_ballot;
};
enum err rows_course(struct db_conn *c, const char *key, struct rows_course *out) MUST_CHECK;

/* promised = stamp. */
enum err rows_promise(struct db_conn *c, const char *key, struct stamp stamp) MUST_CHECK;
/* A course that is known only by copies has a row too; it begins with the floor as its promise, as a course without a row is read. */
enum err rows_touch(struct db_conn *c, const char *key) MUST_CHECK;
/* promised = ballot, slot = (ballot, value); NULL = NONE. */
enum err rows_slot(struct db_conn *c, const char *key, struct stamp ballot, const struct record *value) MUST_CHECK;
/* R gains a record. One that is there stays as it is, but a copy becomes direct by STORE; never the other way round. */
enum err rows_insert(struct db_conn *c, const char *key, const struct record *record, int direct) MUST_CHECK;
/* *direct is 1 when the record is there with its direct bit. */
enum err rows_find_direct(struct db_conn *c, const char *key, struct stamp id, int *direct) MUST_CHECK;

/* The course is gone: its row, its records, and the needs of blobs that nothing else names. */
enum err rows_drop(struct db_conn *c, const char *key) MUST_CHECK;
/* What every course has promised at least: larger than all that a dropped course knew (P6.2). Zero at first. */
enum err rows_floor(struct db_conn *c, struct stamp *out) MUST_CHECK;
/* floor = max(floor, stamp). */
enum err rows_raise_floor(struct db_conn *c, struct stamp stamp) MUST_CHECK;

/* Drops every course for which keep() says 0. *dropped is how many. */
enum err rows_drop_unless(struct db_conn *c, int (*keep)(void *ctx, const char *key), void *ctx, uint64_t *dropped) MUST_CHECK;

/* Calls each for the JSON text of every record of R, in the order of their stamps, until it returns an error; returns that. The text is borrowed for the call. */
enum err rows_texts(struct db_conn *c, const char *key, enum err (*each)(void *ctx, const char *record), void *ctx) MUST_CHECK;
/* The slot as texts: *has 0 = there is none. *record: the JSON of its record, the caller's to free; NULL = NONE was accepted. */
enum err rows_slot_text(struct db_conn *c, const char *key, int *has, struct stamp *ballot, char **record) MUST_CHECK;

/* Up to max keys after `after` ("" = from the start), in order, each to be freed by the caller. *n may be less than max only when there are no more. */
enum err rows_keys(struct db_conn *c, const char *after, char **keys, size_t max, size_t *n) MUST_CHECK;

#endif
