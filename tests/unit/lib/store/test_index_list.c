/* index_list against a real Redis: every page of many random questions is compared with what a plain loop over all courses finds. */
#include "lib/store/index.h"

#include "lib/base/log.h"
#include "lib/store/call.h"
#include "tests/unit/lib/store/records.h"
#include "tests/unit/lib/store/redis_server.h"

#define COURSES 600u
#define QUESTIONS 250u

struct course {
    struct record record;
    char *words;
};
struct world {
    struct redis_server redis;
    struct store *store;
    struct course courses[COURSES];
    size_t n;
};

static const char *const subjects[] = {"CSEN", "COEN", "Math", "PHYS", "Econ", "ÉTU-", "zoo"};
static const char *const titles[] = {
    "Introduction to Computing", "Computer Networks", "Advanced Networks", "Théorie des Ensembles", "Ethics", "Linear Algebra II", ""};
static const char *const people[] = {"Ada Byron", "Nikola Tesla", "Zoë Quinn", "A. Nassi", ""};
static const char *const terms[] = {"2026 Fall", "2026-fall", "Spring 2027", ""};

static const char *pick(const char *const *list, size_t n)
{
    return list[id_random_below(n)];
}
#define PICK(list) pick(list, sizeof list / sizeof *list)

static void add_course(struct world *w, const char *name, uint64_t clock, int rare)
{
    struct course *c = &w->courses[w->n++];
    struct buf words;
    c->record = make_version(name, clock, clock, rare ? "Palaeography" : PICK(titles), PICK(people), rare ? "Winter 1999" : PICK(terms));
    listed_words(&c->record, &words);
    c->words = buf_take(&words);
    assert_int_equal(index_add(w->store, &c->record, 1, NULL), ERR_OK);
}

static int set_up(void **state)
{
    static struct world w;
    char name[64];
    log_init("test", LOG_ERROR);
    if (!redis_server_init(&w.redis))
        return -1;
    w.store = store_new(&(struct store_config){.address = w.redis.address, .timeout_ms = 5000});
    begin_index(w.store);
    for (unsigned i = 0; i < COURSES - 4; i++) {
        snprintf(name, sizeof name, "%s %u", PICK(subjects), 100 + i);
        add_course(&w, name, 1 + (i * 7919u) % 100003u, i % 200 == 7);
    }
    add_course(&w, "CSEN", 200000, 0);
    *state = &w;
    return w.store ? 0 : -1;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    for (size_t i = 0; i < w->n; i++) {
        record_release(&w->courses[i].record);
        free(w->courses[i].words);
    }
    store_free(w->store);
    redis_server_release(&w->redis);
    return 0;
}

/* ---- the same by a plain loop */

struct question {
    const char *q, *term;
    enum index_sort sort;
};

static int append_query_word(const char *word, size_t len, void *ctx)
{
    assert_int_equal(buf_addf(ctx, " %.*s\n", (int)len, word), ERR_OK);
    return 0;
}

static int fits(const struct course *c, const struct question *ask)
{
    struct buf words, key, term;
    int fit = 1;
    buf_init(&words, 4096);
    buf_init(&key, 4096);
    buf_init(&term, 4096);
    if (ask->term) {
        assert_int_equal(buf_add_str(&term, " ="), ERR_OK);
        assert_int_equal(name_key(ask->term, strlen(ask->term), &term), ERR_OK);
        assert_int_equal(buf_add_str(&term, " "), ERR_OK);
        fit = strstr(c->words, buf_str(&term)) != NULL;
    }
    if (fit && ask->q) {
        assert_int_equal(name_key(ask->q, strlen(ask->q), &key), ERR_OK);
        assert_int_equal(name_words(ask->q, strlen(ask->q), append_query_word, &words), 0);
        int all = words.len > 0, prefix = key.len > 0 && strncmp(c->record.key, buf_str(&key), key.len) == 0;
        for (char *save, *word = words.data ? strtok_r(words.data, "\n", &save) : NULL; word; word = strtok_r(NULL, "\n", &save))
            all = all && strstr(c->words, word) != NULL;
        fit = all || prefix || key.len == 0;
    }
    buf_release(&words);
    buf_release(&key);
    buf_release(&term);
    return fit;
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const struct course *const *)a)->record.key, (*(const struct course *const *)b)->record.key);
}

