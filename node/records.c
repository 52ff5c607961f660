#include "node/records.h"

#include "lib/base/clock.h"
#include "node/needs.h"

#include <stdio.h>
#include <string.h>

/* What a course's row says. */
struct course {
    struct stamp promised;
    int has_slot;
    struct stamp slot_ballot;
};

void records_init(struct records *r, struct db *db, struct ledger *ledger, const char *self)
{
    memset(r, 0, sizeof(*r));
    r->db = db;
    r->ledger = ledger;
    r->now_ms = clock_unix_ms;
    snprintf(r->self, sizeof(r->self), "%s", self);
}

static void refuse(struct message_answer *answer, enum err why)
{
    answer->ok = 0;
    answer->error = why;
}

static int owns(const struct ring *ring, const char *key, const char *self)
{
    uint32_t owners[RING_K_MAX];
    size_t n = ring_owners(ring, ring_key_point(key), owners);
    for (size_t i = 0; i < n; i++)
        if (strcmp(ring->members[owners[i]].id, self) == 0)
            return 1;
    return 0;
}

/* The ring part of every check. ERR_OK with answer->ok = 1 when the message may go on. */
static enum err check_ring(struct records *r, const char *key, uint64_t ring, struct message_answer *answer)
{
    struct ledger_ring *held = ledger_hold(r->ledger);
    if (!held)
        return ERR_UNAVAILABLE;
    answer->ok = 1;
    answer->ring = held->doc->ring->epoch;
    if (ring != answer->ring)
        refuse(answer, ERR_STALE_RING);
    else if (!owns(held->doc->ring, key, r->self))
        refuse(answer, ERR_CONFLICT);
    ledger_drop(held);
    return ERR_OK;
}

static enum err load_course(struct db_conn *c, const char *key, struct course *out)
{
    int row;
    memset(out, 0, sizeof(*out));
    sqlite3_stmt *s = db_stmt(c, "SELECT promised, slot_ballot FROM course WHERE key = ?");
    db_bind_text(s, 1, key);
    enum err e = db_step(c, s, &row);
    if (e || !row)
        return e;
    out->promised = db_column_stamp(s, 0);
    out->has_slot = !db_column_is_null(s, 1);
    out->slot_ballot = db_column_stamp(s, 1);
    return ERR_OK;
}

/* Ring, owner, and what the course's row says: the start of every message, inside its transaction. */
static enum err check_course(
    struct records *r, struct db_conn *c, const struct message_request *m, struct course *course, struct message_answer *answer)
{
    enum err e = check_ring(r, m->key, m->ring, answer);
    if (e || !answer->ok)
        return e;
    e = load_course(c, m->key, course);
    answer->promised = course->promised;
    return e;
}

/* The stamp part: strictly larger than what was promised, or at least as large, and not too far ahead of our clock. */
static void check_stamp(struct records *r, struct stamp s, int or_equal, struct message_answer *answer)
{
    uint64_t now = r->now_ms();
    int order = stamp_cmp(s, answer->promised);
    if (order < 0 || (order == 0 && !or_equal)) {
        refuse(answer, ERR_FENCED);
        return;
    }
    if (hlc_to_unix_ms(s.clock) <= now + HLC_SKEW_MAX_MS)
        return;
    struct stamp own = {hlc_from_unix_ms(now), 0};
    if (stamp_cmp(answer->promised, own) < 0)
        answer->promised = own;
    refuse(answer, ERR_CLOCK);
}

/* *direct is 1 when the record is there with its direct bit. */
static enum err find_direct(struct db_conn *c, const char *key, struct stamp id, int *direct)
{
    int row;
    sqlite3_stmt *s = db_stmt(c, "SELECT direct FROM record WHERE key = ? AND id = ?");
    db_bind_text(s, 1, key);
    db_bind_stamp(s, 2, id);
    enum err e = db_step(c, s, &row);
    *direct = !e && row && db_column_u64(s, 0) != 0;
    return e;
}

static enum err promise(struct db_conn *c, const char *key, struct stamp stamp)
{
    sqlite3_stmt *s =
        db_stmt(c, "INSERT INTO course (key, promised) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET promised = excluded.promised");
    db_bind_text(s, 1, key);
    db_bind_stamp(s, 2, stamp);
    return db_run(c, s);
}

/* A course that is known only by copies has a row too, with nothing promised. */
static enum err need_row(struct db_conn *c, const char *key)
{
    sqlite3_stmt *s = db_stmt(c, "INSERT INTO course (key, promised) VALUES (?, ?) ON CONFLICT (key) DO NOTHING");
    db_bind_text(s, 1, key);
    db_bind_stamp(s, 2, STAMP_ZERO);
    return db_run(c, s);
}

