/* What bounds a process: its own limits, and control groups laid out below a folder of the test's. */
#include "tests/unit/unit.h"

#include "lib/base/limits.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB (UINT64_C(1) << 20)

static char root[64];

static int make_root(void **state)
{
    (void)state;
    strcpy(root, "/tmp/ringbinder-test-XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
    char command[100];
    (void)state;
    snprintf(command, sizeof(command), "rm -rf '%s'", root);
    return system(command);
}

/* Writes a file below the root, and the folders above it. */
static void put(const char *path, const char *text)
{
    char at[256];
    snprintf(at, sizeof(at), "%s", root);
    for (const char *end = strchr(path + 1, '/'); end; end = strchr(end + 1, '/')) {
        snprintf(at, sizeof(at), "%s%.*s", root, (int)(end - path), path);
        mkdir(at, 0700);
    }
    snprintf(at, sizeof(at), "%s%s", root, path);
    FILE *f = fopen(at, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static uint64_t memory_of(const char *group)
{
    return limits_group_memory(group, root);
}

static void no_group_bounds_nothing(void **state)
{
    (void)state;
    assert_true(memory_of("") == LIMITS_NONE);
    assert_true(memory_of("0::/\n") == LIMITS_NONE);
    assert_true(memory_of("nonsense\n::\n\n0:\n") == LIMITS_NONE);
    put("/a/memory.max", "max\n");
    assert_true(memory_of("0::/a\n") == LIMITS_NONE);
}

static void the_smallest_group_above_counts(void **state)
{
    (void)state;
    put("/a/b/memory.max", "200000000\n");
    put("/a/memory.max", "67108864\n");
    put("/memory.max", "900000000\n");
    assert_true(memory_of("0::/a/b\n") == 64 * MIB);
    assert_true(memory_of("0::/a\n") == 64 * MIB);
    assert_true(memory_of("0::/c\n") == 900000000);
    assert_true(memory_of("0::/\n") == 900000000); /* as a container sees its own group */
}

static void groups_of_version_1_are_looked_at_too(void **state)
{
    (void)state;
    put("/memory/x/memory.limit_in_bytes", "33554432\n");
    put("/memory/memory.limit_in_bytes", "9223372036854771712\n"); /* its word for none */
    assert_true(memory_of("12:cpu,cpuacct:/x\n4:memory:/x\n") == 32 * MIB);
    assert_true(memory_of("4:memory:/\n") == LIMITS_NONE);
    assert_true(memory_of("4:memory:/x\n0::/\n") == 32 * MIB);
}

static void what_fits_is_bounded_by_both(void **state)
{
    const struct limits l = {64, 64 * MIB, 1};
    (void)state;
    assert_int_equal(limits_fit(&l, (struct limits_cost){24, 0}, (struct limits_cost){8, 1}, 100), 5);
    assert_int_equal(limits_fit(&l, (struct limits_cost){0, 32 * MIB}, (struct limits_cost){1, 16 * MIB}, 100), 2);
    assert_int_equal(limits_fit(&l, (struct limits_cost){24, 16 * MIB}, (struct limits_cost){8, 16 * MIB}, 100), 3);
    assert_int_equal(limits_fit(&l, (struct limits_cost){0, 0}, (struct limits_cost){1, 1}, 7), 7);
    assert_int_equal(limits_fit(&l, (struct limits_cost){65, 0}, (struct limits_cost){1, 1}, 7), 0);
    assert_int_equal(
        limits_fit(&(struct limits){LIMITS_NONE, LIMITS_NONE, 1}, (struct limits_cost){9, 9}, (struct limits_cost){9, 9}, 400), 400);
}

/* Limits cannot be raised again by everybody, so they are tried in a child. */
static void in_a_child(void (*check)(void))
{
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        check();
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void lower(int resource, rlim_t soft, rlim_t hard)
{
    struct rlimit l = {soft, hard};
    if (setrlimit((__rlimit_resource_t)resource, &l) != 0)
        _exit(1);
}

static void check_own(void)
{
    struct limits l;
    lower(RLIMIT_NOFILE, 20, 64);
    limits_read(&l);
    if (l.descriptors != 64 || l.processors == 0)
        _exit(2);
    lower(RLIMIT_DATA, 48 * MIB, RLIM_INFINITY);
    limits_read(&l);
    _exit(l.memory_bytes == 48 * MIB ? 0 : 3);
}

static void own_limits_are_read_and_descriptors_raised(void **state)
{
    (void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    skip(); /* their shadow memory is more than any limit */
#endif
    in_a_child(check_own);
}

static void *own_stack(void *out)
{
    pthread_attr_t attr;
    pthread_getattr_np(pthread_self(), &attr);
    pthread_attr_getstacksize(&attr, out);
    pthread_attr_destroy(&attr);
    return NULL;
}

static void threads_get_the_stacks_that_were_set(void **state)
{
    pthread_t thread;
    size_t bytes = 0;
    (void)state;
    limits_tame_memory(1u << 20);
    assert_int_equal(pthread_create(&thread, NULL, own_stack, &bytes), 0);
    pthread_join(thread, NULL);
    assert_in_range(bytes, (1u << 20) + LIMITS_STACK_MORE, (1u << 20) + LIMITS_STACK_MORE + 65536);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(no_group_bounds_nothing, make_root, remove_root),
        cmocka_unit_test_setup_teardown(the_smallest_group_above_counts, make_root, remove_root),
        cmocka_unit_test_setup_teardown(groups_of_version_1_are_looked_at_too, make_root, remove_root),
        cmocka_unit_test(what_fits_is_bounded_by_both),
        cmocka_unit_test(own_limits_are_read_and_descriptors_raised),
        cmocka_unit_test(threads_get_the_stacks_that_were_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
