#include "coordinator/survey.h"

#include <stdlib.h>
#include <string.h>

enum err survey_init(struct survey *s, const struct ringdoc *sketch, const char *going)
{
    *s = (struct survey){.sketch = sketch, .going = going};
    s->to = calloc(sketch->ring->n_members, sizeof *s->to);
    s->at_risk = calloc(SURVEY_NAMES_MAX, sizeof *s->at_risk);
    if (s->to && s->at_risk)
        return ERR_OK;
    survey_release(s);
    return ERR_NOMEM;
}

void survey_release(struct survey *s)
{
    for (size_t i = 0; s->at_risk && i < s->n_at_risk; i++)
        free(s->at_risk[i]);
    free(s->at_risk);
    free(s->to);
    *s = (struct survey){.n_at_risk = 0};
}

static enum err note_risk(struct survey *s, const char *name)
{
    s->at_risk_count++;
    if (s->n_at_risk == SURVEY_NAMES_MAX)
        return ERR_OK;
    char *copy = strdup(name);
    if (!copy)
        return ERR_NOMEM;
    s->at_risk[s->n_at_risk++] = copy;
    return ERR_OK;
}

/* Whether an owner that stays has all of it. */
static int is_safe(const struct survey *s, const struct owners *owners, const struct survey_holding *held, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (held[i].complete && strcmp(held[i].id, s->going) != 0 && owners_place(owners, held[i].id) >= 0)
            return 1;
    }
    return 0;
}

enum err survey_course(struct survey *s, const char *key, const char *name, const struct survey_holding *held, size_t n)
{
    struct owners owners;
    uint64_t bytes = 0;
    owners_of_key(s->sketch, key, &owners);
    for (size_t i = 0; i < n; i++) {
        if (held[i].bytes > bytes)
            bytes = held[i].bytes;
    }
    s->courses++;
    for (size_t i = 0; i < owners.n_now; i++) {
        if (owners.at[i].before)
            continue;
        s->copies++;
        s->bytes += bytes;
        s->to[owners.at[i].member - s->sketch->ring->members]++;
    }
    long place = s->going ? owners_place(&owners, s->going) : -1;
    return place >= 0 && owners.at[place].before && !is_safe(s, &owners, held, n) ? note_risk(s, name) : ERR_OK;
}

int survey_is_blind(const struct survey *s, int (*has)(void *ctx, const char *id), void *ctx)
{
    const struct ring *ring = s->sketch->before;
    if (!s->going || has(ctx, s->going))
        return 0;
    for (size_t i = 0; i < ring->n_tokens; i++) {
        struct owners owners;
        int told = 0;
        owners_find(s->sketch, ring->tokens[i].point, &owners);
        long place = owners_place(&owners, s->going);
        if (place < 0 || !owners.at[place].before)
            continue;
        for (size_t j = 0; j < owners.n; j++)
            told |= owners.at[j].before && has(ctx, owners.at[j].member->id);
        if (!told)
            return 1;
    }
    return 0;
}

uint64_t survey_seconds(const struct survey *s, uint64_t bytes_per_s)
{
    uint64_t receivers = 0;
    for (size_t i = 0; i < s->sketch->ring->n_members; i++)
        receivers += s->to[i] != 0;
    uint64_t rate = bytes_per_s * (receivers ? receivers : 1);
    return s->bytes / rate + (s->bytes % rate != 0);
}