static int newest_first(const void *a, const void *b)
{
    return stamp_cmp((*(const struct course *const *)b)->record.id, (*(const struct course *const *)a)->record.id);
}

static size_t find_plainly(const struct world *w, const struct question *ask, const struct course *found[COURSES])
{
    size_t n = 0;
    for (size_t i = 0; i < w->n; i++) {
        if (fits(&w->courses[i], ask))
            found[n++] = &w->courses[i];
    }
    qsort(found, n, sizeof found[0], ask->sort == INDEX_BY_NAME ? by_name : newest_first);
    return n;
}

/* Pages through the answer and compares each item. */
static void compare(struct world *w, const struct question *ask, unsigned limit)
{
    const struct course *expected[COURSES];
    size_t n = find_plainly(w, ask, expected), seen = 0;
    char *cursor = NULL;
    do {
        struct index_page page;
        assert_int_equal(index_list(w->store, ask->q, ask->term, ask->sort, cursor, limit, &page), ERR_OK);
        free(cursor);
        cursor = page.next;
        page.next = NULL;
        assert_true(page.n <= limit);
        assert_true(page.n == limit || !cursor);
        for (size_t i = 0; i < page.n; i++) {
            assert_true(seen < n);
            assert_string_equal(page.items[i].current.key, expected[seen]->record.key);
            assert_int_equal(stamp_cmp(page.items[i].current.id, expected[seen]->record.id), 0);
            assert_int_equal(page.items[i].versions, 1);
            assert_int_equal(page.items[i].version, 1);
            seen++;
        }
        index_page_release(&page);
    } while (cursor);
    assert_int_equal(seen, n);
}

static void test_pages_hold_what_fits_in_order(void **state)
{
    static const char *const questions[] = {NULL, "c", "csen", "CSEN 1", "csen-30", "csen 317", "net", "net comp", "comp net",
        "computer networks byron", "palaeo", "ada", "etu", "éTU", "theorie", "THÉORIE ens", "nobody", "a", "a b", "z", "zoo 2", "in to com",
        "", "-", "_._", "!!", "2", "10", "fall", "zoë", "ii"};
    struct world *w = *state;
    for (unsigned i = 0; i < QUESTIONS; i++) {
        static const char *const asked_terms[] = {NULL, NULL, NULL, "2026 FALL", "spring2027", "Winter 1999", "never"};
        struct question ask = {PICK(questions), PICK(asked_terms), id_random_below(2) ? INDEX_BY_NAME : INDEX_NEWEST};
        static const unsigned limits[] = {1, 3, 7, 50, 200};
        unsigned limit = limits[id_random_below(5)];
        if (limit == 1 && !ask.q && !ask.term)
            limit = 7;
        compare(w, &ask, limit);
    }
}

/* Between two pages courses are added before and behind the place: what was there is neither repeated nor skipped. */
static void test_cursor_stands_while_courses_come(void **state)
{
    struct world *w = *state;
    for (int sort = INDEX_BY_NAME; sort <= INDEX_NEWEST; sort++) {
        struct question ask = {NULL, NULL, (enum index_sort)sort};
        const struct course *expected[COURSES];
        size_t n = find_plainly(w, &ask, expected);
        struct index_page first, second;
        assert_int_equal(index_list(w->store, NULL, NULL, ask.sort, NULL, 20, &first), ERR_OK);
        assert_non_null(first.next);
        if (sort == INDEX_BY_NAME)
            add_course(w, "aaaa 1", 300000, 0);
        else
            add_course(w, "mmmm 1", 400000, 0);
        assert_int_equal(index_list(w->store, NULL, NULL, ask.sort, first.next, 200, &second), ERR_OK);
        assert_true(n > 220);
        for (size_t i = 0; i < 200; i++)
            assert_string_equal(second.items[i].current.key, expected[20 + i]->record.key);
        index_page_release(&first);
        index_page_release(&second);
    }
}

