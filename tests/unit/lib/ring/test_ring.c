#include "tests/unit/unit.h"

#include "lib/base/hash.h"
#include "lib/ring/ring.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct ring_member member(const char *name, const char *zone, uint32_t weight)
{
    struct ring_member m = {.weight = weight};
    snprintf(m.name, sizeof(m.name), "%s", name);
    snprintf(m.id, sizeof(m.id), "%s.0123456789abcdef", name);
    snprintf(m.zone, sizeof(m.zone), "%s", zone);
    return m;
}

/* A ring of n nodes of weight 1 in so many zones, round robin; 0 zones: none have one. */
static struct ring *ring_of(size_t n, unsigned zones, uint32_t k)
{
    struct ring_member *members = calloc(n, sizeof(*members));
    for (size_t i = 0; i < n; i++) {
        char name[32], zone[32] = "";
        snprintf(name, sizeof(name), "node-%zu", i + 1);
        if (zones)
            snprintf(zone, sizeof(zone), "zone-%zu", i % zones);
        members[i] = member(name, zone, 1);
    }
    struct ring *r = NULL;
    assert_ok(ring_new(members, n, k, 7, &r));
    free(members);
    return r;
}

static uint64_t point_of(unsigned i)
{
    char key[32];
    snprintf(key, sizeof(key), "course%u", i);
    return ring_key_point(key);
}

static void points_are_the_front_of_a_hash(void **state)
{
    (void)state;
    assert_true(ring_key_point("abc") == 0xba7816bf8f01cfeau);
    assert_true(ring_token_point("node-1", 17) == hash_ring_point("node-1:17", 9));
    assert_true(ring_token_point("node-1", 4294967295u) == hash_ring_point("node-1:4294967295", 17));
}

static void members_and_tokens_are_sorted_whatever_the_order_given(void **state)
{
    (void)state;
    struct ring_member forth[] = {member("a", "", 1), member("b", "", 2), member("c", "z", 1)};
    struct ring_member back[] = {forth[2], forth[1], forth[0]};
    struct ring *x = NULL, *y = NULL;
    assert_ok(ring_new(forth, 3, 3, 1, &x));
    assert_ok(ring_new(back, 3, 3, 1, &y));
    assert_int_equal(x->n_tokens, 4 * RING_TOKENS_PER_WEIGHT);
    assert_int_equal(x->n_tokens, y->n_tokens);
    for (size_t i = 0; i < x->n_tokens; i++) {
        assert_true(x->tokens[i].point == y->tokens[i].point && x->tokens[i].member == y->tokens[i].member);
        assert_true(i == 0 || x->tokens[i - 1].point <= x->tokens[i].point);
    }
    assert_string_equal(x->members[0].name, "a");
    assert_string_equal(y->members[2].name, "c");
    ring_free(x);
    ring_free(y);
    ring_free(NULL);
}

/* What ring_owners() means, in the plainest words: sort of the whole ring by distance from the point. */
static size_t owners_by_definition(const struct ring *r, uint64_t point, uint32_t *owners)
{
    size_t start = 0, n = 0;
    while (start < r->n_tokens && r->tokens[start].point < point)
        start++;
    for (int any_zone = 0; any_zone <= 1; any_zone++) {
        for (size_t i = 0; i < r->n_tokens && n < ring_k_effective(r); i++) {
            uint32_t m = r->tokens[(start + i) % r->n_tokens].member;
            int taken = 0;
            for (size_t j = 0; j < n; j++) {
                const char *zone = r->members[m].zone;
                int same_zone = *zone && strcmp(zone, r->members[owners[j]].zone) == 0;
                taken |= owners[j] == m || (same_zone && !any_zone);
            }
            if (!taken)
                owners[n++] = m;
        }
    }
    return n;
}

static void owners_are_the_first_distinct_nodes_in_distinct_zones(void **state)
{
    (void)state;
    static const struct {
        size_t n;
        unsigned zones;
        uint32_t k;
    } rings[] = {{1, 0, 3}, {2, 0, 3}, {3, 0, 3}, {5, 0, 3}, {6, 3, 3}, {6, 2, 3}, {6, 1, 3}, {9, 3, 5}, {20, 0, 16}, {4, 4, 1}};
    for (size_t i = 0; i < sizeof(rings) / sizeof(rings[0]); i++) {
        struct ring *r = ring_of(rings[i].n, rings[i].zones, rings[i].k);
        for (unsigned c = 0; c < 300; c++) {
            uint32_t got[RING_K_MAX], wanted[RING_K_MAX];
            size_t n = ring_owners(r, point_of(c), got);
            assert_int_equal(n, ring_k_effective(r));
            assert_int_equal(n, owners_by_definition(r, point_of(c), wanted));
            assert_memory_equal(got, wanted, n * sizeof(got[0]));
        }
        ring_free(r);
    }
}

