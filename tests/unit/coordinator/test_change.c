/* A ring change under way, with nodes made up here that tell how far they are. */
#include "coordinator/change.h"
#include "coordinator/plan.h"

#include "tests/unit/coordinator/rings.h"

#include <stdlib.h>
#include <string.h>

struct world {
    uint64_t now_ms;
    struct ringdoc *joint; /* node-1 to node-3 are joined by node-4, and node-1 leaves */
    struct membership m;
    struct change c;
};

static const struct ballot ballot = {.counter = 3, .coordinator = "coordinator-1", .start = 77};

static struct ringdoc *make_joint(uint64_t counter)
{
    struct ringdoc *from = make_doc(1, 1, 3, 1, "c"), *next = make_doc(1, 2, 4, 1, "c"), *joint;
    struct ballot b = {.counter = counter, .coordinator = "coordinator-1", .start = 77};
    assert_ok(ringdoc_joint(from, &(struct ringdoc_change){.members = next->ring->members, .n = 3, .k = 3}, &b, &joint));
    ringdoc_free(from);
    ringdoc_free(next);
    return joint;
}

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    w->now_ms = 1000000;
    w->joint = make_joint(3);
    membership_init(&w->m, 1, w->now_ms, NULL);
    membership_new_ring(&w->m, w->joint);
    for (size_t i = 0; i < w->m.n; i++) {
        w->m.nodes[i].member.alive = 1;
        snprintf(w->m.nodes[i].member.url, sizeof w->m.nodes[i].member.url, "http://127.0.0.1:1");
    }
    change_init(&w->c);
    assert_ok(change_begin(&w->c, w->joint, &ballot, w->now_ms));
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    change_release(&w->c);
    membership_release(&w->m);
    ringdoc_free(w->joint);
    free(w);
    return 0;
}

static struct member *member_of(struct world *w, unsigned i)
{
    return &((struct membership_node *)(uintptr_t)membership_find(&w->m, make_member(i).id))->member;
}

static void tell(struct world *w, unsigned i, uint64_t order, int complete)
{
    member_of(w, i)->move = (struct member_move){.epoch = 2, .order = order, .complete = complete};
}

/* Sends the order to whom it is for; they acknowledge it. How many those were. */
static size_t order(struct world *w)
{
    const char *ids[8];
    size_t n = change_orders(&w->c, w->now_ms, ids, 8);
    for (size_t i = 0; i < n; i++)
        change_acked(&w->c, w->c.seq, ids[i]);
    return n;
}

static int is_settled(struct world *w)
{
    change_tick(&w->c, &w->m);
    return change_is_settled(&w->c, w->joint, &w->m, NULL);
}

static void test_the_usual_way(void **state)
{
    struct world *w = *state;
    const char *ids[8];
    char why[PLAN_WHY_MAX];
    assert_false(change_is_settled(&w->c, w->joint, &w->m, why)); /* before the first order */
    change_tick(&w->c, &w->m);
    assert_int_not_equal(w->c.seq, 0);
    assert_int_equal(order(w), 4); /* also to the one that leaves */
    assert_int_equal(change_movers(&w->c, ids, 8), 3);
    for (size_t i = 0; i < 3; i++)
        assert_string_not_equal(ids[i], make_member(1).id);
    tell(w, 2, w->c.seq, 1);
    tell(w, 3, w->c.seq, 0);
    tell(w, 4, w->c.seq, 1);
    assert_false(change_is_settled(&w->c, w->joint, &w->m, why));
    assert_non_null(strstr(why, "waiting for node-3"));
    assert_false(is_settled(w));
    tell(w, 3, w->c.seq, 1);
    uint64_t seq = w->c.seq;
    assert_true(is_settled(w));
    assert_int_equal(w->c.seq, seq);
}

