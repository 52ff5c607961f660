#include "fcgi/service/sources.h"

#include "lib/base/log.h"

#include <stdlib.h>
#include <string.h>

#define RACE_MS 300u
#define RACE_CONNECT_MS 200u
#define RACE_LINGER_MS 5u /* both are fast: then the order stays */
#define RACERS 2

/* How soon it is tried, by what is known of its copy. */
static int rank(const struct source *s)
{
    if (s->lacks)
        return 4;
    if (s->has)
        return 0;
    return !s->usable ? 3 : s->waits ? 2 : 1;
}

/* Loads that differ by less than a factor of two, or are small, are the same: else all readers would swing from one node to the next with each heartbeat. */
static int load_class(uint64_t load)
{
    int class = 0;
    for (load /= 4; load > 0; load /= 2)
        class ++;
    return class;
}

static int compare(const void *a, const void *b)
{
    const struct source *x = a, *y = b;
    const int by[][2] = {{rank(x), rank(y)}, {x->slow, y->slow}, {x->away, y->away}, {load_class(x->load), load_class(y->load)}};
    for (size_t i = 0; i < sizeof(by) / sizeof(by[0]); i++)
        if (by[i][0] != by[i][1])
            return by[i][0] < by[i][1] ? -1 : 1;
    return x->owner < y->owner ? -1 : x->owner > y->owner;
}

void sources_sort(struct source *s, size_t n, size_t places)
{
    qsort(s, n, sizeof(*s), compare);
    for (size_t i = 0; i < n; i++) {
        if (s[i].leaves)
            continue;
        /* The picture may be a moment old and the change done: then only those that stay have anything. */
        if (places > 0 && i >= places) {
            struct source stays = s[i];
            memmove(&s[places], &s[places - 1], (i - places + 1) * sizeof(*s));
            s[places - 1] = stays;
        }
        return;
    }
}

int sources_are_doubtful(const struct source *s, size_t n)
{
    return n >= RACERS && rank(&s[0]) > 0 && s[1].usable && !s[1].lacks && (!s[0].usable || s[0].slow || s[0].silent_ms > SOURCES_FRESH_MS);
}

static uint64_t newest_heartbeat_ms(const struct members *m)
{
    uint64_t newest = 0;
    for (size_t i = 0; i < m->n_nodes; i++)
        if (m->nodes[i].heartbeat_at_ms > newest)
            newest = m->nodes[i].heartbeat_at_ms;
    return newest;
}

size_t sources_find(const struct quorum *q, const enum blob_state states[OWNERS_MAX], struct source out[OWNERS_MAX])
{
    uint64_t newest_ms = newest_heartbeat_ms(&q->view->members);
    const char *zone = q->w->app->settings.zone;
    int joint = q->owners.who.n_before > 0;
    size_t n = 0;
    for (size_t i = 0; i < q->owners.n; i++) {
        const struct view_owner *o = &q->owners.at[i];
        const struct owners_one *one = &q->owners.who.at[i];
        if (o->node == NULL)
            continue;
        out[n++] = (struct source){.owner = i,
            .has = states != NULL && states[i] == BLOB_STORED,
            .lacks = states != NULL && (states[i] == BLOB_MISSING || states[i] == BLOB_BAD),
            .usable = o->usable,
            .waits = joint && !one->before,
            .leaves = !one->now,
            .slow = o->contact.slow || newest_ms - o->node->heartbeat_at_ms > SOURCES_LATE_MS,
            .away = zone != NULL && *zone != '\0' && strcmp(o->member->zone, zone) != 0,
            .load = o->node->load,
            .silent_ms = o->contact.clock_known ? o->contact.silent_ms : UINT64_MAX};
    }
    return n;
}

static int has_it(const struct peer_call *c)
{
    return c->done && c->error == ERR_OK && c->status == 200;
}

static int one_has_it(const struct peer_call *calls, size_t n, void *ctx)
{
    (void)ctx;
    for (size_t i = 0; i < n; i++)
        if (has_it(&calls[i]))
            return 1;
    return 0;
}

static void learn(struct quorum *q, const struct peer_call *c, struct source *s)
{
    struct contacts *contacts = q->w->app->contacts;
    const char *id = q->owners.at[s->owner].member->id;
    quorum_learn_clock(q, s->owner, c);
    if (c->done && c->error == ERR_OK)
        contacts_report(contacts, id, 1);
    else if (c->done && c->error == ERR_UNAVAILABLE)
        contacts_report(contacts, id, 0);
    else
        contacts_was_slow(contacts, id); /* it may be busy with reading the blob to its end */
    s->has = has_it(c);
    s->lacks = c->done && c->error == ERR_OK && (c->status == 404 || c->status == 410);
    s->slow = !c->done;
}

void sources_race(struct quorum *q, const char *sha256, struct source *s, size_t n)
{
    struct peer_call calls[RACERS];
    struct peer_round round = {
        .timeout_ms = RACE_MS, .connect_timeout_ms = RACE_CONNECT_MS, .enough = one_has_it, .linger_ms = RACE_LINGER_MS};
    const char *path = arena_printf(&q->w->arena, "/blobs/%s", sha256);
    size_t first = s[0].owner;
    if (path == NULL || n < RACERS)
        return;
    for (size_t i = 0; i < RACERS; i++) {
        const struct view_owner *o = &q->owners.at[s[i].owner];
        calls[i] = (struct peer_call){
            .base_url = o->node->url, .method = "HEAD", .path = path, .to = o->member->id, .epoch = q->owners.epoch, .answer_max = 0};
    }
    if (peer_round(q->w->peer, &round, calls, RACERS) != ERR_OK)
        return;
    for (size_t i = 0; i < RACERS; i++)
        learn(q, &calls[i], &s[i]);
    peer_calls_release(calls, RACERS);
    for (size_t i = 0; i < RACERS; i++)
        if (!s[i].has)
            s[i].usable = 0; /* behind those that were not asked */
    sources_sort(s, n, 0);
    if (s[0].owner != first)
        contacts_hedged(q->w->app->contacts);
}
