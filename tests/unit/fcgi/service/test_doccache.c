/* The cache of documents: bounds, order, threads. */
#include "fcgi/service/doccache.h"

#include "tests/unit/unit.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

/* The hash of the text that is a number. */
static const char *name(unsigned n)
{
    static _Thread_local char hex[HASH_HEX_SIZE];
    char text[16];
    snprintf(text, sizeof(text), "%u", n);
    hash_sha256_hex(text, strlen(text), hex);
    return hex;
}

static void put(struct doccache *c, unsigned n, const char *text)
{
    doccache_put(c, name(n), text, strlen(text));
}

static int has(struct doccache *c, unsigned n, const char *text)
{
    struct buf b;
    buf_init(&b, 1000);
    enum err e = doccache_get(c, name(n), &b);
    int same = e == ERR_OK && strcmp(buf_str(&b), text) == 0;
    assert_true(e == ERR_OK || e == ERR_NOT_FOUND);
    buf_release(&b);
    return same;
}

static void texts_are_found_by_their_hash(void **state)
{
    struct doccache *c = doccache_new(10, 1000);
    (void)state;
    put(c, 1, "one");
    put(c, 2, "two");
    put(c, 1, "one");
    assert_true(has(c, 1, "one"));
    assert_true(has(c, 2, "two"));
    assert_false(has(c, 3, ""));
    size_t bytes;
    assert_int_equal(doccache_count(c, &bytes), 2);
    assert_int_equal(bytes, 6);
    doccache_free(c);
}

static void the_one_not_asked_for_the_longest_gives_way(void **state)
{
    struct doccache *c = doccache_new(3, 1000);
    (void)state;
    put(c, 1, "a");
    put(c, 2, "b");
    put(c, 3, "c");
    assert_true(has(c, 1, "a"));
    put(c, 4, "d");
    assert_false(has(c, 2, "b"));
    assert_true(has(c, 1, "a"));
    assert_true(has(c, 3, "c"));
    assert_true(has(c, 4, "d"));
    doccache_free(c);
}

static void bytes_are_bounded(void **state)
{
    struct doccache *c = doccache_new(100, 10);
    size_t bytes;
    (void)state;
    put(c, 1, "12345");
    put(c, 2, "12345");
    put(c, 3, "1");
    assert_false(has(c, 1, "12345"));
    assert_int_equal(doccache_count(c, &bytes), 2);
    put(c, 4, "12345678901"); /* more than all there may be: nothing gives way for it */
    assert_int_equal(doccache_count(c, &bytes), 2);
    put(c, 5, "1234567890");
    assert_int_equal(doccache_count(c, &bytes), 1);
    assert_int_equal(bytes, 10);
    doccache_free(c);
}

static void a_text_without_room_says_so(void **state)
{
    struct doccache *c = doccache_new(10, 1000);
    struct buf b;
    (void)state;
    put(c, 1, "four");
    buf_init(&b, 3);
    assert_err(ERR_NOMEM, doccache_get(c, name(1), &b));
    buf_release(&b);
    doccache_free(c);
    doccache_free(NULL);
}

#define THREADS 4

static void *use(void *arg)
{
    struct doccache *c = arg;
    char text[16];
    for (unsigned i = 0; i < 3000; i++) {
        unsigned n = i * 7u % 50u;
        snprintf(text, sizeof(text), "text %u", n);
        if (!has(c, n, text))
            put(c, n, text);
    }
    return NULL;
}

static void threads_share_it(void **state)
{
    struct doccache *c = doccache_new(20, 1000);
    pthread_t threads[THREADS];
    size_t bytes;
    (void)state;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, use, c), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(doccache_count(c, &bytes), 20);
    doccache_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_found_by_their_hash),
        cmocka_unit_test(the_one_not_asked_for_the_longest_gives_way),
        cmocka_unit_test(bytes_are_bounded),
        cmocka_unit_test(a_text_without_room_says_so),
        cmocka_unit_test(threads_share_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
