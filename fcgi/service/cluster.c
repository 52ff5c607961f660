#include "fcgi/service/read.h"

#include "fcgi/service/picture.h"
#include "fcgi/service/tally.h"
#include "fcgi/service/view.h"

#include <string.h>

/* Above this many tokens the arcs are not looked at one by one: with so many nodes the question is answered for the worst case. */
#define EXACT_TOKENS_MAX 65536u

static int is_up(const struct members *m, const char *id)
{
    const struct member *node = picture_node(m, id);
    return node != NULL && node->alive;
}

/* No more members are away than any course can spare, so that no arc has to be looked at. */
static int can_spare(const struct members *m, const struct ring *r)
{
    size_t away = 0;
    for (size_t i = 0; i < r->n_members; i++)
        away += !is_up(m, r->members[i].id);
    return away <= ring_k_effective(r) - ring_quorum(r);
}

/* Every place that a token of this ring begins has a write quorum that is up, under the whole document. */
static int every_arc_ready(const struct members *m, const struct ring *r)
{
    struct owners o;
    for (size_t i = 0; i < r->n_tokens; i++) {
        struct tally up = {.has = {0}};
        owners_find(m->ring, r->tokens[i].point, &o);
        for (size_t j = 0; j < o.n; j++)
            up.has[j] = (unsigned char)is_up(m, o.at[j].member->id);
        if (!tally_writes(&o, &up))
            return 0;
    }
    return 1;
}

static int is_ready(const struct members *m)
{
    if (m->ring == NULL)
        return 0;
    const struct ring *now = m->ring->ring, *before = m->ring->before;
    if (can_spare(m, now) && (before == NULL || can_spare(m, before)))
        return 1;
    if (now->n_tokens + (before == NULL ? 0 : before->n_tokens) > EXACT_TOKENS_MAX)
        return 0;
    return every_arc_ready(m, now) && (before == NULL || every_arc_ready(m, before));
}

enum err cluster_read(struct worker *w, struct cluster *out)
{
    memset(out, 0, sizeof(*out));
    out->view = view_get(w->app->view);
    const struct ring *r = out->view->ring;
    if (r != NULL) {
        for (size_t i = 0; i < r->n_members; i++)
            out->share[i] = ring_share(r, (uint32_t)i);
        out->k = r->k;
        out->k_effective = ring_k_effective(r);
        out->ring_epoch = r->epoch;
    }
    out->ready = is_ready(&out->view->members);
    struct store *s = worker_store(w);
    out->courses_known = s != NULL && worker_store_said(w, index_count(s, &out->courses)) == ERR_OK;
    return ERR_OK;
}

void cluster_release(struct worker *w, struct cluster *c)
{
    if (c->view != NULL)
        view_put(w->app->view, c->view);
    c->view = NULL;
}
