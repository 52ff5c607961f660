#include "tests/unit/lib/peer/fixture.h"

#include "lib/peer/internal.h"

#define PIECE (256u << 10)

static struct fixture nodes[3];
static struct peer_stream_target targets[3];
static struct peer *client;
static char piece[PIECE];

static int setup(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        fixture_start(&nodes[i]);
        targets[i] = (struct peer_stream_target){.base_url = nodes[i].url, .path = "/stream/x", .to = FIXTURE_ID};
    }
    client = fixture_client();
    assert_non_null(client);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    peer_free(client);
    for (size_t i = 0; i < 3; i++)
        fixture_stop(&nodes[i]);
    return 0;
}

static struct peer_stream *open_stream(size_t n, uint64_t total, unsigned stall_ms)
{
    struct peer_stream *s = NULL;

    assert_int_equal(peer_stream_open(client, targets, n, total, 1, stall_ms, &s), ERR_OK);
    return s;
}

static void assert_taken(size_t i, uint64_t total)
{
    assert_int_equal(targets[i].error, ERR_OK);
    assert_int_equal(targets[i].status, 201);
    assert_int_equal(nodes[i].seen.handled, 1);
    assert_int_equal(nodes[i].seen.bytes, total);
}

static void three_receivers_take_all(void **state)
{
    uint64_t total = 20 * PIECE + 17;
    struct peer_stream *s = open_stream(3, total, 5000);

    (void)state;
    for (int i = 0; i < 20; i++)
        assert_int_equal(peer_stream_push(s, piece, PIECE, 3), ERR_OK);
    assert_int_equal(peer_stream_push(s, piece, 17, 3), ERR_OK);
    assert_int_equal(peer_stream_close(s), ERR_OK);
    for (size_t i = 0; i < 3; i++)
        assert_taken(i, total);
}

static void pieces_of_any_size_arrive(void **state)
{
    static const size_t sizes[] = {1, 0, 2, 65535, 65536, 65537, PIECE, 3};
    uint64_t total = 0;
    struct peer_stream *s;

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        total += sizes[i];
    s = open_stream(2, total, 5000);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        assert_int_equal(peer_stream_push(s, piece, sizes[i], 2), ERR_OK);
    assert_int_equal(peer_stream_close(s), ERR_OK);
    assert_taken(0, total);
    assert_taken(1, total);
}

static void an_empty_body_is_a_body(void **state)
{
    struct peer_stream *s = open_stream(1, 0, 5000);

    (void)state;
    assert_int_equal(peer_stream_close(s), ERR_OK);
    assert_taken(0, 0);
}

static void one_that_dies_in_the_middle_is_left_behind(void **state)
{
    struct peer_stream *s = open_stream(3, 20 * PIECE, 2000);

    (void)state;
    for (int i = 0; i < 10; i++)
        assert_int_equal(peer_stream_push(s, piece, PIECE, 3), ERR_OK);
    fixture_stop(&nodes[1]);
    for (int i = 10; i < 20; i++)
        assert_int_equal(peer_stream_push(s, piece, PIECE, 2), ERR_OK);
    assert_int_equal(peer_stream_close(s), ERR_OK);
    fixture_start(&nodes[1]);
    assert_taken(0, 20 * PIECE);
    assert_taken(2, 20 * PIECE);
    assert_int_equal(targets[1].error, ERR_UNAVAILABLE);
    assert_int_equal(targets[1].status, 0);
}

static void too_few_left_is_unavailable(void **state)
{
    char urls[2][64];
    struct peer_stream *s;

    (void)state;
    dead_url(urls[0]);
    dead_url(urls[1]);
    targets[0].base_url = urls[0];
    targets[1].base_url = urls[1];
    s = open_stream(3, 2 * PIECE, 2000);
    assert_int_equal(peer_stream_push(s, piece, PIECE, 2), ERR_UNAVAILABLE);
    peer_stream_abort(s);
    clock_sleep_ms(100);
    assert_int_equal(nodes[2].seen.handled, 0);
    assert_int_equal(nodes[2].seen.dropped, 1);
}

static void one_that_is_full_says_so_before_the_body(void **state)
{
    struct peer_stream *s;

    (void)state;
    nodes[1].seen.refuse = ERR_FULL;
    s = open_stream(3, 4 * PIECE, 3000);
    for (int i = 0; i < 4; i++)
        assert_int_equal(peer_stream_push(s, piece, PIECE, 2), ERR_OK);
    assert_int_equal(peer_stream_close(s), ERR_OK);
    assert_taken(0, 4 * PIECE);
    assert_taken(2, 4 * PIECE);
    assert_int_equal(targets[1].error, ERR_OK);
    assert_int_equal(targets[1].status, 507);
    assert_int_equal(nodes[1].seen.bytes, 0);
}

static void one_that_gets_full_in_the_middle_is_heard(void **state)
{
    struct peer_stream *s;
    int left = 0;

    (void)state;
    nodes[1].seen.fail_at = 3 * PIECE;
    s = open_stream(3, 40 * PIECE, 3000);
    for (int i = 0; i < 40; i++) {
        assert_int_equal(peer_stream_push(s, piece, PIECE, 2), ERR_OK);
        left += targets[1].status == 0;
    }
    assert_int_equal(peer_stream_close(s), ERR_OK);
    assert_taken(0, 40 * PIECE);
    assert_taken(2, 40 * PIECE);
    assert_int_equal(targets[1].error, ERR_OK);
    assert_int_equal(targets[1].status, 507);
    assert_true(left < 40);
}

