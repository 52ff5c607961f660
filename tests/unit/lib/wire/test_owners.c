#include "tests/unit/unit.h"

#include "lib/wire/owners.h"

#include <stdio.h>
#include <string.h>

#define POINTS 200u

static struct ring_member member(unsigned i)
{
    struct ring_member m = {.weight = 1};
    snprintf(m.id, sizeof(m.id), "node-%u.a%u", i, i);
    snprintf(m.name, sizeof(m.name), "node-%u", i);
    return m;
}

static size_t fill(struct ring_member *members, unsigned first, unsigned last)
{
    size_t n = 0;
    for (unsigned i = first; i <= last; i++)
        members[n++] = member(i);
    return n;
}

static struct ringdoc *stable(unsigned first, unsigned last, uint32_t k)
{
    struct ring_member members[16];
    size_t n = fill(members, first, last);
    struct ringdoc *d = NULL;
    assert_ok(ringdoc_new(members, n, k, 7, &(struct ballot){0}, &d));
    return d;
}

/* From nodes a … b with k to nodes c … d with k_now. */
static struct ringdoc *joint(unsigned a, unsigned b, uint32_t k, unsigned c, unsigned d, uint32_t k_now)
{
    struct ring_member members[16];
    struct ringdoc_change to = {.members = members, .n = fill(members, c, d), .k = k_now};
    struct ringdoc *from = stable(a, b, k), *out = NULL;
    assert_ok(ringdoc_joint(from, &to, &(struct ballot){.counter = 1}, &out));
    ringdoc_free(from);
    return out;
}

static uint64_t point(unsigned i)
{
    return (uint64_t)i * (UINT64_MAX / POINTS);
}

static void owners_of_a_stable_ring_are_the_rings(void **state)
{
    (void)state;
    struct ringdoc *d = stable(1, 6, 3);
    for (unsigned i = 0; i < POINTS; i++) {
        uint32_t wanted[RING_K_MAX];
        struct owners o;
        owners_find(d, point(i), &o);
        assert_int_equal(o.n, ring_owners(d->ring, point(i), wanted));
        assert_int_equal(o.n_now, 3);
        assert_int_equal(o.n_before, 0);
        assert_int_equal(o.w_now, 2);
        assert_int_equal(o.w_before, 0);
        assert_false(owners_are_moving(&o));
        for (size_t j = 0; j < o.n; j++) {
            assert_string_equal(o.at[j].member->id, d->ring->members[wanted[j]].id);
            assert_true(o.at[j].now && !o.at[j].before);
        }
    }
    ringdoc_free(d);
}

static void assert_same_owners(const struct ring *ring, uint64_t at, const struct owners *o, int now)
{
    uint32_t wanted[RING_K_MAX];
    size_t n = ring_owners(ring, at, wanted), found = 0;
    for (size_t i = 0; i < n; i++) {
        long place = owners_place(o, ring->members[wanted[i]].id);
        assert_true(place >= 0);
        assert_true(now ? o->at[place].now : o->at[place].before);
        if (now)
            assert_int_equal(place, i); /* in their order, the host first */
    }
    for (size_t i = 0; i < o->n; i++)
        found += now ? o->at[i].now : o->at[i].before;
    assert_int_equal(found, n);
    assert_int_equal(now ? o->n_now : o->n_before, n);
}

static void owners_of_a_joint_ring_are_both_rings_together(void **state)
{
    (void)state;
    struct ringdoc *d = joint(1, 5, 3, 2, 7, 4);
    unsigned moving = 0;
    for (unsigned i = 0; i < POINTS; i++) {
        struct owners o;
        owners_find(d, point(i), &o);
        assert_same_owners(d->ring, point(i), &o, 1);
        assert_same_owners(d->before, point(i), &o, 0);
        assert_int_equal(o.w_now, 3);
        assert_int_equal(o.w_before, 2);
        moving += owners_are_moving(&o) != 0;
    }
    assert_int_equal(moving, POINTS); /* k rose */
    ringdoc_free(d);
}

static void only_what_a_joining_node_takes_over_is_moving(void **state)
{
    (void)state;
    struct ringdoc *d = joint(1, 7, 3, 1, 8, 3);
    unsigned moving = 0;
    for (unsigned i = 0; i < POINTS; i++) {
        struct owners o;
        owners_find(d, point(i), &o);
        assert_int_equal(owners_are_moving(&o), owners_place(&o, "node-8.a8") >= 0);
        moving += owners_are_moving(&o) != 0;
    }
    assert_true(moving > POINTS / 5 && moving < POINTS * 3 / 5); /* 3 of 8 */
    ringdoc_free(d);
}

static void a_key_has_the_owners_of_its_point(void **state)
{
    (void)state;
    struct ringdoc *d = joint(1, 5, 3, 2, 7, 4);
    struct owners by_key, by_point;
    owners_of_key(d, "csen317", &by_key);
    owners_find(d, ring_key_point("csen317"), &by_point);
    assert_memory_equal(&by_key, &by_point, sizeof(by_key));
    ringdoc_free(d);
}

