/* Heartbeats, alive keys, the published ring and the event stream against a real Redis. */
#include "lib/store/members.h"

#include "lib/store/call.h"
#include "lib/store/events.h"
#include "lib/store/lock.h"
#include "tests/unit/lib/store/world.h"
#include "tests/unit/unit.h"

static int set_up(void **state)
{
    return world_init(state, LOG_ERROR);
}

static struct member make_member(const char *name)
{
    struct member m = {
        .weight = 2, .stores = 1, .files = 3, .bytes = 4, .capacity_bytes = 5, .free_bytes = 6, .ring_epoch = 7, .zone = "z1"};
    snprintf(m.name, sizeof m.name, "%s", name);
    snprintf(m.id, sizeof m.id, "%s.0123456789abcdef", name);
    snprintf(m.url, sizeof m.url, "http://127.0.0.1:4711");
    return m;
}

static struct ringdoc *make_ring(uint64_t epoch, uint64_t counter)
{
    struct ring_member members[] = {
        {.id = "node-1.0123456789abcdef", .name = "node-1", .weight = 1}, {.id = "node-2.0123456789abcdef", .name = "node-2", .weight = 1}};
    struct ballot b = {.counter = counter, .coordinator = "c", .start = 1};
    struct ringdoc *d;
    assert_ok(ringdoc_new(members, 2, 3, epoch, &b, &d));
    return d;
}

static void test_json_both_ways(void **state)
{
    (void)state;
    struct member m = make_member("node-1"), back;
    m.heartbeat_at_ms = 1700000000000;
    struct json *j = member_to_json(&m);
    assert_ok(member_from_json(j, &back));
    json_free(j);
    assert_memory_equal(&m, &back, sizeof m);
}

static void test_bad_members_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "{}",
        "[]",
        "null",
        "{\"id\":\"a.1\",\"name\":\"b\",\"url\":\"u\",\"zone\":\"\",\"weight\":1}",
        "{\"id\":\"a\",\"name\":\"a\",\"url\":\"u\",\"zone\":\"\",\"weight\":1}",
        "{\"id\":\"a.\",\"name\":\"a\",\"url\":\"u\",\"zone\":\"\",\"weight\":1}",
        "{\"id\":\"A.1\",\"name\":\"A\",\"url\":\"u\",\"zone\":\"\",\"weight\":1}",
        "{\"id\":\"a.1\",\"name\":\"a\",\"url\":\"u\",\"zone\":\"\",\"weight\":0}",
        "{\"id\":\"a.1\",\"name\":\"a\",\"url\":\"u\",\"zone\":\"\",\"weight\":17}",
        "{\"id\":\"a.1\",\"name\":\"a\",\"url\":\"u\",\"zone\":\"\"}",
        "{\"id\":\"a.1\",\"name\":\"a\",\"url\":\"u\",\"weight\":1}",
        "{\"id\":\"a.1\",\"name\":\"a\",\"zone\":\"\",\"weight\":1}",
        "{\"id\":\"a.1\",\"name\":\"a\",\"url\":1,\"zone\":\"\",\"weight\":1}",
        "{\"id\":\"a.1\",\"name\":\"a\",\"url\":\"u\",\"zone\":\"\",\"weight\":1,\"files\":-1}",
        "{\"id\":\"a.1\",\"name\":\"a\",\"url\":\"u\",\"zone\":\"\",\"weight\":1,\"bytes\":\"x\"}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct json *j;
        struct member m;
        assert_ok(json_parse(bad[i], strlen(bad[i]), &j));
        assert_err(ERR_SYNTAX, member_from_json(j, &m));
        json_free(j);
    }
}

static void test_heartbeats_live_one_ttl(void **state)
{
    struct store *s = ((struct world *)*state)->store;
    struct member second = make_member("node-2"), first = make_member("node-1");
    struct members all;
    assert_ok(members_heartbeat(s, &second, 1700000000000));
    assert_ok(members_heartbeat(s, &first, 1700000000001));
    assert_ok(members_read(s, &all));
    assert_int_equal(all.n_nodes, 2);
    assert_string_equal(all.nodes[0].id, first.id); /* by name */
    assert_int_equal(all.nodes[0].heartbeat_at_ms, 1700000000001);
    assert_int_equal(all.nodes[0].alive, 1);
    assert_int_equal(all.nodes[1].alive, 1);
    assert_int_equal(all.nodes[0].state, MEMBER_JOINING); /* no ring */
    assert_null(all.ring);
    assert_string_equal(all.leader_name, "");
    members_release(&all);

    assert_ok(members_leave(s, first.id, 0));
    assert_ok(members_leave(s, second.id, 1));
    assert_ok(members_read(s, &all));
    assert_int_equal(all.n_nodes, 1);
    assert_int_equal(all.nodes[0].alive, 0);
    members_release(&all);

    assert_ok(members_heartbeat(s, &first, 1));
    clock_sleep_ms(MEMBERS_TTL_MS + 100);
    assert_ok(members_read(s, &all));
    assert_int_equal(all.nodes[0].alive, 0);
    members_release(&all);
    assert_ok(members_leave(s, first.id, 1));
}

