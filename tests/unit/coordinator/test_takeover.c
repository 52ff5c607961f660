/* The promise round, with nodes made up here: each keeps what it promised and its document, as lib/wire and protocol.md P1 say. */
#include "coordinator/takeover.h"

#include "lib/base/id.h"
#include "tests/unit/coordinator/rings.h"

#include <string.h>

#define NODES 9

struct node {
    struct ballot promised;
    struct ringdoc *doc;
    int away;
};
struct cluster {
    struct node nodes[NODES + 1]; /* from 1 */
};

static unsigned number_of(const char *id)
{
    unsigned n = 0;
    assert_int_equal(sscanf(id, "node-%u.", &n), 1);
    return n;
}

static void set_doc(struct node *n, struct ringdoc *doc)
{
    ringdoc_free(n->doc);
    n->doc = doc;
}

static void end_cluster(struct cluster *c)
{
    for (int i = 1; i <= NODES; i++)
        set_doc(&c->nodes[i], NULL);
}

/* The node's side of both messages. */
static void answer(struct cluster *c, struct takeover *t, struct takeover_question q, const struct ballot *b, const char *id)
{
    struct node *n = &c->nodes[number_of(id)];
    if (n->away)
        return;
    int order = ballot_cmp(b, &n->promised);
    int newer_there = q.phase == TAKEOVER_INSTALL && n->doc && n->doc->ring->epoch > t->doc->ring->epoch;
    if (order < 0 || (order == 0 && q.phase == TAKEOVER_PROMISE) || newer_there) {
        takeover_refused(t, q, &n->promised);
        return;
    }
    n->promised = *b;
    if (q.phase == TAKEOVER_INSTALL) {
        struct ringdoc *kept;
        assert_ok(ringdoc_under(t->doc, b, &kept));
        set_doc(n, kept);
    }
    assert_ok(takeover_yes(t, q, id, q.phase == TAKEOVER_PROMISE ? n->doc : NULL));
}

/* One try, asking `at_once` nodes a round. */
static enum takeover_phase try_once(struct cluster *c, struct takeover *t, const struct ringdoc *known, size_t at_once)
{
    const char *ids[NODES];
    size_t n;
    assert_ok(takeover_begin(t, known));
    while ((n = takeover_next(t, ids, at_once)) > 0) {
        struct takeover_question q = takeover_question(t);
        struct ballot b = t->ballot;
        char copies[NODES][RING_ID_MAX]; /* the ids are only good until the first answer */
        for (size_t i = 0; i < n; i++)
            memcpy(copies[i], ids[i], sizeof copies[i]);
        for (size_t i = 0; i < n; i++)
            answer(c, t, q, &b, copies[i]);
    }
    return t->phase;
}

static void test_first_leader(void **state)
{
    (void)state;
    struct cluster c = {0};
    struct takeover t;
    struct ringdoc *founding = make_doc(1, 1, 3, 0, ""), *result;
    takeover_init(&t, "coordinator-1", 11);
    c.nodes[3].away = 1;
    assert_int_equal(try_once(&c, &t, founding, 16), TAKEOVER_DONE);
    assert_int_equal(t.ballot.counter, 1);
    assert_ok(takeover_result(&t, &result));
    assert_int_equal(result->ring->epoch, 1);
    assert_int_equal(result->ballot.counter, 1);
    assert_string_equal(result->ballot.coordinator, "coordinator-1");
    assert_true(takeover_doc_cmp(result, founding) > 0);
    for (unsigned i = 1; i <= 2; i++)
        assert_int_equal(takeover_doc_cmp(c.nodes[i].doc, result), 0);
    assert_null(c.nodes[3].doc);
    ringdoc_free(result);
    ringdoc_free(founding);
    takeover_release(&t);
    end_cluster(&c);
}

static void test_no_quorum_no_leader(void **state)
{
    (void)state;
    struct cluster c = {0};
    struct takeover t;
    struct ringdoc *founding = make_doc(1, 1, 4, 0, ""); /* a majority of four is three */
    takeover_init(&t, "coordinator-1", 11);
    c.nodes[2].away = c.nodes[3].away = 1;
    assert_int_equal(try_once(&c, &t, founding, 16), TAKEOVER_PROMISE);
    assert_int_equal(takeover_missing(&t), 1);
    assert_null(c.nodes[1].doc); /* nothing was installed */
    c.nodes[3].away = 0;
    assert_int_equal(try_once(&c, &t, founding, 16), TAKEOVER_DONE);
    assert_int_equal(t.ballot.counter, 2); /* a repeated try needs a new ballot */
    ringdoc_free(founding);
    takeover_release(&t);
    end_cluster(&c);
}

static void test_refusal_raises_the_ballot(void **state)
{
    (void)state;
    struct cluster c = {0};
    struct takeover t;
    struct ringdoc *founding = make_doc(1, 1, 3, 0, "");
    c.nodes[2].promised = (struct ballot){.counter = 41, .coordinator = "coordinator-2", .start = 1};
    takeover_init(&t, "coordinator-1", 11);
    assert_int_equal(try_once(&c, &t, founding, 1), TAKEOVER_REFUSED);
    assert_int_equal(try_once(&c, &t, founding, 1), TAKEOVER_DONE);
    assert_int_equal(t.ballot.counter, 42);
    ringdoc_free(founding);
    takeover_release(&t);
    end_cluster(&c);
}