/* Who could not be told is not counted as asked. */
static void test_orders_wait_for_the_document(void **state)
{
    struct world *w = *state;
    const char *ids[8];
    change_tick(&w->c, &w->m);
    assert_int_equal(change_orders(&w->c, w->now_ms, ids, 8), 4);
    change_not_told(&w->c, make_member(3).id);
    assert_int_equal(change_orders(&w->c, w->now_ms, ids, 8), 1);
    assert_string_equal(ids[0], make_member(3).id);
    assert_int_equal(change_orders(&w->c, w->now_ms, ids, 8), 0);
}

static void test_orders_are_sent_again(void **state)
{
    struct world *w = *state;
    const char *ids[8];
    change_tick(&w->c, &w->m);
    assert_int_equal(change_orders(&w->c, w->now_ms, ids, 1), 1);
    change_acked(&w->c, w->c.seq, ids[0]);
    assert_int_equal(change_orders(&w->c, w->now_ms, ids, 8), 3);
    assert_int_equal(change_orders(&w->c, w->now_ms, ids, 8), 0);
    w->now_ms += CHANGE_RESEND_MS;
    assert_int_equal(order(w), 3);
    /* All have acknowledged; two of them speak of it, the others seem to have forgotten. */
    tell(w, 1, w->c.seq, 0);
    tell(w, 2, w->c.seq, 0);
    tell(w, 3, w->c.seq - 1, 0);
    change_tick(&w->c, &w->m);
    w->now_ms += CHANGE_RESEND_MS;
    assert_int_equal(order(w), 0);
    w->now_ms += CHANGE_DOUBT_MS;
    assert_int_equal(order(w), 2);
    member_of(w, 4)->alive = 0;
    change_tick(&w->c, &w->m);
    assert_int_equal(order(w), 3); /* a new order; not to the dead */
}

/* The movers are others: what was complete under the old order is not so under the new one. */
static void test_a_joiner_dies_in_the_middle(void **state)
{
    struct world *w = *state;
    change_tick(&w->c, &w->m);
    order(w);
    for (unsigned i = 2; i <= 3; i++)
        tell(w, i, w->c.seq, 1);
    tell(w, 4, w->c.seq, 0);
    assert_false(is_settled(w));
    uint64_t seq = w->c.seq;
    member_of(w, 4)->alive = 0;
    assert_false(is_settled(w));
    assert_int_equal(w->c.seq, seq + 1);
    change_acked(&w->c, seq, make_member(2).id); /* of the old order */
    assert_int_equal(order(w), 3);
    for (unsigned i = 2; i <= 3; i++)
        tell(w, i, w->c.seq, 1);
    assert_true(is_settled(w)); /* the others have settled what would have fallen to it */
    member_of(w, 4)->alive = 1;
    assert_false(is_settled(w));
    assert_int_equal(w->c.seq, seq + 2);
}

/* One that only leaves moves nothing: its death changes no order. */
static void test_one_that_leaves_dies(void **state)
{
    struct world *w = *state;
    change_tick(&w->c, &w->m);
    uint64_t seq = w->c.seq;
    member_of(w, 1)->alive = 0;
    change_tick(&w->c, &w->m);
    assert_int_equal(w->c.seq, seq);
    assert_int_equal(order(w), 3);
}

static void test_words_that_do_not_count(void **state)
{
    struct world *w = *state;
    change_tick(&w->c, &w->m);
    for (unsigned i = 2; i <= 4; i++)
        tell(w, i, w->c.seq, 1);
    assert_false(is_settled(w)); /* none acknowledged: the number was another term's */
    order(w);
    assert_true(is_settled(w));
    member_of(w, 3)->move.epoch = 1;
    assert_false(is_settled(w)); /* another ring's */
    tell(w, 3, w->c.seq, 1);
    assert_true(is_settled(w));
    change_acked(&w->c, w->c.seq, "stranger.1");
    assert_true(is_settled(w));
}