static void a_write_quorum_is_w_of_both_rings(void **state)
{
    (void)state;
    struct ring_member m[5];
    fill(m, 1, 5);
    /* Now nodes 1, 2, 3 (W = 2); before nodes 3, 4, 5 (W = 2). */
    struct owners o = {.n = 5, .n_now = 3, .n_before = 3, .w_now = 2, .w_before = 2};
    for (unsigned i = 0; i < 5; i++)
        o.at[i] = (struct owners_one){.member = &m[i], .now = i < 3, .before = i >= 2};
    static const struct {
        unsigned char yes[OWNERS_MAX];
        size_t missing;
        int absence; /* k - W + 1 = 2 of those before */
    } rows[] = {{{0}, 2, 0}, {{1, 1, 1}, 1, 0}, {{1, 1, 0, 1}, 1, 0}, {{0, 0, 1, 1, 1}, 1, 1}, {{1, 0, 1, 1}, 0, 1},
        {{1, 1, 0, 1, 1}, 0, 1}, {{0, 0, 1}, 1, 0}, {{1, 1}, 2, 0}, {{0, 0, 0, 1, 1}, 2, 1}, {{1, 1, 1, 1, 1}, 0, 1}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(owners_write_missing(&o, rows[i].yes), rows[i].missing);
        assert_int_equal(owners_prove_absence(&o, rows[i].yes) != 0, rows[i].absence);
    }
}

static void a_write_quorum_of_a_stable_ring_is_w(void **state)
{
    (void)state;
    static const struct {
        uint32_t k, w;
    } rows[] = {{1, 1}, {2, 2}, {3, 2}, {4, 3}, {5, 3}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ringdoc *d = stable(1, 6, rows[i].k);
        unsigned char yes[OWNERS_MAX] = {0};
        struct owners o;
        owners_find(d, point(3), &o);
        for (uint32_t n = 0; n <= rows[i].k; n++) {
            assert_int_equal(owners_write_missing(&o, yes), n < rows[i].w ? rows[i].w - n : 0);
            assert_int_equal(owners_prove_absence(&o, yes) != 0, n >= rows[i].k - rows[i].w + 1);
            yes[n] = 1;
        }
        ringdoc_free(d);
    }
}

/* Whoever acknowledged and whoever proves absence have a node in common, in every state that a change goes through. */
static void what_was_acknowledged_is_never_proved_absent(void **state)
{
    (void)state;
    struct ringdoc *docs[] = {stable(1, 4, 3), joint(1, 4, 3, 2, 5, 3), joint(1, 4, 3, 1, 4, 2), joint(1, 4, 2, 1, 4, 4)};
    for (size_t d = 0; d < sizeof(docs) / sizeof(docs[0]); d++) {
        for (unsigned p = 0; p < 20; p++) {
            struct owners o;
            owners_find(docs[d], point(p * 10), &o);
            for (unsigned a = 0; a < 1u << o.n; a++) {
                for (unsigned b = 0; b < 1u << o.n; b++) {
                    unsigned char yes[OWNERS_MAX] = {0}, answered[OWNERS_MAX] = {0};
                    for (size_t i = 0; i < o.n; i++) {
                        yes[i] = a >> i & 1u;
                        answered[i] = b >> i & 1u;
                    }
                    if (owners_write_missing(&o, yes) == 0 && owners_prove_absence(&o, answered))
                        assert_true((a & b) != 0);
                }
            }
        }
        ringdoc_free(docs[d]);
    }
}

static int is_not(void *ctx, const char *id)
{
    return strstr(ctx, id) == NULL;
}

static void the_mover_is_a_living_new_owner_or_else_a_living_one(void **state)
{
    (void)state;
    struct ring_member m[5];
    fill(m, 1, 5);
    struct owners o = {.n = 5, .n_now = 4, .n_before = 3, .w_now = 3, .w_before = 2};
    for (unsigned i = 0; i < 5; i++)
        o.at[i] = (struct owners_one){.member = &m[i], .now = i < 4, .before = i == 0 || i == 1 || i == 4};
    static const struct {
        const char *dead;
        long mover;
    } rows[] = {{"", 2}, {"node-3.a3", 3}, {"node-3.a3 node-4.a4", 0}, {"node-1.a1 node-3.a3 node-4.a4", 1},
        {"node-1.a1 node-2.a2 node-3.a3 node-4.a4", -1}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char dead[100];
        snprintf(dead, sizeof(dead), "%s", rows[i].dead);
        assert_int_equal(owners_mover(&o, is_not, dead), rows[i].mover);
    }
}

static void nobody_else_has_a_place(void **state)
{
    (void)state;
    struct ringdoc *d = stable(1, 3, 3);
    struct owners o;
    owners_find(d, point(1), &o);
    assert_true(owners_place(&o, "node-1.a1") >= 0);
    assert_int_equal(owners_place(&o, "node-1.a2"), -1);
    assert_int_equal(owners_place(&o, "node-4.a4"), -1);
    ringdoc_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(owners_of_a_stable_ring_are_the_rings),
        cmocka_unit_test(owners_of_a_joint_ring_are_both_rings_together),
        cmocka_unit_test(only_what_a_joining_node_takes_over_is_moving),
        cmocka_unit_test(a_key_has_the_owners_of_its_point),
        cmocka_unit_test(a_write_quorum_is_w_of_both_rings),
        cmocka_unit_test(a_write_quorum_of_a_stable_ring_is_w),
        cmocka_unit_test(what_was_acknowledged_is_never_proved_absent),
        cmocka_unit_test(the_mover_is_a_living_new_owner_or_else_a_living_one),
        cmocka_unit_test(nobody_else_has_a_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