static void test_heartbeats_in_one_go(void **state)
{
    struct store *s = ((struct world *)*state)->store;
    struct member many[MEMBERS_HEARTBEATS_MAX] = {0};
    struct members all;
    assert_ok(members_heartbeats(s, many, 0));
    for (unsigned i = 0; i < MEMBERS_HEARTBEATS_MAX; i++) {
        char name[RING_NAME_MAX];
        snprintf(name, sizeof name, "node-%02u", i);
        many[i] = make_member(name);
        many[i].heartbeat_at_ms = 1700000000000 + i;
    }
    assert_ok(members_heartbeats(s, many, MEMBERS_HEARTBEATS_MAX));
    assert_ok(members_read(s, &all));
    assert_int_equal(all.n_nodes, MEMBERS_HEARTBEATS_MAX);
    for (unsigned i = 0; i < MEMBERS_HEARTBEATS_MAX; i++) {
        assert_string_equal(all.nodes[i].id, many[i].id);
        assert_int_equal(all.nodes[i].heartbeat_at_ms, 1700000000000 + i);
        assert_int_equal(all.nodes[i].alive, 1);
        assert_ok(members_leave(s, many[i].id, 1));
    }
    members_release(&all);
}

static void test_states_by_the_ring(void **state)
{
    struct store *s = ((struct world *)*state)->store;
    struct ringdoc *ring = make_ring(1, 0);
    struct member first = make_member("node-1"), second = make_member("node-2"), third = make_member("node-3");
    struct members all;
    assert_ok(members_publish_ring(s, ring));
    assert_ok(members_heartbeat(s, &first, 1));
    assert_ok(members_heartbeat(s, &second, 1));
    assert_ok(members_heartbeat(s, &third, 1));
    assert_ok(members_leave(s, second.id, 0));
    assert_ok(members_read(s, &all));
    assert_int_equal(all.n_nodes, 3);
    assert_int_equal(all.nodes[0].state, MEMBER_UP);
    assert_int_equal(all.nodes[1].state, MEMBER_SUSPECT);
    assert_int_equal(all.nodes[2].state, MEMBER_JOINING);
    assert_int_equal(all.ring->ring->epoch, 1);
    members_release(&all);
    ringdoc_free(ring);
}

/* Pure: the states of the header, each from its document. */
static void test_states_of_joint_rings(void **state)
{
    (void)state;
    struct ringdoc *ring = make_ring(1, 0), *joint, *stable;
    struct member one = make_member("node-1"), two = make_member("node-2"), three = make_member("node-3");
    struct members_wishes wishes = {.n = 1, .at = {{.id = "node-2.0123456789abcdef", .kind = MEMBERS_WISH_DRAIN}}};
    static const char away[1][RING_ID_MAX] = {"node-2.0123456789abcdef"};
    one.alive = three.alive = 1;
    assert_int_equal(members_state(ring, NULL, &one), MEMBER_UP);
    assert_int_equal(members_state(ring, &wishes, &two), MEMBER_DRAINING);
    wishes.at[0].kind = MEMBERS_WISH_UNDRAIN;
    assert_int_equal(members_state(ring, &wishes, &two), MEMBER_SUSPECT);
    assert_int_equal(members_state(ring, NULL, &three), MEMBER_JOINING);
    three.alive = 0;
    assert_int_equal(members_state(ring, NULL, &three), MEMBER_OUT);
    assert_int_equal(members_state(NULL, NULL, &one), MEMBER_JOINING);
    struct ringdoc_change to = {.members = ring->ring->members, .n = 1, .k = 3};
    assert_ok(ringdoc_joint(ring, &to, &ring->ballot, &joint));
    assert_int_equal(members_state(joint, NULL, &two), MEMBER_OUT);
    ringdoc_free(joint);
    to.away = away;
    to.n_away = 1;
    assert_ok(ringdoc_joint(ring, &to, &ring->ballot, &joint));
    assert_int_equal(members_state(joint, NULL, &two), MEMBER_DRAINING);
    assert_ok(ringdoc_settled(joint, &ring->ballot, &stable));
    assert_int_equal(members_state(stable, NULL, &two), MEMBER_GONE);
    ringdoc_free(stable);
    ringdoc_free(joint);
    ringdoc_free(ring);
}

