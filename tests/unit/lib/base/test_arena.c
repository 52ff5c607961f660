#include "tests/unit/unit.h"

#include "lib/base/arena.h"

#include <stdalign.h>
#include <string.h>

static void memory_is_zeroed_and_aligned(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 1 << 20);
    for (size_t n = 0; n < 300; n++) {
        unsigned char *p = arena_alloc(&a, n);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % alignof(max_align_t), 0);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(p[i], 0);
        memset(p, 0xff, n);
    }
    arena_release(&a);
}

static void memory_is_zeroed_again_after_a_reset(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 4096);
    memset(arena_alloc(&a, 64), 0xff, 64);
    arena_reset(&a);
    const unsigned char *p = arena_alloc(&a, 64);
    for (int i = 0; i < 64; i++)
        assert_int_equal(p[i], 0);
    arena_release(&a);
}

static void it_hands_out_no_more_than_its_maximum(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 1024);
    assert_null(arena_alloc(&a, 1025));
    assert_non_null(arena_alloc(&a, 1024));
    assert_null(arena_alloc(&a, 1));
    arena_reset(&a);
    assert_non_null(arena_alloc(&a, 1024));
    assert_null(arena_alloc(&a, SIZE_MAX));
    arena_release(&a);
}

static void one_allocation_may_be_larger_than_a_block(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 1 << 20);
    memset(arena_alloc(&a, 100), 1, 100);
    memset(arena_alloc(&a, 100000), 2, 100000);
    memset(arena_alloc(&a, 100), 3, 100);
    arena_reset(&a);
    memset(arena_alloc(&a, 100), 4, 100);
    arena_release(&a);
}

static void copies_are_terminated(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 4096);
    assert_string_equal(arena_strdup(&a, "whole"), "whole");
    assert_string_equal(arena_strndup(&a, "part of it", 4), "part");
    assert_string_equal(arena_strndup(&a, "short", 100), "short");
    assert_string_equal(arena_printf(&a, "%s-%03d", "n", 7), "n-007");
    assert_null(arena_strdup(&a, NULL));
    arena_release(&a);
}

static void text_past_the_maximum_is_null(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 16);
    assert_null(arena_strdup(&a, "sixteen bytes are too many"));
    assert_null(arena_printf(&a, "%040d", 1));
    assert_string_equal(arena_strdup(&a, "fits"), "fits");
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zeroed_and_aligned),
        cmocka_unit_test(memory_is_zeroed_again_after_a_reset),
        cmocka_unit_test(it_hands_out_no_more_than_its_maximum),
        cmocka_unit_test(one_allocation_may_be_larger_than_a_block),
        cmocka_unit_test(copies_are_terminated),
        cmocka_unit_test(text_past_the_maximum_is_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
