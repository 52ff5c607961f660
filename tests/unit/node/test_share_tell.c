/* What a peer tells the leading coordinator of its folder, and when. */
#include "tests/unit/node/peerbox.h"

#include "lib/base/log.h"
#include "node/share_dirty.h"

/* The promise is for what people run. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define NAMES_MS 30000u
#else
#define NAMES_MS 5000u
#endif

static void write_many(struct box *b, int n)
{
    char name[64];
    for (int i = 0; i < n; i++) {
        if (i % 500 == 0) {
            snprintf(name, sizeof(name), "d%03d", i / 500);
            box_mkdir(b, name);
        }
        snprintf(name, sizeof(name), "d%03d/file %d.txt", i / 500, i);
        box_write(b, name, name);
    }
}

static void await_names(struct box *b, uint64_t want, uint64_t ms)
{
    uint64_t files = 0;
    char hex[SHARED_DIGEST_HEX_SIZE];
    for (uint64_t end = clock_boot_ms() + ms; files != want && clock_boot_ms() < end; clock_sleep_ms(5)) {
        pthread_mutex_lock(&b->index.lock);
        share_list_sum(b->index.files, &files, hex);
        pthread_mutex_unlock(&b->index.lock);
    }
    assert_int_equal(files, want);
}

/* A few heartbeats, in which nothing is to happen. */
static void let_it_rest(void)
{
    clock_sleep_ms(1300);
}

static void ten_thousand_files_are_told_within_five_seconds(void **state)
{
    struct box *b = *state;
    write_many(b, 10000);
    uint64_t began = clock_boot_ms();
    box_start(b);
    await_names(b, 10000, NAMES_MS);
    print_message("10,000 names after %llu ms\n", (unsigned long long)(clock_boot_ms() - began));
    box_await_hashes(b);
    print_message("hashed after %llu ms\n", (unsigned long long)(clock_boot_ms() - began));
    box_await_told(b);
    assert_int_equal(b->wholes, 1);
    assert_true(b->largest <= SHARED_DELTA_FILES);
    /* A restart hashes nothing again, so it has nothing to tell. */
    int deltas = b->deltas;
    box_stop(b);
    box_start(b);
    box_await_told(b);
    let_it_rest();
    assert_int_equal(b->deltas, deltas);
}

static void a_new_leader_is_told_nothing_while_the_index_is_there(void **state)
{
    struct box *b = *state;
    write_many(b, 20);
    box_start(b);
    await_names(b, 20, BOX_WAIT_MS);
    b->leads = 0;
    box_write(b, "later", "x");
    let_it_rest();
    assert_null(strstr(box_names(b->index.files), "later"));
    b->leads = 1;
    box_await_told(b);
    assert_non_null(strstr(box_names(b->index.files), "later"));
    assert_int_equal(b->wholes, 1);
}

static void an_index_that_lost_the_list_has_it_again_after_a_heartbeat(void **state)
{
    struct box *b = *state;
    write_many(b, 2500);
    box_start(b);
    box_await_told(b);
    assert_int_equal(b->wholes, 1);
    box_index_clear(&b->index);
    await_names(b, 2500, BOX_WAIT_MS);
    box_await_told(b);
    assert_int_equal(b->wholes, 2);
}

static void nothing_is_told_while_nobody_knows_what_is_listed(void **state)
{
    struct box *b = *state;
    b->known = 0;
    write_many(b, 3);
    box_start(b);
    let_it_rest();
    assert_int_equal(b->deltas, 0);
    b->known = 1;
    box_await_told(b);
    b->known = 0;
    int deltas = b->deltas;
    let_it_rest();
    box_write(b, "later", "x");
    let_it_rest();
    assert_int_equal(b->deltas, deltas);
    b->known = 1;
    box_await_told(b);
    assert_int_equal(b->wholes, 1);
}

static void an_answer_that_was_lost_costs_no_second_telling(void **state)
{
    struct box *b = *state;
    write_many(b, 5);
    box_start(b);
    box_await_told(b);
    b->lose_answers = 2;
    box_write(b, "a", "1");
    box_await_hash(b, "a", "1");
    box_await_told(b);
    assert_int_equal(unlink(box_path(b, "a")), 0);
    b->lose_answers = 1;
    box_await_told(b);
    let_it_rest();
    box_await_told(b);
    assert_int_equal(b->wholes, 1);
    assert_null(strstr(box_names(b->index.files), "a "));
}

static void an_empty_folder_is_a_list_too(void **state)
{
    struct box *b = *state;
    box_start(b);
    for (uint64_t end = clock_boot_ms() + BOX_WAIT_MS; !b->index.any && clock_boot_ms() < end;)
        clock_sleep_ms(5);
    assert_int_equal(b->wholes, 1);
    let_it_rest();
    assert_int_equal(b->deltas, 1);
}

static void a_change_is_told_soon(void **state)
{
    struct box *b = *state;
    box_start(b);
    box_await_told(b);
    uint64_t began = clock_boot_ms();
    box_write(b, "a", "1");
    await_names(b, 1, BOX_WAIT_MS);
    print_message("told after %llu ms\n", (unsigned long long)(clock_boot_ms() - began));
    assert_true(clock_boot_ms() - began < BOX_SOON_MS);
}

/* ---- what the log says */

static int said_to = -1;

