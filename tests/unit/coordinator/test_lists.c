/* What the leader knows of the lists of peers' files, with a clock that the test moves. */
#include "coordinator/lists.h"

#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#define A "00000000000000000000000000000001"
#define B "00000000000000000000000000000002"
#define EMPTY "00000000000000000000000000000000"
#define START_MS 500000u

static struct lists_reading one(const char *id, const char *digest, int lives)
{
    struct lists_reading r = {.lives = lives};
    snprintf(r.id, sizeof r.id, "%s", id);
    snprintf(r.digest, sizeof r.digest, "%s", digest);
    return r;
}

/* A reading of one list. */
static void read_one(struct lists *l, uint64_t now_ms, int lives, int is_deaf)
{
    struct lists_reading r = one("a.1", A, lives);
    assert_ok(lists_read(l, &r, 1, now_ms, is_deaf));
}

static void nothing_is_said_before_a_reading(void **state)
{
    (void)state;
    struct lists l;
    lists_init(&l);
    assert_null(lists_digest(&l, "a.1"));
    lists_set(&l, "a.1", A); /* not even of one whose delta was applied: the index may have others, and this is one of them */
    assert_null(lists_digest(&l, "a.1"));
    read_one(&l, START_MS, 1, 0);
    assert_string_equal(lists_digest(&l, "a.1"), A);
    lists_release(&l);
    assert_null(lists_digest(&l, "a.1"));
    lists_release(&l);
}

static void a_reading_replaces_all(void **state)
{
    (void)state;
    struct lists l;
    struct lists_reading first[] = {one("c.1", B, 1), one("a.1", A, 1), one("b.1", EMPTY, 1)}, second[] = {one("b.1", A, 0)};
    lists_init(&l);
    assert_ok(lists_read(&l, first, 3, START_MS, 0));
    assert_string_equal(lists_digest(&l, "a.1"), A);
    assert_string_equal(lists_digest(&l, "b.1"), EMPTY); /* an empty list is a list */
    assert_string_equal(lists_digest(&l, "c.1"), B);
    assert_string_equal(lists_digest(&l, "bb.1"), ""); /* none */
    assert_ok(lists_read(&l, second, 1, START_MS + 1000, 0));
    assert_string_equal(lists_digest(&l, "a.1"), "");
    assert_string_equal(lists_digest(&l, "b.1"), A);
    assert_ok(lists_read(&l, second, 0, START_MS + 2000, 0)); /* somebody emptied Redis */
    assert_string_equal(lists_digest(&l, "b.1"), "");
    lists_release(&l);
}

static void a_delta_is_known_at_once(void **state)
{
    (void)state;
    struct lists l;
    char id[RING_ID_MAX];
    lists_init(&l);
    assert_ok(lists_read(&l, NULL, 0, START_MS, 0));
    for (int i = 0; i < 100; i++) {
        snprintf(id, sizeof id, "peer-%d.1", i * 37 % 100);
        lists_set(&l, id, A);
    }
    lists_set(&l, "peer-5.1", B);
    for (int i = 0; i < 100; i++) {
        snprintf(id, sizeof id, "peer-%d.1", i);
        assert_string_equal(lists_digest(&l, id), i == 5 ? B : A);
    }
    lists_remove(&l, "peer-5.1");
    lists_remove(&l, "peer-5.1");
    assert_string_equal(lists_digest(&l, "peer-5.1"), "");
    assert_string_equal(lists_digest(&l, "peer-6.1"), A);
    assert_int_equal(l.n, 99);
    lists_release(&l);
}

/* A time-out: it may have happened or not. Whatever we said might be wrong, and cost the peer its whole list. */
static void of_a_delta_without_an_answer_nothing_is_said(void **state)
{
    (void)state;
    struct lists l;
    struct lists_reading two[] = {one("a.1", A, 1), one("b.1", A, 1)};
    lists_init(&l);
    assert_ok(lists_read(&l, two, 2, START_MS, 0));
    lists_set(&l, "a.1", NULL);
    lists_set(&l, "z.1", NULL);
    assert_null(lists_digest(&l, "a.1"));
    assert_null(lists_digest(&l, "z.1"));
    assert_string_equal(lists_digest(&l, "b.1"), A);
    lists_set(&l, "a.1", B);
    assert_string_equal(lists_digest(&l, "a.1"), B);
    lists_set(&l, "a.1", NULL);
    assert_ok(lists_read(&l, two, 2, START_MS + 1000, 0));
    assert_string_equal(lists_digest(&l, "a.1"), A);
    assert_string_equal(lists_digest(&l, "z.1"), "");
    lists_release(&l);
}

