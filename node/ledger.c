#include "node/ledger.h"

#include "lib/base/log.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* What callers see of it is the first member. */
struct shared_ring {
    struct ledger_ring view;
    struct ringdoc *doc;
    atomic_uint holders;
};

struct ledger {
    struct db *db;
    pthread_mutex_t lock; /* guards `ring`; taken inside the writer's lock, never around it */
    struct shared_ring *ring;
};

static enum err share(const struct ringdoc *doc, struct shared_ring **out)
{
    struct shared_ring *s = calloc(1, sizeof(*s));
    if (!s)
        return ERR_NOMEM;
    enum err e = ringdoc_copy(doc, &s->doc);
    if (e) {
        free(s);
        return e;
    }
    s->view.doc = s->doc;
    atomic_store(&s->holders, 1);
    *out = s;
    return ERR_OK;
}

void ledger_drop(struct ledger_ring *ring)
{
    struct shared_ring *s = (struct shared_ring *)ring;
    if (!s || atomic_fetch_sub(&s->holders, 1) != 1)
        return;
    ringdoc_free(s->doc);
    free(s);
}

struct ledger_ring *ledger_hold(struct ledger *l)
{
    pthread_mutex_lock(&l->lock);
    struct shared_ring *s = l->ring;
    if (s)
        atomic_fetch_add(&s->holders, 1);
    pthread_mutex_unlock(&l->lock);
    return s ? &s->view : NULL;
}

uint64_t ledger_epoch(struct ledger *l)
{
    pthread_mutex_lock(&l->lock);
    uint64_t epoch = l->ring ? l->ring->doc->ring->epoch : 0;
    pthread_mutex_unlock(&l->lock);
    return epoch;
}

/* Puts a ring in force; takes the caller's hold. */
static void put_in_force(struct ledger *l, struct shared_ring *s)
{
    pthread_mutex_lock(&l->lock);
    struct shared_ring *old = l->ring;
    l->ring = s;
    pthread_mutex_unlock(&l->lock);
    ledger_drop(old ? &old->view : NULL);
}

static enum err read_ballot(const char *text, struct ballot *out)
{
    struct json *j;
    if (*text == '\0') {
        memset(out, 0, sizeof(*out));
        return ERR_OK;
    }
    enum err e = json_parse(text, strlen(text), &j);
    if (e)
        return e == ERR_NOMEM ? e : ERR_CORRUPT;
    e = ballot_from_json(j, out);
    json_free(j);
    return e ? ERR_CORRUPT : ERR_OK;
}

/* Reads the row as it is in this transaction. *ring stays NULL when there is none. */
static enum err read_row(struct db_conn *c, struct ballot *promised, struct ringdoc **ring)
{
    int row;
    sqlite3_stmt *s = db_stmt(c, "SELECT promised, ring FROM ledger");
    enum err e = db_step(c, s, &row);
    if (e || !row)
        return e ? e : ERR_CORRUPT;
    e = read_ballot(db_column_text(s, 0), promised);
    const char *text = db_column_text(s, 1);
    if (!e && *text != '\0')
        e = ringdoc_parse(text, strlen(text), ring);
    return e == ERR_SYNTAX || e == ERR_INVALID ? ERR_CORRUPT : e;
}

enum err ledger_open(struct db *db, struct ledger **out)
{
    struct ledger *l = calloc(1, sizeof(*l));
    if (!l)
        return ERR_NOMEM;
    l->db = db;
    pthread_mutex_init(&l->lock, NULL);
    struct db_conn *c;
    struct ballot promised;
    struct ringdoc *doc = NULL;
    enum err e = db_read_begin(db, &c);
    if (!e) {
        e = read_row(c, &promised, &doc);
        db_read_end(c);
    }
    if (!e && doc)
        e = share(doc, &l->ring);
    ringdoc_free(doc);
    if (e)
        ledger_close(l);
    else
        *out = l;
    return e;
}

