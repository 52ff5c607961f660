#include "node/ledger.h"

#include "lib/base/log.h"
#include "lib/wire/fence.h"
#include "lib/wire/owners.h"
#include "node/rows.h"

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

/* What a document says, whoever's ballot it came under. */
static enum err fingerprint(const struct ringdoc *doc, char out[HASH_HEX_SIZE])
{
    struct json *j;
    struct buf text;
    enum err e = json_parse(doc->text, doc->text_len, &j);
    if (e)
        return e;
    buf_init(&text, RINGDOC_BYTES_MAX);
    json_set_null(j, "ballot");
    e = json_print(j, &text);
    json_free(j);
    if (!e)
        hash_sha256_hex(buf_str(&text), text.len, out);
    buf_release(&text);
    return e;
}

static void shared_free(struct shared_ring *s)
{
    ringdoc_free(s->doc);
    free(s);
}

static enum err share(const struct ringdoc *doc, int committed, struct shared_ring **out)
{
    struct shared_ring *s = calloc(1, sizeof(*s));
    if (!s)
        return ERR_NOMEM;
    enum err e = ringdoc_copy(doc, &s->doc);
    if (!e)
        e = fingerprint(doc, s->view.fingerprint);
    if (e) {
        shared_free(s);
        return e;
    }
    s->view.doc = s->doc;
    s->view.committed = committed;
    atomic_store(&s->holders, 1);
    *out = s;
    return ERR_OK;
}

