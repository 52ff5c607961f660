/* What the index has besides courses, against a real Redis: reserved keys, what belongs to whom, bytes, counts. */
#include "lib/store/sys.h"

#include "lib/base/clock.h"
#include "lib/store/events.h"
#include "tests/unit/lib/store/records.h"
#include "tests/unit/lib/store/world.h"
#include "tests/unit/unit.h"

#include <hiredis/hiredis.h>

#define DAY_MS UINT64_C(86400000)

static int set_up(void **state)
{
    return world_init(state, LOG_ERROR);
}

static long long tell(const struct world *w, const char *command)
{
    redisContext *c = redisConnectUnix(w->redis.address + 5); /* behind "unix:" */
    assert_non_null(c);
    redisReply *r = redisCommand(c, command);
    assert_non_null(r);
    long long n = r->type == REDIS_REPLY_INTEGER ? r->integer : -1;
    freeReplyObject(r);
    redisFree(c);
    return n;
}

/* An empty index that is believed. */
static struct mark_hold begin(struct world *w)
{
    tell(w, "FLUSHALL");
    return begin_index(w->store);
}

/* A record of this key, made so many ms after 1970. of: NULL for a version, else what the tombstone removes (zero: everything). */
static struct record make(const char *key, uint64_t at_ms, uint64_t size, const char *uploader, const struct stamp *of)
{
    struct record r = of ? make_tombstone("X 1", 1, at_ms, *of) : make_version("X 1", 1, at_ms, "", "", "");
    r.id = (struct stamp){hlc_from_unix_ms(at_ms), 7};
    assert_ok(record_set(&r.key, key));
    assert_ok(record_set(&r.uploader, uploader));
    r.size = of ? 0 : size;
    return r;
}

static void put(struct world *w, struct record r)
{
    assert_ok(index_add(w->store, &r, 1, record_kind_name(r.kind)));
    record_release(&r);
}

static struct stamp stamp_at(uint64_t at_ms)
{
    return (struct stamp){hlc_from_unix_ms(at_ms), 7};
}

/* The keys with this prefix, each with a space behind it. */
static void expect_keys(struct world *w, const char *prefix, const char *after, unsigned limit, int more, const char *want)
{
    struct sys_page p;
    char got[512] = "";
    assert_ok(sys_list(w->store, prefix, after, limit, &p));
    for (size_t i = 0; i < p.n; i++)
        snprintf(got + strlen(got), sizeof got - strlen(got), "%s ", p.items[i]);
    assert_string_equal(got, want);
    assert_int_equal(p.more, more);
    sys_page_release(&p);
}

static void expect_bytes(struct world *w, const char *user, uint64_t mine, uint64_t all)
{
    struct sys_bytes b;
    assert_ok(sys_bytes(w->store, user, &b));
    assert_int_equal(b.user, mine);
    assert_int_equal(b.all, all);
}

static void reserved_keys_are_listed_apart_from_courses(void **state)
{
    struct world *w = *state;
    uint64_t n;
    begin(w);
    put(w, make("sys/user/ann", 1000, 5, "root", NULL));
    put(w, make("sys/user/bob", 1001, 5, "root", NULL));
    put(w, make("sys/users", 1002, 5, "root", NULL));
    put(w, make("sys/token/00", 1003, 5, "ann", NULL));
    put(w, make("system/1", 1004, 5, "ann", NULL)); /* a course like any */
    assert_ok(index_count(w->store, &n));
    assert_int_equal(n, 1);
    assert_int_equal(tell(w, "ZCARD rb:newest"), 1);
    expect_keys(w, "sys/user/", "", 10, 0, "sys/user/ann sys/user/bob ");
    expect_keys(w, "sys/user/", "", 1, 1, "sys/user/ann ");
    expect_keys(w, "sys/user/", "sys/user/ann", 1, 0, "sys/user/bob ");
    expect_keys(w, "sys/", "", 10, 0, "sys/token/00 sys/user/ann sys/user/bob sys/users ");
    expect_keys(w, "sys/none/", "", 10, 0, "");
    struct record current;
    assert_ok(index_current(w->store, "sys/user/ann", &current, &n));
    assert_string_equal(current.key, "sys/user/ann");
    record_release(&current);
}

