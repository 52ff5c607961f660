#include "tests/unit/unit.h"

#include "lib/ring/fingers.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NODES_MAX 1024

/* Identifiers 0 … n-1 on a circle of that size, as a ring has them. */
static struct fingers_circle even_circle(size_t n)
{
    static struct fingers_seat seats[NODES_MAX];
    for (uint32_t i = 0; i < n; i++)
        seats[i] = (struct fingers_seat){.id = i, .member = i};
    return (struct fingers_circle){.size = n, .n = n, .seats = seats};
}

static int compare_seats(const void *a, const void *b)
{
    const struct fingers_seat *x = a, *y = b;
    return x->id < y->id ? -1 : x->id > y->id;
}

/* Hashed identifiers, taken modulo size (0: 2^64); n is small enough for none to be there twice. */
static struct fingers_circle hashed_circle(size_t n, uint64_t size)
{
    static struct fingers_seat seats[NODES_MAX];
    for (uint32_t i = 0; i < n; i++) {
        char name[32];
        snprintf(name, sizeof(name), "node-%u", i);
        uint64_t id = ring_key_point(name);
        seats[i] = (struct fingers_seat){.id = size ? id % size : id, .member = i};
    }
    qsort(seats, n, sizeof(seats[0]), compare_seats);
    for (size_t i = 1; i < n; i++)
        assert_true(seats[i - 1].id < seats[i].id);
    return (struct fingers_circle){.size = size, .n = n, .seats = seats};
}

static uint64_t way(uint64_t size, uint64_t from, uint64_t to)
{
    return to >= from ? to - from : size - from + to;
}

/* The paper's definition, in its plainest form: of all nodes the one with the shortest way from the start. */
static struct fingers_seat successor_by_definition(const struct fingers_circle *c, uint64_t start)
{
    size_t best = 0;
    for (size_t i = 1; i < c->n; i++) {
        if (way(c->size, start, c->seats[i].id) < way(c->size, start, c->seats[best].id))
            best = i;
    }
    return c->seats[best];
}

static void check_tables(const struct fingers_circle *c)
{
    for (size_t s = 0; s < c->n; s++) {
        struct fingers_table t;
        fingers_table(c, s, &t);
        uint64_t id = c->seats[s].id;
        assert_true(t.size == c->size && t.self.id == id && t.self.member == c->seats[s].member);
        assert_true(t.predecessor.id == c->seats[(s + c->n - 1) % c->n].id && t.successor.id == c->seats[(s + 1) % c->n].id);
        for (unsigned i = 0; i < t.n_rows; i++) {
            uint64_t step = UINT64_C(1) << i;
            assert_true(c->size == 0 || step < c->size);
            assert_true(way(c->size, id, t.rows[i].start) == step);
            struct fingers_seat wanted = successor_by_definition(c, t.rows[i].start);
            assert_true(t.rows[i].node.id == wanted.id && t.rows[i].node.member == wanted.member);
        }
        assert_true(t.n_rows == FINGERS_ROWS_MAX || (c->size != 0 && UINT64_C(1) << t.n_rows >= c->size));
    }
}

static void tables_are_those_of_the_paper(void **state)
{
    (void)state;
    for (size_t n = 1; n <= 70; n++) {
        struct fingers_circle even = even_circle(n);
        check_tables(&even);
    }
    static const uint64_t sizes[] = {0, UINT64_C(1) << 32, 1000003, UINT64_MAX, (UINT64_C(1) << 63) + 1};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        for (size_t n = 1; n <= 24; n += 23) {
            struct fingers_circle hashed = hashed_circle(n, sizes[i]);
            check_tables(&hashed);
        }
    }
}