static void while_redis_is_away_nothing_is_said(void **state)
{
    (void)state;
    struct lists l;
    lists_init(&l);
    read_one(&l, START_MS, 1, 0);
    lists_away(&l);
    assert_null(lists_digest(&l, "a.1"));
    assert_null(lists_digest(&l, "b.1"));
    read_one(&l, START_MS + 1000, 1, 0);
    assert_string_equal(lists_digest(&l, "a.1"), A);
    lists_release(&l);
}

static void a_silent_peers_list_is_forgotten_in_time(void **state)
{
    (void)state;
    struct lists l;
    uint64_t t = START_MS;
    lists_init(&l);
    read_one(&l, t, 0, 0); /* silent for how long already: not known */
    while (t < START_MS + LISTS_FORGET_MS - 1000) {
        assert_null(lists_silent(&l));
        read_one(&l, t += 1000, 0, 0);
    }
    assert_null(lists_silent(&l));
    read_one(&l, t += 1000, 0, 0);
    assert_string_equal(lists_silent(&l)->id, "a.1");
    lists_remove(&l, "a.1");
    assert_null(lists_silent(&l));
    lists_release(&l);
}

static void one_word_ends_the_silence(void **state)
{
    (void)state;
    struct lists l;
    uint64_t t = START_MS;
    lists_init(&l);
    for (int rounds = 0; rounds < 3; rounds++) {
        read_one(&l, t += 1000, 1, 0);
        while (l.at[0].silent_ms < LISTS_FORGET_MS - 1000)
            read_one(&l, t += 1000, 0, 0);
        if (rounds == 1)
            lists_set(&l, "a.1", A); /* a delta is a word too */
        else
            read_one(&l, t += 1000, 1, 0);
        read_one(&l, t += 1000, 0, 0);
        assert_null(lists_silent(&l));
    }
    lists_release(&l);
}

/* Hours without Redis, hours in which we were stopped, and a start: in none of them was anybody silent. */
static void silence_counts_only_when_somebody_listened(void **state)
{
    (void)state;
    struct lists l;
    uint64_t t = START_MS;
    lists_init(&l);
    read_one(&l, t, 0, 0);
    for (int i = 0; i < 1000; i++) {
        lists_away(&l);
        read_one(&l, t += 2000, 0, 0); /* there and away again */
        assert_int_equal(l.at[0].silent_ms, 0);
    }
    for (int i = 0; i < 1000; i++) {
        read_one(&l, t += 1000, 0, 1); /* deaf */
        assert_int_equal(l.at[0].silent_ms, 0);
    }
    read_one(&l, t += LISTS_GAP_MS + 1, 0, 0);
    assert_int_equal(l.at[0].silent_ms, 0);
    read_one(&l, t += LISTS_GAP_MS, 0, 0);
    assert_int_equal(l.at[0].silent_ms, LISTS_GAP_MS);
    lists_away(&l);
    read_one(&l, t += 3600000, 0, 0);
    assert_int_equal(l.at[0].silent_ms, LISTS_GAP_MS); /* what was counted stays */
    lists_release(&l);                                 /* another term */
    read_one(&l, t += 1000, 0, 0);
    assert_int_equal(l.at[0].silent_ms, 0);
    lists_release(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_said_before_a_reading),
        cmocka_unit_test(a_reading_replaces_all),
        cmocka_unit_test(a_delta_is_known_at_once),
        cmocka_unit_test(of_a_delta_without_an_answer_nothing_is_said),
        cmocka_unit_test(while_redis_is_away_nothing_is_said),
        cmocka_unit_test(a_silent_peers_list_is_forgotten_in_time),
        cmocka_unit_test(one_word_ends_the_silence),
        cmocka_unit_test(silence_counts_only_when_somebody_listened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
