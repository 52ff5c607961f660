#include "fcgi/service/tally.h"

size_t tally_count(const struct tally *t)
{
    size_t n = 0;
    for (size_t i = 0; i < OWNERS_MAX; i++)
        n += t->has[i] != 0;
    return n;
}

int tally_writes(const struct owners *o, const struct tally *t)
{
    return owners_write_missing(o, t->has) == 0;
}

int tally_bars(const struct owners *o, const struct tally *t)
{
    struct tally others = {.has = {0}};
    for (size_t i = 0; i < o->n; i++)
        others.has[i] = !t->has[i];
    return !tally_writes(o, &others);
}

static unsigned count_now(const struct owners *o, const struct tally *t)
{
    unsigned n = 0;
    for (size_t i = 0; i < o->n; i++)
        n += o->at[i].now && t->has[i];
    return n;
}

static unsigned count_before(const struct owners *o, const struct tally *t)
{
    unsigned n = 0;
    for (size_t i = 0; i < o->n; i++)
        n += o->at[i].before && t->has[i];
    return n;
}

int tally_holds(const struct owners *o, const struct tally *t)
{
    return o->n_before > 0 ? count_before(o, t) >= o->w_before : count_now(o, t) >= o->w_now;
}

int tally_proves_absence(const struct owners *o, const struct tally *answered)
{
    return owners_prove_absence(o, answered->has);
}

static unsigned lack(const struct tally_words *w)
{
    return w->can < w->needed ? w->needed - w->can : 0;
}

struct tally_words tally_words(const struct owners *o, const struct tally *t)
{
    struct tally_words now = {count_now(o, t), (unsigned)o->n_now, o->w_now},
                       before = {count_before(o, t), (unsigned)o->n_before, o->w_before};
    return o->n_before > 0 && lack(&before) > 0 && lack(&before) >= lack(&now) ? before : now;
}
