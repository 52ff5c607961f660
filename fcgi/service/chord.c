#include "fcgi/service/chord.h"

#include <string.h>

enum err chord_open(struct worker *w, struct chord *out)
{
    *out = (struct chord){.view = view_get(w->app->view)};
    out->ring = out->view->ring;
    enum err e = out->ring == NULL ? ERR_UNAVAILABLE : fingers_new(out->ring, &out->fingers);
    if (e != ERR_OK)
        chord_close(w, out);
    return e;
}

void chord_close(struct worker *w, struct chord *c)
{
    fingers_free(c->fingers);
    if (c->view != NULL)
        view_put(w->app->view, c->view);
    memset(c, 0, sizeof(*c));
}

long chord_find(const struct chord *c, const char *node)
{
    for (size_t i = 0; i < c->ring->n_members; i++)
        if (strcmp(c->ring->members[i].name, node) == 0 || strcmp(c->ring->members[i].id, node) == 0)
            return (long)i;
    return -1;
}

void chord_table(const struct chord *c, uint32_t member, struct fingers_table *out)
{
    fingers_table(&c->fingers->circle, c->fingers->seat_of[member], out);
}

size_t chord_route(const struct chord *c, uint32_t from, const char *key, uint32_t hops[FINGERS_HOPS_MAX])
{
    struct fingers_seat seats[FINGERS_HOPS_MAX];
    uint32_t owners[RING_K_MAX];
    ring_owners(c->ring, ring_key_point(key), owners);
    size_t n = fingers_route(&c->fingers->circle, c->fingers->seat_of[from], c->fingers->seat_of[owners[0]], seats);
    for (size_t i = 0; i < n; i++)
        hops[i] = seats[i].member;
    return n;
}
