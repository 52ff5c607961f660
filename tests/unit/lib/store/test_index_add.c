/* index_add against a real Redis: what the script works out is compared with lib/wire/history.c over many random sets of records in random order,
 * and the derived sets with what they must hold, exactly. */
#include "lib/store/index.h"

#include "lib/store/call.h"
#include "tests/unit/lib/store/records.h"
#include "tests/unit/lib/store/world.h"

#define SETS 2000u
#define COURSES 2u
#define RECORDS_MAX 12u

static int set_up(void **state)
{
    if (world_init(state, LOG_ERROR) != 0)
        return -1;
    begin_index(((struct world *)*state)->store);
    return 0;
}

/* A command whose answer must be of this type; the test owns it. */
static redisReply *ask(struct world *w, int type, const char *command, const char *a, const char *b, const char *c)
{
    const char *args[] = {a, b, c};
    struct call call;
    redisReply *r = NULL;
    call_init(&call, command);
    for (size_t i = 0; i < 3 && args[i]; i++)
        call_str(&call, args[i]);
    assert_int_equal(call_send(w->store, &call, type, type, &r), ERR_OK);
    return r;
}

static void flush(struct world *w)
{
    freeReplyObject(ask(w, REDIS_REPLY_STATUS, "FLUSHALL", NULL, NULL, NULL));
    begin_index(w->store);
}

/* ---- what the derived sets must hold */

struct names {
    char *list[1024];
    size_t n;
};

