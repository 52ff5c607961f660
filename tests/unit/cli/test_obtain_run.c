/* Whole downloads from real holders on this machine: right bytes from several at once, liars named, what is half here is not fetched again. */
#include "tests/unit/lib/peer/fixture.h"
#include "tests/unit/lib/peer/holder.h"

#include "cli/obtain_run.h"
#include "lib/base/fs.h"
#include "lib/wire/shared.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/stat.h>

#define SIZE (9u << 20 | 12345u) /* ten blocks, the last one short */
#define BLOCKS 10u
#define HOLDERS 4u

static uint8_t file_bytes[SIZE], other_bytes[SIZE], mixed_bytes[SIZE];

struct setting {
    struct holder holders[HOLDERS];
    size_t n_offered; /* holders that the api names */
    size_t first_offered;
    char dead[64];              /* an address named besides, when not "" */
    int all_dead;               /* it stands in place of all addresses */
    const uint8_t *listed;      /* whose blocks most list; NULL: those of the file */
    const struct holder *front; /* through which holders are reached, or NULL */
    char front_url[96];
    int lists_asked;       /* of one holder */
    atomic_int capability; /* what the api gives */
    int asks;
    enum err ask_error; /* from the second time on */
    uint64_t stop_at;   /* bytes; 0: never */
    uint64_t done, resumed;
    char told[4096];
    char folder[64], path[128];
    char sha256[HASH_HEX_SIZE];
    struct obtain_report report;
};

static void add_source(struct json *list, const char *url, size_t number, int capability)
{
    struct json *s = json_object();
    char text[64];

    snprintf(text, sizeof text, "peer-%zu.00000000000000aa", number);
    json_set_str(s, "peer", text);
    snprintf(text, sizeof text, "peer-%zu", number);
    json_set_str(s, "name", text);
    json_set_str(s, "url", url);
    json_set_str(s, "file", "a folder/a file.bin");
    snprintf(text, sizeof text, "pass-%d", capability);
    json_set_str(s, "capability", text);
    json_set_str(s, "kind", number == 1 ? "ring" : "shared");
    if (number == 1)
        json_set_null(s, "file");
    json_append(list, s);
}

static enum err ask(void *ctx, const char *blocks_of, struct offer *out)
{
    struct setting *s = ctx;
    struct json *answer = json_object(), *blocks = json_array(), *sources = json_array();
    const uint8_t *bytes = s->listed ? s->listed : file_bytes;
    enum err e;

    if (blocks_of) { /* "peer-<number>.…" */
        size_t number = (size_t)(blocks_of[5] - '0');
        assert_in_range(number, 0, HOLDERS - 1);
        bytes = s->holders[number].bytes;
        s->lists_asked++;
    }
    if (s->asks++ > 0 && s->ask_error) {
        json_free(answer);
        json_free(blocks);
        json_free(sources);
        return s->ask_error;
    }
    for (size_t at = 0; at < SIZE; at += 1u << 20) {
        char hex[HASH_HEX_SIZE];
        hash_sha256_hex(bytes + at, SIZE - at < 1u << 20 ? SIZE - at : 1u << 20, hex);
        json_append(blocks, json_string(hex));
    }
    for (size_t i = 0; i < s->n_offered; i++)
        add_source(sources, s->all_dead ? s->dead : s->holders[s->first_offered + i].url, s->first_offered + i, s->capability);
    if (s->dead[0] && !s->all_dead)
        add_source(sources, s->dead, HOLDERS, 0);
    json_set_u64(answer, "size", SIZE);
    json_set_u64(answer, "block_bytes", 1u << 20);
    json_set(answer, "blocks", blocks);
    json_set(answer, "sources", sources);
    e = offer_parse(answer, s->sha256, out);
    json_free(answer);
    return e;
}

static void tell(void *ctx, const char *text)
{
    struct setting *s = ctx;
    size_t len = strlen(s->told);

    snprintf(s->told + len, sizeof s->told - len, "%s\n", text);
}