static void tables_are_right_at_both_ends_of_the_numbers(void **state)
{
    (void)state;
    static const struct fingers_seat seats[] = {{0, 5}, {1, 6}, {UINT64_C(1) << 63, 7}, {UINT64_MAX, 8}};
    struct fingers_circle c = {.size = 0, .n = 4, .seats = seats};
    check_tables(&c);
    struct fingers_table t;
    fingers_table(&c, 3, &t);
    assert_true(t.rows[0].start == 0 && t.rows[0].node.member == 5);
    assert_true(t.rows[1].start == 1 && t.rows[1].node.member == 6);
    assert_true(t.rows[63].start == (UINT64_C(1) << 63) - 1 && t.rows[63].node.member == 7);
}

/* The paper's own example: nodes 0, 1 and 3 on a circle of 8. */
static void the_example_of_the_paper(void **state)
{
    (void)state;
    static const struct fingers_seat seats[] = {{0, 0}, {1, 1}, {3, 3}};
    static const uint32_t wanted[][3] = {{1, 3, 0}, {3, 3, 0}, {0, 0, 0}};
    struct fingers_circle c = {.size = 8, .n = 3, .seats = seats};
    for (size_t s = 0; s < 3; s++) {
        struct fingers_table t;
        fingers_table(&c, s, &t);
        assert_int_equal(t.n_rows, 3);
        for (unsigned i = 0; i < 3; i++)
            assert_int_equal(t.rows[i].node.member, wanted[s][i]);
    }
}

/* Walks by hand what fingers_route() says, with nothing but the table of the node it is at. Returns the hops. */
static size_t check_route(const struct fingers_circle *c, size_t from, size_t to)
{
    struct fingers_seat hops[FINGERS_HOPS_MAX];
    size_t n = fingers_route(c, from, to, hops);
    uint64_t target = c->seats[to].id, at = c->seats[from].id;
    for (size_t h = 0; h < n; h++) {
        struct fingers_table t;
        size_t seat = 0;
        while (c->seats[seat].id != at)
            seat++;
        fingers_table(c, seat, &t);
        int in_table = 0;
        for (unsigned i = 0; i < t.n_rows; i++)
            in_table |= t.rows[i].node.id == hops[h].id && t.rows[i].node.member == hops[h].member;
        assert_true(in_table);
        uint64_t left = way(c->size, at, target), left_then = way(c->size, hops[h].id, target);
        assert_true(left_then < left && left_then < left - left_then);
        at = hops[h].id;
    }
    assert_true(at == target);
    assert_true((n == 0) == (from == to));
    return n;
}

static void each_hop_is_a_finger_and_leaves_less_than_half_of_the_way(void **state)
{
    (void)state;
    struct fingers_circle circles[] = {even_circle(37), hashed_circle(40, 0)};
    for (size_t i = 0; i < 2; i++) {
        for (size_t from = 0; from < circles[i].n; from++) {
            for (size_t to = 0; to < circles[i].n; to++)
                check_route(&circles[i], from, to);
        }
    }
}

/* The proof in README.md, for all pairs: the hops are the ones in the binary number of seats between. */
static void lookups_over_seats_take_at_most_log2_n_hops(void **state)
{
    (void)state;
    for (size_t n = 1; n <= 130; n++) {
        struct fingers_circle c = even_circle(n);
        for (size_t from = 0; from < n; from++) {
            for (size_t to = 0; to < n; to++) {
                struct fingers_seat hops[FINGERS_HOPS_MAX];
                size_t got = fingers_route(&c, from, to, hops);
                assert_int_equal(got, __builtin_popcountll((to + n - from) % n));
                assert_true((double)got <= log2((double)n));
            }
        }
    }
}

static void lookups_over_seats_take_half_of_that_in_the_mean(void **state)
{
    (void)state;
    static const size_t sizes[] = {10, 100, 1000};
    for (size_t i = 0; i < 3; i++) {
        size_t n = sizes[i], sum = 0;
        struct fingers_circle c = even_circle(n);
        for (size_t to = 0; to < n; to++) {
            struct fingers_seat hops[FINGERS_HOPS_MAX];
            sum += fingers_route(&c, n / 3, to, hops);
        }
        double mean = (double)sum / (double)(n - 1), half = log2((double)n) / 2;
        assert_true(fabs(mean - half) <= 0.1 * half);
    }
}

