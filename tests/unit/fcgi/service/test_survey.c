/* What is said of the cluster as a whole, by one picture of it. */
#include "tests/unit/unit.h"

#include "fcgi/service/survey.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NODES 5
#define NOW_MS 1700000000000u

static struct ring_member members[NODES];
static int64_t ahead[NODES];

static int64_t ahead_ms(void *ctx, const char *id)
{
    (void)ctx;
    return ahead[id[5] - '1'];
}

/* n nodes up, each with a census of nothing missing; ring of the first `ring`. */
static void make(struct members *m, size_t n, size_t ring, uint32_t k)
{
    struct ballot b = {.counter = 0};
    memset(m, 0, sizeof(*m));
    memset(ahead, 0, sizeof(ahead));
    m->nodes = calloc(NODES, sizeof(*m->nodes));
    m->n_nodes = n;
    for (size_t i = 0; i < n; i++) {
        struct member *node = &m->nodes[i];
        snprintf(node->name, sizeof(node->name), "node-%zu", i + 1);
        snprintf(node->id, sizeof(node->id), "node-%zu.000000000000000%zu", i + 1, i);
        *node = (struct member){.alive = 1, .stores = 1, .weight = 1, .heartbeat_at_ms = NOW_MS - 200, .census.known = 1};
        snprintf(node->name, sizeof(node->name), "node-%zu", i + 1);
        snprintf(node->id, sizeof(node->id), "node-%zu.000000000000000%zu", i + 1, i);
        members[i] = (struct ring_member){.weight = 1};
        memcpy(members[i].name, node->name, sizeof(members[i].name));
        memcpy(members[i].id, node->id, sizeof(members[i].id));
    }
    assert_ok(ringdoc_new(members, ring, k, 4, &b, &m->ring));
}

static struct survey *look(const struct members *m)
{
    static struct survey s;
    struct survey_clocks clocks = {.ahead_ms = ahead_ms, .heard_at_ms = NOW_MS};
    survey_make(m, &clocks, &s);
    return &s;
}

static void copies_are_added_up_when_everybody_has_counted(void **state)
{
    (void)state;
    struct members m;
    make(&m, 4, 4, 3);
    m.nodes[0].census.missing = 5;
    m.nodes[0].census.below_k = 4;
    m.nodes[2].census.missing = 2;
    m.nodes[2].census.unreadable = 1;
    struct survey *s = look(&m);
    assert_true(s->counted && s->ready);
    assert_int_equal(s->copies_missing, 7);
    assert_int_equal(s->courses_below_k, 4);
    assert_int_equal(s->courses_unreadable, 1);
    m.nodes[3].census.known = 0;
    assert_false(look(&m)->counted);
    m.nodes[3].alive = 0; /* the others have counted what was its */
    s = look(&m);
    assert_true(s->counted && s->ready);
    members_release(&m);
}

static void an_arc_without_a_living_owner_is_not_counted_by_anybody(void **state)
{
    (void)state;
    struct members m;
    make(&m, 5, 5, 2);
    m.nodes[0].alive = 0;
    assert_true(look(&m)->counted);
    assert_false(look(&m)->ready); /* W of 2 is 2 */
    m.nodes[1].alive = 0;
    assert_false(look(&m)->counted);
    members_release(&m);
}

static void in_a_joint_ring_both_have_to_be_writable(void **state)
{
    (void)state;
    struct members m;
    struct ringdoc *joint;
    struct ballot b = {.counter = 9, .coordinator = "coordinator-1", .start = 1};
    make(&m, 5, 3, 3);
    struct ringdoc_change to = {.members = members, .n = NODES, .k = 3};
    assert_ok(ringdoc_joint(m.ring, &to, &b, &joint));
    ringdoc_free(m.ring);
    m.ring = joint;
    assert_true(look(&m)->ready);
    m.nodes[0].alive = 0;
    assert_true(look(&m)->ready);
    m.nodes[1].alive = 0;
    assert_false(look(&m)->ready); /* one of the three before is left */
    m.nodes[1].alive = 1;
    m.nodes[4].alive = 0;
    assert_false(look(&m)->ready); /* some arc has two owners now that are away */
    members_release(&m);
}

static void moves_of_the_change_under_way_are_added_up(void **state)
{
    (void)state;
    struct members m;
    struct ringdoc *joint;
    struct ballot b = {.counter = 9, .coordinator = "coordinator-1", .start = 1};
    make(&m, 4, 3, 3);
    struct ringdoc_change to = {.members = members, .n = 4, .k = 3};
    for (size_t i = 0; i < 2; i++) {
        struct member_move *move = &m.nodes[i].move;
        *move = (struct member_move){.epoch = 5, .bytes_done = 10, .bytes_total = 100, .n_pairs = 2};
        move->pairs[0] = (__typeof__(move->pairs[0])){"node-1", "node-4", 3, 10};
        move->pairs[1] = (__typeof__(move->pairs[0])){"node-2", "node-4", 9, 5 + i};
    }
    m.nodes[2].move = (struct member_move){.epoch = 3, .bytes_total = 1000}; /* of an earlier change */
    assert_int_equal(look(&m)->n_moves, 0);
    assert_ok(ringdoc_joint(m.ring, &to, &b, &joint));
    ringdoc_free(m.ring);
    m.ring = joint;
    struct survey *s = look(&m);
    assert_int_equal(s->bytes_to_move, 180);
    assert_int_equal(s->n_moves, 2);
    assert_string_equal(s->moves[0].from, "node-1");
    assert_int_equal(s->moves[0].done, 6);
    assert_int_equal(s->moves[0].total, 20);
    assert_int_equal(s->moves[1].done, s->moves[1].total); /* never more than there is */
    members_release(&m);
}

