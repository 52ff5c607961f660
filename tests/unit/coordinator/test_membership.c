/* Membership with a clock that the test moves. */
#include "coordinator/membership.h"

#include "tests/unit/coordinator/rings.h"

#include <stdlib.h>
#include <string.h>

struct world {
    uint64_t now_ms;
    struct effects fx;
    struct membership m;
    struct ringdoc *doc; /* node-1 to node-3 */
    char said[1024];     /* "kind:node " of each event */
};

static uint64_t fx_ms(void *ctx)
{
    return ((struct world *)ctx)->now_ms;
}

static void fx_event(void *ctx, const char *kind, const char *node)
{
    struct world *w = ctx;
    size_t n = strlen(w->said);
    snprintf(w->said + n, sizeof w->said - n, "%s:%s ", kind, node);
}

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    w->now_ms = 1000000;
    w->fx = (struct effects){.ctx = w, .boot_ms = fx_ms, .unix_ms = fx_ms, .event = fx_event};
    w->doc = make_doc(1, 1, 3, 0, "");
    membership_init(&w->m, 100, w->now_ms);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    membership_release(&w->m);
    ringdoc_free(w->doc);
    free(w);
    return 0;
}

static void hear(struct world *w, unsigned i, int joining)
{
    struct member m = make_member(i);
    assert_ok(membership_hear(&w->m, &w->fx, w->doc->ring, &m, joining));
}

/* Time passes, a tick every 100 ms; the nodes in the mask send a heartbeat every 500 ms. */
static void pass(struct world *w, uint64_t ms, unsigned beating)
{
    for (uint64_t end = w->now_ms + ms; w->now_ms < end;) {
        w->now_ms += 100;
        for (unsigned i = 1; i < 8 && w->now_ms % 500 == 0; i++) {
            if (beating & (1u << i))
                hear(w, i, 0);
        }
        membership_tick(&w->m, &w->fx, w->doc->ring);
    }
}

static enum member_state state_of(const struct world *w, unsigned i)
{
    const struct membership_node *n = membership_find(&w->m, make_member(i).id);
    assert_non_null(n);
    return n->member.state;
}

static void expect_said(struct world *w, const char *text)
{
    assert_string_equal(w->said, text);
    w->said[0] = '\0';
}

static void test_a_life(void **state)
{
    struct world *w = *state;
    hear(w, 1, 1);
    assert_int_equal(state_of(w, 1), MEMBER_UP);
    hear(w, 4, 1);
    assert_int_equal(state_of(w, 4), MEMBER_JOINING);
    expect_said(w, "join:node-1 join:node-4 ");
    pass(w, 5000, 1u << 1 | 1u << 4);
    expect_said(w, "");
    uint64_t view = w->m.view;
    pass(w, 1400, 1u << 4);
    assert_int_equal(state_of(w, 1), MEMBER_UP);
    pass(w, 200, 1u << 4);
    assert_int_equal(state_of(w, 1), MEMBER_SUSPECT);
    expect_said(w, "suspect:node-1 ");
    assert_int_equal(w->m.view, view + 1);
    hear(w, 1, 0);
    assert_int_equal(state_of(w, 1), MEMBER_UP);
    expect_said(w, "up:node-1 ");
    assert_int_equal(w->m.view, view + 2);
    membership_leave(&w->m, &w->fx, w->doc->ring, make_member(1).id);
    membership_leave(&w->m, &w->fx, w->doc->ring, make_member(1).id);
    assert_int_equal(state_of(w, 1), MEMBER_SUSPECT); /* at once */
    membership_leave(&w->m, &w->fx, w->doc->ring, make_member(4).id);
    assert_null(membership_find(&w->m, make_member(4).id));
    expect_said(w, "leave:node-1 leave:node-4 ");
    pass(w, 1000, 0);
    expect_said(w, "");
    hear(w, 1, 1);
    expect_said(w, "join:node-1 ");
    assert_int_equal(state_of(w, 1), MEMBER_UP);
}

/* Our own start and our own pauses are not the nodes' silence. */
static void test_silence_counts_only_when_we_could_hear(void **state)
{
    struct world *w = *state;
    struct member known[2] = {make_member(1), make_member(2)};
    known[0].alive = known[1].alive = 1;
    assert_ok(membership_read(&w->m, w->doc->ring, known, 2, w->now_ms - 1200)); /* an old reading */
    pass(w, 1000, 1u << 1);
    assert_int_equal(state_of(w, 2), MEMBER_UP);
    pass(w, 700, 1u << 1);
    assert_int_equal(state_of(w, 2), MEMBER_SUSPECT);
    assert_int_equal(state_of(w, 1), MEMBER_UP);
    w->now_ms += 60000; /* we were stopped */
    membership_tick(&w->m, &w->fx, w->doc->ring);
    assert_int_equal(state_of(w, 1), MEMBER_UP);
    pass(w, 1400, 0);
    assert_int_equal(state_of(w, 1), MEMBER_UP);
    pass(w, 300, 0);
    assert_int_equal(state_of(w, 1), MEMBER_SUSPECT);
    expect_said(w, "suspect:node-2 suspect:node-1 ");
}

/* A node that only the other coordinator hears is up; and a heartbeat without a join after our restart is no news. */
static void test_heard_elsewhere(void **state)
{
    struct world *w = *state;
    struct member one = make_member(1), stranger = make_member(9), silent = make_member(3);
    hear(w, 2, 0);
    expect_said(w, "");
    for (int i = 0; i < 10; i++) {
        struct member read[3] = {one, stranger, silent};
        read[0].alive = 1;
        assert_ok(membership_read(&w->m, w->doc->ring, read, 3, w->now_ms));
        pass(w, 500, 1u << 2);
        assert_int_equal(state_of(w, 1), MEMBER_UP);
    }
    assert_int_equal(state_of(w, 3), MEMBER_SUSPECT);
    assert_null(membership_find(&w->m, stranger.id)); /* neither alive nor in the ring */
    pass(w, 1200, 1u << 2);
    assert_int_equal(state_of(w, 1), MEMBER_SUSPECT);
    expect_said(w, "suspect:node-1 ");
}