static void move(void *ctx, uint64_t done, uint64_t resumed, uint64_t total)
{
    struct setting *s = ctx;

    assert_true(done <= total && total == SIZE);
    s->done = done;
    s->resumed = resumed;
}

static int stopping(void *ctx)
{
    struct setting *s = ctx;
    uint64_t given = 0;

    for (size_t i = 0; i < HOLDERS; i++)
        given += s->holders[i].given;
    return s->stop_at > 0 && given >= s->stop_at;
}

static enum err run(struct setting *s)
{
    struct obtain_order order = {s->sha256, s->path, 0};
    struct obtain_world world = {.ask = ask, .tell = tell, .move = move, .stopping = stopping, .ctx = s};

    if (s->front) {
        snprintf(s->front_url, sizeof s->front_url, "%s/api/v1", s->front->url);
        world.front = s->front_url;
        world.front_authorization = "pass-7";
    }
    s->told[0] = '\0';
    return obtain_run(&order, &world, &s->report);
}

static uint64_t given(const struct setting *s)
{
    uint64_t n = 0;

    for (size_t i = 0; i < HOLDERS; i++)
        n += s->holders[i].given;
    return n;
}

static int set_up(void **state)
{
    struct setting *s = calloc(1, sizeof *s);

    assert_non_null(s);
    for (size_t i = 0; i < SIZE; i++) {
        file_bytes[i] = (uint8_t)(i * 11 + (i >> 9) * 31 + (i >> 17));
        other_bytes[i] = (uint8_t)(file_bytes[i] + 1);
        mixed_bytes[i] = i >> 20 == 3 ? other_bytes[i] : file_bytes[i];
    }
    hash_sha256_hex(file_bytes, SIZE, s->sha256);
    for (size_t i = 0; i < HOLDERS; i++) {
        holder_start(&s->holders[i], file_bytes, SIZE);
        snprintf(s->holders[i].etag, sizeof s->holders[i].etag, "\"%s\"", s->sha256);
    }
    s->n_offered = HOLDERS;
    strcpy(s->folder, "/tmp/ringbinder-obtain-XXXXXX");
    assert_non_null(mkdtemp(s->folder));
    snprintf(s->path, sizeof s->path, "%s/out.bin", s->folder);
    *state = s;
    return 0;
}

static void remove_beside(const struct setting *s, const char *end)
{
    char path[256];

    snprintf(path, sizeof path, "%s%s", s->path, end);
    unlink(path);
}

static int tear_down(void **state)
{
    struct setting *s = *state;

    for (size_t i = 0; i < HOLDERS; i++)
        holder_stop(&s->holders[i]);
    remove_beside(s, "");
    remove_beside(s, ".part");
    remove_beside(s, ".part.map");
    assert_int_equal(rmdir(s->folder), 0);
    free(s);
    return 0;
}

static int is_there(const struct setting *s, const char *end)
{
    char path[256];
    struct stat st;

    snprintf(path, sizeof path, "%s%s", s->path, end);
    return stat(path, &st) == 0;
}

static void expect_file(const struct setting *s)
{
    struct buf b;

    buf_init(&b, SIZE + 1);
    assert_ok(fs_read_file(s->path, &b));
    assert_int_equal(b.len, SIZE);
    assert_memory_equal(b.data, file_bytes, SIZE);
    buf_release(&b);
    assert_false(is_there(s, ".part"));
    assert_false(is_there(s, ".part.map"));
}

static void test_a_file_comes_from_all_holders(void **state)
{
    struct setting *s = *state;

    for (size_t i = 0; i < HOLDERS; i++)
        s->holders[i].piece_ms = 5;
    assert_ok(run(s));
    expect_file(s);
    for (size_t i = 0; i < HOLDERS; i++)
        assert_true(s->holders[i].given > 0);
    assert_int_equal(s->done, SIZE);
    assert_int_equal(s->report.size, SIZE);
    assert_int_equal(s->report.n_sources, HOLDERS);
    assert_true(s->report.sources[1].is_ring);
    assert_string_equal(s->report.sources[1].name, "the ring: peer-1");
    assert_string_equal(s->told, "");
}

