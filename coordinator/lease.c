#include "coordinator/lease.h"

#include <stdio.h>
#include <string.h>

void lease_init(struct lease_state *l, const char *name, const char *token)
{
    *l = (struct lease_state){0};
    snprintf(l->mine.name, sizeof l->mine.name, "%s", name);
    snprintf(l->mine.token, sizeof l->mine.token, "%s", token);
}

int lease_holds(const struct lease_state *l, uint64_t now_ms)
{
    return l->leading && now_ms < l->valid_until_ms;
}

/* sent_ms is from before the request left: Redis counts the TTL from later on, so ours ends first. */
static void start_leading(struct lease_state *l, uint64_t sent_ms, uint64_t since_ms)
{
    l->leading = 1;
    l->term++;
    l->valid_until_ms = sent_ms + LEASE_TTL_MS;
    l->renew_at_ms = sent_ms + LEASE_RENEW_MS;
    l->mine.epoch = 0;
    l->mine.since_ms = since_ms;
    l->free_since_ms = 0;
}

static void stop_leading(struct lease_state *l)
{
    l->leading = 0;
    l->mine.epoch = 0;
    l->seen_at_ms = 0;
    l->free_since_ms = 0;
}

static void keep(struct lease_state *l, const struct effects *fx)
{
    uint64_t sent_ms = fx->boot_ms(fx->ctx);
    if (sent_ms >= l->valid_until_ms) {
        stop_leading(l);
        return;
    }
    if (sent_ms < l->renew_at_ms)
        return;
    enum err e = fx->lease_renew(fx->ctx, &l->mine, LEASE_TTL_MS);
    if (e == ERR_OK) {
        l->valid_until_ms = sent_ms + LEASE_TTL_MS;
        l->renew_at_ms = sent_ms + LEASE_RENEW_MS;
    }
    /* Every other error means "not known": the lease goes on until its time, and the next tick asks again. */
    if (e == ERR_CONFLICT || fx->boot_ms(fx->ctx) >= l->valid_until_ms)
        stop_leading(l);
}

/* How many are to be given the chance before us. */
static unsigned rank_of(const struct lease_state *l, const char *const *living, size_t n_living)
{
    unsigned rank = 0;
    for (size_t i = 0; i < n_living; i++) {
        if (strcmp(living[i], l->mine.name) < 0 && strcmp(living[i], l->last_holder) != 0)
            rank++;
    }
    return rank;
}

static void try_to_take(struct lease_state *l, const struct effects *fx, unsigned rank)
{
    uint64_t sent_ms = fx->boot_ms(fx->ctx);
    if (l->free_since_ms == 0)
        l->free_since_ms = sent_ms;
    if (sent_ms - l->free_since_ms < (uint64_t)rank * LEASE_HOLD_MS)
        return;
    struct lease wanted = l->mine;
    wanted.epoch = 0;
    wanted.since_ms = fx->unix_ms(fx->ctx);
    /* After a time-out the key may be ours: the next tick reads our token there and extends it. */
    if (fx->lease_take(fx->ctx, &wanted, LEASE_TTL_MS) == ERR_OK && fx->boot_ms(fx->ctx) < sent_ms + LEASE_TTL_MS)
        start_leading(l, sent_ms, wanted.since_ms);
}

/* The key holds our token although we do not lead: an answer was lost, or our time ran out before the key's. Only an extension tells how long it is good for. */
static void take_back(struct lease_state *l, const struct effects *fx)
{
    uint64_t sent_ms = fx->boot_ms(fx->ctx);
    struct lease wanted = l->mine;
    wanted.epoch = 0;
    wanted.since_ms = fx->unix_ms(fx->ctx);
    if (fx->lease_renew(fx->ctx, &wanted, LEASE_TTL_MS) == ERR_OK && fx->boot_ms(fx->ctx) < sent_ms + LEASE_TTL_MS)
        start_leading(l, sent_ms, wanted.since_ms);
}

static void watch(struct lease_state *l, const struct effects *fx, const char *const *living, size_t n_living)
{
    uint64_t asked_ms = fx->boot_ms(fx->ctx);
    if (fx->lease_read(fx->ctx, &l->seen) != ERR_OK) {
        l->free_since_ms = 0; /* nobody claims to lead without Redis */
        return;
    }
    l->seen_at_ms = asked_ms;
    if (l->seen.name[0] == '\0') {
        try_to_take(l, fx, rank_of(l, living, n_living));
        return;
    }
    l->free_since_ms = 0;
    memcpy(l->last_holder, l->seen.name, sizeof l->last_holder);
    if (strcmp(l->seen.token, l->mine.token) == 0)
        take_back(l, fx);
}

void lease_tick(struct lease_state *l, const struct effects *fx, const char *const *living, size_t n_living)
{
    if (l->leading)
        keep(l, fx);
    else
        watch(l, fx, living, n_living);
}

void lease_set_epoch(struct lease_state *l, uint64_t term, uint64_t epoch)
{
    if (!l->leading || l->term != term || l->mine.epoch == epoch)
        return;
    l->mine.epoch = epoch;
    l->renew_at_ms = 0;
}

const struct lease *lease_leader(const struct lease_state *l, uint64_t now_ms)
{
    if (lease_holds(l, now_ms))
        return &l->mine;
    int is_known = !l->leading && l->seen_at_ms != 0 && now_ms - l->seen_at_ms < LEASE_TTL_MS;
    return is_known && l->seen.name[0] != '\0' ? &l->seen : NULL;
}

void lease_stop(struct lease_state *l, const struct effects *fx)
{
    /* The script deletes nothing but our own, so a lease that we only may have is let go as well. */
    enum err e = fx->lease_release(fx->ctx, &l->mine);
    (void)e; /* it runs out by itself then */
    stop_leading(l);
}