/* R gains a record. One that is there stays as it is, but a copy becomes direct by STORE; never the other way round. */
static enum err insert(struct db_conn *c, const char *key, const struct record *record, int direct)
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

static enum err load_slot(struct db_conn *c, const char *key, struct message_answer *answer)
{
    int row;
    sqlite3_stmt *s = db_stmt(c, "SELECT slot_ballot, slot_record FROM course WHERE key = ? AND slot_ballot IS NOT NULL");
    db_bind_text(s, 1, key);
    enum err e = db_step(c, s, &row);
    if (e || !row)
        return e;
    answer->has_slot = 1;
    answer->slot_ballot = db_column_stamp(s, 0);
    if (db_column_is_null(s, 1))
        return ERR_OK;
    const char *text = db_column_text(s, 1);
    e = record_parse(text, strlen(text), &answer->slot_record);
    answer->slot_has_record = !e;
    return e == ERR_SYNTAX ? ERR_CORRUPT : e;
}

static enum err load_history(struct db_conn *c, const char *key, struct history *out)
{
    sqlite3_stmt *s = db_stmt(c, "SELECT body, direct FROM record WHERE key = ? ORDER BY id");
    db_bind_text(s, 1, key);
    for (;;) {
        int row;
        struct record record;
        enum err e = db_step(c, s, &row);
        if (e || !row)
            return e;
        const char *text = db_column_text(s, 0);
        e = record_parse(text, strlen(text), &record);
        if (e)
            return e == ERR_SYNTAX ? ERR_CORRUPT : e;
        e = history_add(out, &record, db_column_u64(s, 1) != 0);
        record_release(&record);
        if (e)
            return e;
    }
}

static enum err load_all(struct db_conn *c, const char *key, struct message_answer *answer)
{
    answer->has_history = 1;
    enum err e = load_history(c, key, &answer->history);
    return e ? e : load_slot(c, key, answer);
}

static struct stamp stamp_of(const struct message_request *m)
{
    return m->verb == MESSAGE_STORE ? m->record.id : m->ballot;
}

static enum err check_in(struct records *r, struct db_conn *c, const struct message_request *m, struct message_answer *answer)
{
    struct course course;
    int direct = 0;
    enum err e = check_course(r, c, m, &course, answer);
    if (!e && answer->ok && m->verb == MESSAGE_STORE)
        e = find_direct(c, m->key, m->record.id, &direct);
    if (!e && answer->ok && !direct)
        check_stamp(r, stamp_of(m), m->verb == MESSAGE_ACCEPT, answer);
    return e;
}

enum err records_check(struct records *r, const struct message_request *m, struct message_answer *answer)
{
    struct db_conn *c;
    enum err e = db_read_begin(r->db, &c);
    if (e)
        return e;
    e = check_in(r, c, m, answer);
    db_read_end(c);
    return e;
}

static enum err store_in(struct records *r, struct db_conn *c, const struct message_request *m, struct message_answer *answer)
{
    struct course course;
    int direct;
    enum err e = check_course(r, c, m, &course, answer);
    if (e || !answer->ok)
        return e;
    e = find_direct(c, m->key, m->record.id, &direct);
    if (e || direct)
        return e;
    check_stamp(r, m->record.id, 0, answer);
    if (!answer->ok)
        return ERR_OK;
    e = promise(c, m->key, m->record.id);
    if (!e)
        e = insert(c, m->key, &m->record, 1);
    answer->promised = m->record.id;
    return e;
}

enum err records_store(struct records *r, const struct message_request *m, struct message_answer *answer)
{
    struct db_conn *c;
    enum err e = db_write_begin(r->db, &c);
    return e ? e : db_write_end(c, store_in(r, c, m, answer));
}

static enum err prepare_in(struct records *r, struct db_conn *c, const struct message_request *m, struct message_answer *answer)
{
    struct course course;
    enum err e = check_course(r, c, m, &course, answer);
    if (e || !answer->ok)
        return e;
    check_stamp(r, m->ballot, 0, answer);
    if (!answer->ok)
        return ERR_OK;
    e = promise(c, m->key, m->ballot);
    answer->promised = m->ballot;
    return e ? e : load_all(c, m->key, answer);
}

enum err records_prepare(struct records *r, const struct message_request *m, struct message_answer *answer)
{
    struct db_conn *c;
    enum err e = db_write_begin(r->db, &c);
    return e ? e : db_write_end(c, prepare_in(r, c, m, answer));
}

