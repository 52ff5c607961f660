/* Files that the ring has adopted: records under "peer/<hash>" are in the index of peers and not among the courses, whatever happens to them. */
#include "lib/base/log.h"
#include "tests/unit/lib/store/peers_lists.h"

/* A version (or with delete a tombstone of everything) of an adopted file. */
static struct record adopted(const char *content, const char *filename, uint64_t clock, int tombstone)
{
    char course[80];
    struct record r = tombstone ? make_tombstone("x", clock, clock, (struct stamp){0}) : make_version("x", clock, clock, "", "", "");
    snprintf(course, sizeof course, PEERS_KEY_PREFIX);
    hash_sha256_hex(content, strlen(content), course + strlen(course));
    assert_ok(record_set(&r.course, course));
    assert_ok(record_set(&r.key, course));
    if (!tombstone) {
        memcpy(r.sha256, course + strlen(PEERS_KEY_PREFIX), sizeof r.sha256);
        assert_ok(record_set(&r.filename, filename));
        r.size = strlen(content);
    }
    return r;
}

static void add(struct store *s, struct record *r)
{
    assert_ok(index_add(s, r, 1, NULL));
}

/* How many rows a search gives, and whether the first one is adopted, is called `name`, and has so many holders. */
static void assert_found(struct store *s, const char *q, size_t n, const char *name, int is_adopted, size_t holders)
{
    struct peers_page page;
    assert_ok(peers_search(s, q, NULL, NULL, 10, &page));
    assert_int_equal(page.n, n);
    if (n > 0) {
        assert_string_equal(page.rows[0].name, name);
        assert_int_equal(page.rows[0].adopted, is_adopted);
        assert_int_equal(page.rows[0].n_holders, holders);
    }
    peers_page_release(&page);
}

/* Followers of courses never hear of a course that is none. */
static void an_adoption_is_an_event_of_its_own_kind(void **state)
{
    struct store *s = fresh(state);
    struct record r = adopted("dir/notes.txt", "notes.txt", 100, 0);
    struct call c;
    redisReply *events;
    assert_ok(index_add(s, &r, 1, "upload"));
    assert_ok(index_add(s, &r, 1, "upload")); /* nothing new */
    call_init(&c, "XRANGE");
    call_str(&c, "rb:events");
    call_str(&c, "-");
    call_str(&c, "+");
    assert_ok(call_send(s, &c, REDIS_REPLY_ARRAY, REDIS_REPLY_ARRAY, &events));
    assert_int_equal(events->elements, 1);
    const redisReply *fields = events->element[0]->element[1];
    char id[STAMP_HEX_SIZE];
    stamp_hex(r.id, id);
    const char *const expected[] = {"kind", "adopted", "name", "notes.txt", "key", r.key, "id", id, "at", NULL};
    assert_int_equal(fields->elements, 12);
    assert_string_equal(fields->element[10]->str, "size");
    assert_string_equal(fields->element[11]->str, "13");
    for (size_t i = 0; expected[i] != NULL; i++)
        assert_string_equal(fields->element[i]->str, expected[i]);
    freeReplyObject(events);
    record_release(&r);
}

static void an_adopted_file_outlives_its_peer(void **state)
{
    struct store *s = fresh(state);
    static const char *const names[] = {"dir/notes.txt"};
    struct list l;
    struct peers_row row;
    struct record r = adopted("dir/notes.txt", "notes.txt", 100, 0);
    uint64_t courses;
    share(s, &l, "peer-1", names, 1);
    assert_found(s, "notes", 1, "dir/notes.txt", 0, 1);
    add(s, &r);
    assert_found(s, "notes", 1, "notes.txt", 1, 1);
    assert_ok(peers_by_hash(s, r.sha256, &row));
    assert_int_equal(row.adopted, 1);
    assert_int_equal(row.n_holders, 1);
    assert_string_equal(row.holders[0].name, "peer-1");
    peers_row_release(&row);
    leave(s, "peer-1", 1);
    assert_found(s, "notes", 1, "notes.txt", 1, 0);
    assert_ok(peers_by_hash(s, r.sha256, &row));
    assert_int_equal(row.size, strlen("dir/notes.txt"));
    peers_row_release(&row);
    assert_err(ERR_NOT_FOUND, peers_named(s, "notes.txt", NULL, &row)); /* nobody to fetch it from by that protocol */
    assert_ok(index_count(s, &courses));
    assert_int_equal(courses, 0);
    struct index_page page;
    assert_ok(index_list(s, NULL, NULL, INDEX_NEWEST, NULL, 10, &page));
    assert_int_equal(page.n, 0);
    index_page_release(&page);
    struct record current;
    assert_ok(index_current(s, r.key, &current, &courses)); /* its bytes are served by the record */
    record_release(&current);
    record_release(&r);
    list_release(&l);
}

