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
    struct members_wishes wishes;
    char said[1024]; /* "kind:node " of each event */
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
    membership_init(&w->m, 100, w->now_ms, &w->wishes);
    membership_new_ring(&w->m, w->doc);
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
    assert_ok(membership_hear(&w->m, &w->fx, w->doc, &m, joining));
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
        membership_tick(&w->m, &w->fx, w->doc);
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
    expect_said(w, "join:node-1 "); /* the other one joins when the ring has it */
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
    membership_leave(&w->m, &w->fx, w->doc, make_member(1).id);
    membership_leave(&w->m, &w->fx, w->doc, make_member(1).id);
    assert_int_equal(state_of(w, 1), MEMBER_SUSPECT); /* at once */
    membership_leave(&w->m, &w->fx, w->doc, make_member(4).id);
    assert_null(membership_find(&w->m, make_member(4).id));
    expect_said(w, "leave:node-1 ");
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
    assert_ok(membership_read(&w->m, w->doc, known, 2, w->now_ms - 1200)); /* an old reading */
    pass(w, 1000, 1u << 1);
    assert_int_equal(state_of(w, 2), MEMBER_UP);
    pass(w, 700, 1u << 1);
    assert_int_equal(state_of(w, 2), MEMBER_SUSPECT);
    assert_int_equal(state_of(w, 1), MEMBER_UP);
    uint64_t silent_ms = membership_find(&w->m, make_member(2).id)->silent_ms;
    w->now_ms += 60000; /* we were stopped */
    membership_tick(&w->m, &w->fx, w->doc);
    assert_int_equal(state_of(w, 1), MEMBER_UP);
    pass(w, 1400, 0);
    assert_int_equal(state_of(w, 1), MEMBER_UP);
    assert_int_equal(membership_find(&w->m, make_member(2).id)->silent_ms, silent_ms); /* nothing of this counts */
    pass(w, 300, 0);
    assert_int_equal(state_of(w, 1), MEMBER_SUSPECT);
    assert_in_range(membership_find(&w->m, make_member(2).id)->silent_ms, silent_ms + 100, silent_ms + 300);
    expect_said(w, "suspect:node-2 suspect:node-1 ");
}

/* How long it lives and how long it is silent: also for one that was never heard, and one that said goodbye. */
static void test_times_of_silence(void **state)
{
    struct world *w = *state;
    pass(w, 5000, 1u << 1);
    const struct membership_node *one = membership_find(&w->m, make_member(1).id), *two = membership_find(&w->m, make_member(2).id);
    assert_in_range(two->silent_ms, 3400, 3600); /* but for the first TTL */
    assert_int_equal(two->since_ms, 0);
    assert_string_equal(two->member.url, "");
    assert_int_equal(one->silent_ms, 0);
    uint64_t since_ms = one->since_ms;
    assert_int_not_equal(since_ms, 0);
    pass(w, 1000, 1u << 1);
    assert_int_equal(one->since_ms, since_ms);
    membership_leave(&w->m, &w->fx, w->doc, make_member(1).id);
    pass(w, 1000, 0);
    assert_int_equal(one->silent_ms, 1000);
    hear(w, 1, 1);
    assert_int_equal(one->silent_ms, 0);
    assert_int_equal(one->since_ms, w->now_ms);
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
        assert_ok(membership_read(&w->m, w->doc, read, 3, w->now_ms));
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
    assert_ok(membership_read(&w->m, w->doc, &moved, 1, w->now_ms));
    assert_string_equal(membership_find(&w->m, moved.id)->member.url, "http://127.0.0.1:4001"); /* older than what we heard */
    uint64_t view = w->m.view;
    moved.heartbeat_at_ms = w->now_ms + 1;
    assert_ok(membership_read(&w->m, w->doc, &moved, 1, w->now_ms));
    assert_string_equal(membership_find(&w->m, moved.id)->member.url, "http://127.0.0.1:9");
    assert_true(w->m.view > view);
    assert_ok(membership_read(&w->m, w->doc, &foul, 1, w->now_ms));
    assert_string_equal(membership_find(&w->m, foul.id)->member.url, "");
}