static void people_are_warned(void **state)
{
    (void)state;
    struct members m;
    make(&m, 4, 4, 3);
    assert_int_equal(look(&m)->n_warnings, 0);
    for (size_t i = 1; i < 3; i++)
        strcpy(m.nodes[i].machine, "aa");
    assert_int_equal(look(&m)->n_warnings, 1);
    assert_string_equal(look(&m)->warnings[0], "Copies of one file can be on one machine: that of node-2 and node-3.");
    for (size_t i = 1; i < 4; i++)
        strcpy(m.nodes[i].volume, "bb");
    assert_int_equal(look(&m)->n_warnings, 1);
    assert_string_equal(look(&m)->warnings[0], "Copies of one file can lie on one file system: that of node-2, node-3 and node-4.");
    members_release(&m);
}

static void zones_keep_copies_apart_while_there_are_enough(void **state)
{
    (void)state;
    struct members m;
    struct ringdoc *zoned;
    struct ballot b = {.counter = 0};
    make(&m, 4, 4, 2);
    const char *zones[] = {"a", "a", "b", "b"};
    for (size_t i = 0; i < 4; i++)
        strcpy(members[i].zone, zones[i]);
    assert_ok(ringdoc_new(members, 4, 2, 4, &b, &zoned));
    ringdoc_free(m.ring);
    m.ring = zoned;
    strcpy(m.nodes[0].machine, "aa");
    strcpy(m.nodes[1].machine, "aa");
    assert_int_equal(look(&m)->n_warnings, 0);
    strcpy(m.nodes[2].machine, "aa");
    assert_int_equal(look(&m)->n_warnings, 1);
    m.nodes[0].machine[0] = m.nodes[1].machine[0] = m.nodes[2].machine[0] = '\0';
    assert_ok(ringdoc_new(members, 4, 3, 4, &b, &zoned));
    ringdoc_free(m.ring);
    m.ring = zoned;
    assert_string_equal(look(&m)->warnings[0], "There are 2 zones for 3 copies: some files have two copies in one zone.");
    members_release(&m);
}

static void who_has_the_wrong_clock_is_named(void **state)
{
    (void)state;
    struct members m;
    make(&m, 3, 3, 3);
    ahead[1] = 90000;
    struct survey *s = look(&m);
    assert_int_equal(s->skew_ms, 0);
    assert_string_equal(s->warnings[0], "The clock of node-2 is 90 s ahead.");
    for (size_t i = 0; i < 3; i++)
        ahead[i] = -3600000 + (int64_t)i * 40;
    s = look(&m);
    assert_int_equal(s->n_warnings, 1);
    assert_int_equal(s->skew_ms, -3600000);
    assert_string_equal(s->warnings[0], "The clock of this api is 3600 s ahead.");
    ahead[2] = 0; /* not asked yet */
    s = look(&m);
    assert_int_equal(s->skew_ms, -3600000);
    assert_int_equal(s->n_warnings, 1);
    members_release(&m);
}

static void heartbeats_tell_the_time_before_anybody_was_asked(void **state)
{
    (void)state;
    struct members m;
    make(&m, 3, 3, 3);
    assert_int_equal(look(&m)->heartbeats_ahead_ms, 0);
    for (size_t i = 0; i < 3; i++)
        m.nodes[i].heartbeat_at_ms = NOW_MS + 3600000 - 400;
    assert_int_equal(look(&m)->heartbeats_ahead_ms, 3599600);
    members_release(&m);
}

static void shares_add_up(void **state)
{
    (void)state;
    struct members m;
    double share[NODES], sum = 0;
    make(&m, 5, 5, 3);
    survey_shares(m.ring->ring, share);
    for (uint32_t i = 0; i < 5; i++) {
        assert_true(share[i] - ring_share(m.ring->ring, i) < 1e-12 && ring_share(m.ring->ring, i) - share[i] < 1e-12);
        sum += share[i];
    }
    assert_true(sum > 0.999999 && sum < 1.000001);
    members_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_are_added_up_when_everybody_has_counted),
        cmocka_unit_test(an_arc_without_a_living_owner_is_not_counted_by_anybody),
        cmocka_unit_test(in_a_joint_ring_both_have_to_be_writable),
        cmocka_unit_test(moves_of_the_change_under_way_are_added_up),
        cmocka_unit_test(people_are_warned),
        cmocka_unit_test(zones_keep_copies_apart_while_there_are_enough),
        cmocka_unit_test(who_has_the_wrong_clock_is_named),
        cmocka_unit_test(heartbeats_tell_the_time_before_anybody_was_asked),
        cmocka_unit_test(shares_add_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