static void owners_use_as_many_zones_as_there_are(void **state)
{
    (void)state;
    struct ring *r = ring_of(9, 2, 3);
    for (unsigned c = 0; c < 300; c++) {
        uint32_t o[RING_K_MAX];
        assert_int_equal(ring_owners(r, point_of(c), o), 3);
        assert_string_not_equal(r->members[o[0]].zone, r->members[o[1]].zone);
        assert_true(o[2] != o[0] && o[2] != o[1]);
    }
    ring_free(r);
}

static void nodes_without_a_zone_are_each_their_own(void **state)
{
    (void)state;
    struct ring_member members[] = {member("a", "", 1), member("b", "", 1), member("c", "z", 1), member("d", "z", 1)};
    struct ring *r = NULL;
    assert_ok(ring_new(members, 4, 3, 1, &r));
    assert_int_equal(r->n_zones, 3);
    for (unsigned c = 0; c < 300; c++) {
        uint32_t o[RING_K_MAX];
        assert_int_equal(ring_owners(r, point_of(c), o), 3);
        int in_z = 0;
        for (int i = 0; i < 3; i++)
            in_z += r->members[o[i]].zone[0] == 'z';
        assert_int_equal(in_z, 1);
    }
    ring_free(r);
}

static void the_ring_wraps_around(void **state)
{
    (void)state;
    struct ring *r = ring_of(5, 0, 1);
    uint32_t past_the_end[RING_K_MAX], at_the_start[RING_K_MAX], on_a_token[RING_K_MAX], behind_a_token[RING_K_MAX];
    ring_owners(r, UINT64_MAX, past_the_end);
    ring_owners(r, 0, at_the_start);
    assert_int_equal(past_the_end[0], r->tokens[0].member);
    assert_int_equal(at_the_start[0], r->tokens[0].member);
    ring_owners(r, r->tokens[100].point, on_a_token);
    ring_owners(r, r->tokens[100].point + 1, behind_a_token);
    assert_int_equal(on_a_token[0], r->tokens[100].member);
    assert_int_equal(behind_a_token[0], r->tokens[101].member);
    ring_free(r);
}

static void quorum_is_a_majority_of_the_copies_there_can_be(void **state)
{
    (void)state;
    static const struct {
        size_t n;
        uint32_t k, effective, quorum;
    } rows[] = {{1, 3, 1, 1}, {2, 3, 2, 2}, {3, 3, 3, 2}, {9, 3, 3, 2}, {9, 4, 4, 3}, {9, 5, 5, 3}, {9, 1, 1, 1}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ring *r = ring_of(rows[i].n, 0, rows[i].k);
        assert_int_equal(ring_k_effective(r), rows[i].effective);
        assert_int_equal(ring_quorum(r), rows[i].quorum);
        ring_free(r);
    }
}

static void the_walk_ends_with_the_last_owner(void **state)
{
    (void)state;
    struct ring *r = ring_of(6, 3, 3);
    struct ring_step *steps = calloc(r->n_tokens, sizeof(*steps));
    for (unsigned c = 0; c < 100; c++) {
        uint32_t o[RING_K_MAX];
        size_t n_owners = ring_owners(r, point_of(c), o), found = 0;
        size_t n = ring_walk(r, point_of(c), steps, r->n_tokens);
        assert_true(n >= n_owners && n <= r->n_tokens);
        for (size_t i = 0; i < n; i++) {
            if (steps[i].kind == RING_STEP_OWNER)
                assert_int_equal(steps[i].member, o[found++]);
        }
        assert_int_equal(found, n_owners);
        assert_int_equal(steps[n - 1].kind, RING_STEP_OWNER);
        assert_int_equal(ring_walk(r, point_of(c), steps, 1), n); /* a short array changes only what is filled in */
    }
    free(steps);
    ring_free(r);
}