static void a_deleted_one_goes_and_a_new_version_brings_it_back(void **state)
{
    struct store *s = fresh(state);
    struct record first = adopted("c", "first.txt", 100, 0), gone = adopted("c", "", 200, 1), again = adopted("c", "again.txt", 300, 0);
    add(s, &first);
    add(s, &first);
    assert_found(s, "first", 1, "first.txt", 1, 0);
    add(s, &gone);
    assert_found(s, NULL, 0, NULL, 0, 0);
    add(s, &again);
    assert_found(s, "again", 1, "again.txt", 1, 0);
    assert_found(s, NULL, 1, "again.txt", 1, 0);
    record_release(&first);
    record_release(&gone);
    record_release(&again);
}

static void a_rebuild_takes_it_away_and_brings_it_back(void **state)
{
    struct store *s = fresh(state);
    static const char *const names[] = {"other.txt"};
    struct record r = adopted("c", "notes.txt", 100, 0);
    struct index_set set = {.records = &r, .n = 1};
    struct mark_hold hold;
    struct list l;
    uint64_t added = 0;
    share(s, &l, "peer-1", names, 1);
    add(s, &r);
    hold = begin_index(s);
    assert_found(s, "notes", 0, NULL, 0, 0);
    assert_found(s, NULL, 1, "other.txt", 0, 1); /* the peers' own lists stay */
    assert_ok(index_fill(s, &hold, &set, 1, &added));
    assert_int_equal(added, 1);
    assert_found(s, "notes", 1, "notes.txt", 1, 0);
    record_release(&r);
    list_release(&l);
}

static void a_forgotten_one_goes(void **state)
{
    struct store *s = fresh(state);
    struct record r = adopted("c", "notes.txt", 100, 0), gone = adopted("c", "", 200, 1);
    struct mark_hold hold = begin_index(s);
    add(s, &r);
    add(s, &gone);
    assert_ok(index_forget(s, &hold, r.key, gone.id));
    assert_found(s, NULL, 0, NULL, 0, 0);
    record_release(&r);
    record_release(&gone);
}

static void a_filename_that_no_shared_file_may_have_is_replaced_by_the_hash(void **state)
{
    struct store *s = fresh(state);
    struct record r = adopted("c", ".hidden", 100, 0);
    add(s, &r);
    assert_found(s, NULL, 1, r.sha256, 1, 0);
    record_release(&r);
}

static void a_course_that_only_looks_like_one_stays_a_course(void **state)
{
    struct store *s = fresh(state);
    static const char *const keys[] = {"peer2peer", "peer/review", "peer/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdeg"};
    uint64_t courses;
    for (size_t i = 0; i < 3; i++) {
        struct record r = make_version("x", 100, 1, "Title", "", "");
        assert_ok(record_set(&r.key, keys[i]));
        add(s, &r);
        assert_ok(index_count(s, &courses));
        assert_int_equal(courses, i + 1);
        record_release(&r);
    }
    assert_found(s, NULL, 0, NULL, 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_adoption_is_an_event_of_its_own_kind),
        cmocka_unit_test(an_adopted_file_outlives_its_peer),
        cmocka_unit_test(a_deleted_one_goes_and_a_new_version_brings_it_back),
        cmocka_unit_test(a_rebuild_takes_it_away_and_brings_it_back),
        cmocka_unit_test(a_forgotten_one_goes),
        cmocka_unit_test(a_filename_that_no_shared_file_may_have_is_replaced_by_the_hash),
        cmocka_unit_test(a_course_that_only_looks_like_one_stays_a_course),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
