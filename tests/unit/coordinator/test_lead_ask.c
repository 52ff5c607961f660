/* The leader's rounds, with nodes that answer here: this file stands in for lib/peer's calls. */
#include "coordinator/lead_inside.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "tests/unit/coordinator/rings.h"
#include "tests/unit/lib/peer/calls.h"

#include <string.h>

#define NODES 12u

static struct {
    struct ringdoc *doc; /* that every node shows with its promise */
    unsigned asked;
} nodes;

enum err peer_round(struct peer *p, const struct peer_round *round, struct peer_call *calls, size_t n)
{
    (void)p, (void)round;
    for (size_t i = 0; i < n; i++) {
        buf_init(&calls[i].answer, 1u << 20);
        assert_ok(buf_addf(&calls[i].answer, "{\"ring\":%s}", nodes.doc->text));
        calls[i].done = 1;
        calls[i].status = 200;
        calls[i].error = ERR_OK;
        nodes.asked++;
    }
    return ERR_OK;
}

/* Several nodes of one round show a newer document: each of their promises counts, though the list of nodes was made anew with the first of them. */
static void test_promises_that_bring_a_newer_document(void **state)
{
    (void)state;
    struct coordinator c = {.leading = 1, .term = 1, .valid_until_ms = UINT64_MAX};
    struct lead l = {.c = &c, .term = 1};
    struct ringdoc *known = make_doc(7, 1, 4, 2, "c1");
    nodes.doc = make_doc(8, 1, NODES, 3, "c2");
    pthread_mutex_init(&c.lock, NULL);
    membership_init(&c.membership, 1, clock_boot_ms(), NULL);
    membership_new_ring(&c.membership, nodes.doc);
    for (unsigned i = 1; i <= NODES; i++) {
        struct member there = make_member(i);
        there.alive = 1;
        there.heartbeat_at_ms = 1;
        assert_ok(membership_read(&c.membership, nodes.doc, &there, 1, clock_boot_ms()));
    }
    takeover_init(&l.takeover, "c3", 9);
    assert_ok(takeover_begin(&l.takeover, known));
    assert_ok(lead_ask(&l, LEAD_TO_ALL));
    assert_int_equal(l.takeover.phase, TAKEOVER_INSTALL);
    assert_int_equal(l.takeover.doc->ring->epoch, 8);
    assert_true(nodes.asked >= NODES / 2 + 1);
    takeover_release(&l.takeover);
    membership_release(&c.membership);
    ringdoc_free(known);
    ringdoc_free(nodes.doc);
    pthread_mutex_destroy(&c.lock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_promises_that_bring_a_newer_document)};
    log_init("test", LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
