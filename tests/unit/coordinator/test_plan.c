/* What the ring is to become: the rules of plan.h, one by one. */
#include "coordinator/plan.h"

#include "tests/unit/coordinator/rings.h"

#include <stdlib.h>
#include <string.h>

#define OUT_AFTER_MS 300000u

struct world {
    uint64_t now_ms;
    struct ringdoc *doc;
    struct membership m;
    struct members_wishes wishes;
    struct plan plan;
};

static const struct ballot ballot = {.counter = 9, .coordinator = "coordinator-1", .start = 5};

/* node-1 to node-3 live in ring 1, k = 3, and have it on disk. */
static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    w->now_ms = 1000000;
    w->doc = make_doc(1, 1, 3, 0, "");
    membership_init(&w->m, 1, w->now_ms - 100000, &w->wishes);
    w->m.tick_ms = w->now_ms;
    membership_new_ring(&w->m, w->doc);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    plan_release(&w->plan);
    membership_release(&w->m);
    ringdoc_free(w->doc);
    free(w);
    return 0;
}

static struct membership_node *node_of(struct world *w, const char *id)
{
    return (struct membership_node *)(uintptr_t)membership_find(&w->m, id);
}

/* A node told itself for the first time so many ms ago, and lives. */
static struct membership_node *live_as(struct world *w, const struct member *told, uint64_t ms)
{
    struct member there = *told;
    there.alive = 1;
    there.heartbeat_at_ms = 1;
    assert_ok(membership_read(&w->m, w->doc, &there, 1, w->now_ms));
    struct membership_node *node = node_of(w, told->id);
    node->member = there;
    node->member.ring_epoch = w->doc->ring->epoch;
    node->member.state = members_state(w->doc, &w->wishes, &node->member);
    node->since_ms = w->now_ms - ms;
    node->silent_ms = 0;
    return node;
}

static struct membership_node *live(struct world *w, unsigned i, uint64_t ms)
{
    struct member m = make_member(i);
    return live_as(w, &m, ms);
}

static void silent(struct world *w, unsigned i, uint64_t ms)
{
    struct membership_node *node = node_of(w, make_member(i).id);
    node->member.alive = 0;
    node->since_ms = 0;
    node->silent_ms = ms;
}

static void live_all(struct world *w, unsigned first, unsigned last)
{
    for (unsigned i = first; i <= last; i++)
        live(w, i, 60000);
}

static void wish(struct world *w, unsigned i, enum members_wish_kind kind)
{
    struct members_wish *one = &w->wishes.at[w->wishes.n++];
    snprintf(one->id, sizeof one->id, "%s", make_member(i).id);
    one->kind = kind;
}

static const struct plan *plan(struct world *w)
{
    struct plan_input in = {.ring = w->doc, .membership = &w->m, .wishes = &w->wishes, .now_ms = w->now_ms, .out_after_ms = OUT_AFTER_MS};
    plan_release(&w->plan);
    assert_ok(plan_next(&in, &ballot, &w->plan));
    return &w->plan;
}

static void expect_wait(struct world *w, const char *words)
{
    const struct plan *p = plan(w);
    assert_int_equal(p->kind, PLAN_WAIT);
    assert_null(p->next);
    if (!strstr(p->why, words))
        fail_msg("\"%s\" says nothing of \"%s\"", p->why, words);
}

static void expect_nothing(struct world *w)
{
    assert_int_equal(plan(w)->kind, PLAN_NOTHING);
    assert_string_equal(w->plan.why, "");
}

