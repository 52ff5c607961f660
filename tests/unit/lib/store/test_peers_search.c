/* Searches of what peers share, against a real Redis, and against what a search of all names one by one would find. */
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/name/name.h"
#include "tests/unit/lib/store/peers_lists.h"

/* The names of all rows that a search gives over all its pages, each followed by its holders: "name@peer,peer;". */
static void search_all(struct store *s, const char *q, const char *exclude, unsigned limit, struct buf *out)
{
    char *cursor = NULL;
    int pages = 0;
    buf_init(out, 1u << 20);
    do {
        struct peers_page page;
        assert_ok(peers_search(s, q, exclude, cursor, limit, &page));
        assert_true(page.n <= limit);
        for (size_t i = 0; i < page.n; i++) {
            assert_ok(buf_addf(out, "%s%s@", page.rows[i].name, page.rows[i].adopted ? "+" : ""));
            for (size_t k = 0; k < page.rows[i].n_holders; k++)
                assert_ok(buf_addf(out, "%s%s", k ? "," : "", page.rows[i].holders[k].name));
            assert_ok(buf_addf(out, ";"));
        }
        free(cursor);
        cursor = page.next ? strdup(page.next) : NULL;
        peers_page_release(&page);
        assert_true(++pages < 1000);
    } while (cursor);
}

static void assert_found(struct store *s, const char *q, const char *exclude, const char *wanted)
{
    for (unsigned limit = 1; limit <= 7; limit += 3) {
        struct buf found;
        search_all(s, q, exclude, limit, &found);
        assert_string_equal(buf_str(&found), wanted);
        buf_release(&found);
    }
}

static void names_are_found_by_their_words_and_beginnings(void **state)
{
    struct store *s = fresh(state);
    static const char *const names[] = {
        "2026/CSEN 317/Syllabus.pdf", "csen-317 notes.txt", "R\xc3\xa9sum\xc3\xa9 of notes.zip", "file9_2.txt", "___"};
    struct list l;
    share(s, &l, "p", names, 5);
    assert_found(s, "file9_2.txt", NULL, "file9_2.txt@p;");
    assert_found(s, "FILE92", NULL, "file9_2.txt@p;"); /* the words run together */
    assert_found(s, "csen 317", NULL, "csen-317 notes.txt@p;2026/CSEN 317/Syllabus.pdf@p;");
    assert_found(s, "csen317", NULL, "csen-317 notes.txt@p;");
    assert_found(s, "317 syl", NULL, "2026/CSEN 317/Syllabus.pdf@p;");
    assert_found(s, "notes", NULL, "csen-317 notes.txt@p;R\xc3\xa9sum\xc3\xa9 of notes.zip@p;");
    assert_found(s, "resume NOTES", NULL, "R\xc3\xa9sum\xc3\xa9 of notes.zip@p;");
    assert_found(s, "notes r\xc3\xa9s", NULL, "R\xc3\xa9sum\xc3\xa9 of notes.zip@p;");
    assert_found(s, "otes", NULL, "");
    assert_found(s, "notes pdf", NULL, "");
    assert_found(
        s, "-- .", NULL, "___@p;2026/CSEN 317/Syllabus.pdf@p;csen-317 notes.txt@p;file9_2.txt@p;R\xc3\xa9sum\xc3\xa9 of notes.zip@p;");
    list_release(&l);
}

static void words_beyond_ascii_and_beyond_their_keys_are_found(void **state)
{
    struct store *s = fresh(state);
#define MANY "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29"
#define LONG_A "Donaudampfschifffahrtsgesellschaftskapit\xc3\xa4n"
#define LONG_B "Donaudampfschifffahrtsgesellschaftsmatrose"
#define GROSS "Gr\xc3\xb6\xc3\x9f\x65 \xc3\x9c\x62ung.pdf"
    static const char *const names[] = {GROSS, "\xc3\xa4 " LONG_A " " LONG_B, MANY " q30 31 32 33 \xc3\xa9 zebra",
        MANY " r30 31 32 33 zebra", "ISBN=17 rest", "zebra 1", "zebra 2"};
    struct list l;
    share(s, &l, "p", names, 7);
    assert_found(s, "pdf grot", NULL, "");
    assert_found(s, "ubung gro", NULL, GROSS "@p;");
    assert_found(
        s, "donaudampfschifffahrtsgesellschaftsmat donaudampfschifffahrtsgesellschaftskap", NULL, "\xc3\xa4 " LONG_A " " LONG_B "@p;");
    assert_found(s, "donaudampfschifffahrtsgesellschaftsmat donaudampfschifffahrtsgesellschaftsx", NULL, "");
    assert_found(s, "zeb r30", NULL, MANY " r30 31 32 33 zebra@p;"); /* the last word is beyond PEERS_WORDS_MAX */
    assert_found(s, "zeb q30", NULL, MANY " q30 31 32 33 \xc3\xa9 zebra@p;");
    assert_found(s, "rest 170", NULL, ""); /* which begins its time */
    assert_found(s, "rest 17", NULL, "ISBN=17 rest@p;");
    list_release(&l);
}