static void test_a_liar_is_named_and_the_result_is_right(void **state)
{
    struct setting *s = *state;

    for (size_t i = 0; i < HOLDERS; i++)
        s->holders[i].piece_ms = 3;
    s->holders[2].wrong_at = 1;
    for (size_t i = 0; i < SIZE; i += 1000) /* wherever it is asked */
        other_bytes[i] ^= 1;
    s->holders[2].bytes = other_bytes;
    assert_ok(run(s));
    expect_file(s);
    assert_non_null(strstr(s->told, "peer-2 gave wrong bytes"));
    assert_int_equal(s->report.sources[2].fate, PLAN_LIED);
    assert_int_equal(s->report.sources[2].blocks, 0);
    assert_false(s->report.list_was_wrong);
}

static void test_holders_that_are_gone_or_have_another_file_do_not_matter(void **state)
{
    struct setting *s = *state;

    dead_url(s->dead);
    s->holders[0].status = 404;
    strcpy(s->holders[1].etag, "\"another\"");
    s->holders[3].piece_ms = 60; /* long enough for the dead one to be given up */
    s->first_offered = 0;
    s->holders[2].status = 410;
    assert_ok(run(s));
    expect_file(s);
    assert_int_equal(s->report.sources[0].fate, PLAN_REFUSES);
    assert_int_equal(s->report.sources[1].fate, PLAN_REFUSES);
    assert_int_equal(s->report.sources[2].fate, PLAN_REFUSES);
    assert_int_equal(s->report.sources[3].fate, PLAN_WORKS);
    assert_int_equal(s->report.sources[3].blocks, BLOCKS);
    assert_int_equal(s->report.sources[4].fate, PLAN_AWAY);
}

static void test_what_is_here_is_not_fetched_again(void **state)
{
    struct setting *s = *state;
    uint64_t first, here;

    s->n_offered = 1; /* two blocks at a time, so that whole ones are here at half */
    s->holders[0].piece_ms = 10;
    s->stop_at = SIZE / 2;
    assert_err(ERR_TIMEOUT, run(s));
    assert_true(is_there(s, ".part"));
    assert_true(is_there(s, ".part.map"));
    assert_false(is_there(s, ""));
    first = given(s);
    s->stop_at = 0;
    assert_ok(run(s));
    here = s->report.resumed;
    expect_file(s);
    assert_true(here > 0);
    /* Whole blocks that were here did not come again; help at the end may fetch one twice. */
    assert_in_range(given(s) - first, SIZE - here, SIZE - here + (2u << 20));
}

static void spoil(const struct setting *s, const char *end, off_t at, const char *with)
{
    char path[256];
    int fd;

    snprintf(path, sizeof path, "%s%s", s->path, end);
    fd = open(path, O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, with, strlen(with), at), strlen(with));
    close(fd);
}

static void test_a_map_is_believed_only_where_the_bytes_bear_it_out(void **state)
{
    struct setting *s = *state;

    s->n_offered = 1; /* two blocks at a time, so that whole ones are here at half */
    s->holders[0].piece_ms = 10;
    s->stop_at = SIZE * 3 / 4;
    assert_err(ERR_TIMEOUT, run(s));
    spoil(s, ".part", 100, "rubbish");
    s->stop_at = 0;
    assert_ok(run(s));
    expect_file(s);
}

static void test_a_part_of_another_file_or_a_broken_map_is_begun_anew(void **state)
{
    struct setting *s = *state;

    s->n_offered = 1; /* two blocks at a time, so that whole ones are here at half */
    s->holders[0].piece_ms = 10;
    s->stop_at = SIZE / 2;
    assert_err(ERR_TIMEOUT, run(s));
    spoil(s, ".part.map", 20, "0123456789abcdef"); /* another hash */
    s->stop_at = 0;
    assert_ok(run(s));
    assert_int_equal(s->report.resumed, 0);
    expect_file(s);
}

