#include "node/records.h"

#include "lib/base/clock.h"
#include "lib/wire/owners.h"
#include "node/needs.h"
#include "node/rows.h"

#include <stdio.h>
#include <string.h>

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

/* Under a joint ring those count who own the course now or owned it before (P4): both have a say. */
static int owns(const struct ringdoc *doc, const char *key, const char *self)
{
    struct owners o;
    owners_of_key(doc, key, &o);
    return owners_place(&o, self) >= 0;
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
    else if (!owns(held->doc, key, r->self))
        refuse(answer, ERR_CONFLICT);
    ledger_drop(held);
    return ERR_OK;
}

/* Ring, owner, and what the course's row says: the start of every message, inside its transaction. */
static enum err check_course(
    struct records *r, struct db_conn *c, const struct message_request *m, struct rows_course *course, struct message_answer *answer)
{
    enum err e = check_ring(r, m->key, m->ring, answer);
    if (e || !answer->ok)
        return e;
    e = rows_course(c, m->key, course);
    answer->promised = course->promised;
    return e;
}

/* The stamp part: strictly larger than what was promised, or at least as large, and not too far ahead of our clock. A course without a row has promised the floor,
 * which is no ballot of its own: "at least as large" counts for nothing there (P6.2). */
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

enum err records_history(struct db_conn *c, const char *key, struct history *out)
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

enum err records_load(struct db_conn *c, const char *key, struct message_answer *answer)
{
    answer->has_history = 1;
    enum err e = records_history(c, key, &answer->history);
    return e ? e : load_slot(c, key, answer);
}

static struct stamp stamp_of(const struct message_request *m)
{
    return m->verb == MESSAGE_STORE ? m->record.id : m->ballot;
}

static enum err check_in(struct records *r, struct db_conn *c, const struct message_request *m, struct message_answer *answer)
{
    struct rows_course course;
    int direct = 0;
    enum err e = check_course(r, c, m, &course, answer);
    if (!e && answer->ok && m->verb == MESSAGE_STORE)
        e = rows_find_direct(c, m->key, m->record.id, &direct);
    if (!e && answer->ok && !direct)
        check_stamp(r, stamp_of(m), m->verb == MESSAGE_ACCEPT && course.exists, answer);
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
    struct rows_course course;
    int direct;
    enum err e = check_course(r, c, m, &course, answer);
    if (e || !answer->ok)
        return e;
    e = rows_find_direct(c, m->key, m->record.id, &direct);
    if (e || direct)
        return e;
    check_stamp(r, m->record.id, 0, answer);
    if (!answer->ok)
        return ERR_OK;
    e = rows_promise(c, m->key, m->record.id);
    if (!e)
        e = rows_insert(c, m->key, &m->record, 1);
    answer->promised = m->record.id;
    return e;
}

enum err records_store(struct records *r, const struct message_request *m, struct message_answer *answer)
{
    struct db_conn *c;
    enum err e = db_write_begin(r->db, &c);
    return e ? e : db_write_end(c, store_in(r, c, m, answer));
}

enum err records_prepare_in(struct records *r, struct db_conn *c, const struct message_request *m, struct message_answer *answer)
{
    struct rows_course course;
    enum err e = check_course(r, c, m, &course, answer);
    if (e || !answer->ok)
        return e;
    check_stamp(r, m->ballot, 0, answer);
    if (!answer->ok)
        return ERR_OK;
    e = rows_promise(c, m->key, m->ballot);
    answer->promised = m->ballot;
    return e ? e : records_load(c, m->key, answer);
}

enum err records_prepare(struct records *r, const struct message_request *m, struct message_answer *answer)
{
    struct db_conn *c;
    enum err e = db_write_begin(r->db, &c);
    return e ? e : db_write_end(c, records_prepare_in(r, c, m, answer));
}

enum err records_accept_in(struct records *r, struct db_conn *c, const struct message_request *m, struct message_answer *answer)
{
    struct rows_course course;
    enum err e = check_course(r, c, m, &course, answer);
    if (e || !answer->ok)
        return e;
    check_stamp(r, m->ballot, course.exists, answer);
    if (!answer->ok)
        return ERR_OK;
    e = rows_slot(c, m->key, m->ballot, m->has_record ? &m->record : NULL);
    for (size_t i = 0; i < m->known.n && !e; i++)
        e = rows_insert(c, m->key, &m->known.entries[i].record, 0);
    answer->promised = m->ballot;
    return e;
}

enum err records_accept(struct records *r, const struct message_request *m, struct message_answer *answer)
{
    struct db_conn *c;
    enum err e = db_write_begin(r->db, &c);
    return e ? e : db_write_end(c, records_accept_in(r, c, m, answer));
}

static enum err learn_in(
    struct records *r, struct db_conn *c, const struct message_request *m, int blob_missing, struct message_answer *answer)
{
    struct rows_course course;
    struct stamp floor;
    enum err e = check_course(r, c, m, &course, answer);
    if (e || !answer->ok)
        return e;
    /* Perhaps late news of a course that was dropped: its tombstone is gone, so one record of it must not come back alone. What was not dropped comes by a pull. */
    e = rows_floor(c, &floor);
    if (e)
        return e;
    if (stamp_cmp(m->record.id, floor) <= 0) {
        refuse(answer, ERR_FENCED);
        return ERR_OK;
    }
    e = rows_touch(c, m->key);
    if (!e)
        e = rows_insert(c, m->key, &m->record, 0);
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
    struct rows_course course;
    enum err e = db_read_begin(r->db, &c);
    if (e)
        return e;
    e = check_course(r, c, m, &course, answer);
    if (!e && answer->ok)
        e = records_load(c, m->key, answer);
    db_read_end(c);
    return e;
}