static void test_foreign_cursors_are_refused(void **state)
{
    static const char *const cursors[] = {"", "n", "w", "x61", "n6", "n6g", "nGG", "61", "w61",
        "w6100000000000000000000000000000000000000000000000000000000000000000000", "n61 ", "n61\n", "../",
        "w303030303030303030303030303030303030303030303030303030303030303061"};
    struct world *w = *state;
    struct index_page page;
    for (size_t i = 0; i < sizeof cursors / sizeof *cursors; i++) {
        if (cursors[i][0] != 'w')
            assert_int_equal(index_list(w->store, NULL, NULL, INDEX_BY_NAME, cursors[i], 10, &page), ERR_SYNTAX);
        assert_int_equal(index_list(w->store, NULL, NULL, INDEX_NEWEST, cursors[i], 10, &page), ERR_SYNTAX);
    }
    char *huge = malloc(20002);
    memset(huge, '6', 20001);
    huge[0] = 'n';
    huge[20001] = '\0';
    assert_int_equal(index_list(w->store, NULL, NULL, INDEX_BY_NAME, huge, 10, &page), ERR_SYNTAX);
    free(huge);
    assert_int_equal(index_list(w->store, "\xff", NULL, INDEX_BY_NAME, NULL, 10, &page), ERR_SYNTAX);
    assert_int_equal(index_list(w->store, NULL, "\xc0\xae", INDEX_BY_NAME, NULL, 10, &page), ERR_SYNTAX);
}

/* One page straight from the script, so that "most courses looked at" can be small. Returns how many items; *after becomes the place to go on from. */
static size_t script_page(struct world *w, const char *order, struct buf *after, unsigned most, const char *word)
{
    struct call c;
    redisReply *r;
    call_init_script(&c, SCRIPT_INDEX_LIST, 4);
    call_str(&c, "rb:byname");
    call_str(&c, "rb:newest");
    call_str(&c, "rb:words");
    call_str(&c, "rb:mark");
    call_str(&c, order);
    call_bytes(&c, buf_str(after), after->len);
    call_u64(&c, 10);
    call_u64(&c, most);
    call_str(&c, "");
    call_str(&c, "");
    call_str(&c, word);
    call_str(&c, word);
    assert_int_equal(call_send(w->store, &c, REDIS_REPLY_ARRAY, REDIS_REPLY_ARRAY, &r), ERR_OK);
    size_t n = r->elements / 3;
    buf_reset(after);
    assert_int_equal(buf_add(after, r->element[1]->str, r->element[1]->len), ERR_OK);
    freeReplyObject(r);
    return n;
}

/* A search that would look at too many courses gives a short page and goes on from there; nothing is lost. */
static void test_short_pages_lose_nothing(void **state)
{
    struct world *w = *state;
    static const char *const orders[] = {"n", "w"};
    struct question ask = {"palaeography", NULL, INDEX_BY_NAME};
    const struct course *expected[COURSES];
    size_t n = find_plainly(w, &ask, expected);
    for (int i = 0; i < 2; i++) {
        struct buf after;
        size_t found = 0, short_pages = 0;
        buf_init(&after, 4096);
        do {
            size_t page = script_page(w, orders[i], &after, (unsigned)n - 1, "palaeography");
            found += page;
            short_pages += page < 10 && after.len > 0;
        } while (after.len > 0);
        assert_int_equal(found, n);
        assert_true(short_pages > 0);
        buf_release(&after);
    }
}

static void test_deleted_courses_are_not_listed(void **state)
{
    struct world *w = *state;
    uint64_t before, after;
    struct record r = make_version("Gone 1", 500000, 500000, "Vanishing", "", ""), t = make_tombstone("Gone 1", 500001, 500001, STAMP_ZERO);
    struct index_page page;
    assert_int_equal(index_add(w->store, &r, 1, NULL), ERR_OK);
    assert_int_equal(index_count(w->store, &before), ERR_OK);
    assert_int_equal(index_add(w->store, &t, 1, NULL), ERR_OK);
    assert_int_equal(index_count(w->store, &after), ERR_OK);
    assert_int_equal(after, before - 1);
    assert_int_equal(index_list(w->store, "vanish", NULL, INDEX_BY_NAME, NULL, 10, &page), ERR_OK);
    assert_int_equal(page.n, 0);
    index_page_release(&page);
    struct record current;
    uint64_t versions;
    assert_int_equal(index_current(w->store, "gone1", &current, &versions), ERR_OK);
    assert_true(record_is_tombstone(&current));
    assert_int_equal(versions, 0);
    record_release(&current);
    record_release(&r);
    record_release(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pages_hold_what_fits_in_order),
        cmocka_unit_test(test_cursor_stands_while_courses_come),
        cmocka_unit_test(test_foreign_cursors_are_refused),
        cmocka_unit_test(test_short_pages_lose_nothing),
        cmocka_unit_test(test_deleted_courses_are_not_listed),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
