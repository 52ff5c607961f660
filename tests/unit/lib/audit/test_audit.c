/* The log as a program uses it: many threads note, one writes; nothing is lost unseen. */
#include "tests/unit/unit.h"

#include "lib/audit/audit.h"
#include "lib/audit/verify.h"
#include "lib/base/clock.h"
#include "lib/base/fs.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define THREADS 8
#define EACH 500
#define FILES_MAX 64
#define WAIT_MS 20000u

static const uint8_t master[AUDIT_KEY_SIZE] = "the master key of these tests 32";

struct fixture {
    char data[64];
    struct audit_settings settings;
    struct audit *audit;
    atomic_uint heads;
    _Atomic uint64_t head_n;
    struct audit_kept last; /* written by the log's thread, read after close */
    struct audit_verified result;
};

static _Atomic uint64_t fake_boot_ms;

static uint64_t boot_of_test(void)
{
    return atomic_load(&fake_boot_ms);
}

static void take_head(void *ctx, const struct audit_head *head)
{
    struct fixture *f = ctx;
    f->last.head = *head;
    strcpy(f->last.node, "node-1");
    atomic_store(&f->head_n, head->n);
    atomic_fetch_add(&f->heads, 1);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    strcpy(f->data, "/tmp/rb-audit-XXXXXX");
    if (!f || !mkdtemp(f->data))
        return -1;
    f->settings = (struct audit_settings){
        .data = f->data, .process = "api:api-1", .master = master, .sync_ms = 5, .head_ms = 20, .head = take_head, .ctx = f};
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    char command[256];
    audit_close(f->audit);
    snprintf(command, sizeof command, "chmod -R u+w '%s'; rm -r '%s'", f->data, f->data);
    int gone = system(command);
    free(f);
    return gone;
}

static void open_log(struct fixture *f)
{
    assert_ok(audit_open(&f->settings, &f->audit));
}

static void close_log(struct fixture *f)
{
    audit_close(f->audit);
    f->audit = NULL;
}

static void verify(struct fixture *f, struct audit_kept *heads, size_t n_heads)
{
    struct audit_files files;
    char folder[128], paths[FILES_MAX][192];
    const char *list[FILES_MAX];
    snprintf(folder, sizeof folder, "%s/audit", f->data);
    assert_ok(audit_folder_list(folder, &files));
    assert_true(files.n <= FILES_MAX);
    for (size_t i = 0; i < files.n; i++) {
        snprintf(paths[i], sizeof paths[i], "%s/%s", folder, files.at[i].name);
        list[i] = paths[i];
    }
    struct audit_verify_settings s = {.master = master, .heads = heads, .n_heads = n_heads};
    assert_ok(audit_verify(&s, list, files.n, &f->result));
    audit_files_release(&files);
}

static void *note_many(void *arg)
{
    struct fixture *f = arg;
    for (int i = 0; i < EACH; i++)
        audit_note(f->audit, &(struct audit_event){.who = "-", .what = "upload", .on = "CS \"101\"\n", .result = "201"});
    return NULL;
}

static void what_many_threads_note_is_all_there(void **state)
{
    struct fixture *f = *state;
    pthread_t threads[THREADS];
    f->settings.limits.file_max_bytes = 100000;
    open_log(f);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, note_many, f), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    close_log(f);
    verify(f, &f->last, 1);
    assert_int_equal(f->result.findings, 0);
    assert_int_equal(f->result.events, THREADS * EACH);
    assert_int_equal(f->result.lost, 0);
    assert_int_equal(f->result.heads, 1); /* of the very last line */
    assert_true(f->result.files > 1);
}

static void the_newest_line_is_told_while_the_log_is_open(void **state)
{
    struct fixture *f = *state;
    open_log(f);
    audit_note(f->audit, &(struct audit_event){.what = "drain", .on = "node-1"});
    uint64_t until_ms = clock_boot_ms() + WAIT_MS;
    while (atomic_load(&f->head_n) < 2 && clock_boot_ms() < until_ms)
        clock_sleep_ms(2);
    assert_int_equal(atomic_load(&f->head_n), 2);
    struct audit_stats stats;
    audit_stats(f->audit, &stats);
    assert_int_equal(stats.lines, 2);
}

static void refusals_are_counted_when_there_are_too_many(void **state)
{
    struct fixture *f = *state;
    atomic_store(&fake_boot_ms, 1000000);
    f->settings.boot_ms = boot_of_test;
    open_log(f);
    for (unsigned i = 0; i < AUDIT_REFUSALS_MAX + 250; i++)
        audit_note(f->audit, &(struct audit_event){.what = "delete", .result = "401", .is_refusal = 1});
    for (int i = 0; i < 100; i++) /* changes are never left out for that */
        audit_note(f->audit, &(struct audit_event){.what = "delete", .result = "204"});
    atomic_fetch_add(&fake_boot_ms, 10000);
    for (int i = 0; i < 30; i++)
        audit_note(f->audit, &(struct audit_event){.what = "delete", .result = "401", .is_refusal = 1});
    struct audit_stats stats;
    audit_stats(f->audit, &stats);
    assert_int_equal(stats.refused, 250 + 10); /* ten seconds gave twenty lines */
    close_log(f);
    verify(f, NULL, 0);
    assert_int_equal(f->result.findings, 0);
    assert_int_equal(f->result.events, AUDIT_REFUSALS_MAX + 100 + 20);
    assert_int_equal(f->result.more, 260);
}

