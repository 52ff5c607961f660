#include "fcgi/service/auditing.h"

#include "fcgi/service/view.h"
#include "lib/audit/audit.h"
#include "lib/audit/ship.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t find_targets(void *ctx, struct audit_target *out, size_t max, size_t *need)
{
    struct app *a = ctx;
    size_t n = 0;
    const struct view *v = view_get(a->view);
    *need = v->ring ? v->ring->k / 2 + 1 : 1;
    if (v->ring && *need > v->ring->n_members)
        *need = v->ring->n_members;
    for (size_t i = 0; v->ring && i < v->members.n_nodes && n < max; i++) {
        const struct member *m = &v->members.nodes[i];
        if (!m->alive || !m->url[0] || ring_find(v->ring, m->id) < 0)
            continue;
        snprintf(out[n].url, sizeof(out[n].url), "%s", m->url);
        snprintf(out[n].id, sizeof(out[n].id), "%s", m->id);
        n++;
    }
    view_put(a->view, v);
    return n;
}

enum err auditing_start(struct app *a)
{
    struct audit_ship_settings ship = {.keys = a->keys, .tls = a->tls, .targets = find_targets, .ctx = a};
    enum err e = audit_ship_open(&ship, &a->audit_ship);
    if (e != ERR_OK)
        return e;
    struct audit_settings s = {
        .data = a->settings.data, .process = a->process, .master = a->key.bytes, .head = audit_ship_head, .ctx = a->audit_ship};
    return audit_open(&s, &a->audit);
}

void auditing_stop(struct app *a)
{
    audit_close(a->audit);
    audit_ship_close(a->audit_ship);
    a->audit = NULL;
    a->audit_ship = NULL;
}

struct auditing_figures auditing_figures(const struct app *a)
{
    struct audit_stats stats;
    audit_stats(a->audit, &stats);
    return (struct auditing_figures){.lines = stats.lines, .lost = stats.lost, .head_waits_s = audit_ship_waits_s(a->audit_ship)};
}
