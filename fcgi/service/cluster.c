#include "fcgi/service/read.h"

#include "fcgi/service/view.h"

enum err cluster_read(struct worker *w, struct cluster *out)
{
    *out = (struct cluster){.view = view_get(w->app->view)};
    const struct ring *r = out->view->ring;
    if (r != NULL) {
        out->k = r->k;
        out->k_effective = ring_k_effective(r);
        out->ring_epoch = r->epoch;
        out->joint = ringdoc_is_joint(out->view->members.ring);
    }
    return ERR_OK;
}

void cluster_release(struct worker *w, struct cluster *c)
{
    if (c->view != NULL)
        view_put(w->app->view, c->view);
    c->view = NULL;
}
