/* The mark against a real Redis: the index is believed only while it was built for this very process, and only the newest rebuild may go on. */
#include "lib/store/mark.h"

#include "lib/store/call.h"
#include "tests/unit/lib/store/records.h"
#include "tests/unit/lib/store/world.h"

#define COURSES 2500u /* more than one step of clearing looks at */

static int set_up(void **state)
{
    return world_init(state, LOG_ERROR + 1);
}

/* A command without an interesting answer; its number. */
static long long tell(struct world *w, const char *command, const char *a, const char *b)
{
    struct call c;
    redisReply *r;
    call_init(&c, command);
    if (a)
        call_str(&c, a);
    if (b)
        call_str(&c, b);
    assert_int_equal(call_send(w->store, &c, REDIS_REPLY_STATUS, REDIS_REPLY_INTEGER, &r), ERR_OK);
    long long n = r->integer;
    freeReplyObject(r);
    return n;
}

static void restart_redis(struct world *w)
{
    redis_server_kill(&w->redis);
    assert_true(redis_server_start(&w->redis));
    for (int i = 0; i < 100 && store_ping(w->store) != ERR_OK; i++)
        clock_sleep_ms(20);
}

static void add(struct world *w, const char *course, uint64_t clock)
{
    struct record r = make_version(course, clock, clock, "Title", "Somebody", "2026 Fall");
    assert_int_equal(index_add(w->store, &r, 1, NULL), ERR_OK);
    record_release(&r);
}

/* What every reading call answers. */
static void check_reads(struct world *w, const char *key, enum err expected)
{
    struct record current;
    struct history h = {0};
    struct index_page page;
    uint64_t n;
    enum err e = index_current(w->store, key, &current, &n);
    assert_int_equal(e, expected);
    if (e == ERR_OK)
        record_release(&current);
    assert_int_equal(index_history(w->store, key, &h), expected);
    history_release(&h);
    e = index_version(w->store, key, (struct stamp){5, 7}, &n);
    assert_int_equal(e, expected);
    e = index_list(w->store, NULL, NULL, INDEX_BY_NAME, NULL, 10, &page);
    assert_int_equal(e, expected == ERR_STALE_INDEX ? ERR_STALE_INDEX : ERR_OK);
    if (e == ERR_OK)
        index_page_release(&page);
    assert_int_equal(index_count(w->store, &n), expected == ERR_STALE_INDEX ? ERR_STALE_INDEX : ERR_OK);
}

static int is_ready(struct world *w)
{
    struct mark m;
    assert_int_equal(mark_read(w->store, &m), ERR_OK);
    return mark_is_ready(w->store, &m);
}

static void test_an_empty_redis_is_not_believed(void **state)
{
    struct world *w = *state;
    struct mark m;
    tell(w, "FLUSHALL", NULL, NULL);
    assert_int_equal(mark_read(w->store, &m), ERR_OK);
    assert_string_equal(m.incarnation, "");
    assert_false(mark_is_ready(w->store, &m));
    assert_false(mark_is_settled(w->store, &m, 0));
    check_reads(w, "csen317", ERR_STALE_INDEX);
}

static void test_a_rebuild_makes_misses_count(void **state)
{
    struct world *w = *state;
    struct mark_hold hold;
    struct mark m;
    tell(w, "FLUSHALL", NULL, NULL);
    assert_int_equal(mark_begin(w->store, &hold), ERR_OK);
    assert_int_equal(index_clear(w->store, &hold), ERR_OK);
    add(w, "CSEN-317", 5); /* an upload meanwhile: adding never looks at the mark */
    check_reads(w, "csen317", ERR_STALE_INDEX);
    assert_int_equal(mark_progress(w->store, &hold, 7), ERR_OK);
    assert_int_equal(mark_read(w->store, &m), ERR_OK);
    assert_int_equal(m.courses, 7);
    assert_string_equal(m.run_id, "");
    assert_string_equal(m.process, store_run_id(w->store));
    assert_int_equal(mark_finish(w->store, &hold, 9), ERR_OK);
    assert_true(is_ready(w));
    check_reads(w, "csen317", ERR_OK);
    check_reads(w, "nothing", ERR_NOT_FOUND);
}