void ledger_drop(struct ledger_ring *ring)
{
    struct shared_ring *s = (struct shared_ring *)ring;
    if (!s || atomic_fetch_sub(&s->holders, 1) != 1)
        return;
    shared_free(s);
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

int ledger_is_committed(struct ledger *l)
{
    pthread_mutex_lock(&l->lock);
    int is = l->ring && l->ring->view.committed;
    pthread_mutex_unlock(&l->lock);
    return is;
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

/* The row as it is in this transaction; to be released. */
struct row {
    struct ballot promised;
    struct ringdoc *ring; /* NULL: none yet */
    uint64_t committed;
};

static enum err read_row(struct db_conn *c, struct row *out)
{
    int row;
    memset(out, 0, sizeof(*out));
    sqlite3_stmt *s = db_stmt(c, "SELECT promised, ring, committed FROM ledger");
    enum err e = db_step(c, s, &row);
    if (e || !row)
        return e ? e : ERR_CORRUPT;
    e = read_ballot(db_column_text(s, 0), &out->promised);
    out->committed = db_column_u64(s, 2);
    const char *text = db_column_text(s, 1);
    if (!e && *text != '\0')
        e = ringdoc_parse(text, strlen(text), &out->ring);
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
    struct row row = {.ring = NULL};
    enum err e = db_read_begin(db, &c);
    if (!e) {
        e = read_row(c, &row);
        db_read_end(c);
    }
    if (!e && row.ring)
        e = share(row.ring, row.committed == row.ring->ring->epoch, &l->ring);
    ringdoc_free(row.ring);
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

static enum err write_ring(struct db_conn *c, const struct ringdoc *doc, int committed)
{
    sqlite3_stmt *s = db_stmt(c, "UPDATE ledger SET ring = ?, committed = ?");
    db_bind_text(s, 1, doc->text);
    db_bind_u64(s, 2, committed ? doc->ring->epoch : 0);
    return db_run(c, s);
}

enum err ledger_promise(struct ledger *l, const struct ballot *b, struct ledger_ring **ring, struct ballot *promised)
{
    struct db_conn *c;
    struct row row;
    enum err e = db_write_begin(l->db, &c);
    if (e)
        return e;
    e = read_row(c, &row);
    ringdoc_free(row.ring);
    *promised = row.promised;
    if (!e && !fence_may_promise(&row.promised, b))
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

/* ---- a new ring */

/* What decides whether a course is kept when a newer ring comes. */
struct keeping {
    char self[RING_ID_MAX];
    const struct ringdoc *old, *new;
};

static int owns_before(const struct ringdoc *doc, uint64_t point, const char *self)
{
    struct owners o;
    owners_find(doc, point, &o);
    long i = owners_place(&o, self);
    return i >= 0 && o.at[i].before;
}

/* How many rings back a node may be and still know what became of its courses: to the stable ring before the change. */
static int is_too_old(const struct ringdoc *old, const struct ringdoc *new)
{
    return new->ring->epoch - old->ring->epoch > (ringdoc_is_joint(new) ? 1u : 2u);
}

/* See the head of ledger.h. */
static int is_kept(void *ctx, const char *key)
{
    const struct keeping *k = ctx;
    struct owners o;
    if (is_too_old(k->old, k->new))
        return 0;
    uint64_t point = ring_key_point(key);
    owners_find(k->old, point, &o);
    return owners_place(&o, k->self) >= 0 && (!k->new->before || owns_before(k->new, point, k->self));
}

/* Only a larger number drops anything: what came in under another document of the same number may be acknowledged already. */
static enum err drop_strangers(struct db_conn *c, const struct ringdoc *old, const struct ringdoc *new, uint64_t *dropped)
{
    struct keeping k = {.old = old, .new = new};
    int row;
    *dropped = 0;
    if (!old || new->ring->epoch <= old->ring->epoch)
        return ERR_OK;
    sqlite3_stmt *s = db_stmt(c, "SELECT node FROM about");
    enum err e = db_step(c, s, &row);
    if (e || !row)
        return e ? e : ERR_CORRUPT;
    strncpy(k.self, db_column_text(s, 0), sizeof(k.self) - 1);
    return rows_drop_unless(c, is_kept, &k, dropped);
}

/* Writes the document, commits, and puts it in force before the next writer begins; given a begun transaction and what the checks said. */
static enum err end_install(
    struct ledger *l, struct db_conn *c, enum err e, const struct ringdoc *old, const struct ringdoc *doc, int committed)
{
    struct shared_ring *next = NULL;
    uint64_t before = ledger_epoch(l), dropped = 0;
    if (!e)
        e = share(doc, committed, &next);
    if (!e)
        e = drop_strangers(c, old, doc, &dropped);
    if (!e)
        e = write_ring(c, doc, committed);
    e = db_write_commit(c, e);
    if (!e)
        put_in_force(l, next);
    db_write_release(c);
    if (e && next)
        ledger_drop(&next->view);
    if (!e && before != doc->ring->epoch)
        log_write(LOG_INFO, "ring", "ring %llu (%s) is in force, before it %llu; %llu courses of earlier owners dropped",
            (unsigned long long)doc->ring->epoch, ringdoc_is_joint(doc) ? "joint" : "stable", (unsigned long long)before,
            (unsigned long long)dropped);
    return e;
}

/* Whether two documents say the same, whatever their ballots. */
static enum err compare(const struct ringdoc *a, const struct ringdoc *b, int *same)
{
    char x[HASH_HEX_SIZE], y[HASH_HEX_SIZE];
    enum err e = fingerprint(a, x);
    if (!e)
        e = fingerprint(b, y);
    *same = !e && strcmp(x, y) == 0;
    return e;
}

static enum err install_in(struct ledger *l, struct db_conn *c, const struct ballot *b, const struct ringdoc *doc, struct ballot *promised)
{
    struct row row;
    int same = 0;
    enum err e = read_row(c, &row);
    *promised = row.promised;
    if (!e && !fence_may_install(&row.promised, row.ring, b, doc))
        e = ERR_FENCED;
    if (!e && row.ring && row.committed == doc->ring->epoch)
        e = compare(row.ring, doc, &same);
    if (!e)
        e = write_promised(c, b);
    e = end_install(l, c, e, row.ring, doc, same);
    ringdoc_free(row.ring);
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
    if (!e)
        e = install_in(l, c, b, kept, promised);
    ringdoc_free(kept);
    return e;
}

/* What a committed document of our own number means: *doc becomes ours when it says the same under a smaller ballot; *news is 0 when we know it all. */
static enum err adopt_same(const struct row *row, const struct ringdoc **doc, int *news)
{
    int same, newer = ballot_cmp(&(*doc)->ballot, &row->ring->ballot) > 0;
    enum err e = compare(row->ring, *doc, &same);
    if (e)
        return e;
    *news = !same || row->committed != row->ring->ring->epoch;
    if (same && !newer)
        *doc = row->ring;
    if (same || newer)
        return ERR_OK;
    log_write(LOG_ERROR, "ring", "ring %llu is shown as committed, but ours is another one under a larger ballot",
        (unsigned long long)row->ring->ring->epoch);
    return ERR_CONFLICT;
}

enum err ledger_adopt(struct ledger *l, const struct ringdoc *doc)
{
    struct db_conn *c;
    struct row row;
    int news = 1;
    if (doc->ring->epoch < ledger_epoch(l) || (doc->ring->epoch == ledger_epoch(l) && ledger_is_committed(l)))
        return ERR_OK;
    enum err e = db_write_begin(l->db, &c);
    if (e)
        return e;
    e = read_row(c, &row);
    if (!e && row.ring && doc->ring->epoch < row.ring->ring->epoch)
        news = 0;
    else if (!e && row.ring && doc->ring->epoch == row.ring->ring->epoch)
        e = adopt_same(&row, &doc, &news);
    e = news ? end_install(l, c, e, row.ring, doc, 1) : db_write_end(c, e);
    ringdoc_free(row.ring);
    return e;
}

enum err ledger_command(struct ledger *l, const struct ballot *b, uint64_t epoch, enum err (*effect)(struct db_conn *c, void *ctx),
    void *ctx, struct ballot *promised, uint64_t *ring)
{
    struct db_conn *c;
    struct row row;
    enum err e = db_write_begin(l->db, &c);
    if (e)
        return e;
    e = read_row(c, &row);
    *promised = row.promised;
    *ring = row.ring ? row.ring->ring->epoch : 0;
    /* A ring that we do not have yet comes first: the sender tries again. */
    if (!e && (!fence_may_command(&row.promised, *ring, b, epoch) || epoch > *ring))
        e = ERR_FENCED;
    ringdoc_free(row.ring);
    if (!e)
        e = effect(c, ctx);
    return db_write_end(c, e);
}
