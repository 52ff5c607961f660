/* What this client knows of other clocks: only those that were off have an entry, so the list is short or empty. */
#include "lib/peer/internal.h"

#include <stdio.h>
#include <string.h>

static struct clock_offset *find(const struct peer *p, const char *base_url)
{
    for (size_t i = 0; i < p->n_clocks; i++) {
        if (strcmp(p->clocks[i].base_url, base_url) == 0)
            return (struct clock_offset *)&p->clocks[i];
    }
    return NULL;
}

void clocks_learn(struct peer *p, const char *base_url, int64_t offset_ms)
{
    struct clock_offset *c = find(p, base_url);

    if (!c && p->n_clocks < PEER_CLOCKS_MAX)
        c = &p->clocks[p->n_clocks++];
    if (!c) {
        c = &p->clocks[p->next_clock];
        p->next_clock = (p->next_clock + 1) % PEER_CLOCKS_MAX;
    }
    snprintf(c->base_url, sizeof c->base_url, "%s", base_url);
    c->offset_ms = offset_ms;
}

int64_t peer_clock_offset_ms(const struct peer *p, const char *base_url)
{
    const struct clock_offset *c = find(p, base_url);

    return c ? c->offset_ms : 0;
}
