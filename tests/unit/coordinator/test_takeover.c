/* The promise round and what follows it, with nodes made up here: each keeps what it promised and its document, by the rules that the real ones ask. */
#include "coordinator/takeover.h"

#include "lib/base/id.h"
#include "lib/wire/fence.h"
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
    int may = q.phase == TAKEOVER_PROMISE ? fence_may_promise(&n->promised, b) : fence_may_install(&n->promised, n->doc, b, t->doc);
    if (!may) {
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

/* Asks until nobody is left to ask, `at_once` nodes a round. */
static enum takeover_phase go_on(struct cluster *c, struct takeover *t, size_t at_once)
{
    const char *ids[NODES];
    size_t n;
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

/* One try. */
static enum takeover_phase try_once(struct cluster *c, struct takeover *t, const struct ringdoc *known, size_t at_once)
{
    assert_ok(takeover_begin(t, known));
    return go_on(c, t, at_once);
}

/* The joint document that leads from the one in force to node-<first> … node-<last>. */
static struct ringdoc *joint_of(const struct takeover *t, unsigned first, unsigned last)
{
    struct ringdoc *in_force, *to = make_doc(1, first, last, 0, ""), *joint;
    assert_ok(takeover_result(t, &in_force));
    assert_ok(ringdoc_joint(
        in_force, &(struct ringdoc_change){.members = to->ring->members, .n = to->ring->n_members, .k = 3}, &t->ballot, &joint));
    ringdoc_free(in_force);
    ringdoc_free(to);
    return joint;
}

static enum takeover_phase propose(struct cluster *c, struct takeover *t, struct ringdoc *next)
{
    assert_ok(takeover_propose(t, next));
    ringdoc_free(next);
    return go_on(c, t, 16);
}

static struct ringdoc *stable_of(const struct takeover *t)
{
    struct ringdoc *in_force, *stable;
    assert_ok(takeover_result(t, &in_force));
    assert_ok(ringdoc_settled(in_force, &t->ballot, &stable));
    ringdoc_free(in_force);
    return stable;
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
    c.nodes[2].promised = c.nodes[2].doc->ballot;
    takeover_init(&t, "coordinator-1", 11);
    assert_int_equal(try_once(&c, &t, founding, 1), TAKEOVER_REFUSED);
    assert_int_equal(try_once(&c, &t, founding, 16), TAKEOVER_DONE);
    assert_ok(takeover_result(&t, &result));
    assert_int_equal(result->ring->epoch, 2);
    assert_int_equal(result->ring->n_members, 5);
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

/* A joint document needs a majority of both: of those who leave, too. */
static void test_joint_quorum(void **state)
{
    (void)state;
    struct cluster c = {0};
    struct takeover t;
    struct ringdoc *founding = make_doc(1, 1, 3, 0, ""), *result;
    takeover_init(&t, "coordinator-1", 11);
    assert_int_equal(try_once(&c, &t, founding, 16), TAKEOVER_DONE);
    c.nodes[1].away = c.nodes[2].away = 1;
    assert_int_equal(propose(&c, &t, joint_of(&t, 3, 7)), TAKEOVER_INSTALL); /* all five new ones have it; of the old ones only node-3 */
    assert_int_equal(takeover_missing(&t), 1);
    c.nodes[2].away = 0;
    assert_int_equal(go_on(&c, &t, 16), TAKEOVER_INSTALL); /* who was asked is not asked again by itself */
    takeover_again(&t);
    assert_int_equal(go_on(&c, &t, 16), TAKEOVER_DONE);
    assert_true(takeover_has(&t, make_member(2).id));
    assert_false(takeover_has(&t, make_member(1).id));
    assert_ok(takeover_result(&t, &result));
    assert_int_equal(result->ring->epoch, 2);
    assert_true(ringdoc_is_joint(result));
    ringdoc_free(result);
    c.nodes[2].away = c.nodes[3].away = c.nodes[6].away = 1;
    assert_int_equal(propose(&c, &t, stable_of(&t)), TAKEOVER_DONE); /* of nodes 3 to 7 three are enough; who left has no say */
    c.nodes[3].away = 0;
    takeover_again(&t);
    assert_int_equal(go_on(&c, &t, 16), TAKEOVER_DONE); /* the rest gets it later */
    assert_true(takeover_has(&t, make_member(3).id));
    takeover_lacks(&t, make_member(3).id);
    assert_false(takeover_has(&t, make_member(3).id));
    ringdoc_free(founding);
    takeover_release(&t);
    end_cluster(&c);
}

/* The leader of a joint ring dies; the next one finds the ring, through whichever quorum of both it has, and ends the change. */
static void test_next_leader_ends_the_change(void **state)
{
    (void)state;
    struct cluster c = {0};
    struct takeover one, two;
    struct ringdoc *founding = make_doc(1, 1, 3, 0, ""), *result;
    takeover_init(&one, "coordinator-1", 11);
    takeover_init(&two, "coordinator-2", 12);
    assert_int_equal(try_once(&c, &one, founding, 16), TAKEOVER_DONE);
    c.nodes[3].away = c.nodes[5].away = 1;
    assert_int_equal(propose(&c, &one, joint_of(&one, 2, 5)), TAKEOVER_INSTALL); /* three of nodes 2 to 5 are wanted: 2 and 4 have it */
    c.nodes[3].away = 0;
    c.nodes[1].away = 1;
    assert_int_equal(try_once(&c, &two, founding, 16), TAKEOVER_DONE);
    assert_ok(takeover_result(&two, &result));
    assert_int_equal(result->ring->epoch, 2);
    assert_true(ringdoc_is_joint(result));
    ringdoc_free(result);
    assert_int_equal(propose(&c, &two, stable_of(&two)), TAKEOVER_DONE);
    /* The first one wakes and goes on: nobody takes it. */
    takeover_again(&one);
    assert_int_equal(go_on(&c, &one, 1), TAKEOVER_REFUSED);
    for (unsigned i = 2; i <= 4; i++)
        assert_int_equal(c.nodes[i].doc->ring->epoch, 3);
    ringdoc_free(founding);
    takeover_release(&one);
    takeover_release(&two);
    end_cluster(&c);
}

/* A refusal ends the leadership whatever was going on, also when the document was in force already. */
static void test_a_refused_install_ends_it(void **state)
{
    (void)state;
    struct cluster c = {0};
    struct takeover t;
    const char *ids[4];
    struct ringdoc *founding = make_doc(1, 1, 3, 0, ""), *next;
    takeover_init(&t, "coordinator-1", 11);
    c.nodes[3].away = 1;
    assert_int_equal(try_once(&c, &t, founding, 16), TAKEOVER_DONE);
    c.nodes[3].away = 0;
    c.nodes[3].promised = (struct ballot){.counter = 8, .coordinator = "coordinator-2"};
    takeover_again(&t);
    assert_int_equal(go_on(&c, &t, 16), TAKEOVER_REFUSED);
    assert_int_equal(takeover_next(&t, ids, 4), 0);
    assert_int_equal(try_once(&c, &t, founding, 16), TAKEOVER_DONE);
    assert_int_equal(t.ballot.counter, 9);
    c.nodes[1].promised.counter = 20;
    next = joint_of(&t, 1, 4);
    assert_int_equal(propose(&c, &t, next), TAKEOVER_REFUSED);
    /* What it proposed lies on some node, maybe. It is proposed again only if a quorum shows it. */
    for (unsigned i = 2; i <= 4; i++)
        set_doc(&c.nodes[i], NULL);
    assert_int_equal(try_once(&c, &t, founding, 16), TAKEOVER_DONE);
    assert_int_equal(t.doc->ring->epoch, 1);
    ringdoc_free(founding);
    takeover_release(&t);
    end_cluster(&c);
}

/* Answers to the install of one document are none to that of the next. */
static void test_late_installs_are_ignored(void **state)
{
    (void)state;
    struct cluster c = {0};
    struct takeover t;
    struct ringdoc *founding = make_doc(1, 1, 3, 0, ""), *next;
    takeover_init(&t, "coordinator-1", 11);
    assert_int_equal(try_once(&c, &t, founding, 16), TAKEOVER_DONE);
    struct takeover_question first = takeover_question(&t);
    next = joint_of(&t, 1, 4);
    assert_ok(takeover_propose(&t, next));
    ringdoc_free(next);
    for (unsigned i = 1; i <= 4; i++)
        assert_ok(takeover_yes(&t, first, make_member(i).id, NULL));
    assert_int_equal(t.phase, TAKEOVER_INSTALL);
    assert_int_equal(takeover_missing(&t), 3);
    assert_int_equal(go_on(&c, &t, 16), TAKEOVER_DONE);
    ringdoc_free(founding);
    takeover_release(&t);
    end_cluster(&c);
}

/* Two leaders, each proposing what it likes, nodes away at random: of each number only one document is ever in force. */
static void test_one_document_a_number(void **state)
{
    (void)state;
    enum { STEPS = 120, EPOCHS = STEPS + 2 };
    for (int round = 0; round < 8; round++) {
        struct cluster c = {0};
        struct takeover t[2];
        struct ringdoc *in_force[EPOCHS] = {0}, *founding = make_doc(1, 1, 5, 0, ""), *result;
        takeover_init(&t[0], "coordinator-1", id_random_u64() >> 11);
        takeover_init(&t[1], "coordinator-2", id_random_u64() >> 11);
        for (int step = 0; step < STEPS; step++) {
            struct takeover *one = &t[id_random_below(2)];
            for (int i = 1; i <= NODES; i++)
                c.nodes[i].away = id_random_below(5) == 0;
            if (!one->doc || one->phase == TAKEOVER_REFUSED || one->phase == TAKEOVER_PROMISE) {
                (void)try_once(&c, one, founding, 16);
            } else if (one->phase == TAKEOVER_INSTALL) {
                takeover_again(one);
                (void)go_on(&c, one, 16);
            } else {
                unsigned first = 1 + (unsigned)id_random_below(3);
                (void)propose(&c, one, ringdoc_is_joint(one->doc) ? stable_of(one) : joint_of(one, first, first + 4));
            }
            if (one->phase != TAKEOVER_DONE)
                continue;
            assert_ok(takeover_result(one, &result));
            uint64_t e = result->ring->epoch;
            assert_true(e < EPOCHS);
            if (in_force[e]) {
                assert_int_equal(ringdoc_is_joint(in_force[e]), ringdoc_is_joint(result));
                assert_int_equal(in_force[e]->ring->n_members, result->ring->n_members);
                for (size_t i = 0; i < result->ring->n_members; i++)
                    assert_string_equal(in_force[e]->ring->members[i].id, result->ring->members[i].id);
            }
            ringdoc_free(in_force[e]);
            in_force[e] = result;
        }
        for (int i = 0; i < EPOCHS; i++)
            ringdoc_free(in_force[i]);
        ringdoc_free(founding);
        takeover_release(&t[0]);
        takeover_release(&t[1]);
        end_cluster(&c);
    }
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
        cmocka_unit_test(test_joint_quorum),
        cmocka_unit_test(test_next_leader_ends_the_change),
        cmocka_unit_test(test_a_refused_install_ends_it),
        cmocka_unit_test(test_late_installs_are_ignored),
        cmocka_unit_test(test_one_document_a_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
