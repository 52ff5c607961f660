/* Parts of files from several holders at once. */
#include "tests/unit/lib/peer/fixture.h"
#include "tests/unit/lib/peer/holder.h"

#include "lib/peer/blocks.h"

#define SIZE 3000000u
#define STALL_MS 2500u

static uint8_t file_bytes[SIZE];

struct setting {
    struct holder holder;
    struct blocks *blocks;
    char url[128];
    uint8_t to[SIZE];
};

static int set_up(void **state)
{
    struct setting *s = calloc(1, sizeof *s);

    assert_non_null(s);
    for (size_t i = 0; i < SIZE; i++)
        file_bytes[i] = (uint8_t)(i * 7 + (i >> 8) * 13);
    holder_start(&s->holder, file_bytes, SIZE);
    assert_ok(blocks_new(STALL_MS, &s->blocks));
    snprintf(s->url, sizeof s->url, "%s/files/a%%20b", s->holder.url);
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    struct setting *s = *state;

    blocks_free(s->blocks);
    holder_stop(&s->holder);
    free(s);
    return 0;
}

static struct block_fetch part_of(struct setting *s, uint64_t offset, size_t len)
{
    return (struct block_fetch){.url = s->url, .file_size = SIZE, .offset = offset, .len = len, .to = s->to + offset};
}

static struct block_fetch *wait_for_end(struct blocks *b)
{
    for (int i = 0; i < 200; i++) {
        struct block_fetch *f = blocks_wait(b, 50);
        if (f)
            return f;
    }
    fail_msg("nothing ended");
    return NULL;
}

static enum err fetch_one(struct setting *s, struct block_fetch *f)
{
    assert_ok(blocks_start(s->blocks, f));
    assert_ptr_equal(wait_for_end(s->blocks), f);
    assert_null(blocks_wait(s->blocks, 0));
    return f->error;
}

static void test_parts_come_at_once_and_each_in_its_place(void **state)
{
    struct setting *s = *state;
    struct block_fetch parts[6];
    unsigned char ended[6] = {0};

    s->holder.piece_ms = 20;
    for (size_t i = 0; i < 6; i++) {
        parts[i] = part_of(s, i * 500000u, 500000u);
        parts[i].ctx = &ended[i];
        assert_ok(blocks_start(s->blocks, &parts[i]));
    }
    for (size_t i = 0; i < 6; i++) {
        struct block_fetch *f = wait_for_end(s->blocks);
        assert_ok(f->error);
        assert_int_equal(f->status, 206);
        assert_int_equal(f->got, 500000u);
        assert_int_equal((*(unsigned char *)f->ctx)++, 0);
    }
    assert_memory_equal(s->to, file_bytes, SIZE);
    assert_int_equal(blocks_received(s->blocks), SIZE);
    assert_true(s->holder.most_under_way > 1);
}

static void test_many_parts_come_one_after_the_other(void **state)
{
    struct setting *s = *state;

    for (size_t i = 0; i < 300; i++) {
        struct block_fetch f = part_of(s, i * 10000u, 10000u);
        assert_ok(fetch_one(s, &f));
    }
    assert_memory_equal(s->to, file_bytes, SIZE);
    assert_int_equal(s->holder.asked, 300);
}

static void test_a_part_of_another_file_is_a_conflict(void **state)
{
    struct setting *s = *state;
    struct block_fetch f = part_of(s, 1000, 1000);

    f.file_size = SIZE - 1; /* it has grown since */
    assert_err(ERR_CONFLICT, fetch_one(s, &f));
    assert_int_equal(f.got, 0);
    f.file_size = SIZE + 5000; /* it has shrunk */
    f.offset = SIZE;
    f.to = s->to;
    assert_err(ERR_CONFLICT, fetch_one(s, &f));
    assert_int_equal(f.status, 416);
}

static void test_an_etag_tells_a_changed_file(void **state)
{
    struct setting *s = *state;
    struct block_fetch f = part_of(s, 1000, 1000);

    strcpy(s->holder.etag, "\"one\"");
    f.etag = "\"one\"";
    assert_ok(fetch_one(s, &f));
    assert_memory_equal(s->to + 1000, file_bytes + 1000, 1000);
    strcpy(s->holder.etag, "\"two\"");
    assert_err(ERR_CONFLICT, fetch_one(s, &f));
    assert_int_equal(f.status, 200);
    assert_int_equal(f.got, 0);
}