static void nobody_hears_of_changes_of_documents(void **state)
{
    struct world *w = *state;
    begin(w);
    put(w, make("sys/user/ann", 1000, 5, "root", NULL));
    assert_int_equal(tell(w, "XLEN " EVENTS_KEY), 0);
    put(w, make("csen1", 1000, 5, "root", NULL));
    assert_int_equal(tell(w, "XLEN " EVENTS_KEY), 1);
}

static void a_document_that_was_removed_is_not_listed(void **state)
{
    struct world *w = *state;
    begin(w);
    put(w, make("sys/user/ann", 1000, 5, "root", NULL));
    put(w, make("sys/user/ann", 2000, 6, "root", NULL));
    expect_keys(w, "sys/", "", 10, 0, "sys/user/ann ");
    put(w, make("sys/user/ann", 3000, 0, "root", &STAMP_ZERO));
    expect_keys(w, "sys/", "", 10, 0, "");
    put(w, make("sys/user/ann", 4000, 5, "root", NULL));
    expect_keys(w, "sys/", "", 10, 0, "sys/user/ann ");
}

static void what_somebody_uploaded_is_found_page_by_page(void **state)
{
    struct world *w = *state;
    struct sys_places p;
    begin(w);
    put(w, make("csen1", 1000, 5, "ann", NULL));
    put(w, make("csen1", 2000, 5, "bob", NULL));
    put(w, make("csen1", 3000, 5, "ann", NULL));
    put(w, make("math9", 1500, 5, "ann", NULL));
    put(w, make("math9", 1500, 5, "ann", NULL)); /* again */
    put(w, make("nobodys", 1500, 5, "", NULL));
    assert_ok(sys_by(w->store, "ann", "", "", STAMP_ZERO, 2, &p));
    assert_int_equal(p.n, 2);
    assert_true(p.more);
    assert_string_equal(p.items[1].key, "csen1");
    assert_int_equal(stamp_cmp(p.items[1].record, stamp_at(3000)), 0);
    struct stamp last = p.items[1].record;
    sys_places_release(&p);
    assert_ok(sys_by(w->store, "ann", "", "csen1", last, 2, &p));
    assert_int_equal(p.n, 1);
    assert_false(p.more);
    assert_string_equal(p.items[0].key, "math9");
    sys_places_release(&p);
    assert_ok(sys_by(w->store, "ann", "csen", "", STAMP_ZERO, 10, &p));
    assert_int_equal(p.n, 2);
    sys_places_release(&p);
    assert_ok(sys_by(w->store, "carl", "", "", STAMP_ZERO, 10, &p));
    assert_int_equal(p.n, 0);
    sys_places_release(&p);
}

static void bytes_are_counted_once_by_who_uploaded_them(void **state)
{
    struct world *w = *state;
    begin(w);
    expect_bytes(w, "ann", 0, 0);
    put(w, make("csen1", 1000, 50, "ann", NULL));
    put(w, make("csen1", 1000, 50, "ann", NULL));
    put(w, make("csen1", 2000, 7, "bob", NULL));
    put(w, make("csen2", 2000, 3, "", NULL));
    expect_bytes(w, "ann", 50, 60);
    expect_bytes(w, "bob", 7, 60);
    expect_bytes(w, "", 0, 60);
}

