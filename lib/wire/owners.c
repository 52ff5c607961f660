#include "lib/wire/owners.h"

#include <string.h>

void owners_find(const struct ringdoc *d, uint64_t point, struct owners *out)
{
    uint32_t now[RING_K_MAX], before[RING_K_MAX];
    memset(out, 0, sizeof(*out));
    out->n_now = ring_owners(d->ring, point, now);
    out->w_now = ring_quorum(d->ring);
    for (size_t i = 0; i < out->n_now; i++)
        out->at[out->n++] = (struct owners_one){.member = &d->ring->members[now[i]], .now = 1};
    if (!d->before)
        return;
    out->n_before = ring_owners(d->before, point, before);
    out->w_before = ring_quorum(d->before);
    for (size_t i = 0; i < out->n_before; i++) {
        const struct ring_member *m = &d->before->members[before[i]];
        long place = owners_place(out, m->id);
        if (place >= 0)
            out->at[place].before = 1;
        else
            out->at[out->n++] = (struct owners_one){.member = m, .before = 1};
    }
}

void owners_of_key(const struct ringdoc *d, const char *key, struct owners *out)
{
    owners_find(d, ring_key_point(key), out);
}

long owners_place(const struct owners *o, const char *id)
{
    for (size_t i = 0; i < o->n; i++)
        if (strcmp(o->at[i].member->id, id) == 0)
            return (long)i;
    return -1;
}

/* How many of the owners now, and of those before, are set. */
static void count(const struct owners *o, const unsigned char set[OWNERS_MAX], size_t *now, size_t *before)
{
    *now = *before = 0;
    for (size_t i = 0; i < o->n; i++) {
        if (!set[i])
            continue;
        *now += o->at[i].now;
        *before += o->at[i].before;
    }
}

size_t owners_write_missing(const struct owners *o, const unsigned char yes[OWNERS_MAX])
{
    size_t now, before;
    count(o, yes, &now, &before);
    size_t missing_now = now < o->w_now ? o->w_now - now : 0;
    size_t missing_before = before < o->w_before ? o->w_before - before : 0;
    return missing_now > missing_before ? missing_now : missing_before;
}

int owners_prove_absence(const struct owners *o, const unsigned char answered[OWNERS_MAX])
{
    size_t now, before;
    count(o, answered, &now, &before);
    return o->n_before ? before >= o->n_before - o->w_before + 1 : now >= o->n_now - o->w_now + 1;
}

int owners_are_moving(const struct owners *o)
{
    if (!o->n_before)
        return 0;
    for (size_t i = 0; i < o->n; i++)
        if (o->at[i].now != o->at[i].before)
            return 1;
    return 0;
}

long owners_mover(const struct owners *o, int (*lives)(void *ctx, const char *id), void *ctx)
{
    long staying = -1;
    for (size_t i = 0; i < o->n_now; i++) {
        if (!lives(ctx, o->at[i].member->id))
            continue;
        if (!o->at[i].before)
            return (long)i;
        if (staying < 0)
            staying = (long)i;
    }
    return staying;
}