static void test_a_holder_that_ignores_ranges_writes_nothing(void **state)
{
    struct setting *s = *state;
    struct block_fetch f = part_of(s, 0, SIZE);

    s->holder.ignores = 1;
    assert_err(ERR_CONFLICT, fetch_one(s, &f));
    assert_int_equal(f.got, 0);
    assert_int_equal(s->to[1], 0);
}

static void test_refusals_are_told_apart(void **state)
{
    static const struct {
        int status;
        enum err error;
    } rows[] = {{404, ERR_NOT_FOUND}, {410, ERR_NOT_FOUND}, {401, ERR_AUTH}, {403, ERR_DENIED}, {416, ERR_CONFLICT}, {503, ERR_UNAVAILABLE},
        {500, ERR_UNAVAILABLE}, {302, ERR_UNAVAILABLE}};
    struct setting *s = *state;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct block_fetch f = part_of(s, 0, 1000);
        s->holder.status = rows[i].status;
        assert_err(rows[i].error, fetch_one(s, &f));
        assert_int_equal(f.status, rows[i].status);
        assert_int_equal(f.got, 0);
    }
}

static void test_a_capability_is_shown(void **state)
{
    struct setting *s = *state;
    struct block_fetch f = part_of(s, 0, 1000);

    s->holder.wants = 7;
    assert_err(ERR_AUTH, fetch_one(s, &f));
    f.authorization = "pass-7";
    assert_ok(fetch_one(s, &f));
}

static void test_a_part_that_breaks_off_is_no_part(void **state)
{
    struct setting *s = *state;
    struct block_fetch f = part_of(s, 0, 500000);

    s->holder.break_at = 200000;
    assert_err(ERR_UNAVAILABLE, fetch_one(s, &f));
    assert_true(f.got < 500000);
    s->holder.break_at = 0;
    assert_ok(fetch_one(s, &f));
    assert_int_equal(f.got, 500000);
}

static void test_nobody_there_is_unavailable(void **state)
{
    struct setting *s = *state;
    struct block_fetch f = part_of(s, 0, 1000);
    char url[64];

    dead_url(url);
    f.url = url;
    assert_err(ERR_UNAVAILABLE, fetch_one(s, &f));
    assert_int_equal(f.status, 0);
}

static void test_silence_is_a_timeout_and_others_go_on(void **state)
{
    struct setting *s = *state;
    struct block_fetch silent = part_of(s, 0, 1000), f = part_of(s, 5000, 1000);
    struct holder other;
    char url[128];
    uint64_t begun_ms = clock_boot_ms();

    holder_start(&other, file_bytes, SIZE);
    snprintf(url, sizeof url, "%s/files/x", other.url);
    f.url = url;
    s->holder.silent = 1;
    assert_ok(blocks_start(s->blocks, &silent));
    assert_ok(blocks_start(s->blocks, &f));
    assert_ptr_equal(wait_for_end(s->blocks), &f);
    assert_ok(f.error);
    assert_ptr_equal(wait_for_end(s->blocks), &silent);
    assert_err(ERR_TIMEOUT, silent.error);
    assert_in_range(clock_boot_ms() - begun_ms, STALL_MS, STALL_MS + 5000);
    s->holder.silent = 0;
    holder_stop(&other);
}

static void test_what_is_stopped_is_not_named_and_writes_no_more(void **state)
{
    struct setting *s = *state;
    struct block_fetch a = part_of(s, 0, 1000000), b = part_of(s, 1000000, 1000000);
    size_t got;

    s->holder.piece_ms = 30;
    assert_ok(blocks_start(s->blocks, &a));
    assert_ok(blocks_start(s->blocks, &b));
    while (a.got == 0)
        assert_null(blocks_wait(s->blocks, 10));
    blocks_stop(s->blocks, &a);
    got = a.got;
    assert_ptr_equal(wait_for_end(s->blocks), &b);
    assert_ok(b.error);
    assert_int_equal(a.got, got);
    assert_int_equal(s->to[999999], 0);
    blocks_stop(s->blocks, &a);
    blocks_stop(s->blocks, &b);
}