static void test_silence_counts_after_one_ttl_of_the_same_process_only(void **state)
{
    struct world *w = *state;
    struct mark m;
    tell(w, "FLUSHALL", NULL, NULL);
    begin_index(w->store);
    assert_int_equal(mark_read(w->store, &m), ERR_OK);
    assert_false(mark_is_settled(w->store, &m, 200));
    clock_sleep_ms(220);
    assert_int_equal(mark_read(w->store, &m), ERR_OK);
    assert_true(mark_is_settled(w->store, &m, 200));
    m.process[0] ^= 1;
    assert_false(mark_is_settled(w->store, &m, 0));
}

static void test_data_of_another_process_are_not_believed(void **state)
{
    struct world *w = *state;
    begin_index(w->store);
    add(w, "CSEN-317", 5);
    assert_true(is_ready(w));
    /* The same data in another process: what a restart from a snapshot brings. */
    tell(w, "SAVE", NULL, NULL);
    restart_redis(w);
    assert_int_equal(tell(w, "EXISTS", "rb:c:csen317", NULL), 1);
    assert_false(is_ready(w));
    check_reads(w, "csen317", ERR_STALE_INDEX);
    add(w, "CSEN-318", 6);
    check_reads(w, "csen318", ERR_STALE_INDEX);
    begin_index(w->store);
    check_reads(w, "csen317", ERR_NOT_FOUND);
}

static void check_refused(struct world *w, const struct mark_hold *hold)
{
    struct record r = make_version("Late 1", 3, 3, "", "", "");
    struct index_set set = {&r, 1};
    uint64_t added = 0;
    assert_int_equal(mark_progress(w->store, hold, 1), ERR_STALE_INDEX);
    assert_int_equal(index_clear(w->store, hold), ERR_STALE_INDEX);
    assert_int_equal(index_fill(w->store, hold, &set, 1, &added), ERR_STALE_INDEX);
    assert_int_equal(index_forget(w->store, hold, "csen317", (struct stamp){5, 7}), ERR_STALE_INDEX);
    assert_int_equal(mark_finish(w->store, hold, 1), ERR_STALE_INDEX);
    assert_int_equal(added, 0);
    assert_int_equal(tell(w, "EXISTS", "rb:c:late1", NULL), 0);
    record_release(&r);
}

static void test_a_rebuild_that_was_overtaken_can_do_nothing(void **state)
{
    struct world *w = *state;
    struct mark_hold first, second, sweep;
    assert_int_equal(mark_begin(w->store, &first), ERR_OK);
    assert_int_equal(mark_join(w->store, &sweep), ERR_STALE_INDEX); /* nothing to sweep yet */
    assert_int_equal(mark_begin(w->store, &second), ERR_OK);
    check_refused(w, &first);
    assert_int_equal(mark_finish(w->store, &second, 0), ERR_OK);
    assert_int_equal(mark_join(w->store, &sweep), ERR_OK);
    check_refused(w, &second);
    assert_true(is_ready(w));
}

static void test_a_rebuild_does_not_survive_flushall(void **state)
{
    struct world *w = *state;
    struct mark_hold hold;
    assert_int_equal(mark_begin(w->store, &hold), ERR_OK);
    tell(w, "FLUSHALL", NULL, NULL);
    check_refused(w, &hold);
    assert_false(is_ready(w));
}

static void test_a_rebuild_does_not_go_on_in_another_process(void **state)
{
    struct world *w = *state;
    struct mark_hold hold;
    assert_int_equal(mark_begin(w->store, &hold), ERR_OK);
    tell(w, "SAVE", NULL, NULL);
    restart_redis(w);
    assert_int_equal(tell(w, "EXISTS", "rb:mark", NULL), 1);
    check_refused(w, &hold);
    assert_false(is_ready(w));
}

/* Fills many courses in one go; `first` is the clock of the first one. */
static uint64_t fill(struct world *w, const struct mark_hold *hold, unsigned n, uint64_t first)
{
    struct record *records = calloc(n, sizeof *records);
    struct index_set *sets = calloc(n, sizeof *sets);
    uint64_t added = 0;
    char name[32];
    for (unsigned i = 0; i < n; i++) {
        snprintf(name, sizeof name, "Course %05u", i);
        records[i] = make_version(name, first + i, first + i, "Title", "Somebody", "2026 Fall");
        sets[i] = (struct index_set){&records[i], 1};
    }
    assert_int_equal(index_fill(w->store, hold, sets, n, &added), ERR_OK);
    for (unsigned i = 0; i < n; i++)
        record_release(&records[i]);
    free(records);
    free(sets);
    return added;
}