static void the_next_best_fingers_come_in_order_and_end(void **state)
{
    (void)state;
    struct fingers_circle circles[] = {even_circle(50), hashed_circle(50, 0)};
    for (size_t i = 0; i < 2; i++) {
        struct fingers_table t;
        fingers_table(&circles[i], 7, &t);
        for (size_t to = 0; to < 50; to++) {
            uint64_t target = circles[i].seats[to].id, nearer_than = UINT64_MAX;
            unsigned skip = 0;
            const struct fingers_seat *next;
            for (; (next = fingers_next(&t, target, skip)); skip++) {
                uint64_t gone = way(t.size, t.self.id, next->id);
                assert_true(gone > 0 && gone < nearer_than && gone <= way(t.size, t.self.id, target));
                nearer_than = gone;
            }
            assert_true((skip == 0) == (to == 7));
            /* The successor is never past any target, so it is always the last resort. */
            assert_true(skip == 0 || fingers_next(&t, target, skip - 1)->id == t.successor.id);
        }
    }
}

static void over_seats_one_dead_node_never_stops_a_lookup(void **state)
{
    (void)state;
    const size_t n = 24;
    struct fingers_circle c = even_circle(n);
    for (size_t i = 0; i < n * n * n; i++) {
        size_t at = i % n, to = i / n % n, dead = i / n / n, hops = 0;
        if (dead == at || dead == to)
            continue;
        for (; at != to; hops++) {
            struct fingers_table t;
            fingers_table(&c, at, &t);
            const struct fingers_seat *next = fingers_next(&t, to, 0);
            if (next && next->id == dead)
                next = fingers_next(&t, to, 1);
            assert_non_null(next);
            at = (size_t)next->id;
        }
        assert_true(hops <= n);
    }
}

static struct ring_member member(const char *name, const char *incarnation, const char *zone)
{
    struct ring_member m = {.weight = 1};
    snprintf(m.name, sizeof(m.name), "%s", name);
    snprintf(m.id, sizeof(m.id), "%s.%s", name, incarnation);
    snprintf(m.zone, sizeof(m.zone), "%s", zone);
    return m;
}

static struct ring *ring_from(const struct ring_member *members, size_t n)
{
    struct ring *r = NULL;
    assert_ok(ring_new(members, n, 3, 1, &r));
    return r;
}

static const char *name_at(const struct ring *r, const struct fingers *f, size_t seat)
{
    return r->members[f->circle.seats[seat].member].name;
}

static void seats_go_by_zone_and_name_and_not_by_incarnation(void **state)
{
    (void)state;
    /* By id a-b comes before a, by name after it. */
    struct ring_member members[] = {
        member("c", "1", "z1"), member("a-b", "9", "z2"), member("a", "5", "z2"), member("d", "2", "z1"), member("e", "2", "")};
    static const char *const wanted[] = {"e", "c", "d", "a", "a-b"};
    for (int again = 0; again < 2; again++) {
        struct ring *r = ring_from(members, 5);
        struct fingers *f = NULL;
        assert_ok(fingers_new(r, &f));
        assert_true(f->circle.n == 5 && f->circle.size == 5);
        for (size_t s = 0; s < 5; s++) {
            assert_string_equal(name_at(r, f, s), wanted[s]);
            assert_true(f->circle.seats[s].id == s);
            assert_int_equal(f->seat_of[f->circle.seats[s].member], s);
        }
        fingers_free(f);
        ring_free(r);
        /* Another order, and a node that came back without its disk. */
        members[0] = member("a", "z", "z2");
        members[2] = member("c", "0", "z1");
    }
    fingers_free(NULL);
}

static void a_node_alone_is_its_own_neighbour(void **state)
{
    (void)state;
    struct ring_member only = member("a", "1", "");
    struct ring *r = ring_from(&only, 1);
    struct fingers *f = NULL;
    assert_ok(fingers_new(r, &f));
    struct fingers_table t;
    fingers_table(&f->circle, 0, &t);
    assert_true(t.predecessor.id == 0 && t.successor.id == 0 && t.n_rows == 0);
    assert_null(fingers_next(&t, 0, 0));
    fingers_free(f);
    ring_free(r);
}