static void the_walk_shows_why_a_token_was_passed(void **state)
{
    (void)state;
    struct ring *r = ring_of(4, 2, 3);
    struct ring_step *steps = calloc(r->n_tokens, sizeof(*steps));
    int same_node = 0, same_zone = 0;
    for (unsigned c = 0; c < 100; c++) {
        size_t n = ring_walk(r, point_of(c), steps, r->n_tokens), owners = 0;
        for (size_t i = 0; i < n; i++) {
            same_node += steps[i].kind == RING_STEP_SAME_NODE;
            same_zone += steps[i].kind == RING_STEP_SAME_ZONE;
            owners += steps[i].kind == RING_STEP_OWNER;
        }
        assert_int_equal(owners, 2); /* the third comes in a second round, which is not listed */
    }
    assert_true(same_node > 0 && same_zone > 0);
    free(steps);
    ring_free(r);
}

static void bad_members_are_refused(void **state)
{
    (void)state;
    struct ring *r = NULL;
    struct ring_member good[2] = {member("a", "", 1), member("b", "", 1)}, bad[2];
    assert_err(ERR_INVALID, ring_new(good, 0, 3, 1, &r));
    assert_err(ERR_INVALID, ring_new(good, 2, 0, 1, &r));
    assert_err(ERR_INVALID, ring_new(good, 2, RING_K_MAX + 1, 1, &r));
#define REFUSED(change)                                      \
    do {                                                     \
        memcpy(bad, good, sizeof(bad));                      \
        change;                                              \
        assert_err(ERR_INVALID, ring_new(bad, 2, 3, 1, &r)); \
    } while (0)
    REFUSED(bad[1] = bad[0]);
    REFUSED(strcpy(bad[1].name, "a"));
    REFUSED(bad[1] = member("a", "", 1); strcpy(bad[1].id, "a.2")); /* one name with two incarnations */
    REFUSED(bad[1].weight = 0);
    REFUSED(bad[1].weight = RING_WEIGHT_MAX + 1);
    REFUSED(strcpy(bad[1].id, "b"));
    REFUSED(strcpy(bad[1].id, "b."));
    REFUSED(strcpy(bad[1].id, "bb.1"));
    REFUSED(strcpy(bad[1].id, "b.A"));
    REFUSED(strcpy(bad[1].zone, "a zone"));
    REFUSED(strcpy(bad[1].zone, "a\"b"));
    REFUSED(memset(bad[1].zone, 'z', sizeof(bad[1].zone)));
    REFUSED(memset(bad[1].id, 'z', sizeof(bad[1].id)));
    REFUSED(memset(bad[1].name, 'z', sizeof(bad[1].name)));
    assert_null(r);
}

static void names_and_ids_have_their_alphabet(void **state)
{
    (void)state;
    static const char *const good[] = {"a", "node-1", "n0-", "a23456789-123456789-123456789-123456789-123456789-123456789-123"};
    static const char *const bad[] = {"", "1a", "-a", "A", "aB", "a_b", "a.b", "a b", "a\n", "\xc3\xa9",
        "a23456789-123456789-123456789-123456789-123456789-123456789-1234"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        char id[100];
        assert_true(ring_name_ok(good[i]));
        snprintf(id, sizeof(id), "%s.%s", good[i], "0123456789abcdefghijklmnopqrstu");
        assert_true(ring_id_ok(id));
        strcat(id, "v");
        assert_false(ring_id_ok(id));
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char id[100];
        assert_false(ring_name_ok(bad[i]));
        snprintf(id, sizeof(id), "%s.", bad[i]);
        assert_false(ring_id_ok(id));
    }
    assert_false(ring_id_ok("node-1"));
    assert_false(ring_id_ok("node-1.1.1"));
    assert_false(ring_id_ok("node-1.a-b"));
}

static void members_are_found_by_id_and_name(void **state)
{
    (void)state;
    struct ring *r = ring_of(20, 0, 3);
    for (long i = 0; i < 20; i++) {
        assert_int_equal(ring_find(r, r->members[i].id), i);
        assert_int_equal(ring_find_name(r, r->members[i].name), i);
    }
    assert_int_equal(ring_find(r, "node-1"), -1);
    assert_int_equal(ring_find(r, "zzz.1"), -1);
    assert_int_equal(ring_find(r, ""), -1);
    assert_int_equal(ring_find_name(r, "node-21"), -1);
    ring_free(r);
}

