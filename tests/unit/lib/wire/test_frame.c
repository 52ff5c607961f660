#include "tests/unit/unit.h"

#include "lib/wire/frame.h"

#include <stdlib.h>
#include <string.h>

static void a_frame_comes_apart_as_it_was_put_together(void **state)
{
    (void)state;
    static const char *const heads[] = {"", "{}", "{\"a\":\"\xc3\xa9\"}"};
    static const char *const bodies[] = {"", "x", "the bytes"};
    for (int i = 0; i < 9; i++) {
        const char *head_in = heads[i / 3], *bytes_in = bodies[i % 3], *head;
        const void *bytes;
        size_t head_len, bytes_len;
        struct buf b;
        buf_init(&b, 1000);
        assert_ok(frame_head(&b, head_in, strlen(head_in)));
        assert_int_equal(b.len, FRAME_PREFIX + strlen(head_in));
        assert_ok(buf_add_str(&b, bytes_in));
        assert_ok(frame_split(b.data, b.len, &head, &head_len, &bytes, &bytes_len));
        assert_int_equal(head_len, strlen(head_in));
        assert_memory_equal(head, head_in, head_len);
        assert_int_equal(bytes_len, strlen(bytes_in));
        assert_memory_equal(bytes, bytes_in, bytes_len);
        buf_release(&b);
    }
}

static void the_prefix_is_magic_and_length(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1000);
    assert_ok(frame_head(&b, "abc", 3));
    assert_memory_equal(b.data, "RBF1\0\0\0\3abc", 11);
    buf_release(&b);
}

static void a_body_that_is_no_frame_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        size_t len;
    } rows[] = {{"", 0}, {"RBF1", 4}, {"RBF1\0\0\0", 7}, {"RBF2\0\0\0\0", 8}, {"RBF1\0\0\0\1", 8}, {"RBF1\0\0\0\4abc", 11},
        {"RBF1\377\377\377\377abc", 11}, {"{\"ring\":1}", 10}, {"rbf1\0\0\0\0", 8}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *head = NULL;
        const void *bytes = NULL;
        size_t head_len, bytes_len;
        assert_err(ERR_SYNTAX, frame_split(rows[i].body, rows[i].len, &head, &head_len, &bytes, &bytes_len));
        assert_null(head);
        assert_null(bytes);
    }
}

static void the_head_has_a_maximum(void **state)
{
    (void)state;
    size_t n = FRAME_HEAD_MAX + 1;
    char *text = calloc(1, n);
    struct buf b;
    buf_init(&b, 2 * n);
    assert_err(ERR_TOO_LARGE, frame_head(&b, text, n));
    assert_int_equal(b.len, 0);
    assert_ok(frame_head(&b, text, n - 1));
    assert_ok(buf_add_str(&b, "xx"));
    b.data[7] = 1; /* now it claims one byte too many, and has it */
    const char *head;
    const void *bytes;
    size_t head_len, bytes_len;
    assert_err(ERR_SYNTAX, frame_split(b.data, b.len, &head, &head_len, &bytes, &bytes_len));
    buf_release(&b);
    buf_init(&b, 10);
    assert_err(ERR_NOMEM, frame_head(&b, text, 3));
    assert_int_equal(b.len, 0);
    buf_release(&b);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_comes_apart_as_it_was_put_together),
        cmocka_unit_test(the_prefix_is_magic_and_length),
        cmocka_unit_test(a_body_that_is_no_frame_is_refused),
        cmocka_unit_test(the_head_has_a_maximum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
