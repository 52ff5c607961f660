/* The threads that hash passwords, with hashes that take as long as the test says (fakes by the linker). */
#include "tests/unit/unit.h"

#include "fcgi/service/hasher.h"
#include "lib/base/clock.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define HASH_MS 100u
#define CALLERS 20

static atomic_uint inside, most, began;
static atomic_int niceness;

static void work_for_a_while(void)
{
    unsigned now = ++inside, before = most;
    began++;
    niceness = getpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid));
    while (now > before && !atomic_compare_exchange_weak(&most, &before, now))
        continue;
    clock_sleep_ms(HASH_MS);
    inside--;
}

enum err password_hash(const char *password, size_t len, char out[PASSWORD_HASH_SIZE])
{
    work_for_a_while();
    snprintf(out, PASSWORD_HASH_SIZE, "hash of %.*s", (int)len, password);
    return ERR_OK;
}

enum err password_verify(const char *hash, const char *password, size_t len)
{
    work_for_a_while();
    return hash && strlen(hash) == len && memcmp(hash, password, len) == 0 ? ERR_OK : ERR_AUTH;
}

static int reset(void **state)
{
    (void)state;
    inside = most = began = 0;
    return 0;
}

static void each_caller_gets_the_answer_of_its_own(void **state)
{
    char out[PASSWORD_HASH_SIZE];
    struct hasher *h = hasher_new(2, 8);
    (void)state;
    assert_non_null(h);
    assert_ok(hasher_hash(h, "secret", 6, out));
    assert_string_equal(out, "hash of secret");
    assert_ok(hasher_verify(h, "secret", "secret", 6));
    assert_err(ERR_AUTH, hasher_verify(h, "secret", "secreT", 6));
    assert_err(ERR_AUTH, hasher_verify(h, NULL, "secret", 6));
    hasher_free(h);
}

struct caller {
    struct hasher *h;
    pthread_t thread;
    enum err e;
    uint64_t took_ms;
};

static void *call(void *arg)
{
    struct caller *c = arg;
    uint64_t at = clock_boot_ms();
    c->e = hasher_verify(c->h, "x", "x", 1);
    c->took_ms = clock_boot_ms() - at;
    return NULL;
}

static void begin(struct caller *c, struct hasher *h, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        c[i] = (struct caller){.h = h};
        assert_int_equal(pthread_create(&c[i].thread, NULL, call, &c[i]), 0);
    }
}

static unsigned end(struct caller *c, unsigned n, enum err wanted)
{
    unsigned found = 0;
    for (unsigned i = 0; i < n; i++) {
        pthread_join(c[i].thread, NULL);
        found += c[i].e == wanted;
    }
    return found;
}

static void few_run_at_once_and_give_way(void **state)
{
    struct caller callers[CALLERS];
    struct hasher *h = hasher_new(2, CALLERS);
    (void)state;
    begin(callers, h, CALLERS);
    assert_int_equal(end(callers, CALLERS, ERR_OK), CALLERS);
    assert_int_equal(most, 2);
    assert_int_equal(began, CALLERS);
    assert_true(niceness > getpriority(PRIO_PROCESS, 0) || niceness == 19);
    hasher_free(h);
}

static void a_full_line_turns_away_at_once(void **state)
{
    struct caller callers[CALLERS], late;
    struct hasher *h = hasher_new(1, 3);
    (void)state;
    begin(callers, h, 1);
    while (began == 0)
        clock_sleep_ms(1);
    assert_false(hasher_is_full(h));
    begin(callers + 1, h, CALLERS - 1);
    for (unsigned ms = 0; !hasher_is_full(h) && ms < HASH_MS; ms++)
        clock_sleep_ms(1);
    assert_true(hasher_is_full(h));
    unsigned good = end(callers, CALLERS, ERR_OK);
    assert_in_range(good, 4, 5); /* one at work, three in the line, one more where the first was done before the last came */
    assert_int_equal(began, good);
    for (unsigned i = 0; i < CALLERS; i++)
        assert_true(callers[i].e == ERR_OK || (callers[i].e == ERR_UNAVAILABLE && callers[i].took_ms < HASH_MS));
    assert_false(hasher_is_full(h));
    begin(&late, h, 1);
    assert_int_equal(end(&late, 1, ERR_OK), 1); /* the line is free again */
    hasher_free(h);
}

static void an_end_is_the_end(void **state)
{
    struct hasher *h = hasher_new(2, 1);
    (void)state;
    hasher_free(h);
    hasher_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(each_caller_gets_the_answer_of_its_own, reset),
        cmocka_unit_test_setup(few_run_at_once_and_give_way, reset),
        cmocka_unit_test_setup(a_full_line_turns_away_at_once, reset),
        cmocka_unit_test(an_end_is_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
