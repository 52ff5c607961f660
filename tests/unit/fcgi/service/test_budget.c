#include "tests/unit/unit.h"

#include "fcgi/service/budget.h"
#include "fcgi/service/hasher.h"

#define MIB ((uint64_t)1 << 20)
#define SMALL_MAX (1u << 20)

static struct budget made(uint64_t descriptors, uint64_t memory_bytes, unsigned threads)
{
    const struct limits l = {descriptors, memory_bytes, 4};
    return budget_make(&l, threads, SMALL_MAX);
}

/* What it would take at most. */
static uint64_t memory_of(const struct budget *b)
{
    return 16 * MIB + b->hashes * (uint64_t)PASSWORD_MEMORY_BYTES + b->room_bytes + b->document_bytes + b->threads * 2 * MIB;
}

static uint64_t descriptors_of(const struct budget *b)
{
    return 28 + b->threads * (uint64_t)(5 + b->kept);
}

static void without_bounds_it_is_what_was_wanted(void **state)
{
    (void)state;
    struct budget b = made(LIMITS_NONE, LIMITS_NONE, 32);
    assert_int_equal(b.threads, 32);
    assert_int_equal(b.kept, 64);
    assert_int_equal(b.hashes, 2);
    assert_int_equal(b.hash_line, 8);
    assert_int_equal(b.room_bytes, 16 * MIB);
    assert_int_equal(b.document_bytes, 16 * MIB);
    assert_int_equal(b.arena_bytes, 16 * MIB);
    assert_int_equal(made(1 << 20, LIMITS_NONE, 256).threads, 256);
    const struct limits few = {LIMITS_NONE, LIMITS_NONE, 3};
    assert_int_equal(budget_make(&few, 32, SMALL_MAX).hashes, 1);
}

static void it_fits_into_64_descriptors(void **state)
{
    (void)state;
    struct budget b = made(64, LIMITS_NONE, 32);
    assert_int_equal(b.threads, 4);
    assert_int_equal(b.kept, 4);
    assert_true(descriptors_of(&b) <= 64);
    assert_int_equal(b.hash_line, 1);
}

static void it_fits_into_64_mib(void **state)
{
    (void)state;
    struct budget b = made(1024, 64 * MIB, 32);
    assert_int_equal(b.hashes, 1);
    assert_int_equal(b.threads, 8);
    assert_true(memory_of(&b) <= 64 * MIB);
}

static void some_service_goes_on_below_any_bound(void **state)
{
    (void)state;
    struct budget b = made(0, 0, 32);
    assert_int_equal(b.threads, 2);
    assert_int_equal(b.kept, 3);
    assert_int_equal(b.hashes, 1);
    assert_int_equal(b.hash_line, 1);
    assert_int_equal(b.room_bytes, SMALL_MAX);
}

/* Whatever the bounds: within them where anything is, never more than was wanted, and more never gives less. */
static void it_grows_with_its_bounds_and_stays_within_them(void **state)
{
    (void)state;
    for (uint64_t d = 64; d <= 4096; d += 16) {
        for (uint64_t m = 64; m <= 1024; m += 16) {
            struct budget b = made(d, m * MIB, 32), more = made(d + 16, (m + 16) * MIB, 32);
            assert_true(descriptors_of(&b) <= d && memory_of(&b) <= m * MIB);
            assert_in_range(b.threads, 2, 32);
            assert_true(b.hash_line * 4 <= b.threads || b.hash_line == 1);
            /* a second hash, from 128 MiB on, is paid for by threads once */
            assert_true(more.threads >= b.threads || more.hashes > b.hashes);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_bounds_it_is_what_was_wanted),
        cmocka_unit_test(it_fits_into_64_descriptors),
        cmocka_unit_test(it_fits_into_64_mib),
        cmocka_unit_test(some_service_goes_on_below_any_bound),
        cmocka_unit_test(it_grows_with_its_bounds_and_stays_within_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