static void test_wishes_are_kept(void **state)
{
    struct store *s = ((struct world *)*state)->store;
    struct members_wishes some = {.n = 2,
        .k = 5,
        .at = {
            {.id = "node-1.0123456789abcdef", .kind = MEMBERS_WISH_DRAIN}, {.id = "node-2.0123456789abcdef", .kind = MEMBERS_WISH_REMOVE}}};
    struct members_wishes other = {.n = 1, .at = {{.id = "node-1.0123456789abcdef", .kind = MEMBERS_WISH_UNDRAIN}}}, none = {0};
    struct members all;
    assert_ok(members_wishes_add(s, &none));
    assert_ok(members_wishes_add(s, &some));
    assert_ok(members_read(s, &all));
    assert_int_equal(all.wishes.n, 2);
    assert_int_equal(all.wishes.k, 5);
    assert_int_equal(members_wish_find(&all.wishes, "node-2.0123456789abcdef")->kind, MEMBERS_WISH_REMOVE);
    assert_null(members_wish_find(&all.wishes, "node-3.0123456789abcdef"));
    members_release(&all);
    assert_ok(members_wishes_add(s, &other));   /* takes the earlier one's place */
    assert_ok(members_wishes_remove(s, &some)); /* the drain is fulfilled: what was asked since stays */
    assert_ok(members_read(s, &all));
    assert_int_equal(all.wishes.n, 1);
    assert_int_equal(all.wishes.at[0].kind, MEMBERS_WISH_UNDRAIN);
    assert_int_equal(all.wishes.k, 0);
    members_release(&all);
    assert_ok(members_wishes_remove(s, &other));
    assert_ok(members_wishes_remove(s, &other));
}

static void test_the_leaders_news(void **state)
{
    struct store *s = ((struct world *)*state)->store;
    struct member first = make_member("node-1"), second = make_member("node-2");
    struct members_out outs[] = {{.id = "node-2.0123456789abcdef", .out_at_ms = 1700000300000}, {.id = "node-7.1", .out_at_ms = 5}};
    struct members_news news = {.waiting = "node-4 joins: waiting a moment for others", .outs = outs, .n_outs = 2};
    struct members all;
    assert_ok(members_heartbeat(s, &first, 1));
    assert_ok(members_heartbeat(s, &second, 1));
    assert_ok(members_leave(s, second.id, 0));
    assert_ok(members_news_write(s, &news));
    assert_ok(members_read(s, &all));
    assert_int_equal(all.progress.epoch, 0);
    assert_string_equal(all.waiting, news.waiting);
    for (size_t i = 0; i < all.n_nodes; i++)
        assert_int_equal(all.nodes[i].out_at_ms, strcmp(all.nodes[i].id, second.id) == 0 ? 1700000300000 : 0);
    members_release(&all);
    news = (struct members_news){.progress = {.epoch = 4,
                                     .copies_done = 1,
                                     .copies_total = 2,
                                     .bytes_done = 3,
                                     .bytes_total = 1ull << 60,
                                     .bytes_per_s = 5,
                                     .ends_at_ms = 1700000000000}};
    assert_ok(members_news_write(s, &news));
    assert_ok(members_read(s, &all));
    assert_memory_equal(&all.progress, &news.progress, sizeof news.progress);
    assert_string_equal(all.waiting, "");
    members_release(&all);
}

static void test_published_ring_never_goes_back(void **state)
{
    struct store *s = ((struct world *)*state)->store;
    struct ringdoc *two = make_ring(2, 5), *again = make_ring(2, 9), *one = make_ring(1, 20);
    struct members all;
    assert_ok(members_publish_ring(s, two));
    assert_ok(members_publish_ring(s, again));
    assert_err(ERR_CONFLICT, members_publish_ring(s, one));
    assert_ok(members_read(s, &all));
    assert_int_equal(all.ring->ring->epoch, 2);
    assert_int_equal(all.ring->ballot.counter, 9);
    members_release(&all);
    ringdoc_free(one);
    ringdoc_free(two);
    ringdoc_free(again);
}