void ledger_close(struct ledger *l)
{
    if (!l)
        return;
    if (l->ring)
        ledger_drop(&l->ring->view);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

static enum err write_promised(struct db_conn *c, const struct ballot *b)
{
    struct buf text;
    buf_init(&text, 1024);
    struct json *j = ballot_to_json(b);
    enum err e = json_print(j, &text);
    json_free(j);
    sqlite3_stmt *s = db_stmt(c, "UPDATE ledger SET promised = ?");
    db_bind_text(s, 1, buf_str(&text));
    if (!e)
        e = db_run(c, s);
    if (s)
        sqlite3_clear_bindings(s);
    buf_release(&text);
    return e;
}

static enum err write_ring(struct db_conn *c, const struct ringdoc *doc)
{
    sqlite3_stmt *s = db_stmt(c, "UPDATE ledger SET ring = ?");
    db_bind_text(s, 1, doc->text);
    return db_run(c, s);
}

enum err ledger_promise(struct ledger *l, const struct ballot *b, struct ledger_ring **ring, struct ballot *promised)
{
    struct db_conn *c;
    struct ringdoc *doc = NULL;
    enum err e = db_write_begin(l->db, &c);
    if (e)
        return e;
    e = read_row(c, promised, &doc);
    ringdoc_free(doc);
    if (!e && ballot_cmp(b, promised) <= 0)
        e = ERR_FENCED;
    if (!e)
        e = write_promised(c, b);
    /* Held before the commit lets go of the writer's lock: the answer shows the ring as it was at the promise. */
    struct ledger_ring *held = ledger_hold(l);
    e = db_write_end(c, e);
    if (e) {
        ledger_drop(held);
        return e;
    }
    *promised = *b;
    *ring = held;
    return ERR_OK;
}

/* Writes the document, commits, and puts it in force before the next writer begins; given a begun transaction and what the checks said. */
static enum err end_install(struct ledger *l, struct db_conn *c, enum err e, const struct ringdoc *doc)
{
    struct shared_ring *next = NULL;
    uint64_t before = ledger_epoch(l);
    if (!e)
        e = share(doc, &next);
    if (!e)
        e = write_ring(c, doc);
    e = db_write_commit(c, e);
    if (!e)
        put_in_force(l, next);
    db_write_release(c);
    if (!e)
        log_write(
            LOG_INFO, "ring", "ring %llu is in force, before it %llu", (unsigned long long)doc->ring->epoch, (unsigned long long)before);
    else if (next)
        ledger_drop(&next->view);
    return e;
}

static enum err check_install(struct db_conn *c, const struct ballot *b, const struct ringdoc *doc, struct ballot *promised)
{
    struct ringdoc *old = NULL;
    enum err e = read_row(c, promised, &old);
    if (!e && ballot_cmp(b, promised) < 0)
        e = ERR_FENCED;
    if (!e && old && doc->ring->epoch < old->ring->epoch)
        e = ERR_FENCED;
    if (!e && old && doc->ring->epoch == old->ring->epoch && ballot_cmp(b, &old->ballot) < 0)
        e = ERR_FENCED;
    ringdoc_free(old);
    return e;
}

enum err ledger_install(struct ledger *l, const struct ballot *b, const struct ringdoc *doc, struct ballot *promised)
{
    struct db_conn *c;
    struct ringdoc *kept;
    /* Kept with the ballot it came under, which a re-installed one does not yet name. */
    enum err e = ringdoc_under(doc, b, &kept);
    if (e)
        return e;
    e = db_write_begin(l->db, &c);
    if (!e) {
        e = check_install(c, b, kept, promised);
        if (!e)
            e = write_promised(c, b);
        e = end_install(l, c, e, kept);
    }
    ringdoc_free(kept);
    return e;
}

enum err ledger_adopt(struct ledger *l, const struct ringdoc *doc)
{
    if (doc->ring->epoch <= ledger_epoch(l))
        return ERR_OK;
    struct db_conn *c;
    enum err e = db_write_begin(l->db, &c);
    if (e)
        return e;
    if (doc->ring->epoch <= ledger_epoch(l))
        return db_write_end(c, ERR_OK);
    return end_install(l, c, ERR_OK, doc);
}