/* The other coordinator's wall clock is far behind ours: what it hears still counts here, once we hear nothing ourselves. */
static void test_told_by_a_clock_that_is_behind(void **state)
{
    struct world *w = *state;
    hear(w, 1, 1);
    struct member told = make_member(1);
    told.alive = 1;
    told.ring_epoch = 7;
    told.heartbeat_at_ms = w->now_ms - 900000;
    assert_ok(membership_read(&w->m, w->doc, &told, 1, w->now_ms));
    assert_int_equal(membership_find(&w->m, told.id)->member.ring_epoch, make_member(1).ring_epoch); /* ours is fresh */
    pass(w, MEMBERS_TTL_MS + 100, 0);
    told.heartbeat_at_ms += 500;
    assert_ok(membership_read(&w->m, w->doc, &told, 1, w->now_ms));
    assert_int_equal(membership_find(&w->m, told.id)->member.ring_epoch, 7);
    assert_int_equal(membership_find(&w->m, told.id)->member.heartbeat_at_ms, told.heartbeat_at_ms);
    told.ring_epoch = 8; /* the same heartbeat, read again, is no news */
    assert_ok(membership_read(&w->m, w->doc, &told, 1, w->now_ms));
    assert_int_equal(membership_find(&w->m, told.id)->member.ring_epoch, 7);
}

static void test_one_name_one_node(void **state)
{
    struct world *w = *state;
    struct member impostor = make_member(1), first = make_member(5), second = make_member(5);
    struct membership_gone gone[4];
    strcpy(impostor.id, "node-1.ffffffffffffffff");
    assert_err(ERR_CONFLICT, membership_hear(&w->m, &w->fx, w->doc, &impostor, 1)); /* the ring's node-1 is another, and may live */
    hear(w, 1, 1);
    assert_err(ERR_CONFLICT, membership_hear(&w->m, &w->fx, w->doc, &impostor, 1));
    strcpy(second.id, "node-5.ffffffffffffffff");
    assert_ok(membership_hear(&w->m, &w->fx, w->doc, &first, 1));
    assert_err(ERR_CONFLICT, membership_hear(&w->m, &w->fx, w->doc, &second, 1)); /* outside the ring: as long as the first lives */
    pass(w, 2000, 1u << 1);
    assert_ok(membership_hear(&w->m, &w->fx, w->doc, &second, 1));
    assert_null(membership_find(&w->m, first.id));
    assert_int_equal(membership_take_gone(&w->m, gone, 4), 1);
    assert_string_equal(gone[0].id, first.id);
    assert_int_equal(gone[0].forget, 1);
}

/* A node that lost its disk comes back under its name with a new id: welcome as soon as the old one is silent; the old one is back too: it is the member. */
static void test_new_incarnation_of_a_silent_member(void **state)
{
    struct world *w = *state;
    struct member fresh = make_member(1);
    strcpy(fresh.id, "node-1.ffffffffffffffff");
    pass(w, 3000, 1u << 1 | 1u << 2);
    pass(w, 1600, 1u << 2);
    assert_ok(membership_hear(&w->m, &w->fx, w->doc, &fresh, 1));
    assert_int_equal(membership_find(&w->m, fresh.id)->member.state, MEMBER_JOINING);
    assert_int_equal(state_of(w, 1), MEMBER_SUSPECT); /* both are known */
    hear(w, 1, 0);
    assert_null(membership_find(&w->m, fresh.id));
    assert_err(ERR_CONFLICT, membership_hear(&w->m, &w->fx, w->doc, &fresh, 0));
    /* Once the ring has the new one, the old one is out for good: while it is listed, and after. */
    pass(w, 2000, 1u << 2);
    assert_ok(membership_hear(&w->m, &w->fx, w->doc, &fresh, 1));
    struct ring_member members[3];
    memcpy(members, w->doc->ring->members, sizeof members);
    strcpy(members[0].id, fresh.id);
    struct ringdoc *joint, *stable;
    assert_ok(ringdoc_joint(w->doc, &(struct ringdoc_change){.members = members, .n = 3, .k = 3}, &w->doc->ballot, &joint));
    assert_ok(ringdoc_settled(joint, &w->doc->ballot, &stable));
    ringdoc_free(w->doc);
    w->doc = joint;
    membership_new_ring(&w->m, w->doc);
    assert_int_equal(state_of(w, 1), MEMBER_OUT);
    struct member old = make_member(1);
    assert_err(ERR_CONFLICT, membership_hear(&w->m, &w->fx, w->doc, &old, 0));
    ringdoc_free(w->doc);
    w->doc = stable;
    membership_new_ring(&w->m, w->doc);
    assert_ok(membership_hear(&w->m, &w->fx, w->doc, &fresh, 0));
    assert_int_equal(membership_find(&w->m, fresh.id)->member.state, MEMBER_UP);
    assert_null(membership_find(&w->m, old.id));
}

