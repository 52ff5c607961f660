#include "coordinator/coordinator.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"

#include <stdio.h>
#include <string.h>

#define CONNECT_TIMEOUT_MS 300u

int coordinator_leads(const struct coordinator *c)
{
    return c->leading && clock_boot_ms() < c->valid_until_ms;
}

void coordinator_adopt(struct coordinator *c, struct ringdoc *doc)
{
    if (takeover_doc_cmp(doc, c->ring) <= 0) {
        ringdoc_free(doc);
        return;
    }
    log_write(LOG_INFO, "ring", "ring %llu with %zu members, ballot %llu of %s", (unsigned long long)doc->ring->epoch, doc->ring->n_members,
        (unsigned long long)doc->ballot.counter, doc->ballot.coordinator[0] ? doc->ballot.coordinator : "the founders");
    ringdoc_free(c->ring);
    c->ring = doc;
    membership_new_ring(&c->membership, doc->ring);
}

void coordinator_event(struct coordinator *c, const char *kind, const char *node)
{
    if (c->n_events == COORDINATOR_EVENTS_MAX) {
        c->first_event = (c->first_event + 1) % COORDINATOR_EVENTS_MAX;
        c->n_events--;
    }
    struct coordinator_event *e = &c->events[(c->first_event + c->n_events++) % COORDINATOR_EVENTS_MAX];
    snprintf(e->kind, sizeof e->kind, "%s", kind);
    snprintf(e->node, sizeof e->node, "%s", node);
    e->at_ms = clock_unix_ms();
    log_write(LOG_INFO, kind, "%s", node);
}

static uint64_t boot_ms(void *ctx)
{
    (void)ctx;
    return clock_boot_ms();
}

static uint64_t unix_ms(void *ctx)
{
    (void)ctx;
    return clock_unix_ms();
}

static void event(void *ctx, const char *kind, const char *node)
{
    coordinator_event(ctx, kind, node);
}

struct effects coordinator_effects(struct coordinator *c)
{
    return (struct effects){.ctx = c, .boot_ms = boot_ms, .unix_ms = unix_ms, .event = event};
}

struct store *coordinator_store(const struct coordinator *c, unsigned timeout_ms)
{
    return store_new(&(struct store_config){
        .address = c->settings->redis,
        .user = c->settings->redis_user,
        .password = c->password[0] ? c->password : NULL,
        .connect_timeout_ms = CONNECT_TIMEOUT_MS,
        .timeout_ms = timeout_ms,
    });
}