static void one_that_stalls_is_left_behind(void **state)
{
    char url[64];
    int fd = deaf_url(url);
    uint64_t started_ms = clock_boot_ms();
    struct peer_stream *s;

    (void)state;
    targets[1].base_url = url;
    s = open_stream(3, 40 * PIECE, 1500);
    for (int i = 0; i < 40; i++)
        assert_int_equal(peer_stream_push(s, piece, PIECE, 2), ERR_OK);
    assert_int_equal(peer_stream_close(s), ERR_OK);
    assert_true(clock_boot_ms() - started_ms < 6000);
    assert_taken(0, 40 * PIECE);
    assert_taken(2, 40 * PIECE);
    assert_int_equal(targets[1].error, ERR_UNAVAILABLE);
    close(fd);
}

static void one_that_is_slow_but_moves_is_kept(void **state)
{
    struct peer_stream *s;

    (void)state;
    nodes[1].seen.piece_delay_ms = 5;
    s = open_stream(3, 8 * PIECE, 1000);
    for (int i = 0; i < 8; i++)
        assert_int_equal(peer_stream_push(s, piece, PIECE, 3), ERR_OK);
    assert_int_equal(peer_stream_close(s), ERR_OK);
    for (size_t i = 0; i < 3; i++)
        assert_taken(i, 8 * PIECE);
}

static void a_caller_that_pauses_loses_nobody(void **state)
{
    struct peer_stream *s = open_stream(2, 3 * PIECE, 300);

    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(peer_stream_push(s, piece, PIECE, 2), ERR_OK);
        clock_sleep_ms(700);
    }
    assert_int_equal(peer_stream_close(s), ERR_OK);
    assert_taken(0, 3 * PIECE);
    assert_taken(1, 3 * PIECE);
}

static void an_abort_hands_nothing_over(void **state)
{
    struct peer_stream *s = open_stream(3, 3 * PIECE, 3000);

    (void)state;
    assert_int_equal(peer_stream_push(s, piece, PIECE, 3), ERR_OK);
    peer_stream_abort(s);
    s = open_stream(3, 3 * PIECE, 3000);
    assert_int_equal(peer_stream_push(s, piece, PIECE, 3), ERR_OK);
    assert_int_equal(peer_stream_close(s), ERR_INVALID);
    for (size_t i = 0; i < 3; i++) {
        for (int j = 0; j < 100 && nodes[i].seen.dropped < 2; j++)
            clock_sleep_ms(10);
        assert_int_equal(nodes[i].seen.handled, 0);
        assert_int_equal(nodes[i].seen.dropped, 2);
    }
}

static void more_than_the_total_is_refused(void **state)
{
    struct peer_stream *s = open_stream(1, 10, 3000);

    (void)state;
    assert_int_equal(peer_stream_push(s, piece, 11, 1), ERR_INVALID);
    assert_int_equal(peer_stream_push(s, piece, 6, 1), ERR_OK);
    assert_int_equal(peer_stream_push(s, piece, 5, 1), ERR_INVALID);
    assert_int_equal(peer_stream_push(s, piece, 4, 1), ERR_OK);
    assert_int_equal(peer_stream_close(s), ERR_OK);
    assert_taken(0, 10);
}

static void a_round_may_run_while_a_stream_is_open(void **state)
{
    struct peer_stream *s = open_stream(2, 3 * PIECE, 3000);

    (void)state;
    for (int i = 0; i < 3; i++) {
        struct peer_call c = {.base_url = nodes[2].url, .to = FIXTURE_ID, .method = "GET", .path = "/echo", .answer_max = 100};
        assert_int_equal(peer_stream_push(s, piece, PIECE, 2), ERR_OK);
        assert_int_equal(peer_call(client, &c, 2000), ERR_OK);
        assert_int_equal(c.status, 200);
        peer_calls_release(&c, 1);
    }
    assert_int_equal(peer_stream_close(s), ERR_OK);
    assert_taken(0, 3 * PIECE);
    assert_taken(1, 3 * PIECE);
}

static void a_wrong_clock_is_corrected_before_the_body(void **state)
{
    struct peer_stream *s;

    (void)state;
    clocks_learn(client, nodes[1].url, -31000);
    clocks_learn(client, nodes[2].url, 31000);
    s = open_stream(3, 2 * PIECE, 3000);
    for (int i = 0; i < 2; i++)
        assert_int_equal(peer_stream_push(s, piece, PIECE, 3), ERR_OK);
    assert_int_equal(peer_stream_close(s), ERR_OK);
    for (size_t i = 0; i < 3; i++)
        assert_taken(i, 2 * PIECE);
    assert_true(llabs(peer_clock_offset_ms(client, nodes[1].url)) < 1000);
    assert_true(llabs(peer_clock_offset_ms(client, nodes[2].url)) < 1000);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(three_receivers_take_all),
        TEST(pieces_of_any_size_arrive),
        TEST(an_empty_body_is_a_body),
        TEST(one_that_dies_in_the_middle_is_left_behind),
        TEST(too_few_left_is_unavailable),
        TEST(one_that_is_full_says_so_before_the_body),
        TEST(one_that_gets_full_in_the_middle_is_heard),
        TEST(one_that_stalls_is_left_behind),
        TEST(one_that_is_slow_but_moves_is_kept),
        TEST(a_caller_that_pauses_loses_nobody),
        TEST(an_abort_hands_nothing_over),
        TEST(more_than_the_total_is_refused),
        TEST(a_round_may_run_while_a_stream_is_open),
        TEST(a_wrong_clock_is_corrected_before_the_body),
    };

    assert_int_equal(peer_global_init(), ERR_OK);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