/* With one copy each a dead owner leaves nobody to settle its arcs, however complete the others are. */
static void test_an_arc_without_a_mover(void **state)
{
    struct world *w = *state;
    struct ringdoc *from = make_doc(1, 1, 3, 1, "c"), *next = make_doc(1, 2, 4, 1, "c"), *joint;
    char why[PLAN_WHY_MAX];
    assert_ok(ringdoc_joint(from, &(struct ringdoc_change){.members = next->ring->members, .n = 3, .k = 1}, &ballot, &joint));
    ringdoc_free(from);
    ringdoc_free(next);
    ringdoc_free(w->joint);
    w->joint = joint;
    assert_ok(change_begin(&w->c, w->joint, &ballot, w->now_ms));
    member_of(w, 4)->alive = 0;
    change_tick(&w->c, &w->m);
    order(w);
    for (unsigned i = 2; i <= 3; i++)
        tell(w, i, w->c.seq, 1);
    change_tick(&w->c, &w->m);
    assert_false(change_is_settled(&w->c, w->joint, &w->m, why));
    assert_non_null(strstr(why, "no living owner"));
}

/* Numbers grow from order to order, from change to change and from term to term. */
static void test_numbers_grow(void **state)
{
    struct world *w = *state;
    change_tick(&w->c, &w->m);
    uint64_t first = w->c.seq;
    change_end(&w->c);
    assert_int_equal(w->c.epoch, 0);
    assert_ok(change_begin(&w->c, w->joint, &ballot, w->now_ms));
    change_tick(&w->c, &w->m);
    assert_int_equal(w->c.seq, first + 1);
    struct ballot later = ballot, other = ballot;
    later.counter++;
    other.start++;
    assert_ok(change_begin(&w->c, w->joint, &other, w->now_ms));
    change_tick(&w->c, &w->m);
    assert_int_not_equal(w->c.seq, first);
    uint64_t second = w->c.seq;
    assert_ok(change_begin(&w->c, w->joint, &later, w->now_ms));
    change_tick(&w->c, &w->m);
    assert_true(w->c.seq > first && w->c.seq > second);
    later = (struct ballot){.counter = UINT64_MAX, .start = UINT64_MAX};
    assert_ok(change_begin(&w->c, w->joint, &later, w->now_ms));
    change_tick(&w->c, &w->m);
    assert_true(w->c.seq <= JSON_EXACT_MAX);
}

static void test_progress(void **state)
{
    struct world *w = *state;
    struct members_progress p;
    change_tick(&w->c, &w->m);
    member_of(w, 2)->move =
        (struct member_move){.epoch = 2, .copies_done = 1, .copies_total = 10, .bytes_done = 1000, .bytes_total = 100000};
    member_of(w, 3)->move = (struct member_move){.epoch = 1, .copies_done = 7, .copies_total = 7}; /* its last change */
    member_of(w, 4)->move = (struct member_move){.epoch = 2, .copies_total = 5, .bytes_total = 50000};
    change_progress(&w->c, &w->m, w->now_ms, 5000000, &p);
    assert_int_equal(p.epoch, 2);
    assert_int_equal(p.copies_done, 1);
    assert_int_equal(p.copies_total, 15);
    assert_int_equal(p.bytes_total, 150000);
    assert_int_equal(p.bytes_per_s, 0); /* nothing measured yet */
    assert_int_equal(p.ends_at_ms, 0);
    member_of(w, 2)->move.bytes_done = 50000;
    change_progress(&w->c, &w->m, w->now_ms + 2000, 5002000, &p);
    assert_int_equal(p.bytes_per_s, 25000);
    assert_int_equal(p.ends_at_ms, 5002000 + 4000);
    change_end(&w->c);
    change_progress(&w->c, &w->m, w->now_ms + 3000, 5003000, &p);
    assert_int_equal(p.epoch, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_usual_way),
        TEST(test_orders_wait_for_the_document),
        TEST(test_orders_are_sent_again),
        TEST(test_a_joiner_dies_in_the_middle),
        TEST(test_one_that_leaves_dies),
        TEST(test_words_that_do_not_count),
        TEST(test_an_arc_without_a_mover),
        TEST(test_numbers_grow),
        TEST(test_progress),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