static void deleted_versions_count_until_their_bytes_go(void **state)
{
    struct world *w = *state;
    uint64_t now = clock_unix_ms();
    begin(w);
    put(w, make("csen1", 1000, 50, "ann", NULL));
    put(w, make("csen1", 2000, 7, "ann", NULL));
    put(w, make("csen1", 3000, 2, "ann", NULL));
    struct stamp first = stamp_at(1000), second = stamp_at(2000);
    put(w, make("csen1", now - DAY_MS, 0, "ann", &first));
    expect_bytes(w, "ann", 59, 59); /* it can still be brought back */
    put(w, make("csen1", now - 31 * DAY_MS, 0, "ann", &second));
    expect_bytes(w, "ann", 52, 52);
    expect_bytes(w, "ann", 52, 52); /* taken off once */
    struct record erased = make("csen1", now, 0, "ann", &first);
    erased.erase = 1;
    put(w, erased);
    expect_bytes(w, "ann", 2, 2);
}

static void a_tombstone_that_came_first_counts_too(void **state)
{
    struct world *w = *state;
    struct stamp first = stamp_at(1000);
    begin(w);
    put(w, make("csen1", 5000, 0, "ann", &first));
    expect_bytes(w, "ann", 0, 0);
    put(w, make("csen1", 1000, 50, "ann", NULL));
    expect_bytes(w, "ann", 0, 0);
}

static void nothing_is_left_of_what_is_forgotten_or_cleared(void **state)
{
    struct world *w = *state;
    struct mark_hold hold = begin(w);
    struct stamp first = stamp_at(1000);
    for (int round = 0; round < 2; round++) {
        put(w, make("csen1", 1000, 50, "ann", NULL));
        put(w, make("csen1", 2000, 7, "bob", NULL));
        put(w, make("csen1", clock_unix_ms() - DAY_MS, 0, "bob", &first));
        put(w, make("csen1", clock_unix_ms(), 0, "bob", &STAMP_ZERO));
        put(w, make("sys/user/ann", 1000, 5, "root", NULL));
        put(w, make("sys/user/ann", 2000, 0, "root", &STAMP_ZERO));
        put(w, make("csen2", 1000, 9, "ann", NULL));
        expect_bytes(w, "ann", 59, 71);
        if (round == 0) {
            struct record current;
            uint64_t n;
            assert_ok(index_current(w->store, "csen1", &current, &n));
            assert_ok(index_forget(w->store, &hold, "csen1", current.id));
            record_release(&current);
            expect_bytes(w, "ann", 9, 14);
            expect_bytes(w, "bob", 0, 14);
            assert_ok(index_forget(w->store, &hold, "sys/user/ann", stamp_at(2000)));
            expect_bytes(w, "ann", 9, 9);
            assert_int_equal(tell(w, "EXISTS rb:u:bob rb:u:root rb:gone rb:sys"), 0);
        }
        hold = begin_index(w->store);
        assert_int_equal(tell(w, "DEL " EVENTS_KEY), 1);
        assert_int_equal(tell(w, "DBSIZE"), 1); /* the mark */
    }
}

static void uploads_under_way_are_counted_in(void **state)
{
    struct world *w = *state;
    char whose = 0;
    struct sys_bytes b;
    begin(w);
    put(w, make("csen1", 1000, 50, "ann", NULL));
    put(w, make("csen2", 1000, 30, "bob", NULL));
    assert_ok(sys_flight_begin(w->store, "h1", "ann", 40, 100, 200, 60, &whose));
    assert_err(ERR_FULL, sys_flight_begin(w->store, "h2", "ann", 11, 100, 200, 60, &whose));
    assert_int_equal(whose, 'u');
    assert_ok(sys_flight_begin(w->store, "h2", "ann", 10, 100, 200, 60, &whose));
    assert_err(ERR_FULL, sys_flight_begin(w->store, "h3", "bob", 71, 101, 200, 60, &whose));
    assert_int_equal(whose, 'a');
    assert_ok(sys_flight_begin(w->store, "h3", "", 70, 1, 200, 60, &whose)); /* nobody has no limit of their own */
    assert_ok(sys_bytes(w->store, "ann", &b));
    assert_int_equal(b.user_flight, 50);
    assert_int_equal(b.all_flight, 120);
    assert_ok(sys_flight_end(w->store, "h1"));
    assert_ok(sys_flight_end(w->store, "h1"));
    assert_ok(sys_flight_end(w->store, "h3"));
    assert_ok(sys_flight_begin(w->store, "h4", "ann", 40, UINT64_MAX, UINT64_MAX, 60, &whose));
}

