#include "node/settle_inside.h"

#include <string.h>

/* Adds to the pair's counts; pairs that do not fit are left out. */
static void add_pair(struct member_move *m, const char *from, const char *to, uint64_t done, uint64_t total)
{
    size_t i = 0;
    while (i < m->n_pairs && (strcmp(m->pairs[i].from, from) != 0 || strcmp(m->pairs[i].to, to) != 0))
        i++;
    if (i == MEMBER_PAIRS_MAX)
        return;
    if (i == m->n_pairs) {
        m->n_pairs++;
        memset(&m->pairs[i], 0, sizeof(m->pairs[i]));
        memcpy(m->pairs[i].from, from, strlen(from) + 1);
        memcpy(m->pairs[i].to, to, strlen(to) + 1);
    }
    m->pairs[i].done += done;
    m->pairs[i].total += total;
}

/* The i-th owner that leaves (now 0) or arrives (now 1); NULL when there are not so many. */
static const struct ring_member *changing(const struct owners *o, int now, size_t i)
{
    for (size_t k = 0; k < o->n; k++)
        if (o->at[k].now == now && o->at[k].before == !now && i-- == 0)
            return o->at[k].member;
    return NULL;
}

/* Adds a course: to what there is to do (sign of total), to what is done. */
static void add(struct settle_round *r, const struct settle_course *c, int done, int total)
{
    struct owners o;
    struct member_move *m = &r->s->progress;
    uint64_t bytes = 0;
    for (size_t i = 0; i < c->n_blobs; i++)
        bytes += c->blobs[i].size;
    owners_of_key(r->ring->doc, c->key, &o);
    for (size_t i = 0; changing(&o, 1, i); i++) {
        const struct ring_member *to = changing(&o, 1, i), *from = changing(&o, 0, i);
        if (!order_counts(&r->order, to->id))
            continue;
        m->copies_done += done ? c->n_blobs : 0;
        m->bytes_done += done ? bytes : 0;
        m->copies_total += total ? c->n_blobs : 0;
        m->bytes_total += total ? bytes : 0;
        add_pair(m, from ? from->name : "", to->name, done ? c->n_blobs : 0, total ? c->n_blobs : 0);
    }
}

static enum err count_some(struct settle_round *r, struct settle_lists *l, struct peer *peer, size_t *n)
{
    struct settle_course courses[SETTLE_BATCH];
    unsigned char done[SETTLE_BATCH];
    enum err e = settle_lists_next(l, peer, courses, SETTLE_BATCH, n);
    if (e)
        return e;
    e = settle_rows_find(r->node->db, r->ring->doc->ring->epoch, courses, *n, done);
    pthread_mutex_lock(&r->s->bell.lock);
    for (size_t i = 0; i < *n && !e; i++)
        add(r, &courses[i], done[i], 1);
    pthread_mutex_unlock(&r->s->bell.lock);
    for (size_t i = 0; i < *n; i++)
        settle_course_release(&courses[i]);
    return e;
}

enum err settle_count_begin(struct settle_round *r, struct peer *peer)
{
    struct settle_lists *l;
    size_t n = 1;
    pthread_mutex_lock(&r->s->bell.lock);
    r->s->progress = (struct member_move){.epoch = r->order.epoch, .order = r->order.seq};
    pthread_mutex_unlock(&r->s->bell.lock);
    enum err e = settle_lists_new(r, &l);
    if (e)
        return e;
    while (!e && n > 0 && settle_round_goes_on(r))
        e = count_some(r, l, peer, &n);
    settle_lists_free(l);
    return e;
}

void settle_count_done(struct settle_round *r, const struct settle_course *c)
{
    pthread_mutex_lock(&r->s->bell.lock);
    add(r, c, 1, 0);
    pthread_mutex_unlock(&r->s->bell.lock);
}
