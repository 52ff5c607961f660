/* Records and messages for tests of the owner's rules. */
#ifndef RB_TESTS_UNIT_NODE_COURSES_H
#define RB_TESTS_UNIT_NODE_COURSES_H

#include "tests/unit/node/folder.h"

#include "lib/base/clock.h"
#include "node/needs.h"
#include "node/records.h"
#include "node/rows.h"

#define COURSES_NOW_MS 1700000000000u

static inline uint64_t courses_now(void)
{
    return COURSES_NOW_MS;
}

/* Stamp number n: ordered by n, all of them before now. */
static inline struct stamp courses_stamp(unsigned n)
{
    return (struct stamp){hlc_from_unix_ms(COURSES_NOW_MS - 100000u) + n, 7};
}

/* A record with stamp number n whose blob would be "text". */
static inline void courses_record(struct record *r, const char *key, unsigned n, int conditional)
{
    assert_ok(record_init(r));
    r->id = courses_stamp(n);
    assert_ok(record_set(&r->course, key));
    assert_ok(record_set(&r->key, key));
    assert_ok(record_set(&r->filename, "a.txt"));
    assert_ok(record_set(&r->type, "text/plain"));
    r->size = 4;
    hash_sha256_hex("text", 4, r->sha256);
    snprintf(r->upload, sizeof(r->upload), "%032x", n);
    r->conditional = conditional;
}

/* A message about `key` under ring 1: record n when n > 0, ballot when > 0. */
static inline void courses_message(struct message_request *m, enum message_verb verb, const char *key, unsigned record, unsigned ballot)
{
    message_request_init(m, verb);
    m->ring = 1;
    m->key = strdup(key);
    assert_non_null(m->key);
    if (record > 0) {
        m->has_record = 1;
        courses_record(&m->record, key, record, verb != MESSAGE_STORE);
    }
    if (ballot > 0)
        m->ballot = courses_stamp(ballot);
}

struct courses {
    struct folder folder;
    struct db *db;
    struct ledger *ledger;
    struct records records;
};

static inline void courses_open(struct courses *c)
{
    assert_ok(db_open(c->folder.db_path, &c->db));
    assert_ok(ledger_open(c->db, &c->ledger));
    records_init(&c->records, c->db, c->ledger, "node-1.a");
    c->records.now_ms = courses_now;
}

static inline void courses_close(struct courses *c)
{
    ledger_close(c->ledger);
    db_close(c->db);
}

static inline void courses_reopen(struct courses *c)
{
    courses_close(c);
    courses_open(c);
}

static inline int courses_setup(void **state)
{
    struct courses *c = calloc(1, sizeof(*c));
    folder_make(&c->folder);
    assert_ok(db_create(c->folder.db_path, "node-1.a"));
    courses_open(c);
    folder_adopt(c->ledger, 3, 3, 1);
    *state = c;
    return 0;
}

static inline int courses_teardown(void **state)
{
    struct courses *c = *state;
    courses_close(c);
    folder_remove(&c->folder);
    free(c);
    return 0;
}

#endif