static void shares_add_up_and_follow_the_weight(void **state)
{
    (void)state;
    struct ring_member members[] = {member("a", "", 1), member("b", "", 1), member("c", "", 2)};
    struct ring *r = NULL;
    assert_ok(ring_new(members, 3, 3, 1, &r));
    double a = ring_share(r, 0), b = ring_share(r, 1), c = ring_share(r, 2);
    assert_true(a + b + c > 0.999999 && a + b + c < 1.000001);
    assert_true(a > 0.22 && a < 0.28 && b > 0.22 && b < 0.28 && c > 0.45 && c < 0.55);
    ring_free(r);
    r = ring_of(1, 0, 3);
    assert_true(ring_share(r, 0) > 0.999999);
    ring_free(r);
}

/* The promise of architecture.md for rings up to 100 nodes, with some room for the few keys of a test. */
static void copies_are_spread_evenly(void **state)
{
    (void)state;
    enum { NODES = 10, KEYS = 30000 };
    struct ring *r = ring_of(NODES, 0, 3);
    unsigned copies[NODES] = {0};
    for (unsigned c = 0; c < KEYS; c++) {
        uint32_t o[RING_K_MAX];
        size_t n = ring_owners(r, point_of(c), o);
        for (size_t i = 0; i < n; i++)
            copies[o[i]]++;
    }
    for (int i = 0; i < NODES; i++)
        assert_true(copies[i] < 1.10 * 3 * KEYS / NODES);
    ring_free(r);
}

static void a_newcomer_takes_only_its_share_and_nothing_moves_between_others(void **state)
{
    (void)state;
    enum { KEYS = 20000 };
    struct ring *before = ring_of(8, 0, 3), *after = ring_of(9, 0, 3);
    unsigned moved = 0;
    for (unsigned c = 0; c < KEYS; c++) {
        uint32_t old[RING_K_MAX], new[RING_K_MAX];
        ring_owners(before, point_of(c), old);
        ring_owners(after, point_of(c), new);
        for (int i = 0; i < 3; i++) {
            const char *name = after->members[new[i]].name;
            int was = 0;
            for (int j = 0; j < 3; j++)
                was |= strcmp(before->members[old[j]].name, name) == 0;
            if (!was) {
                assert_string_equal(name, "node-9");
                moved++;
            }
        }
    }
    assert_true(moved < 1.15 * 3 * KEYS / 9); /* guarantees.md G9 */
    ring_free(before);
    ring_free(after);
}

static void test_a_copy_is_the_same_ring(void **state)
{
    (void)state;
    struct ring_member members[] = {{.id = "a.1", .name = "a", .zone = "x", .weight = 1},
        {.id = "b.1", .name = "b", .zone = "y", .weight = 2}, {.id = "c.1", .name = "c", .zone = "x", .weight = 1}};
    struct ring *r, *copy;
    uint32_t one[RING_K_MAX], other[RING_K_MAX];
    assert_ok(ring_new(members, 3, 2, 7, &r));
    assert_ok(ring_copy(r, 9, &copy));
    assert_int_equal(copy->epoch, 9);
    assert_int_equal(copy->k, 2);
    assert_int_equal(copy->n_zones, r->n_zones);
    for (uint64_t i = 0; i < 1000; i++) {
        uint64_t point = i * 0x9e3779b97f4a7c15ull;
        size_t n = ring_owners(r, point, one);
        assert_int_equal(ring_owners(copy, point, other), n);
        assert_memory_equal(one, other, n * sizeof one[0]);
    }
    ring_free(r); /* the copy stands alone */
    assert_int_equal(ring_find(copy, "b.1"), 1);
    ring_free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_copy_is_the_same_ring),
        cmocka_unit_test(points_are_the_front_of_a_hash),
        cmocka_unit_test(members_and_tokens_are_sorted_whatever_the_order_given),
        cmocka_unit_test(owners_are_the_first_distinct_nodes_in_distinct_zones),
        cmocka_unit_test(owners_use_as_many_zones_as_there_are),
        cmocka_unit_test(nodes_without_a_zone_are_each_their_own),
        cmocka_unit_test(the_ring_wraps_around),
        cmocka_unit_test(quorum_is_a_majority_of_the_copies_there_can_be),
        cmocka_unit_test(the_walk_ends_with_the_last_owner),
        cmocka_unit_test(the_walk_shows_why_a_token_was_passed),
        cmocka_unit_test(bad_members_are_refused),
        cmocka_unit_test(names_and_ids_have_their_alphabet),
        cmocka_unit_test(members_are_found_by_id_and_name),
        cmocka_unit_test(shares_add_up_and_follow_the_weight),
        cmocka_unit_test(copies_are_spread_evenly),
        cmocka_unit_test(a_newcomer_takes_only_its_share_and_nothing_moves_between_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