/* From here to the end of the test the log goes to a file. */
static void listen_to_log(struct box *b)
{
    int fd = open(folder_at(&b->folder, "log"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    said_to = dup(STDERR_FILENO);
    assert_true(said_to >= 0 && dup2(fd, STDERR_FILENO) == STDERR_FILENO);
    close(fd);
    log_init("test", LOG_INFO);
}

static int teardown_log(void **state)
{
    int failed = box_teardown(state);
    log_init("test", LOG_ERROR);
    assert_true(dup2(said_to, STDERR_FILENO) == STDERR_FILENO);
    close(said_to);
    return failed;
}

/* How often the log says this. */
static int said(struct box *b, const char *what)
{
    static char text[1 << 20];
    int fd = open(folder_at(&b->folder, "log"), O_RDONLY | O_CLOEXEC), times = 0;
    assert_true(fd >= 0);
    ssize_t len = read(fd, text, sizeof(text) - 1);
    assert_true(len >= 0);
    close(fd);
    text[len] = '\0';
    for (const char *at = strstr(text, what); at; at = strstr(at + 1, what))
        times++;
    return times;
}

static void await_said(struct box *b, const char *what)
{
    for (uint64_t end = clock_boot_ms() + BOX_WAIT_MS; said(b, what) == 0 && clock_boot_ms() < end;)
        clock_sleep_ms(5);
    assert_int_equal(said(b, what), 1);
}

/* The answer comes when all hashes are known, which were not when the question was asked. */
static void a_whole_list_is_said_once_and_counts_files_not_hashes(void **state)
{
    struct box *b = *state;
    write_many(b, 12);
    box_write(b, "large", "");
    assert_int_equal(truncate(box_path(b, "large"), (off_t)2 << 30), 0);
    clock_sleep_ms(2 * SHARE_QUIET_MS); /* younger files are not listed at once */
    b->hold = 1;
    listen_to_log(b);
    box_start(b);
    for (uint64_t end = clock_boot_ms() + BOX_WAIT_MS; !b->held && clock_boot_ms() < end;)
        clock_sleep_ms(5);
    assert_true(b->unhashed > 0);
    box_await_hashes(b);
    b->hold = 0;
    await_said(b, "the whole list of 13 files was told anew");
    box_await_told(b);
    box_write(b, "d000/file 1.txt", "another");
    box_await_hash(b, "d000/file 1.txt", "another");
    box_await_told(b);
    assert_int_equal(said(b, "told anew"), 1);
    assert_int_equal(b->wholes, 1);
}

/* Waits until the index has so many files and is asked nothing more. */
static int refusals_until(struct box *b, uint64_t files)
{
    await_names(b, files, BOX_WAIT_MS);
    box_await_told(b);
    return b->refused;
}

static void a_file_that_is_refused_is_named_and_left_out(void **state)
{
    struct box *b = *state;
    write_many(b, 250);
    box_write(b, "bad", "x");
    b->refuses = "bad";
    listen_to_log(b);
    box_start(b);
    int refused = refusals_until(b, 250);
    assert_in_range(refused, 1, 40);
    await_said(b, "bad is not listed until it changes, for it is refused: 400");
    assert_int_equal(said(b, "is refused"), 1);
    let_it_rest();
    assert_int_equal(b->refused, refused);
    /* It is tried again when it changed, and others are told meanwhile. */
    box_write(b, "bad", "worse");
    box_write(b, "good", "x");
    refused = refusals_until(b, 251);
    let_it_rest();
    assert_true(b->refused <= refused + 4);
    b->refuses = NULL;
    box_write(b, "bad", "good now");
    await_names(b, 252, BOX_WAIT_MS);
    box_await_hash(b, "bad", "good now");
    box_await_told(b);
    assert_int_equal(b->wholes, 1);
}

static void when_all_is_refused_the_tries_become_rare(void **state)
{
    struct box *b = *state;
    write_many(b, 200);
    b->refuses = "";
    listen_to_log(b);
    box_start(b);
    clock_sleep_ms(4000);
    /* Down from 100 to one, ten files in a row, and after 300, 600, 1200 and 2400 ms; hashes that came on the way ask for some again. */
    assert_in_range(b->refused, 10, 40);
    int refused = b->refused;
    clock_sleep_ms(2000);
    assert_true(b->refused <= refused + 2);
}

static void a_removal_that_is_refused_has_all_told_anew(void **state)
{
    struct box *b = *state;
    write_many(b, 20);
    box_write(b, "bad", "x");
    box_start(b);
    await_names(b, 21, BOX_WAIT_MS);
    box_await_hashes(b); /* else they are told later, and refused too */
    box_await_told(b);
    b->refuses = "bad";
    assert_int_equal(unlink(box_path(b, "bad")), 0);
    await_names(b, 20, BOX_WAIT_MS);
    box_await_told(b);
    let_it_rest();
    assert_int_equal(b->wholes, 2);
    assert_int_equal(b->refused, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, box_setup, box_teardown)
#define LOG_TEST(name) cmocka_unit_test_setup_teardown(name, box_setup, teardown_log)
    const struct CMUnitTest tests[] = {
        TEST(ten_thousand_files_are_told_within_five_seconds),
        TEST(a_new_leader_is_told_nothing_while_the_index_is_there),
        TEST(an_index_that_lost_the_list_has_it_again_after_a_heartbeat),
        TEST(nothing_is_told_while_nobody_knows_what_is_listed),
        TEST(an_answer_that_was_lost_costs_no_second_telling),
        TEST(an_empty_folder_is_a_list_too),
        TEST(a_change_is_told_soon),
        LOG_TEST(a_whole_list_is_said_once_and_counts_files_not_hashes),
        LOG_TEST(a_file_that_is_refused_is_named_and_left_out),
        LOG_TEST(when_all_is_refused_the_tries_become_rare),
        TEST(a_removal_that_is_refused_has_all_told_anew),
    };
    log_init("test", LOG_ERROR);
    if (peer_global_init() != ERR_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