static atomic_uint_fast64_t *drops_of(struct records *r, const char *key)
{
    return &r->drops[ring_key_point(key) % RECORDS_DROPS];
}

uint64_t records_drops(struct records *r, const char *key)
{
    return atomic_load(drops_of(r, key));
}

static enum err copy_in(struct records *r, struct db_conn *c, const struct records_copied *copied)
{
    struct message_answer answer;
    const char *key = copied->key;
    message_answer_init(&answer);
    enum err e = check_ring(r, key, copied->ring, &answer);
    if (!e && !answer.ok)
        e = answer.error;
    message_answer_release(&answer);
    if (!e && records_drops(r, key) != copied->drops)
        e = ERR_GONE;
    if (!e)
        e = rows_touch(c, key);
    for (size_t i = 0; i < copied->set->n && !e; i++) {
        const struct record *record = &copied->set->entries[i].record;
        e = rows_insert(c, key, record, 0);
        if (!e && copied->missing && copied->missing[i])
            e = needs_add(c, record->sha256, record->size, key, 0);
    }
    return e;
}

enum err records_copy(struct records *r, const struct records_copied *copied)
{
    struct db_conn *c;
    enum err e = db_write_begin(r->db, &c);
    return e ? e : db_write_end(c, copy_in(r, c, copied));
}

/* ---- dropping */

struct drop {
    struct records *records;
    const struct records_drop *order;
};

static struct stamp larger(struct stamp a, struct stamp b)
{
    return stamp_cmp(a, b) > 0 ? a : b;
}

/* Above everything that any owner promised or holds of the course, also above what came here as a copy and promised nothing: a late message of it must find no way in. One
 * more than that, because an ACCEPT passes that is equal to what was promised. */
static enum err raise_floor(struct db_conn *c, const struct records_drop *order, const struct message_answer *a)
{
    struct stamp top = larger(larger(a->promised, a->slot_ballot), larger(order->tombstone, order->floor));
    if (a->history.n > 0)
        top = larger(top, a->history.entries[a->history.n - 1].record.id);
    if (a->slot_has_record)
        top = larger(top, a->slot_record.id);
    top.process++;
    top.clock += top.process == 0;
    return rows_raise_floor(c, top);
}

/* Whether the course may go: it is deleted as a whole by this tombstone, and no slot holds something newer that may have been acknowledged. Then the floor rises. */
static enum err may_drop(struct db_conn *c, const struct drop *d, struct stamp promised)
{
    struct message_answer a;
    message_answer_init(&a);
    a.promised = promised;
    enum err e = records_load(c, d->order->key, &a);
    const struct record *current = e ? NULL : history_current(&a.history);
    if (!e &&
        (!current || current->kind != RECORD_DELETE || !stamp_is_zero(current->of) || stamp_cmp(current->id, d->order->tombstone) != 0))
        e = ERR_CONFLICT;
    if (!e && a.slot_has_record && stamp_cmp(a.slot_record.id, d->order->tombstone) > 0 && !history_find(&a.history, a.slot_record.id))
        e = ERR_CONFLICT;
    if (!e)
        e = raise_floor(c, d->order, &a);
    message_answer_release(&a);
    return e;
}

/* Only its owners drop a course, and only while none of them changes (P6.1). */
static enum err may_drop_here(struct records *r, const char *key)
{
    struct owners o;
    struct ledger_ring *ring = ledger_hold(r->ledger);
    if (!ring)
        return ERR_UNAVAILABLE;
    owners_of_key(ring->doc, key, &o);
    int may = owners_place(&o, r->self) >= 0 && !owners_are_moving(&o);
    ledger_drop(ring);
    return may ? ERR_OK : ERR_CONFLICT;
}

static enum err drop_in(struct db_conn *c, void *ctx)
{
    const struct drop *d = ctx;
    struct rows_course course;
    const char *key = d->order->key;
    enum err e = may_drop_here(d->records, key);
    if (!e)
        e = rows_course(c, key, &course);
    if (e || !course.exists)
        return e; /* without a row: done before */
    e = may_drop(c, d, course.promised);
    /* Counted before the commit, while no copy can be written: one that was asked for before now is too old. */
    atomic_fetch_add(drops_of(d->records, key), 1);
    return e ? e : rows_drop(c, key);
}

enum err records_drop(struct records *r, const struct records_drop *order, struct ballot *promised, uint64_t *ring)
{
    struct drop d = {r, order};
    return ledger_command(r->ledger, &order->ballot, order->epoch, drop_in, &d, promised, ring);
}

enum err records_look(struct records *r, const char *key, struct message_answer *answer)
{
    struct db_conn *c;
    struct rows_course course;
    enum err e = db_read_begin(r->db, &c);
    if (e)
        return e;
    e = rows_course(c, key, &course);
    answer->ok = 1;
    answer->promised = course.promised;
    answer->ring = ledger_epoch(r->ledger);
    if (!e)
        e = records_load(c, key, answer);
    db_read_end(c);
    return e;
}
