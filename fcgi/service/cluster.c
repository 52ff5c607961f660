#include "fcgi/service/read.h"

#include "fcgi/service/picture.h"
#include "fcgi/service/view.h"

#include <string.h>

/* Above this many tokens the arcs are not looked at one by one: with so many nodes the question is answered for the worst case. */
#define EXACT_TOKENS_MAX 65536u

static int is_up(const struct view *v, const struct ring_member *m)
{
    const struct member *node = picture_node(&v->members, m->id);
    return node != NULL && node->alive;
}

/* Every place on the ring has a write quorum that is up. */
static int every_arc_ready(const struct ring *r, const char *up)
{
    uint32_t quorum = ring_quorum(r);
    for (size_t i = 0; i < r->n_tokens; i++) {
        uint32_t owners[RING_K_MAX], there = 0;
        size_t n = ring_owners(r, r->tokens[i].point, owners);
        for (size_t j = 0; j < n; j++)
            there += (uint32_t)(up[owners[j]] != 0);
        if (there < quorum)
            return 0;
    }
    return 1;
}

/* Conservative first: when no more nodes are away than any course can spare, no arc has to be looked at. */
static int is_ready(const struct view *v)
{
    char up[RING_MEMBERS_MAX];
    const struct ring *r = v->ring;
    size_t away = 0;
    if (r == NULL)
        return 0;
    for (size_t i = 0; i < r->n_members; i++) {
        up[i] = (char)is_up(v, &r->members[i]);
        away += up[i] == 0;
    }
    if (away <= ring_k_effective(r) - ring_quorum(r))
        return 1;
    return r->n_tokens <= EXACT_TOKENS_MAX && every_arc_ready(r, up);
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
    out->ready = is_ready(out->view);
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