static void a_hold_ends_by_itself(void **state)
{
    struct world *w = *state;
    char whose;
    struct sys_bytes b;
    begin(w);
    assert_ok(sys_flight_begin(w->store, "h1", "ann", 40, 100, 200, 1, &whose));
    clock_sleep_ms(1100);
    assert_ok(sys_bytes(w->store, "ann", &b));
    assert_int_equal(b.user_flight, 0);
}

static void without_its_mark_nothing_is_believed(void **state)
{
    struct world *w = *state;
    struct sys_page page;
    struct sys_places places;
    struct sys_bytes b;
    char whose;
    tell(w, "FLUSHALL");
    assert_err(ERR_STALE_INDEX, sys_list(w->store, "sys/", "", 10, &page));
    assert_err(ERR_STALE_INDEX, sys_by(w->store, "ann", "", "", STAMP_ZERO, 10, &places));
    assert_err(ERR_STALE_INDEX, sys_bytes(w->store, "ann", &b));
    assert_err(ERR_STALE_INDEX, sys_flight_begin(w->store, "h", "ann", 1, 1, 1, 1, &whose));
    assert_int_equal(tell(w, "EXISTS rb:flight"), 0);
}

static void uses_are_noted_now_and_then(void **state)
{
    struct world *w = *state;
    uint64_t at = 7, again;
    tell(w, "FLUSHALL");
    assert_ok(sys_used(w->store, "token:1", &at));
    assert_int_equal(at, 0);
    assert_ok(sys_use(w->store, "token:1", 60, 1000));
    assert_ok(sys_used(w->store, "token:1", &at));
    assert_true(at + 10000 > clock_unix_ms());
    clock_sleep_ms(20);
    assert_ok(sys_use(w->store, "token:1", 60, 1000));
    assert_ok(sys_used(w->store, "token:1", &again));
    assert_int_equal(at, again);
    assert_in_range(tell(w, "TTL rb:use:token:1"), 900, 1000);
}

static void counts_end_at_their_limit(void **state)
{
    struct world *w = *state;
    uint64_t n = 0;
    tell(w, "FLUSHALL");
    for (uint64_t i = 1; i <= 3; i++) {
        assert_ok(sys_count(w->store, "link:1", 3, 100, &n));
        assert_int_equal(n, i);
    }
    assert_err(ERR_FULL, sys_count(w->store, "link:1", 3, 100, &n));
    assert_ok(sys_counted(w->store, "link:1", &n));
    assert_int_equal(n, 3);
    assert_ok(sys_count(w->store, "link:1", UINT64_MAX, 100, &n));
    assert_ok(sys_counted(w->store, "link:2", &n));
    assert_int_equal(n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reserved_keys_are_listed_apart_from_courses),
        cmocka_unit_test(nobody_hears_of_changes_of_documents),
        cmocka_unit_test(a_document_that_was_removed_is_not_listed),
        cmocka_unit_test(what_somebody_uploaded_is_found_page_by_page),
        cmocka_unit_test(bytes_are_counted_once_by_who_uploaded_them),
        cmocka_unit_test(deleted_versions_count_until_their_bytes_go),
        cmocka_unit_test(a_tombstone_that_came_first_counts_too),
        cmocka_unit_test(nothing_is_left_of_what_is_forgotten_or_cleared),
        cmocka_unit_test(uploads_under_way_are_counted_in),
        cmocka_unit_test(a_hold_ends_by_itself),
        cmocka_unit_test(without_its_mark_nothing_is_believed),
        cmocka_unit_test(uses_are_noted_now_and_then),
        cmocka_unit_test(counts_end_at_their_limit),
    };
    return cmocka_run_group_tests(tests, set_up, world_release);
}