/* The names of the members that the change leads to, as one text. */
static void expect_change(struct world *w, const char *names)
{
    char text[512] = "";
    const struct plan *p = plan(w);
    if (p->kind != PLAN_CHANGE)
        fail_msg("no change: %s", p->why);
    for (size_t i = 0; i < p->next->ring->n_members; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s ", p->next->ring->members[i].name);
    assert_string_equal(text, names);
    assert_true(ringdoc_is_joint(p->next));
    assert_int_equal(p->next->ring->epoch, w->doc->ring->epoch + 1);
    assert_int_equal(ballot_cmp(&p->next->ballot, &ballot), 0);
}

/* The change was made and settled. */
static void settle(struct world *w)
{
    struct ringdoc *stable;
    assert_ok(ringdoc_settled(w->plan.next, &ballot, &stable));
    ringdoc_free(w->doc);
    w->doc = stable;
    membership_new_ring(&w->m, w->doc);
    for (size_t i = 0; i < w->m.n; i++)
        w->m.nodes[i].member.ring_epoch = stable->ring->epoch;
}

static void test_nothing_to_do(void **state)
{
    struct world *w = *state;
    live_all(w, 1, 3);
    expect_nothing(w);
    silent(w, 2, OUT_AFTER_MS - 1);
    expect_nothing(w);
}

static void test_joins_gather(void **state)
{
    struct world *w = *state;
    live_all(w, 1, 3);
    struct membership_node *four = live(w, 4, PLAN_HEARD_MS - 1);
    expect_nothing(w);
    four->since_ms = w->now_ms - PLAN_HEARD_MS;
    expect_wait(w, "node-4 joins: waiting a moment");
    live(w, 5, PLAN_HEARD_MS);
    live(w, 6, 10); /* too late for this one */
    four->since_ms = w->now_ms - PLAN_HEARD_MS - PLAN_GATHER_MS;
    expect_change(w, "node-1 node-2 node-3 node-4 node-5 ");
    assert_string_equal(w->plan.why, "node-4 joins, node-5 joins");
    settle(w);
    expect_nothing(w);
    w->now_ms += 60000;
    expect_change(w, "node-1 node-2 node-3 node-4 node-5 node-6 ");
}

static void test_who_may_not_join(void **state)
{
    struct world *w = *state;
    live_all(w, 1, 3);
    struct member sharer = make_member(4), nowhere = make_member(5);
    sharer.stores = 0;
    live_as(w, &sharer, 60000);
    live_as(w, &nowhere, 60000)->member.url[0] = '\0';
    live(w, 6, 60000);
    silent(w, 6, 100);
    expect_nothing(w);
}

static void test_out_after_silence(void **state)
{
    struct world *w = *state;
    live_all(w, 1, 3);
    silent(w, 2, OUT_AFTER_MS);
    expect_change(w, "node-1 node-3 ");
    assert_int_equal(w->plan.next->n_away, 0); /* it is welcome when it is back */
    settle(w);
    live(w, 2, 60000);
    expect_change(w, "node-1 node-2 node-3 ");
}

/* Not heard of since our own start, with nothing known but its name. */
static void test_one_that_never_spoke_goes_out_too(void **state)
{
    struct world *w = *state;
    live_all(w, 1, 2);
    node_of(w, make_member(3).id)->silent_ms = OUT_AFTER_MS;
    expect_change(w, "node-1 node-2 ");
}

static void test_one_change_at_a_time(void **state)
{
    struct world *w = *state;
    live_all(w, 1, 3);
    live(w, 4, 60000);
    expect_change(w, "node-1 node-2 node-3 node-4 ");
    struct ringdoc *joint;
    assert_ok(ringdoc_copy(w->plan.next, &joint));
    ringdoc_free(w->doc);
    w->doc = joint;
    membership_new_ring(&w->m, w->doc);
    silent(w, 2, OUT_AFTER_MS); /* out while joint: afterwards */
    assert_int_equal(plan(w)->kind, PLAN_NOTHING);
    assert_string_equal(w->plan.why, "ring 2 is being settled");
}

/* Rule 5: whoever stays has the present ring on disk, also when it sleeps by now. */
static void test_a_member_asleep(void **state)
{
    struct world *w = *state;
    live_all(w, 1, 3);
    live(w, 4, 60000);
    struct membership_node *two = node_of(w, make_member(2).id);
    two->member.ring_epoch = 0;
    expect_wait(w, "waiting for node-2 to install ring 1");
    silent(w, 2, 1000);
    expect_wait(w, "waiting for node-2 to install ring 1");
    two->silent_ms = OUT_AFTER_MS; /* removed by this very change */
    expect_change(w, "node-1 node-3 node-4 ");
    two->silent_ms = 1000;
    two->member.ring_epoch = 1;
    expect_change(w, "node-1 node-2 node-3 node-4 "); /* it may skip this one */
}

/* Rule 6, and the quorum of the document. */
static void test_too_few_live(void **state)
{
    struct world *w = *state;
    live_all(w, 1, 3);
    live(w, 4, 60000);
    silent(w, 1, 1000);
    silent(w, 2, 1000);
    expect_wait(w, "waiting for 1 more nodes to agree");
    ringdoc_free(w->doc);
    w->doc = make_doc(1, 1, 7, 0, "");
    membership_new_ring(&w->m, w->doc);
    live_all(w, 1, 7);
    live(w, 8, 60000);
    silent(w, 1, 1000);
    silent(w, 2, 1000);
    expect_wait(w, "waiting for 1 more of the owners of an arc: node-");
    live(w, 1, 1000);
    expect_change(w, "node-1 node-2 node-3 node-4 node-5 node-6 node-7 node-8 ");
}

static void test_same_name_new_id(void **state)
{
    struct world *w = *state;
    live_all(w, 1, 3);
    struct member fresh = make_member(2);
    strcpy(fresh.id, "node-2.ffffffffffffffff");
    silent(w, 2, 2000);
    node_of(w, make_member(2).id)->member.ring_epoch = 0; /* what it had is gone, and does not matter */
    live_as(w, &fresh, PLAN_HEARD_MS - 1);
    expect_nothing(w);
    live_as(w, &fresh, PLAN_HEARD_MS);
    expect_change(w, "node-1 node-2 node-3 "); /* at once, without waiting for others */
    assert_true(ring_find(w->plan.next->ring, fresh.id) >= 0);
    assert_true(ring_find(w->plan.next->ring, make_member(2).id) < 0);
    live(w, 2, 100); /* the old one is back: it is the member */
    expect_nothing(w);
}

static void test_drain_stays_away(void **state)
{
    struct world *w = *state;
    live_all(w, 1, 3);
    wish(w, 2, MEMBERS_WISH_DRAIN);
    assert_false(plan_wish_is_done(w->doc, &w->wishes.at[0]));
    expect_change(w, "node-1 node-3 ");
    assert_true(ringdoc_is_away(w->plan.next, make_member(2).id));
    assert_true(plan_wish_is_done(w->plan.next, &w->wishes.at[0]));
    settle(w);
    expect_nothing(w); /* it lives, and is not taken in again; and the wish, if it is still there, changes nothing */
    w->wishes.n = 0;
    expect_nothing(w);
    wish(w, 2, MEMBERS_WISH_UNDRAIN);
    expect_change(w, "node-1 node-2 node-3 ");
    assert_int_equal(w->plan.next->n_away, 0);
}

static void test_undrain_of_a_dead_one(void **state)
{
    struct world *w = *state;
    live_all(w, 1, 3);
    wish(w, 2, MEMBERS_WISH_REMOVE);
    silent(w, 2, 1000);
    expect_change(w, "node-1 node-3 ");
    settle(w);
    w->wishes.at[0].kind = MEMBERS_WISH_UNDRAIN;
    expect_change(w, "node-1 node-3 ");
    assert_int_equal(w->plan.next->n_away, 0);
}

static void test_away_ends_with_a_new_incarnation(void **state)
{
    struct world *w = *state;
    live_all(w, 1, 3);
    wish(w, 2, MEMBERS_WISH_REMOVE);
    expect_change(w, "node-1 node-3 ");
    settle(w);
    silent(w, 2, 1000);
    struct member fresh = make_member(2);
    strcpy(fresh.id, "node-2.ffffffffffffffff");
    live_as(w, &fresh, 60000);
    expect_change(w, "node-1 node-2 node-3 ");
    assert_int_equal(w->plan.next->n_away, 0);
    settle(w);
    assert_true(plan_wish_is_done(w->doc, &w->wishes.at[0])); /* its wish still stands in Redis, say */
    expect_nothing(w);
}

static void test_nobody_would_be_left(void **state)
{
    struct world *w = *state;
    live_all(w, 1, 3);
    for (unsigned i = 1; i <= 3; i++)
        wish(w, i, MEMBERS_WISH_DRAIN);
    expect_wait(w, "nobody would be left");
    assert_null(plan_refusal(w->doc, make_member(1).id));
    struct ringdoc *one = make_doc(1, 1, 1, 0, "");
    assert_non_null(plan_refusal(one, make_member(1).id));
    assert_null(plan_refusal(one, make_member(2).id));
    ringdoc_free(one);
}

static void test_k_and_facts(void **state)
{
    struct world *w = *state;
    live_all(w, 1, 3);
    static const uint32_t ks[] = {1, 5, 3};
    for (size_t i = 0; i < 3; i++) {
        w->wishes.k = ks[i];
        expect_change(w, "node-1 node-2 node-3 ");
        assert_int_equal(w->plan.next->ring->k, ks[i]);
        settle(w);
        expect_nothing(w);
    }
    w->wishes.k = 0;
    strcpy(node_of(w, make_member(3).id)->member.zone, "cellar");
    expect_change(w, "node-1 node-2 node-3 ");
    assert_string_equal(w->plan.next->ring->members[2].zone, "cellar");
    settle(w);
    node_of(w, make_member(1).id)->member.weight = 2;
    expect_change(w, "node-1 node-2 node-3 ");
    assert_int_equal(w->plan.next->ring->members[0].weight, 2);
}

/* A document that some leader proposed and nobody committed lies on one node: it is written over by the next, whatever that is. */
static void test_an_unfinished_ring_is_replaced(void **state)
{
    struct world *w = *state;
    live_all(w, 1, 3);
    node_of(w, make_member(3).id)->member.ring_epoch = 2;
    expect_change(w, "node-1 node-2 node-3 ");
    settle(w);
    expect_nothing(w);
}

static void test_all_at_once(void **state)
{
    struct world *w = *state;
    ringdoc_free(w->doc);
    w->doc = make_doc(4, 1, 6, 2, "c");
    membership_new_ring(&w->m, w->doc);
    live_all(w, 1, 6);
    silent(w, 1, OUT_AFTER_MS);
    wish(w, 2, MEMBERS_WISH_DRAIN);
    w->wishes.k = 2;
    live(w, 7, PLAN_HEARD_MS); /* no waiting for others: there is enough to do */
    expect_change(w, "node-3 node-4 node-5 node-6 node-7 ");
    assert_int_equal(w->plan.next->ring->k, 2);
    assert_int_equal(w->plan.next->before->n_members, 6);
    assert_int_equal(w->plan.next->n_away, 1);
}

static void test_sketch(void **state)
{
    struct world *w = *state;
    struct ringdoc *d, *again;
    const char *ids[] = {w->doc->ring->members[0].id, w->doc->ring->members[1].id, w->doc->ring->members[2].id};
    assert_ok(plan_sketch(w->doc, ids, 1, 2, &d));
    assert_int_equal(d->ring->n_members, 2);
    assert_int_equal(d->before->n_members, 3);
    assert_int_equal(d->ring->k, 2);
    assert_ok(plan_sketch(d, NULL, 0, 3, &again)); /* of a joint ring: from where it leads */
    assert_int_equal(again->before->n_members, 2);
    ringdoc_free(again);
    ringdoc_free(d);
    assert_err(ERR_INVALID, plan_sketch(w->doc, ids, 3, 3, &d));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_nothing_to_do),
        TEST(test_joins_gather),
        TEST(test_who_may_not_join),
        TEST(test_out_after_silence),
        TEST(test_one_that_never_spoke_goes_out_too),
        TEST(test_one_change_at_a_time),
        TEST(test_a_member_asleep),
        TEST(test_too_few_live),
        TEST(test_same_name_new_id),
        TEST(test_drain_stays_away),
        TEST(test_undrain_of_a_dead_one),
        TEST(test_away_ends_with_a_new_incarnation),
        TEST(test_nobody_would_be_left),
        TEST(test_k_and_facts),
        TEST(test_an_unfinished_ring_is_replaced),
        TEST(test_all_at_once),
        TEST(test_sketch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
