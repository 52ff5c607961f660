/* Share links: made, opened, counted, listed, revoked; their keys. Documents are in memory, Redis is a real one. */
#include "tests/unit/fcgi/service/documents.h"

#include "fcgi/service/links_inside.h"
#include "lib/auth/secret.h"

#define DAY_MS UINT64_C(86400000)
#define PASSWORD "open sesame please"

struct made {
    struct docs_link link;
    char text[LINK_TEXT_SIZE];
};

static struct links_new wanted(const char *course)
{
    return (struct links_new){
        .course = course, .label = "for all", .expires_at_ms = clock_unix_ms() + DAY_MS, .downloads_max = DOCS_NO_LIMIT};
}

static struct made make(struct fixture *f, const struct links_new *in)
{
    struct made m;
    const char *detail;
    assert_ok(links_make(&f->w, in, "ann", &m.link, m.text, &detail));
    return m;
}

static enum err open_with(struct fixture *f, const char *text, const char *password, int count)
{
    struct docs_link l;
    return links_open(&f->w, text, strlen(text), password, password == NULL ? 0 : strlen(password), count, &l);
}

static void a_link_opens_its_course(void **state)
{
    struct fixture *f = *state;
    struct docs_link l;
    struct links_new in = wanted("csen317");
    in.record = (struct stamp){5, 6};
    struct made m = make(f, &in);
    assert_ok(links_open(&f->w, m.text, strlen(m.text), NULL, 0, 1, &l));
    assert_string_equal(l.course, "csen317");
    assert_int_equal(stamp_cmp(l.record, in.record), 0);
    assert_string_equal(l.by, "ann");
    documents.redis_up = 0; /* not counted, but open */
    assert_ok(open_with(f, m.text, NULL, 1));
}

/* One answer for all of it. */
static void everything_else_is_denied(void **state)
{
    struct fixture *f = *state;
    struct links_new in = wanted("csen317");
    char text[LINK_TEXT_SIZE];
    struct made m = make(f, &in), soon;
    for (size_t i = 0; i < strlen(m.text); i++) { /* each character counts */
        memcpy(text, m.text, sizeof(text));
        text[i] = text[i] == '0' ? '1' : '0';
        assert_err(ERR_DENIED, open_with(f, text, NULL, 0));
    }
    assert_err(ERR_DENIED, open_with(f, "", NULL, 0));
    in.expires_at_ms = clock_unix_ms() + 2000;
    soon = make(f, &in);
    assert_ok(open_with(f, soon.text, NULL, 0));
    clock_sleep_ms(2050);
    assert_err(ERR_DENIED, open_with(f, soon.text, NULL, 0));
    assert_ok(links_revoke(&f->w, m.link.id, "ann"));
    assert_ok(links_revoke(&f->w, m.link.id, "ann"));
    assert_err(ERR_DENIED, open_with(f, m.text, NULL, 0));
    assert_err(ERR_NOT_FOUND, links_revoke(&f->w, "0123456789abcdef", "ann"));
    documents.away = ERR_UNAVAILABLE;
    assert_err(ERR_UNAVAILABLE, open_with(f, m.text, NULL, 0));
}

static void a_password_is_asked_for(void **state)
{
    struct fixture *f = *state;
    struct links_new in = wanted("csen317");
    struct docs_link l;
    char text[LINK_TEXT_SIZE];
    const char *detail;
    in.password = PASSWORD;
    in.password_len = strlen(PASSWORD);
    in.downloads_max = 1;
    struct made m = make(f, &in);
    assert_err(ERR_DENIED, open_with(f, m.text, NULL, 1));
    assert_err(ERR_DENIED, open_with(f, m.text, "wrong", 1));
    assert_ok(open_with(f, m.text, PASSWORD, 1)); /* wrong ones were not counted */
    in.password = "12345678";
    in.password_len = 8;
    assert_err(ERR_INVALID, links_make(&f->w, &in, "ann", &l, text, &detail));
    assert_non_null(detail);
}

static void downloads_are_counted_to_their_limit(void **state)
{
    struct fixture *f = *state;
    struct links_new in = wanted("csen317");
    in.downloads_max = 2;
    struct made m = make(f, &in);
    assert_ok(open_with(f, m.text, NULL, 0));
    assert_ok(open_with(f, m.text, NULL, 1));
    assert_ok(open_with(f, m.text, NULL, 1));
    assert_err(ERR_DENIED, open_with(f, m.text, NULL, 1));
    struct links_page p;
    assert_ok(links_list(&f->w, "csen317", "", 10, &p));
    assert_int_equal(p.n, 1);
    assert_true(p.items[0].downloads_known);
    assert_int_equal(p.items[0].downloads, 2);
}