static void a_full_queue_loses_lines_and_says_how_many(void **state)
{
    struct fixture *f = *state;
    char name[2048];
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    open_log(f);
    /* Faster than anybody writes: some are lost, or all fit; either way the sum is right. */
    for (int i = 0; i < 8000; i++)
        audit_note(f->audit, &(struct audit_event){.what = "upload", .on = name});
    struct audit_stats stats;
    audit_stats(f->audit, &stats);
    close_log(f);
    verify(f, NULL, 0);
    assert_int_equal(f->result.findings, 0);
    assert_int_equal(f->result.lost, stats.lost);
    assert_int_equal(f->result.events + f->result.lost, 8000);
}

static int wait_until_failing(struct fixture *f, int failing)
{
    struct audit_stats stats;
    uint64_t until_ms = clock_boot_ms() + WAIT_MS;
    do {
        clock_sleep_ms(5);
        audit_stats(f->audit, &stats);
    } while (stats.is_failing != failing && clock_boot_ms() < until_ms);
    return stats.is_failing == failing;
}

/* Files may not grow past some size: what a full disk does to a writer. */
static void a_full_disk_stops_nobody_and_the_hole_is_told(void **state)
{
    struct fixture *f = *state;
    struct rlimit before, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_IGN);
    open_log(f);
    small = before;
    small.rlim_cur = 1500;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    for (int i = 0; i < 50; i++)
        audit_note(f->audit, &(struct audit_event){.what = "upload", .on = "CS 101"});
    int failed = wait_until_failing(f, 1);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_true(failed);
    assert_true(wait_until_failing(f, 0)); /* by itself, with the line that tells the number */
    audit_note(f->audit, &(struct audit_event){.what = "delete", .on = "CS 101"});
    struct audit_stats stats;
    audit_stats(f->audit, &stats);
    close_log(f);
    verify(f, &f->last, 1);
    assert_int_equal(f->result.findings, 0);
    assert_int_equal(f->result.events + f->result.lost, 51);
    assert_true(f->result.lost > 0);
    assert_int_equal(f->result.lost, stats.lost);
}

static void a_folder_that_nobody_can_write_is_refused_at_the_start(void **state)
{
    struct fixture *f = *state;
    char path[128];
    snprintf(path, sizeof path, "%s/audit", f->data);
    assert_ok(fs_replace_file(path, "x", 1, 0600));
    assert_true(audit_open(&f->settings, &f->audit) != ERR_OK);
    f->audit = NULL;
}

static void a_process_without_the_master_key_needs_a_seed(void **state)
{
    struct fixture *f = *state;
    char folder[128];
    uint8_t seed[AUDIT_KEY_SIZE];
    f->settings.master = NULL;
    assert_err(ERR_NOT_FOUND, audit_open(&f->settings, &f->audit));
    snprintf(folder, sizeof folder, "%s/audit", f->data);
    audit_seed_first(master, "api:api-1", seed);
    assert_ok(audit_folder_write_seed(folder, seed, 0));
    for (int i = 0; i < 3; i++) { /* the seed goes on with each start, and the verifier with it */
        open_log(f);
        audit_note(f->audit, &(struct audit_event){.what = "upload"});
        close_log(f);
    }
    verify(f, &f->last, 1);
    assert_int_equal(f->result.findings, 0);
    assert_int_equal(f->result.chains, 3);
    assert_int_equal(f->result.heads, 1);
    uint64_t start;
    uint8_t now[AUDIT_KEY_SIZE];
    assert_ok(audit_folder_read_seed(folder, now, &start));
    assert_int_equal(start, 3);
    assert_memory_not_equal(seed, now, sizeof seed);
}

static void keys_are_turned_by_the_hour_without_any_event(void **state)
{
    struct fixture *f = *state;
    f->settings.limits.key_ms = 30;
    f->settings.head_ms = 10;
    open_log(f);
    uint64_t until_ms = clock_boot_ms() + WAIT_MS;
    while (atomic_load(&f->head_n) < 4 && clock_boot_ms() < until_ms)
        clock_sleep_ms(5);
    close_log(f);
    assert_true(f->last.head.k >= 3);
    verify(f, &f->last, 1);
    assert_int_equal(f->result.findings, 0);
    assert_int_equal(f->result.heads, 1);
}

static void nobody_is_noted_without_a_log(void **state)
{
    (void)state;
    struct audit_stats stats;
    audit_note(NULL, &(struct audit_event){.what = "upload"});
    audit_stats(NULL, &stats);
    assert_int_equal(stats.lines, 0);
    audit_close(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_many_threads_note_is_all_there),
        TEST(the_newest_line_is_told_while_the_log_is_open),
        TEST(refusals_are_counted_when_there_are_too_many),
        TEST(a_full_queue_loses_lines_and_says_how_many),
        TEST(a_full_disk_stops_nobody_and_the_hole_is_told),
        TEST(a_folder_that_nobody_can_write_is_refused_at_the_start),
        TEST(a_process_without_the_master_key_needs_a_seed),
        TEST(keys_are_turned_by_the_hour_without_any_event),
        cmocka_unit_test(nobody_is_noted_without_a_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