static void test_states_of_those_who_go(void **state)
{
    struct world *w = *state;
    struct ring_member members[3];
    struct ringdoc *joint, *stable;
    hear(w, 1, 1);
    hear(w, 2, 1);
    hear(w, 3, 1);
    w->wishes = (struct members_wishes){.n = 1, .at = {{.kind = MEMBERS_WISH_DRAIN}}};
    strcpy(w->wishes.at[0].id, make_member(1).id);
    membership_tick(&w->m, &w->fx, w->doc);
    assert_int_equal(state_of(w, 1), MEMBER_DRAINING);
    assert_int_equal(state_of(w, 2), MEMBER_UP);
    memcpy(members, w->doc->ring->members, sizeof members);
    struct ringdoc_change to = {.members = &members[2], .n = 1, .k = 3, .n_away = 1};
    char away[1][RING_ID_MAX];
    strcpy(away[0], make_member(1).id);
    to.away = (const char(*)[RING_ID_MAX])away;
    assert_ok(
        ringdoc_joint(w->doc, &to, &w->doc->ballot, &joint)); /* without node-1, which is drained, and node-2, which is taken for dead */
    assert_ok(ringdoc_settled(joint, &w->doc->ballot, &stable));
    ringdoc_free(w->doc);
    w->doc = joint;
    membership_new_ring(&w->m, w->doc);
    assert_int_equal(state_of(w, 1), MEMBER_DRAINING);
    assert_int_equal(state_of(w, 2), MEMBER_OUT);
    ringdoc_free(w->doc);
    w->doc = stable;
    membership_new_ring(&w->m, w->doc);
    assert_int_equal(state_of(w, 1), MEMBER_GONE);
    assert_int_equal(state_of(w, 2), MEMBER_JOINING); /* it lives after all */
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
    expect_said(w, "");
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
    membership_new_ring(&w->m, w->doc);
    assert_true(w->m.view > view);
    assert_int_equal(state_of(w, 1), MEMBER_JOINING);
    assert_int_equal(state_of(w, 5), MEMBER_UP);
    assert_non_null(membership_find(&w->m, make_member(4).id)); /* named, so it is known */
    /* Who fell out of the ring is still listed for a while. */
    pass(w, MEMBERSHIP_FORGET_MS - 2000, 0);
    assert_int_equal(state_of(w, 1), MEMBER_OUT);
    pass(w, 3000, 0);
    assert_null(membership_find(&w->m, make_member(1).id));
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
    membership_leave(&w->m, &w->fx, w->doc, make_member(2).id);
    membership_leave(&w->m, &w->fx, w->doc, make_member(4).id);
    assert_int_equal(membership_take_heartbeats(&w->m, beats, 8), 0); /* not after the goodbye */
    assert_int_equal(membership_take_gone(&w->m, gone, 1), 1);
    assert_int_equal(gone[0].forget, 0); /* in the ring: its facts stay */
    assert_int_equal(membership_take_gone(&w->m, gone, 4), 1);
    assert_int_equal(gone[0].forget, 1);
}

static void test_the_table_has_an_end(void **state)
{
    struct world *w = *state;
    for (unsigned i = 0; i < MEMBERSHIP_MAX - 3; i++) /* three are in the ring */
        hear(w, 100 + i, 1);
    struct member late = make_member(99);
    assert_err(ERR_FULL, membership_hear(&w->m, &w->fx, w->doc, &late, 1));
    hear(w, 100, 0); /* who is there stays */
}

static struct member make_peer(unsigned i)
{
    struct member m = make_member(i);
    m.stores = 0;
    m.shares = 1;
    memset(m.share_digest, '0', sizeof m.share_digest - 1);
    return m;
}