static void test_two_do_not_fetch_to_the_same_file(void **state)
{
    struct setting *s = *state;
    struct obtain_report report;
    struct obtain_order order = {s->sha256, s->path, 0};
    struct obtain_world world = {.ask = ask, .tell = tell, .move = move, .stopping = stopping, .ctx = s};
    char map[256];
    int fd;

    snprintf(map, sizeof map, "%s.part.map", s->path);
    fd = open(map, O_RDWR | O_CREAT, 0600);
    assert_true(fd >= 0);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    assert_err(ERR_CONFLICT, obtain_run(&order, &world, &report));
    close(fd);
    assert_ok(obtain_run(&order, &world, &report));
    expect_file(s);
}

static void test_a_wrong_list_of_blocks_is_found_out_and_the_file_comes_all_the_same(void **state)
{
    struct setting *s = *state;

    s->listed = s->holders[0].bytes = other_bytes;
    assert_ok(run(s));
    expect_file(s);
    assert_true(s->report.list_was_wrong);
    assert_non_null(strstr(s->told, "peer-0 gave wrong bytes"));
    assert_int_equal(s->report.sources[0].fate, PLAN_LIED);
    assert_int_equal(s->lists_asked, 2); /* the liar's, which was tried already, and one that is true */
}

static void test_what_fits_the_true_list_is_not_fetched_again(void **state)
{
    struct setting *s = *state;

    s->listed = s->holders[0].bytes = mixed_bytes; /* one block of it is a lie */
    assert_ok(run(s));
    expect_file(s);
    assert_true(s->report.list_was_wrong);
    assert_non_null(strstr(s->told, "peer-0 gave wrong bytes"));
    size_t last = 0;
    for (size_t i = 0; i < HOLDERS; i++)
        last += s->report.sources[i].blocks;
    assert_int_equal(last, 1); /* by the true list */
    assert_in_range(given(s), SIZE, 2 * SIZE - 1);
}

static void test_right_blocks_of_a_wrong_whole_are_not_believed(void **state)
{
    struct setting *s = *state;

    s->listed = other_bytes;
    for (size_t i = 0; i < HOLDERS - 1; i++)
        s->holders[i].bytes = other_bytes;
    s->n_offered = HOLDERS - 1;
    assert_err(ERR_CORRUPT, run(s));               /* nobody has the true one */
    assert_in_range(given(s), SIZE, 2 * SIZE - 1); /* and all say the same: it came once, but for help at the end */
    assert_false(is_there(s, ""));
    s->n_offered = HOLDERS;
    assert_ok(run(s));
    expect_file(s);
}

/* ---- through the front */

static void test_holders_that_cannot_be_reached_are_asked_through_the_front(void **state)
{
    struct setting *s = *state;

    dead_url(s->dead);
    s->all_dead = 1;
    s->front = &s->holders[3];
    s->holders[3].wants = 7; /* the front's own token, not the holder's capability */
    assert_ok(run(s));
    expect_file(s);
    assert_non_null(strstr(s->told, "it comes through http://"));
    assert_true(s->report.sources[0].by_front);
    assert_int_equal(given(s), s->holders[3].given);
    assert_in_range(given(s), SIZE, 2 * SIZE - 1);
    assert_true(s->report.ms < OBTAIN_FRONT_MS); /* who refuses is known at once */
}

static void test_holders_that_stay_silent_are_asked_through_the_front(void **state)
{
    struct setting *s = *state;

    s->n_offered = 2;
    s->holders[0].silent = s->holders[1].silent = 1;
    s->front = &s->holders[3];
    assert_ok(run(s));
    expect_file(s);
    assert_in_range(s->report.ms, OBTAIN_FRONT_MS, OBTAIN_FRONT_MS + 3000);
    assert_int_equal(given(s), s->holders[3].given);
}