static void a_search_that_reads_much_goes_on_from_its_cursor(void **state)
{
    struct store *s = fresh(state);
    static const char *const lone[] = {"alpha x zz beta"};
    struct list l, other;
    struct peers_page page;
    list_init(&l, "p");
    beat(s, "p");
    for (unsigned i = 0; i < 2 * PEERS_CANDIDATES_MAX; i++) {
        char name[40];
        snprintf(name, sizeof name, "%s x %04u", i % 2 ? "alpha" : "beta", i);
        list_put(&l, name, i % 3 ? name : NULL);
        if (l.delta.n_add == SHARED_DELTA_FILES)
            assert_ok(list_tell(s, &l, !*l.listed));
    }
    assert_ok(list_tell(s, &l, 0));
    share(s, &other, "q", lone, 1);
    beat(s, "p");
    assert_ok(peers_search(s, "beta alp", NULL, NULL, 10, &page));
    assert_int_equal(page.n, 0);
    assert_non_null(page.next);
    peers_page_release(&page);
    assert_found(s, "beta alp", NULL, "alpha x zz beta@q;");
    list_release(&l);
    list_release(&other);
}

static void one_content_is_one_row_with_its_holders(void **state)
{
    struct store *s = fresh(state);
    struct list a, b, c;
    struct peers_row row;
    list_init(&a, "a");
    list_init(&b, "b");
    list_init(&c, "c");
    list_put(&a, "file10_2.txt", "same");
    list_put(&b, "file10_2.txt", "same");
    list_put(&c, "copy of file10.txt", "same");
    list_put(&c, "file10_2.txt", "other");
    list_put(&b, "file10_3.txt", NULL);
    list_put(&a, "file10_3.txt", NULL);
    beat(s, "a");
    beat(s, "b");
    beat(s, "c");
    assert_ok(list_tell(s, &a, 1));
    assert_ok(list_tell(s, &b, 1));
    assert_ok(list_tell(s, &c, 1));
    struct buf all;
    search_all(s, "file10", NULL, 2, &all);
    assert_non_null(strstr(buf_str(&all), "file10_2.txt@a,b,c;"));
    assert_non_null(strstr(buf_str(&all), "file10_2.txt@c;"));
    assert_non_null(strstr(buf_str(&all), "file10_3.txt@a;file10_3.txt@b;")); /* nobody knows whether they are the same */
    assert_int_equal(all.len, strlen("file10_2.txt@a,b,c;file10_2.txt@c;file10_3.txt@a;file10_3.txt@b;"));
    buf_release(&all);
    assert_found(s, "copy", NULL, "copy of file10.txt@a,b,c;");
    search_all(s, "file10 2", "a.0123456789abcdef", 2, &all); /* the asker is left out */
    assert_non_null(strstr(buf_str(&all), "file10_2.txt@b,c;"));
    assert_null(strstr(buf_str(&all), "@a"));
    buf_release(&all);
    assert_ok(peers_by_hash(s, list_find(&a, "file10_2.txt")->sha256, &row));
    assert_int_equal(row.n_holders, 3);
    assert_string_equal(row.holders[2].file, "copy of file10.txt");
    assert_string_equal(row.holders[2].url, "http://c");
    peers_row_release(&row);
    assert_ok(peers_named(s, "file10_2.txt", NULL, &row));
    assert_int_equal(row.n_holders, 3); /* whatever is in it */
    peers_row_release(&row);
    assert_ok(peers_named(s, "file10_2.txt", c.id, &row));
    assert_int_equal(row.n_holders, 2);
    peers_row_release(&row);
    assert_err(ERR_NOT_FOUND, peers_named(s, "File10_2.txt", NULL, &row));
    leave(s, "a", 0);
    leave(s, "b", 1);
    assert_found(s, "copy", NULL, "copy of file10.txt@c;");
    assert_found(s, "file10 3", NULL, "");
    enum peers_state there;
    assert_ok(peers_find(s, a.id, "file10_2.txt", &row, &there));
    assert_int_equal(there, PEERS_QUIET);
    assert_string_equal(row.holders[0].url, "http://a");
    peers_row_release(&row);
    assert_ok(peers_find(s, b.id, "file10_2.txt", &row, &there));
    assert_int_equal(there, PEERS_GONE);
    assert_string_equal(row.holders[0].name, "b");
    peers_row_release(&row);
    leave(s, "c", 0);
    assert_err(ERR_NOT_FOUND, peers_by_hash(s, list_find(&a, "file10_2.txt")->sha256, &row));
    beat(s, "b"); /* and comes back */
    assert_found(s, "file10 3", NULL, "file10_3.txt@b;");
    list_release(&a);
    list_release(&b);
    list_release(&c);
}