/* A node shows a newer ring with other members: the quorum wanted is that ring's, and that ring is what is installed again. */
static void test_newest_document_is_finished(void **state)
{
    (void)state;
    struct cluster c = {0};
    struct takeover t;
    struct ringdoc *founding = make_doc(1, 1, 3, 0, ""), *result;
    set_doc(&c.nodes[2], make_doc(2, 2, 6, 7, "coordinator-9"));
    takeover_init(&t, "coordinator-1", 11);
    assert_int_equal(try_once(&c, &t, founding, 16), TAKEOVER_DONE);
    assert_ok(takeover_result(&t, &result));
    assert_int_equal(result->ring->epoch, 2);
    assert_int_equal(result->ring->n_members, 5);
    /* Its counter was learnt too late for this try; the next one is above it. */
    assert_int_equal(try_once(&c, &t, founding, 16), TAKEOVER_DONE);
    assert_true(t.ballot.counter > 7);
    unsigned with_two = 0;
    for (unsigned i = 2; i <= 6; i++)
        with_two += c.nodes[i].doc && c.nodes[i].doc->ring->epoch == 2;
    assert_true(with_two >= 3);
    ringdoc_free(result);
    ringdoc_free(founding);
    takeover_release(&t);
    end_cluster(&c);
}

static void test_newer_ring_without_quorum_is_no_success(void **state)
{
    (void)state;
    struct cluster c = {0};
    struct takeover t;
    struct ringdoc *founding = make_doc(1, 1, 3, 0, "");
    set_doc(&c.nodes[1], make_doc(2, 1, 7, 3, "coordinator-2"));
    c.nodes[4].away = c.nodes[5].away = c.nodes[6].away = c.nodes[7].away = 1;
    takeover_init(&t, "coordinator-1", 11);
    assert_int_equal(try_once(&c, &t, founding, 1), TAKEOVER_PROMISE); /* three of ring 1, but of ring 2's seven only three */
    ringdoc_free(founding);
    takeover_release(&t);
    end_cluster(&c);
}

/* What comes late answers a question that is not asked any more. */
static void test_late_answers_are_ignored(void **state)
{
    (void)state;
    struct takeover t;
    const char *ids[8];
    struct ringdoc *founding = make_doc(1, 1, 3, 0, ""), *result;
    struct ballot large = {.counter = 99, .coordinator = "coordinator-2"};
    takeover_init(&t, "coordinator-1", 11);
    assert_ok(takeover_begin(&t, founding));
    struct takeover_question first = takeover_question(&t);
    assert_int_equal(takeover_next(&t, ids, 8), 3);
    assert_ok(takeover_begin(&t, founding));
    assert_int_equal(takeover_next(&t, ids, 8), 3);
    struct takeover_question second = takeover_question(&t);
    for (unsigned i = 1; i <= 3; i++)
        assert_ok(takeover_yes(&t, first, make_member(i).id, NULL));
    assert_int_equal(t.phase, TAKEOVER_PROMISE);
    for (unsigned i = 1; i <= 2; i++)
        assert_ok(takeover_yes(&t, second, make_member(i).id, NULL));
    assert_int_equal(t.phase, TAKEOVER_INSTALL);
    assert_int_equal(takeover_next(&t, ids, 8), 3);
    assert_ok(takeover_yes(&t, second, make_member(3).id, NULL)); /* a promise is no install */
    assert_int_equal(takeover_missing(&t), 2);
    takeover_refused(&t, first, &large); /* no refusal of this question, but a counter to remember */
    assert_int_equal(t.phase, TAKEOVER_INSTALL);
    struct takeover_question third = takeover_question(&t);
    assert_ok(takeover_yes(&t, third, "stranger.1", NULL));
    assert_ok(takeover_yes(&t, third, make_member(1).id, NULL));
    assert_ok(takeover_yes(&t, third, make_member(1).id, NULL)); /* twice is once */
    assert_int_equal(t.phase, TAKEOVER_INSTALL);
    assert_ok(takeover_yes(&t, third, make_member(2).id, NULL));
    assert_int_equal(t.phase, TAKEOVER_DONE);
    assert_ok(takeover_result(&t, &result));
    ringdoc_free(result);
    assert_ok(takeover_begin(&t, founding));
    assert_int_equal(t.ballot.counter, 100);
    ringdoc_free(founding);
    takeover_release(&t);
}

/* Two coordinators one after the other and at once, nodes away at random: whoever is done has the larger epoch of those done before, and the ring never goes back. */
static void test_epochs_grow(void **state)
{
    (void)state;
    struct ringdoc *founding = make_doc(1, 1, 5, 0, "");
    for (int round = 0; round < 8; round++) {
        struct cluster c = {0};
        struct takeover t[2];
        struct ballot last = {0};
        takeover_init(&t[0], "coordinator-1", id_random_u64() >> 11);
        takeover_init(&t[1], "coordinator-2", id_random_u64() >> 11);
        for (int step = 0; step < 30; step++) {
            struct takeover *one = &t[id_random_below(2)];
            for (int i = 1; i <= 5; i++)
                c.nodes[i].away = id_random_below(4) == 0;
            if (try_once(&c, one, founding, 1 + id_random_below(5)) != TAKEOVER_DONE)
                continue;
            assert_true(ballot_cmp(&one->ballot, &last) > 0);
            last = one->ballot;
        }
        takeover_release(&t[0]);
        takeover_release(&t[1]);
        end_cluster(&c);
    }
    ringdoc_free(founding);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_leader),
        cmocka_unit_test(test_no_quorum_no_leader),
        cmocka_unit_test(test_refusal_raises_the_ballot),
        cmocka_unit_test(test_newest_document_is_finished),
        cmocka_unit_test(test_newer_ring_without_quorum_is_no_success),
        cmocka_unit_test(test_late_answers_are_ignored),
        cmocka_unit_test(test_epochs_grow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