static void test_coordinators_and_leader(void **state)
{
    struct store *s = ((struct world *)*state)->store;
    struct coordinator_alive one = {.name = "coordinator-1", .url = "http://127.0.0.1:1", .token = "t1"},
                             two = {.name = "coordinator-2", .url = "http://127.0.0.1:2", .token = "t2"};
    struct lease lease = {.name = "coordinator-2", .token = "t2", .epoch = 4, .since_ms = 5};
    struct members all;
    assert_ok(members_coordinator_alive(s, &two, 60000));
    assert_ok(members_coordinator_alive(s, &one, 60000));
    assert_ok(lease_take(s, &lease, 60000));
    assert_ok(members_coordinator_leave(s, "coordinator-1"));
    assert_ok(members_read(s, &all));
    assert_int_equal(all.n_coordinators, 2);
    assert_string_equal(all.coordinators[0].name, "coordinator-2"); /* the living first */
    assert_int_equal(all.coordinator_is_alive[0], 1);
    assert_int_equal(all.coordinator_is_alive[1], 0);
    assert_string_equal(all.coordinators[1].url, "http://127.0.0.1:1");
    assert_string_equal(all.leader_name, "coordinator-2");
    assert_string_equal(all.leader_token, "t2");
    assert_int_equal(all.leader_epoch, 4);
    assert_int_equal(all.leader_since_ms, 5);
    members_release(&all);

    /* More than there is room for: none of the living is left out. */
    for (int i = 0; i < MEMBERS_COORDINATORS_MAX + 4; i++) {
        snprintf(one.name, sizeof one.name, "dead-%02d", i);
        assert_ok(members_coordinator_alive(s, &one, 60000));
        assert_ok(members_coordinator_leave(s, one.name));
    }
    assert_ok(members_read(s, &all));
    assert_int_equal(all.n_coordinators, MEMBERS_COORDINATORS_MAX);
    assert_string_equal(all.coordinators[0].name, "coordinator-2");
    members_release(&all);
}

/* What others wrote there must not hide the rest. */
static void test_unreadable_facts_are_left_out(void **state)
{
    struct store *s = ((struct world *)*state)->store;
    struct member good = make_member("node-9");
    struct members all;
    struct call c;
    redisReply *r;
    call_init(&c, "HSET");
    call_str(&c, "rb:nodes");
    call_str(&c, "bad.1");
    call_str(&c, "{\"id\":");
    assert_ok(call_send(s, &c, REDIS_REPLY_INTEGER, REDIS_REPLY_INTEGER, &r));
    freeReplyObject(r);
    assert_ok(members_heartbeat(s, &good, 1));
    assert_ok(members_read(s, &all));
    int found = 0;
    for (size_t i = 0; i < all.n_nodes; i++) {
        found |= strcmp(all.nodes[i].id, good.id) == 0;
        assert_string_not_equal(all.nodes[i].id, "bad.1");
    }
    assert_true(found);
    members_release(&all);
}

static void test_events(void **state)
{
    struct store *s = ((struct world *)*state)->store;
    struct call c;
    redisReply *r;
    assert_ok(events_add(s, "join", NULL, NULL, "node-1", 1700000000000));
    call_init(&c, "XREVRANGE");
    call_str(&c, EVENTS_KEY);
    call_str(&c, "+");
    call_str(&c, "-");
    assert_ok(call_send(s, &c, REDIS_REPLY_ARRAY, REDIS_REPLY_ARRAY, &r));
    const redisReply *fields = r->element[0]->element[1];
    static const char *const expected[] = {"kind", "join", "node", "node-1", "at", "1700000000000"};
    assert_int_equal(fields->elements, 6);
    for (size_t i = 0; i < 6; i++)
        assert_string_equal(fields->element[i]->str, expected[i]);
    freeReplyObject(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_both_ways),
        cmocka_unit_test(test_bad_members_are_refused),
        cmocka_unit_test(test_heartbeats_live_one_ttl),
        cmocka_unit_test(test_heartbeats_in_one_go),
        cmocka_unit_test(test_states_by_the_ring),
        cmocka_unit_test(test_states_of_joint_rings),
        cmocka_unit_test(test_wishes_are_kept),
        cmocka_unit_test(test_the_leaders_news),
        cmocka_unit_test(test_published_ring_never_goes_back),
        cmocka_unit_test(test_coordinators_and_leader),
        cmocka_unit_test(test_unreadable_facts_are_left_out),
        cmocka_unit_test(test_events),
    };
    return cmocka_run_group_tests(tests, set_up, world_release);
}