/* promised = b, slot = (b, value). */
static enum err fill_slot(struct db_conn *c, const struct message_request *m)
{
    struct buf text;
    buf_init(&text, RECORD_JSON_MAX);
    enum err e = m->has_record ? record_print(&m->record, &text) : ERR_OK;
    sqlite3_stmt *s = db_stmt(c, "INSERT INTO course (key, promised, slot_ballot, slot_record, slot_sha256) VALUES (?1, ?2, ?2, ?3, ?4)"
                                 " ON CONFLICT (key) DO UPDATE SET promised = excluded.promised, slot_ballot = excluded.slot_ballot,"
                                 " slot_record = excluded.slot_record, slot_sha256 = excluded.slot_sha256");
    db_bind_text(s, 1, m->key);
    db_bind_stamp(s, 2, m->ballot);
    db_bind_text(s, 3, m->has_record ? buf_str(&text) : NULL);
    db_bind_text(s, 4, m->has_record ? m->record.sha256 : "");
    if (!e)
        e = db_run(c, s);
    if (s)
        sqlite3_clear_bindings(s);
    buf_release(&text);
    return e;
}

static enum err accept_in(struct records *r, struct db_conn *c, const struct message_request *m, struct message_answer *answer)
{
    struct course course;
    enum err e = check_course(r, c, m, &course, answer);
    if (e || !answer->ok)
        return e;
    check_stamp(r, m->ballot, 1, answer);
    if (!answer->ok)
        return ERR_OK;
    e = fill_slot(c, m);
    for (size_t i = 0; i < m->known.n && !e; i++)
        e = insert(c, m->key, &m->known.entries[i].record, 0);
    answer->promised = m->ballot;
    return e;
}

enum err records_accept(struct records *r, const struct message_request *m, struct message_answer *answer)
{
    struct db_conn *c;
    enum err e = db_write_begin(r->db, &c);
    return e ? e : db_write_end(c, accept_in(r, c, m, answer));
}

static enum err learn_in(
    struct records *r, struct db_conn *c, const struct message_request *m, int blob_missing, struct message_answer *answer)
{
    struct course course;
    enum err e = check_course(r, c, m, &course, answer);
    if (e || !answer->ok)
        return e;
    e = need_row(c, m->key);
    if (!e)
        e = insert(c, m->key, &m->record, 0);
    if (!e && blob_missing)
        e = needs_add(c, m->record.sha256, m->record.size, m->key, 0);
    return e;
}

enum err records_learn(struct records *r, const struct message_request *m, int blob_missing, struct message_answer *answer)
{
    struct db_conn *c;
    enum err e = db_write_begin(r->db, &c);
    return e ? e : db_write_end(c, learn_in(r, c, m, blob_missing, answer));
}

enum err records_pull(struct records *r, const struct message_request *m, struct message_answer *answer)
{
    struct db_conn *c;
    struct course course;
    enum err e = db_read_begin(r->db, &c);
    if (e)
        return e;
    e = check_course(r, c, m, &course, answer);
    if (!e && answer->ok)
        e = load_all(c, m->key, answer);
    db_read_end(c);
    return e;
}

static enum err copy_in(
    struct records *r, struct db_conn *c, const char *key, uint64_t ring, const struct history *set, const unsigned char *missing)
{
    struct message_answer answer;
    message_answer_init(&answer);
    enum err e = check_ring(r, key, ring, &answer);
    if (!e && !answer.ok)
        e = answer.error;
    message_answer_release(&answer);
    if (!e)
        e = need_row(c, key);
    for (size_t i = 0; i < set->n && !e; i++) {
        const struct record *record = &set->entries[i].record;
        e = insert(c, key, record, 0);
        if (!e && missing && missing[i])
            e = needs_add(c, record->sha256, record->size, key, 0);
    }
    return e;
}

enum err records_copy(struct records *r, const char *key, uint64_t ring, const struct history *set, const unsigned char *missing)
{
    struct db_conn *c;
    enum err e = db_write_begin(r->db, &c);
    return e ? e : db_write_end(c, copy_in(r, c, key, ring, set, missing));
}

enum err records_look(struct records *r, const char *key, struct message_answer *answer)
{
    struct db_conn *c;
    struct course course;
    enum err e = db_read_begin(r->db, &c);
    if (e)
        return e;
    e = load_course(c, key, &course);
    answer->ok = 1;
    answer->promised = course.promised;
    answer->ring = ledger_epoch(r->ledger);
    if (!e)
        e = load_all(c, key, answer);
    db_read_end(c);
    return e;
}