static void add_name(struct names *names, const char *text, size_t len)
{
    assert_true(names->n < 1024);
    char *copy = malloc(len + 1);
    assert_non_null(copy);
    for (size_t i = 0; i < len; i++)
        copy[i] = text[i] ? text[i] : '|'; /* so that members with a NUL compare as text */
    copy[len] = '\0';
    for (size_t i = 0; i < names->n; i++) {
        if (strcmp(names->list[i], copy) == 0) {
            free(copy);
            return;
        }
    }
    names->list[names->n++] = copy;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void compare_set(struct world *w, const char *set, struct names *expected)
{
    struct names found = {0};
    redisReply *r = ask(w, REDIS_REPLY_ARRAY, "ZRANGE", set, "0", "-1");
    for (size_t i = 0; i < r->elements; i++)
        add_name(&found, r->element[i]->str, r->element[i]->len);
    freeReplyObject(r);
    qsort(found.list, found.n, sizeof found.list[0], by_text);
    qsort(expected->list, expected->n, sizeof expected->list[0], by_text);
    assert_int_equal(found.n, expected->n);
    for (size_t i = 0; i < found.n; i++) {
        assert_string_equal(found.list[i], expected->list[i]);
        free(found.list[i]);
        free(expected->list[i]);
    }
}

static void expect_listed(const struct record *r, struct names *byname, struct names *newest, struct names *words)
{
    char member[8192], hex[STAMP_HEX_SIZE];
    struct buf text;
    listed_words(r, &text);
    stamp_hex((struct stamp){~r->id.clock, ~r->id.process}, hex);
    add_name(byname, member, (size_t)snprintf(member, sizeof member, "%s|%s%s", r->key, hex, buf_str(&text)));
    add_name(newest, member, (size_t)snprintf(member, sizeof member, "%s:%s|%s", hex, r->key, buf_str(&text)));
    for (char *save, *word = strtok_r(text.data, " ", &save); word; word = strtok_r(NULL, " ", &save))
        add_name(words, member, (size_t)snprintf(member, sizeof member, "%s|%s:%s", word, hex, r->key));
    buf_release(&text);
}

/* The number that lists show beside the current record. */
static void check_version(struct world *w, const struct history *h)
{
    struct index_page page;
    const struct record *current = history_current(h);
    assert_int_equal(index_list(w->store, NULL, NULL, INDEX_NEWEST, NULL, INDEX_LIMIT_MAX, &page), ERR_OK);
    for (size_t i = 0; i < page.n; i++) {
        if (strcmp(page.items[i].current.key, current->key) == 0)
            assert_int_equal(page.items[i].version, history_version(h, (size_t)(history_find(h, current->id) - h->entries)));
    }
    index_page_release(&page);
}

static void check_derived(struct world *w, const struct history histories[COURSES])
{
    struct names byname = {0}, newest = {0}, words = {0};
    for (size_t i = 0; i < COURSES; i++) {
        const struct record *current = history_current(&histories[i]);
        if (current && !record_is_tombstone(current))
            expect_listed(current, &byname, &newest, &words);
    }
    uint64_t count;
    assert_int_equal(index_count(w->store, &count), ERR_OK);
    assert_int_equal(count, byname.n);
    compare_set(w, "rb:byname", &byname);
    compare_set(w, "rb:newest", &newest);
    compare_set(w, "rb:words", &words);
}

static void check_current(struct world *w, const char *key, const struct history *h)
{
    struct record current;
    uint64_t versions;
    enum err e = index_current(w->store, key, &current, &versions);
    if (h->n == 0) {
        assert_int_equal(e, ERR_NOT_FOUND);
        return;
    }
    assert_int_equal(e, ERR_OK);
    assert_int_equal(stamp_cmp(current.id, history_current(h)->id), 0);
    assert_true(record_same_content(&current, history_current(h)));
    assert_int_equal(versions, history_live_count(h));
    uint64_t version = 0;
    assert_int_equal(index_version(w->store, key, current.id, &version), ERR_OK);
    const struct history_entry *entry = history_find(h, current.id);
    assert_int_equal(version, history_version(h, (size_t)(entry - h->entries)));
    assert_int_equal(index_version(w->store, key, (struct stamp){1, 2}, &version), ERR_NOT_FOUND);
    record_release(&current);
    check_version(w, h);
}

/* ---- random sets */

static struct record random_record(const char *course, uint64_t clock)
{
    static const char *const titles[] = {"Operating Systems", "Systems of Power", "Café au lait", ""};
    static const char *const people[] = {"Ada Byron", "N. Wirth", ""};
    static const char *const terms[] = {"2026 Fall", "2026-fall", "Spring 2027", ""};
    uint64_t dice = id_random_below(100), upload = id_random_below(8);
    struct stamp of = {id_random_below(RECORDS_MAX + 2) + 1, 7};
    if (of.clock == clock)
        of.clock = RECORDS_MAX + 3; /* nothing names itself */
    if (dice < 14)
        return make_tombstone(course, clock, upload, STAMP_ZERO);
    if (dice < 40)
        return make_tombstone(course, clock, upload, of);
    struct record r =
        make_version(course, clock, upload, titles[id_random_below(4)], people[id_random_below(3)], terms[id_random_below(4)]);
    if (dice < 50) {
        r.kind = RECORD_RESTORE;
        r.of = of;
    }
    return r;
}

static void shuffle(struct record *records, size_t n)
{
    for (size_t i = n; i > 1; i--) {
        size_t j = id_random_below(i);
        struct record swap = records[i - 1];
        records[i - 1] = records[j];
        records[j] = swap;
    }
}

/* Adds all records of one course in batches of random size, some of them twice, and compares after each batch. */
static void add_and_compare(struct world *w, struct record *records, size_t n, struct history *h)
{
    for (size_t done = 0; done < n;) {
        size_t from = done > 0 && id_random_below(4) == 0 ? done - 1 : done;
        size_t to = done + 1 + id_random_below(n - done);
        for (size_t i = done; i < to; i++)
            assert_int_equal(history_add(h, &records[i], 0), ERR_OK);
        assert_int_equal(index_add(w->store, records + from, to - from, NULL), ERR_OK);
        done = to;
        check_current(w, records[0].key, h);
    }
}

static void test_agrees_with_history(void **state)
{
    struct world *w = *state;
    for (unsigned set = 0; set < SETS; set++) {
        struct history histories[COURSES] = {0};
        flush(w);
        for (size_t c = 0; c < COURSES; c++) {
            struct record records[RECORDS_MAX];
            size_t n = 1 + id_random_below(RECORDS_MAX);
            for (size_t i = 0; i < n; i++)
                records[i] = random_record(c ? "Systems 101" : "CSEN-317", i + 1);
            shuffle(records, n);
            add_and_compare(w, records, n, &histories[c]);
            check_derived(w, histories);
            for (size_t i = 0; i < n; i++)
                record_release(&records[i]);
        }
        for (size_t c = 0; c < COURSES; c++)
            history_release(&histories[c]);
    }
}

static void test_history_comes_back_whole(void **state)
{
    struct world *w = *state;
    struct history h, back;
    history_init(&h);
    history_init(&back);
    flush(w);
    assert_int_equal(index_history(w->store, "csen317", &back), ERR_NOT_FOUND);
    for (uint64_t i = 1; i <= 2 * INDEX_BATCH + 1; i++) {
        struct record r = make_version("CSEN 317", i, i, "Networks", "", "");
        assert_int_equal(history_add(&h, &r, 0), ERR_OK);
        record_release(&r);
    }
    struct record *all = calloc(h.n, sizeof *all);
    for (size_t i = 0; i < h.n; i++)
        all[i] = h.entries[i].record;
    assert_int_equal(index_add(w->store, all, h.n, NULL), ERR_OK);
    free(all);
    assert_int_equal(index_history(w->store, "csen317", &back), ERR_OK);
    char before[HASH_HEX_SIZE], after[HASH_HEX_SIZE];
    history_digest(&h, before);
    history_digest(&back, after);
    assert_string_equal(before, after);
    check_current(w, "csen317", &h);
    history_release(&h);
    history_release(&back);
}

/* A plain upload must not look at the whole history: the script's own look at all facts is the only HGETALL there is. */
static void test_plain_uploads_do_not_reread_the_history(void **state)
{
    struct world *w = *state;
    flush(w);
    freeReplyObject(ask(w, REDIS_REPLY_STATUS, "CONFIG", "RESETSTAT", NULL, NULL));
    for (uint64_t i = 1; i <= 500; i++) {
        /* Every third comes late, as from another api. */
        struct record r = make_version("CSEN 317", i % 3 ? i * 10 : i * 10 - 25, i, "Networks", "", "");
        assert_int_equal(index_add(w->store, &r, 1, "upload"), ERR_OK);
        record_release(&r);
    }
    redisReply *stats = ask(w, REDIS_REPLY_STRING, "INFO", "commandstats", NULL, NULL);
    assert_non_null(strstr(stats->str, "cmdstat_hsetnx"));
    assert_null(strstr(stats->str, "cmdstat_hgetall"));
    freeReplyObject(stats);
}

/* A reader who found it at its owners brings it here without an event; whoever wrote it comes twice, not knowing whether the first time arrived. */
static void test_each_record_is_one_event(void **state)
{
    struct world *w = *state;
    flush(w);
    struct record r = make_version("CRJU/POSC 320", hlc_from_unix_ms(1700000000000), 1, "", "", "");
    char id[STAMP_HEX_SIZE];
    stamp_hex(r.id, id);
    static const char *const kinds[] = {"", "upload", "upload"};
    for (int i = 0; i < 3; i++)
        assert_int_equal(index_add(w->store, &r, 1, kinds[i]), ERR_OK);
    redisReply *events = ask(w, REDIS_REPLY_ARRAY, "XRANGE", "rb:events", "-", "+");
    assert_int_equal(events->elements, 1);
    const redisReply *fields = events->element[0]->element[1];
    const char *const expected[] = {"kind", "upload", "course", "CRJU/POSC 320", "key", "crju/posc320", "id", id, "at", "1700000000000"};
    assert_int_equal(fields->elements, 10);
    for (size_t i = 0; i < 10; i++)
        assert_string_equal(fields->element[i]->str, expected[i]);
    freeReplyObject(events);
    record_release(&r);
}

static void test_records_of_two_courses_are_refused(void **state)
{
    struct world *w = *state;
    struct record records[] = {make_version("A1", 1, 1, "", "", ""), make_version("B2", 2, 2, "", "", "")};
    assert_int_equal(index_add(w->store, records, 2, NULL), ERR_INVALID);
    assert_int_equal(index_add(w->store, records, 0, NULL), ERR_OK);
    record_release(&records[0]);
    record_release(&records[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_agrees_with_history),
        cmocka_unit_test(test_history_comes_back_whole),
        cmocka_unit_test(test_plain_uploads_do_not_reread_the_history),
        cmocka_unit_test(test_each_record_is_one_event),
        cmocka_unit_test(test_records_of_two_courses_are_refused),
    };
    return cmocka_run_group_tests(tests, set_up, world_release);
}