static void test_clearing_takes_every_course_and_leaves_the_rest(void **state)
{
    struct world *w = *state;
    struct mark_hold hold;
    uint64_t n;
    tell(w, "FLUSHALL", NULL, NULL);
    tell(w, "SET", "rb:else", "kept");
    hold = begin_index(w->store);
    assert_int_equal(fill(w, &hold, COURSES, 100), COURSES);
    assert_int_equal(fill(w, &hold, COURSES, 100), 0); /* again: nothing is new */
    assert_int_equal(index_count(w->store, &n), ERR_OK);
    assert_int_equal(n, COURSES);
    begin_index(w->store);
    assert_int_equal(tell(w, "DBSIZE", NULL, NULL), 2); /* the mark and what is no course's */
    assert_int_equal(tell(w, "EXISTS", "rb:else", NULL), 1);
}

static void test_courses_added_while_it_is_cleared_are_whole(void **state)
{
    struct world *w = *state;
    struct mark_hold hold;
    uint64_t n;
    tell(w, "FLUSHALL", NULL, NULL);
    hold = begin_index(w->store);
    fill(w, &hold, 300, 100);
    assert_int_equal(mark_begin(w->store, &hold), ERR_OK);
    add(w, "Course 00007", 9000); /* onto what is to be cleared */
    add(w, "New 1", 9001);
    assert_int_equal(index_clear(w->store, &hold), ERR_OK);
    fill(w, &hold, 300, 100);
    add(w, "Course 00007", 9000);
    add(w, "New 1", 9001);
    assert_int_equal(mark_finish(w->store, &hold, 301), ERR_OK);
    assert_int_equal(index_count(w->store, &n), ERR_OK);
    assert_int_equal(n, 301);
    struct record current;
    assert_int_equal(index_current(w->store, "course00007", &current, &n), ERR_OK);
    assert_int_equal(n, 2);
    assert_int_equal(current.id.clock, 9000);
    record_release(&current);
}

static void test_a_purged_course_leaves_nothing(void **state)
{
    struct world *w = *state;
    struct mark_hold hold;
    tell(w, "FLUSHALL", NULL, NULL);
    hold = begin_index(w->store);
    add(w, "CSEN-317", 5);
    assert_int_equal(index_forget(w->store, &hold, "csen317", (struct stamp){6, 7}), ERR_NOT_FOUND);
    struct record tombstone = make_tombstone("CSEN-317", 6, 6, STAMP_ZERO);
    assert_int_equal(index_add(w->store, &tombstone, 1, NULL), ERR_OK);
    assert_int_equal(index_forget(w->store, &hold, "csen317", (struct stamp){5, 7}), ERR_NOT_FOUND);
    assert_int_equal(index_forget(w->store, &hold, "csen317", tombstone.id), ERR_OK);
    assert_int_equal(index_forget(w->store, &hold, "csen317", tombstone.id), ERR_NOT_FOUND);
    check_reads(w, "csen317", ERR_NOT_FOUND);
    assert_int_equal(tell(w, "DBSIZE", NULL, NULL), 1);
    record_release(&tombstone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_empty_redis_is_not_believed),
        cmocka_unit_test(test_a_rebuild_makes_misses_count),
        cmocka_unit_test(test_silence_counts_after_one_ttl_of_the_same_process_only),
        cmocka_unit_test(test_data_of_another_process_are_not_believed),
        cmocka_unit_test(test_a_rebuild_that_was_overtaken_can_do_nothing),
        cmocka_unit_test(test_a_rebuild_does_not_survive_flushall),
        cmocka_unit_test(test_a_rebuild_does_not_go_on_in_another_process),
        cmocka_unit_test(test_clearing_takes_every_course_and_leaves_the_rest),
        cmocka_unit_test(test_courses_added_while_it_is_cleared_are_whole),
        cmocka_unit_test(test_a_purged_course_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, set_up, world_release);
}