static void wait_until_all_move(struct setting *s, const struct block_fetch *parts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        while (parts[i].got == 0)
            assert_null(blocks_wait(s->blocks, 5));
    }
}

static void test_a_limit_holds_for_all_together_and_nobody_starves(void **state)
{
    struct setting *s = *state;
    struct block_fetch parts[4];
    size_t before[4];
    uint64_t begun_ms, received, passed_ms;

    blocks_limit(s->blocks, 1000000);
    for (size_t i = 0; i < 4; i++) {
        parts[i] = part_of(s, i * 750000u, 750000u);
        assert_ok(blocks_start(s->blocks, &parts[i]));
    }
    wait_until_all_move(s, parts, 4);
    begun_ms = clock_boot_ms();
    received = blocks_received(s->blocks);
    for (size_t i = 0; i < 4; i++)
        before[i] = parts[i].got;
    while ((passed_ms = clock_boot_ms() - begun_ms) < 800)
        assert_null(blocks_wait(s->blocks, 20));
    /* A burst, and a piece of each that overdraws it, may come on top. */
    assert_true(blocks_received(s->blocks) - received <= passed_ms * 1000 + 100000 + 65536);
    for (size_t i = 0; i < 4; i++)
        assert_true(parts[i].got > before[i]);
    blocks_limit(s->blocks, 0);
    for (size_t i = 0; i < 4; i++)
        assert_ok(wait_for_end(s->blocks)->error);
    assert_memory_equal(s->to, file_bytes, SIZE);
}

static void test_bad_arguments_begin_nothing(void **state)
{
    struct setting *s = *state;
    struct block_fetch f = part_of(s, 0, 1000);
    char *long_line = malloc(BLOCKS_LINE_MAX + 1);

    assert_non_null(long_line);
    memset(long_line, 'x', BLOCKS_LINE_MAX);
    long_line[BLOCKS_LINE_MAX] = '\0';
    f.authorization = long_line;
    assert_err(ERR_INVALID, blocks_start(s->blocks, &f));
    f.authorization = "a\r\nb";
    assert_err(ERR_INVALID, blocks_start(s->blocks, &f));
    f.authorization = NULL;
    f.len = 0;
    assert_err(ERR_INVALID, blocks_start(s->blocks, &f));
    f.len = 1000;
    f.offset = SIZE - 999;
    assert_err(ERR_INVALID, blocks_start(s->blocks, &f));
    f.offset = UINT64_MAX;
    assert_err(ERR_INVALID, blocks_start(s->blocks, &f));
    assert_null(blocks_wait(s->blocks, 0));
    assert_int_equal(s->holder.asked, 0);
    free(long_line);
}

static void test_only_so_many_parts_are_under_way(void **state)
{
    static struct block_fetch parts[BLOCKS_AT_ONCE_MAX + 1];
    struct setting *s = *state;

    s->holder.silent = 1;
    for (size_t i = 0; i <= BLOCKS_AT_ONCE_MAX; i++) {
        parts[i] = part_of(s, i * 10, 10);
        assert_int_equal(blocks_start(s->blocks, &parts[i]), i < BLOCKS_AT_ONCE_MAX ? ERR_OK : ERR_FULL);
    }
    blocks_stop(s->blocks, &parts[3]);
    assert_ok(blocks_start(s->blocks, &parts[BLOCKS_AT_ONCE_MAX]));
    s->holder.silent = 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_parts_come_at_once_and_each_in_its_place, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_many_parts_come_one_after_the_other, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_part_of_another_file_is_a_conflict, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_an_etag_tells_a_changed_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_holder_that_ignores_ranges_writes_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refusals_are_told_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_capability_is_shown, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_part_that_breaks_off_is_no_part, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nobody_there_is_unavailable, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_silence_is_a_timeout_and_others_go_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_stopped_is_not_named_and_writes_no_more, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_limit_holds_for_all_together_and_nobody_starves, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bad_arguments_begin_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_only_so_many_parts_are_under_way, set_up, tear_down),
    };

    if (peer_global_init())
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