static void entries_vanish_with_the_ttl(void **state)
{
    struct store *s = fresh(state);
    static const char *const names[] = {"notes.txt"};
    struct list l;
    share(s, &l, "p", names, 1);
    clock_sleep_ms(MEMBERS_TTL_MS + 100);
    assert_found(s, "notes", NULL, "");
    beat(s, "p");
    assert_found(s, "notes", NULL, "notes.txt@p;");
    list_release(&l);
}

static void more_holders_than_are_told_change_nothing_else(void **state)
{
    struct store *s = fresh(state);
    static const char *const names[] = {"everybody.txt", "nobody else.txt"};
    struct list l;
    for (unsigned i = 0; i < PEERS_HOLDERS_MAX + 8; i++) {
        char peer[16];
        snprintf(peer, sizeof peer, "p%02u", i);
        share(s, &l, peer, names, i ? 1 : 2);
        list_release(&l);
    }
    struct peers_page page;
    for (unsigned i = 0; i < PEERS_HOLDERS_MAX + 8; i++) {
        char peer[16];
        snprintf(peer, sizeof peer, "p%02u", i);
        beat(s, peer);
    }
    assert_ok(peers_search(s, "", NULL, NULL, 10, &page));
    assert_int_equal(page.n, 2);
    assert_int_equal(page.rows[0].n_holders, PEERS_HOLDERS_MAX);
    assert_null(page.next);
    peers_page_release(&page);
}

static void cursors_and_queries_that_are_none_are_refused(void **state)
{
    struct store *s = fresh(state);
    static const char *const bad[] = {"", "a", "b", "z00", "aa0", "aaxx", "aaFF", "ba00", "da00", "ac00", "aa\xff\xff"};
    char longest[PEERS_QUERY_MAX + 2] = "", far[200] = "aa";
    struct peers_page page;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_err(ERR_SYNTAX, peers_search(s, i == 7 ? NULL : "two words", NULL, bad[i], 1, &page));
    memset(far + 2, '0', 180);
    assert_err(ERR_SYNTAX, peers_search(s, "q", NULL, far, 1, &page));
    assert_err(ERR_SYNTAX, peers_search(s, "\xff", NULL, NULL, 1, &page));
    memset(longest, 'x', PEERS_QUERY_MAX);
    assert_ok(peers_search(s, longest, NULL, NULL, 1, &page));
    peers_page_release(&page);
    longest[PEERS_QUERY_MAX] = 'x';
    assert_err(ERR_SYNTAX, peers_search(s, longest, NULL, NULL, 1, &page));
}

/* ---- random names, and a search of all of them one by one */

struct words {
    char text[24][80];
    size_t n;
    char fold[600];
};

static int take_word(const char *word, size_t len, void *ctx)
{
    struct words *w = ctx;
    snprintf(w->text[w->n++], sizeof w->text[0], "%.*s", (int)len, word);
    strncat(w->fold, word, len);
    return 0;
}

static int fits(const char *q, const char *name)
{
    struct words of_q = {0}, of_name = {0};
    assert_int_equal(name_words(q, strlen(q), take_word, &of_q), 0);
    assert_int_equal(name_words(name, strlen(name), take_word, &of_name), 0);
    if (strncmp(of_name.fold, of_q.fold, strlen(of_q.fold)) == 0)
        return 1;
    for (size_t i = 0; i < of_q.n; i++) {
        size_t k = 0;
        while (k < of_name.n && strncmp(of_name.text[k], of_q.text[i], strlen(of_q.text[i])) != 0)
            k++;
        if (k == of_name.n)
            return 0;
    }
    return 1;
}