static void strange_links_are_not_made(void **state)
{
    struct fixture *f = *state;
    struct docs_link l;
    char text[LINK_TEXT_SIZE];
    const char *detail;
    for (int i = 0; i < 5; i++) {
        struct links_new in = wanted(i == 3 ? "sys/settings" : "csen317");
        in.expires_at_ms = i == 0 ? clock_unix_ms() - 1000 : i == 1 ? clock_unix_ms() + 400 * DAY_MS : in.expires_at_ms;
        in.label = i == 2 ? "two\nlines" : in.label;
        in.downloads_max = i == 4 ? 0 : in.downloads_max;
        detail = NULL;
        assert_err(ERR_INVALID, links_make(&f->w, &in, "ann", &l, text, &detail));
        assert_non_null(detail);
    }
}

static void a_course_lists_its_own_links(void **state)
{
    struct fixture *f = *state;
    struct links_new one = wanted("csen317"), other = wanted("csen318");
    struct links_page p;
    struct made m = make(f, &one);
    make(f, &one);
    make(f, &other);
    assert_ok(links_list(&f->w, "csen317", "", 1, &p));
    assert_int_equal(p.n, 1);
    assert_non_null(p.next);
    assert_ok(links_list(&f->w, "csen317", p.next, 1, &p));
    assert_int_equal(p.n, 1);
    assert_null(p.next);
    assert_ok(links_list(&f->w, "csen317", "", 10, &p));
    assert_int_equal(p.n, 2);
    for (size_t i = 0; i < 2; i++)
        assert_ok(open_with(f, p.items[i].text, NULL, 0)); /* shown again */
    assert_ok(links_revoke(&f->w, m.link.id, "ann"));
    assert_ok(links_list(&f->w, "csen317", "", 10, &p));
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(p.items[i].text[0] == '\0', strcmp(p.items[i].link.id, m.link.id) == 0);
    assert_ok(links_list(&f->w, "math9", "", 10, &p));
    assert_int_equal(p.n, 0);
    documents.redis_up = 0;
    assert_err(ERR_UNAVAILABLE, links_list(&f->w, "csen317", "", 10, &p));
}

static void links_outlive_one_change_of_keys(void **state)
{
    struct fixture *f = *state;
    struct links_new in = wanted("csen317");
    struct made first = make(f, &in);
    assert_ok(links_rotate(&f->w, "root"));
    struct made second = make(f, &in);
    assert_ok(open_with(f, first.text, NULL, 0));
    assert_ok(open_with(f, second.text, NULL, 0));
    assert_ok(links_rotate(&f->w, "root"));
    assert_err(ERR_DENIED, open_with(f, first.text, NULL, 0));
    assert_ok(open_with(f, second.text, NULL, 0));
    struct links_page p; /* the list shows texts of the key that signs now */
    assert_ok(links_list(&f->w, "csen317", "", 10, &p));
    for (size_t i = 0; i < p.n; i++)
        assert_ok(open_with(f, p.items[i].text, NULL, 0));
}

static void of_two_that_draw_the_first_key_one_does(void **state)
{
    struct fixture *f = *state;
    struct link_keys a, b;
    documents.conflicts = 1;
    assert_ok(links_keys_need(&f->w, "ann", &a));
    assert_ok(links_keys_need(&f->w, "bob", &b));
    assert_int_equal(a.n, 1);
    assert_memory_equal(&a.key[0], &b.key[0], sizeof(a.key[0]));
}

static void keys_are_read_strictly(void **state)
{
#define K "0000000000000000000000000000000000000000000000000000000000000000"
    static const char *const bad[] = {"{}", "[]", "{\"v\":1}", "{\"v\":1,\"keys\":[]}",
        "{\"v\":0,\"keys\":[{\"id\":\"00000000\",\"key\":\"" K "\"}]}", "{\"v\":1,\"keys\":[{\"id\":\"0000000\",\"key\":\"" K "\"}]}",
        "{\"v\":1,\"keys\":[{\"id\":\"00000000\",\"key\":\"00\"}]}", "{\"v\":1,\"keys\":[{\"id\":\"00000000\"}]}", "{\"v\":1,\"keys\":[1]}",
        "{\"v\":1,\"keys\":[{\"id\":\"00000000\",\"key\":\"" K "\"},{\"id\":\"00000001\",\"key\":\"" K
        "\"},{\"id\":\"00000002\",\"key\":\"" K "\"}]}"};
    struct link_keys keys = {.n = 7};
    struct json *j;
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_ok(json_parse(bad[i], strlen(bad[i]), &j));
        assert_err(ERR_SYNTAX, links_keys_from_json(j, &keys));
        json_free(j);
    }
    assert_int_equal(keys.n, 7);
    static const char later[] = "{\"v\":2,\"keys\":[]}";
    assert_ok(json_parse(later, strlen(later), &j));
    assert_err(ERR_INVALID, links_keys_from_json(j, &keys));
    json_free(j);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(a_link_opens_its_course),
        CASE(everything_else_is_denied),
        CASE(a_password_is_asked_for),
        CASE(downloads_are_counted_to_their_limit),
        CASE(strange_links_are_not_made),
        CASE(a_course_lists_its_own_links),
        CASE(links_outlive_one_change_of_keys),
        CASE(of_two_that_draw_the_first_key_one_does),
        CASE(keys_are_read_strictly),
    };
    return cmocka_run_group_tests(tests, documents_start, documents_stop);
}