static void test_address_from_elsewhere(void **state)
{
    struct world *w = *state;
    hear(w, 1, 1);
    struct member moved = make_member(1), foul = make_member(2);
    moved.alive = foul.alive = 1;
    snprintf(moved.url, sizeof moved.url, "http://127.0.0.1:9");
    snprintf(foul.url, sizeof foul.url, "http://169.254.169.254:80");
    moved.heartbeat_at_ms = w->now_ms - 1;
    assert_ok(membership_read(&w->m, w->doc->ring, &moved, 1, w->now_ms));
    assert_string_equal(membership_find(&w->m, moved.id)->member.url, "http://127.0.0.1:4001"); /* older than what we heard */
    uint64_t view = w->m.view;
    moved.heartbeat_at_ms = w->now_ms + 1;
    assert_ok(membership_read(&w->m, w->doc->ring, &moved, 1, w->now_ms));
    assert_string_equal(membership_find(&w->m, moved.id)->member.url, "http://127.0.0.1:9");
    assert_true(w->m.view > view);
    assert_ok(membership_read(&w->m, w->doc->ring, &foul, 1, w->now_ms));
    assert_null(membership_find(&w->m, foul.id));
}

static void test_one_name_one_node(void **state)
{
    struct world *w = *state;
    struct member impostor = make_member(1), first = make_member(5), second = make_member(5);
    struct membership_gone gone[4];
    strcpy(impostor.id, "node-1.ffffffffffffffff");
    assert_err(ERR_CONFLICT, membership_hear(&w->m, &w->fx, w->doc->ring, &impostor, 1)); /* the ring's node-1 is another, alive or not */
    hear(w, 1, 1);
    strcpy(second.id, "node-5.ffffffffffffffff");
    assert_ok(membership_hear(&w->m, &w->fx, w->doc->ring, &first, 1));
    assert_err(ERR_CONFLICT, membership_hear(&w->m, &w->fx, w->doc->ring, &second, 1)); /* outside the ring: as long as the first lives */
    pass(w, 2000, 1u << 1);
    assert_ok(membership_hear(&w->m, &w->fx, w->doc->ring, &second, 1));
    assert_null(membership_find(&w->m, first.id));
    assert_int_equal(membership_take_gone(&w->m, gone, 4), 1);
    assert_string_equal(gone[0].id, first.id);
    assert_int_equal(gone[0].forget, 1);
}

static void test_silent_guests_are_forgotten(void **state)
{
    struct world *w = *state;
    hear(w, 1, 1);
    hear(w, 5, 1);
    w->said[0] = '\0';
    pass(w, MEMBERSHIP_FORGET_MS - 1000, 1u << 1);
    assert_non_null(membership_find(&w->m, make_member(5).id));
    pass(w, 1200, 1u << 1);
    assert_null(membership_find(&w->m, make_member(5).id));
    expect_said(w, "leave:node-5 ");
    pass(w, 60000, 0);
    assert_non_null(membership_find(&w->m, make_member(1).id)); /* the ring's are never forgotten */
}

static void test_new_ring(void **state)
{
    struct world *w = *state;
    hear(w, 1, 1);
    hear(w, 5, 1);
    uint64_t view = w->m.view;
    ringdoc_free(w->doc);
    w->doc = make_doc(2, 2, 6, 1, "c");
    membership_new_ring(&w->m, w->doc->ring);
    assert_true(w->m.view > view);
    assert_int_equal(state_of(w, 1), MEMBER_JOINING);
    assert_int_equal(state_of(w, 5), MEMBER_UP);
}

static void test_what_redis_is_to_be_told(void **state)
{
    struct world *w = *state;
    struct member beats[8];
    struct membership_gone gone[4];
    for (unsigned i = 1; i <= 4; i++)
        hear(w, i, 1);
    assert_int_equal(membership_take_heartbeats(&w->m, beats, 3), 3);
    assert_int_equal(membership_take_heartbeats(&w->m, beats, 8), 1);
    assert_int_equal(beats[0].heartbeat_at_ms, w->now_ms);
    assert_int_equal(membership_take_heartbeats(&w->m, beats, 8), 0);
    hear(w, 2, 0);
    membership_leave(&w->m, &w->fx, w->doc->ring, make_member(2).id);
    membership_leave(&w->m, &w->fx, w->doc->ring, make_member(4).id);
    assert_int_equal(membership_take_heartbeats(&w->m, beats, 8), 0); /* not after the goodbye */
    assert_int_equal(membership_take_gone(&w->m, gone, 1), 1);
    assert_int_equal(gone[0].forget, 0); /* in the ring: its facts stay */
    assert_int_equal(membership_take_gone(&w->m, gone, 4), 1);
    assert_int_equal(gone[0].forget, 1);
}

static void test_the_table_has_an_end(void **state)
{
    struct world *w = *state;
    for (unsigned i = 0; i < MEMBERSHIP_MAX; i++)
        hear(w, 100 + i, 1);
    struct member late = make_member(99);
    assert_err(ERR_FULL, membership_hear(&w->m, &w->fx, w->doc->ring, &late, 1));
    hear(w, 100, 0); /* who is there stays */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_life, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_silence_counts_only_when_we_could_hear, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_heard_elsewhere, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_address_from_elsewhere, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_one_name_one_node, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_silent_guests_are_forgotten, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_new_ring, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_redis_is_to_be_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_table_has_an_end, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