/* The names of the predecessor and the successor of a node in the ring of these members. */
static void neighbours(const struct ring_member *members, size_t n, const char *name, char before[RING_NAME_MAX], char after[RING_NAME_MAX])
{
    struct ring *r = ring_from(members, n);
    struct fingers *f = NULL;
    assert_ok(fingers_new(r, &f));
    struct fingers_table t;
    fingers_table(&f->circle, f->seat_of[ring_find_name(r, name)], &t);
    memcpy(before, r->members[t.predecessor.member].name, RING_NAME_MAX);
    memcpy(after, r->members[t.successor.member].name, RING_NAME_MAX);
    fingers_free(f);
    ring_free(r);
}

static void neighbours_follow_joins_and_leaves(void **state)
{
    (void)state;
    struct ring_member members[] = {member("a", "1", ""), member("b", "1", ""), member("d", "1", ""), member("c", "1", "")};
    char before[RING_NAME_MAX], after[RING_NAME_MAX];
    neighbours(members, 3, "b", before, after);
    assert_true(strcmp(before, "a") == 0 && strcmp(after, "d") == 0);
    neighbours(members, 4, "b", before, after);
    assert_true(strcmp(before, "a") == 0 && strcmp(after, "c") == 0);
    neighbours(members, 4, "c", before, after);
    assert_true(strcmp(before, "b") == 0 && strcmp(after, "d") == 0);
    neighbours(members + 1, 3, "b", before, after);
    assert_true(strcmp(before, "d") == 0 && strcmp(after, "c") == 0);
}

static void courses_are_found_at_their_host_from_every_node(void **state)
{
    (void)state;
    struct ring_member members[23];
    for (size_t i = 0; i < 23; i++) {
        char name[32], zone[32];
        snprintf(name, sizeof(name), "node-%zu", i);
        snprintf(zone, sizeof(zone), "zone-%zu", i % 3);
        members[i] = member(name, "1", zone);
    }
    struct ring *r = ring_from(members, 23);
    struct fingers *f = NULL;
    assert_ok(fingers_new(r, &f));
    for (unsigned i = 0; i < 200; i++) {
        char key[32];
        snprintf(key, sizeof(key), "course%u", i);
        uint32_t owners[RING_K_MAX];
        ring_owners(r, ring_key_point(key), owners);
        for (uint32_t from = 0; from < 23; from++) {
            struct fingers_seat hops[FINGERS_HOPS_MAX];
            size_t n = fingers_route(&f->circle, f->seat_of[from], f->seat_of[owners[0]], hops);
            assert_true(n <= 4); /* log2 of 23 is 4.5 */
            assert_int_equal(n ? hops[n - 1].member : from, owners[0]);
        }
    }
    fingers_free(f);
    ring_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_are_those_of_the_paper),
        cmocka_unit_test(tables_are_right_at_both_ends_of_the_numbers),
        cmocka_unit_test(the_example_of_the_paper),
        cmocka_unit_test(each_hop_is_a_finger_and_leaves_less_than_half_of_the_way),
        cmocka_unit_test(lookups_over_seats_take_at_most_log2_n_hops),
        cmocka_unit_test(lookups_over_seats_take_half_of_that_in_the_mean),
        cmocka_unit_test(the_next_best_fingers_come_in_order_and_end),
        cmocka_unit_test(over_seats_one_dead_node_never_stops_a_lookup),
        cmocka_unit_test(seats_go_by_zone_and_name_and_not_by_incarnation),
        cmocka_unit_test(a_node_alone_is_its_own_neighbour),
        cmocka_unit_test(neighbours_follow_joins_and_leaves),
        cmocka_unit_test(courses_are_found_at_their_host_from_every_node),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