static void random_name(unsigned *seed, char out[80])
{
    static const char *const parts[] = {
        "a", "ab", "abc", "b", "ba", "\xc3\x84", "9", "92", "averyverylongwordthatgoesbeyondthekeysofthemiddle", "c"};
    static const char *const gaps[] = {" ", "_", "/", "-"};
    out[0] = '\0';
    for (int i = 1 + rand_r(seed) % 4; i > 0; i--) {
        if (strlen(out) < 25 || i > 1)
            strcat(out, parts[rand_r(seed) % (strlen(out) > 25 ? 8 : 10)]);
        if (i > 1 && out[0])
            strcat(out, gaps[rand_r(seed) % 4]);
    }
    if (out[strlen(out) - 1] == '/' || shared_name_check(out, strlen(out)) != ERR_OK)
        strcpy(out, "plain");
}

/* How many different contents (or files without a hash) of the lists fit, and that each of them was found once. Peers p0, p1 … are heard before each page:
 * on a slow machine a search lasts longer than a silent peer is kept. */
static void assert_same_as_one_by_one(struct store *s, struct list *lists, size_t n, const char *q)
{
    static struct shared_file *rows[6000];
    size_t wanted = 0, found = 0;
    char *cursor = NULL;
    for (size_t p = 0; p < n; p++) {
        for (size_t i = 0; i < lists[p].n; i++) {
            struct shared_file *f = &lists[p].files[i];
            size_t k = 0;
            if (!fits(q, f->name))
                continue;
            while (k < wanted && (!*f->sha256 || strcmp(rows[k]->sha256, f->sha256) != 0))
                k++;
            if (k == wanted)
                rows[wanted++] = f;
        }
    }
    do {
        struct peers_page page;
        for (size_t p = 0; p < n; p++) {
            char peer[24];
            snprintf(peer, sizeof peer, "p%zu", p);
            beat(s, peer);
        }
        assert_ok(peers_search(s, q, NULL, cursor, 7, &page));
        for (size_t i = 0; i < page.n; i++)
            assert_true(fits(q, page.rows[i].name));
        found += page.n;
        free(cursor);
        cursor = page.next ? strdup(page.next) : NULL;
        peers_page_release(&page);
    } while (cursor);
    if (found != wanted)
        print_error("\"%s\": %zu rows, %zu wanted\n", q, found, wanted);
    assert_int_equal(found, wanted);
}

static void a_search_finds_what_looking_at_all_names_does(void **state)
{
    struct store *s = fresh(state);
    static struct list lists[3];
    unsigned seed = 4;
    for (size_t p = 0; p < 3; p++) {
        char peer[16];
        snprintf(peer, sizeof peer, "p%zu", p);
        list_init(&lists[p], peer);
        for (int i = 0; i < 300; i++) {
            char name[80], content[16];
            random_name(&seed, name);
            snprintf(content, sizeof content, "%d", rand_r(&seed) % 150);
            if (!list_find(&lists[p], name))
                list_put(&lists[p], name, rand_r(&seed) % 3 ? content : NULL);
            if (lists[p].delta.n_add == SHARED_DELTA_FILES || i == 299)
                assert_ok(list_tell(s, &lists[p], !*lists[p].listed));
        }
    }
    for (int i = 0; i < 120; i++) {
        char q[80];
        random_name(&seed, q);
        q[1 + (size_t)rand_r(&seed) % strlen(q)] = '\0';
        if (i % 3 == 0 && strlen(q) < 20)
            strcat(q, " a");
        if (text_is_utf8(q, strlen(q)))
            assert_same_as_one_by_one(s, lists, 3, q);
    }
    for (size_t p = 0; p < 3; p++)
        list_release(&lists[p]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_found_by_their_words_and_beginnings),
        cmocka_unit_test(words_beyond_ascii_and_beyond_their_keys_are_found),
        cmocka_unit_test(a_search_that_reads_much_goes_on_from_its_cursor),
        cmocka_unit_test(one_content_is_one_row_with_its_holders),
        cmocka_unit_test(entries_vanish_with_the_ttl),
        cmocka_unit_test(more_holders_than_are_told_change_nothing_else),
        cmocka_unit_test(cursors_and_queries_that_are_none_are_refused),
        cmocka_unit_test(a_search_finds_what_looking_at_all_names_does),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