static void test_the_front_is_left_alone_while_a_holder_can_be_reached(void **state)
{
    struct setting *s = *state;

    dead_url(s->dead);
    s->n_offered = 1;
    s->holders[0].piece_ms = 20; /* so that the dead one is given up on the way */
    s->front = &s->holders[3];
    assert_ok(run(s));
    expect_file(s);
    assert_int_equal(s->report.sources[1].fate, PLAN_AWAY);
    assert_int_equal(s->holders[3].asked, 0);
    assert_null(strstr(s->told, "through"));
}

static void test_wrong_bytes_are_found_out_through_the_front_as_well(void **state)
{
    struct setting *s = *state;

    dead_url(s->dead);
    s->all_dead = 1;
    s->front = &s->holders[3];
    s->holders[3].bytes = other_bytes;
    assert_err(ERR_CORRUPT, run(s));
    assert_non_null(strstr(s->told, "peer-0, through the front, gave wrong bytes"));
    assert_false(is_there(s, ""));
}

static void test_a_front_that_reaches_nobody_either_ends_it(void **state)
{
    struct setting *s = *state;

    dead_url(s->dead);
    s->all_dead = 1;
    s->front = &s->holders[3];
    s->holders[3].status = 503;
    assert_err(ERR_UNAVAILABLE, run(s));
}

struct later {
    struct setting *setting;
    uint64_t after_ms;
};

static void *change_key(void *ctx)
{
    struct later *l = ctx;

    clock_sleep_ms(l->after_ms);
    l->setting->capability = 2;
    for (size_t i = 0; i < HOLDERS; i++)
        l->setting->holders[i].wants = 2;
    return NULL;
}

static void test_a_capability_that_runs_out_on_the_way_blames_nobody(void **state)
{
    struct setting *s = *state;
    struct later l = {s, 2300};
    pthread_t thread;

    s->n_offered = 2;
    s->capability = 1;
    for (size_t i = 0; i < 2; i++) {
        s->holders[i].wants = 1;
        s->holders[i].piece_ms = 90; /* 10 blocks of 16 pieces, four at a time: 3.6 s */
    }
    assert_int_equal(pthread_create(&thread, NULL, change_key, &l), 0);
    assert_ok(run(s));
    pthread_join(thread, NULL);
    expect_file(s);
    assert_true(s->asks >= 2);
    assert_string_equal(s->told, "");
}

static void test_nobody_has_it(void **state)
{
    struct setting *s = *state;

    s->n_offered = 0;
    assert_err(ERR_NOT_FOUND, run(s));
    assert_false(is_there(s, ".part"));
}

static void test_when_all_are_gone_it_gives_up_and_keeps_what_came(void **state)
{
    struct setting *s = *state;

    for (size_t i = 0; i < HOLDERS; i++)
        s->holders[i].break_at = SIZE - 5;
    assert_err(ERR_UNAVAILABLE, run(s));
    assert_true(is_there(s, ".part"));
    assert_true(s->asks > 2);
    for (size_t i = 0; i < HOLDERS; i++)
        s->holders[i].break_at = 0;
    assert_ok(run(s));
    assert_int_equal(s->report.resumed, (BLOCKS - 1) << 20);
    expect_file(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_file_comes_from_all_holders, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_liar_is_named_and_the_result_is_right, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_holders_that_are_gone_or_have_another_file_do_not_matter, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_here_is_not_fetched_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_map_is_believed_only_where_the_bytes_bear_it_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_part_of_another_file_or_a_broken_map_is_begun_anew, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_two_do_not_fetch_to_the_same_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_wrong_list_of_blocks_is_found_out_and_the_file_comes_all_the_same, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_fits_the_true_list_is_not_fetched_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_right_blocks_of_a_wrong_whole_are_not_believed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_holders_that_cannot_be_reached_are_asked_through_the_front, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_holders_that_stay_silent_are_asked_through_the_front, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_front_is_left_alone_while_a_holder_can_be_reached, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_wrong_bytes_are_found_out_through_the_front_as_well, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_front_that_reaches_nobody_either_ends_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_capability_that_runs_out_on_the_way_blames_nobody, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nobody_has_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_when_all_are_gone_it_gives_up_and_keeps_what_came, set_up, tear_down),
    };

    if (peer_global_init())
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