/* A peer that only shares lives, falls silent and is forgotten, and those who follow the ring hear nothing of it. */
static void test_a_peer_moves_no_view(void **state)
{
    struct world *w = *state;
    struct member peer = make_peer(5);
    uint64_t view = w->m.view;
    assert_ok(membership_hear(&w->m, &w->fx, w->doc, &peer, 1));
    assert_true(membership_find(&w->m, peer.id)->member.alive);
    snprintf(peer.url, sizeof peer.url, "http://127.0.0.1:9999");
    assert_ok(membership_hear(&w->m, &w->fx, w->doc, &peer, 0));
    assert_string_equal(membership_find(&w->m, peer.id)->member.url, peer.url);
    pass(w, 4000, 0);
    assert_false(membership_find(&w->m, peer.id)->member.alive);
    assert_ok(membership_hear(&w->m, &w->fx, w->doc, &peer, 0));
    membership_leave(&w->m, &w->fx, w->doc, peer.id);
    assert_null(membership_find(&w->m, peer.id));
    assert_int_equal(w->m.n_gone, 1);
    assert_ok(membership_hear(&w->m, &w->fx, w->doc, &peer, 1));
    pass(w, MEMBERSHIP_FORGET_MS + 200, 0);
    assert_null(membership_find(&w->m, peer.id));
    struct member other = make_peer(6);
    other.alive = 1;
    assert_ok(membership_read(&w->m, w->doc, &other, 1, w->now_ms));
    assert_non_null(membership_find(&w->m, other.id));
    assert_int_equal(w->m.view, view);
    expect_said(w, "");
}

static void test_a_peer_that_stores_from_now_on_is_news(void **state)
{
    struct world *w = *state;
    struct member m = make_peer(5);
    assert_ok(membership_hear(&w->m, &w->fx, w->doc, &m, 1));
    uint64_t view = w->m.view;
    for (int stores = 1; stores >= 0; stores--) {
        m.stores = stores;
        assert_ok(membership_hear(&w->m, &w->fx, w->doc, &m, 1));
        assert_int_equal(w->m.view, ++view);
    }
    m.stores = 1;
    m.alive = 1;
    m.heartbeat_at_ms = w->now_ms + 1;
    assert_ok(membership_read(&w->m, w->doc, &m, 1, w->now_ms)); /* another coordinator heard of it first */
    assert_true(membership_find(&w->m, m.id)->member.stores);
    assert_int_equal(w->m.view, view + 1);
}

/* The ring counts on it: as one that lives and stores nothing it would spoil every quorum, as a silent one it goes out. */
static void test_a_member_cannot_stop_storing(void **state)
{
    struct world *w = *state;
    struct member m = make_peer(1);
    hear(w, 1, 1);
    assert_err(ERR_DENIED, membership_hear(&w->m, &w->fx, w->doc, &m, 0));
    assert_true(membership_find(&w->m, m.id)->member.stores);
    pass(w, 3000, 0);
    assert_int_equal(state_of(w, 1), MEMBER_SUSPECT);
}

static void test_peers_leave_room_for_those_who_store(void **state)
{
    struct world *w = *state;
    struct member *read = calloc(2, sizeof *read);
    for (unsigned i = 0; i < MEMBERSHIP_PEERS_MAX; i++) {
        struct member peer = make_peer(100 + i);
        assert_ok(membership_hear(&w->m, &w->fx, w->doc, &peer, 1));
    }
    read[0] = make_peer(99);
    read[1] = make_member(98);
    assert_err(ERR_FULL, membership_hear(&w->m, &w->fx, w->doc, &read[0], 1));
    read[0].alive = read[1].alive = 1;
    assert_ok(membership_read(&w->m, w->doc, read, 2, w->now_ms));
    assert_null(membership_find(&w->m, read[0].id));
    assert_non_null(membership_find(&w->m, read[1].id));
    hear(w, 97, 1);
    free(read);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_life, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_silence_counts_only_when_we_could_hear, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_heard_elsewhere, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_address_from_elsewhere, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_told_by_a_clock_that_is_behind, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_one_name_one_node, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_times_of_silence, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_new_incarnation_of_a_silent_member, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_states_of_those_who_go, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_silent_guests_are_forgotten, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_new_ring, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_redis_is_to_be_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_table_has_an_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_peer_moves_no_view, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_peer_that_stores_from_now_on_is_news, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_member_cannot_stop_storing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_peers_leave_room_for_those_who_store, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
