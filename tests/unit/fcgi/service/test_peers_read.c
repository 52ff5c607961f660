/* Peers as the index (a fake by the linker) has them: pages, one file of one peer, and what it is when the index or the peer is away. */
#include "tests/unit/unit.h"

#include "fcgi/service/peers_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct {
    enum err all, find, search;
    enum peers_state state;
    const char *url;
    char found[128], searched[256];
    int rows, pages; /* not released yet */
    unsigned searches, empty_pages, search_fails_after;
} fake;
static struct view picture;
static struct contacts *contacts;
static struct app app;
static struct worker worker = {.app = &app};

static const struct sign_key *key_of(const char *node)
{
    static struct sign_key key;
    sign_node_key(&app.key, node, &key);
    return &key;
}

struct store *worker_store(struct worker *w)
{
    return w->store;
}
enum err worker_store_said(struct worker *w, enum err e)
{
    (void)w;
    return e;
}
const struct view *view_get(struct view_keeper *k)
{
    (void)k;
    return &picture;
}
void view_put(struct view_keeper *k, const struct view *v)
{
    (void)k, (void)v;
}

enum err peers_all(struct store *s, struct peers_peer **out, size_t *n)
{
    assert_non_null(s);
    if (fake.all)
        return fake.all;
    struct peers_peer *p = calloc(3, sizeof(*p));
    assert_non_null(p);
    for (int i = 0; i < 3; i++) {
        snprintf(p[i].name, sizeof(p[i].name), "lab-%d", 2 - i);
        snprintf(p[i].id, sizeof(p[i].id), "lab-%d.0%d", 2 - i, i);
    }
    *out = p;
    *n = 3;
    return ERR_OK;
}
enum err peers_search(struct store *s, const char *q, const char *exclude, const char *cursor, unsigned limit, struct peers_page *out)
{
    (void)s;
    snprintf(fake.searched, sizeof(fake.searched), "%s|%s|%s|%u", q ? q : "-", exclude ? exclude : "-", cursor ? cursor : "-", limit);
    fake.searches++;
    if (fake.search && fake.searches > fake.search_fails_after)
        return fake.search;
    memset(out, 0, sizeof(*out));
    out->n = fake.searches > fake.empty_pages ? 1 : 0;
    if (fake.searches <= fake.empty_pages) {
        out->next = strdup("further");
        assert_non_null(out->next);
        fake.pages++;
    }
    return ERR_OK;
}
void peers_page_release(struct peers_page *p)
{
    if (p->next)
        fake.pages--;
    free(p->next);
    memset(p, 0, sizeof(*p));
}
enum err peers_find(struct store *s, const char *id, const char *name, struct peers_row *out, enum peers_state *state)
{
    (void)s;
    snprintf(fake.found, sizeof(fake.found), "%s|%s", id, name);
    if (fake.find)
        return fake.find;
    memset(out, 0, sizeof(*out));
    out->n_holders = 1;
    out->holders = calloc(1, sizeof(*out->holders));
    assert_non_null(out->holders);
    out->holders[0].file = strdup(name);
    snprintf(out->holders[0].peer, sizeof(out->holders[0].peer), "%s", id);
    snprintf(out->holders[0].url, sizeof(out->holders[0].url), "%s", fake.url);
    fake.rows++;
    *state = fake.state;
    return ERR_OK;
}
void peers_row_release(struct peers_row *r)
{
    if (r->holders == NULL)
        return;
    fake.rows--;
    free(r->holders[0].file);
    free(r->holders);
}

static void start(void)
{
    memset(&fake, 0, sizeof(fake));
    fake.url = "http://127.0.0.1:4711";
    worker.store = (struct store *)&fake;
}

static enum err read_one(const char *peer, const char *name, struct peers_read_file *f)
{
    const char *detail = NULL;
    enum err e = peers_read_file(&worker, peer, name, f, &detail);
    if (e == ERR_NOT_FOUND || e == ERR_GONE || e == ERR_CONFLICT)
        assert_non_null(detail);
    if (e != ERR_OK)
        assert_int_equal(fake.rows, 0);
    return e;
}

static void a_file_is_found_by_the_name_or_the_id_of_its_peer(void **state)
{
    (void)state;
    static const char *const words[] = {"lab-1", "lab-1.01"};
    struct peers_read_file f;
    for (size_t i = 0; i < 2; i++) {
        start();
        assert_ok(read_one(words[i], "a/plan.pdf", &f));
        assert_string_equal(fake.found, "lab-1.01|a/plan.pdf");
        assert_string_equal(f.address, "127.0.0.1:4711");
        assert_ok(sign_capability_check(key_of("lab-1.01"), "lab-1.01", "file:a/plan.pdf", f.capability, (uint64_t)time(NULL)));
        assert_err(ERR_AUTH, sign_capability_check(key_of("lab-1.01"), "lab-1.01", "file:a/plan.pd", f.capability, (uint64_t)time(NULL)));
        assert_err(ERR_AUTH, sign_capability_check(key_of("lab-1.01"), "lab-2.00", "file:a/plan.pdf", f.capability, (uint64_t)time(NULL)));
        peers_read_file_release(&f);
        assert_int_equal(fake.rows, 0);
    }
}

static void each_kind_of_absence_has_its_word(void **state)
{
    (void)state;
    struct peers_read_file f;
    start();
    assert_err(ERR_NOT_FOUND, read_one("lab-9", "x", &f));
    fake.find = ERR_NOT_FOUND;
    assert_err(ERR_NOT_FOUND, read_one("lab-1", "x", &f));
    start();
    fake.state = PEERS_QUIET;
    assert_err(ERR_GONE, read_one("lab-1", "x", &f));
    fake.state = PEERS_GONE;
    assert_err(ERR_GONE, read_one("lab-1", "x", &f));
    start();
    fake.url = "plain://127.0.0.1:4711";
    assert_err(ERR_CONFLICT, read_one("lab-1", "x", &f));
    start();
    fake.find = ERR_TIMEOUT;
    assert_err(ERR_UNAVAILABLE, read_one("lab-1", "x", &f));
    fake.all = ERR_STALE_INDEX;
    assert_err(ERR_STALE_INDEX, read_one("lab-1", "x", &f));
    worker.store = NULL;
    assert_err(ERR_UNAVAILABLE, read_one("lab-1", "x", &f));
}

/* What no list can hold is not even looked for. */
static void names_that_cannot_be_shared_are_not_looked_up(void **state)
{
    (void)state;
    static const char *const names[] = {"", "/etc/passwd", "../x", "a/../x", "a//b", "a/", ".hidden", "a/.b", "a\nb", "a\x7f", "\xc2\x85"};
    struct peers_read_file f;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        start();
        if (read_one("lab-1", names[i], &f) != ERR_NOT_FOUND || fake.found[0] != '\0')
            fail_msg("name %zu was looked up", i);
    }
}

static void a_page_without_a_row_is_asked_on(void **state)
{
    struct peers_page page;
    (void)state;
    start();
    fake.empty_pages = 3;
    assert_ok(peers_read_search(&worker, "q", "lab-2", "c", 7, &page));
    assert_int_equal(page.n, 1);
    assert_int_equal(fake.searches, 4);
    assert_string_equal(fake.searched, "q|lab-2.00|further|7");
    peers_page_release(&page);
    fake.searches = 0;
    fake.empty_pages = 1000; /* not for ever */
    assert_ok(peers_read_search(&worker, "q", NULL, NULL, 7, &page));
    assert_int_equal(fake.searches, PEERS_READ_PAGES);
    assert_int_equal(page.n, 0);
    assert_string_equal(page.next, "further");
    peers_page_release(&page);
    fake.searches = 0;
    fake.search = ERR_STALE_INDEX;
    fake.search_fails_after = 2;
    assert_err(ERR_STALE_INDEX, peers_read_search(&worker, "q", NULL, NULL, 7, &page));
    assert_int_equal(fake.searches, 3);
    assert_int_equal(fake.pages, 0); /* all of them are released */
}

static void a_search_leaves_out_whom_it_can_tell(void **state)
{
    (void)state;
    struct peers_page page;
    start();
    assert_ok(peers_read_search(&worker, "q", "lab-2", "c", 7, &page));
    assert_string_equal(fake.searched, "q|lab-2.00|c|7");
    assert_ok(peers_read_search(&worker, NULL, "nobody", NULL, 200, &page));
    assert_string_equal(fake.searched, "-|-|-|200");
    fake.search = ERR_SYNTAX;
    assert_err(ERR_SYNTAX, peers_read_search(&worker, NULL, NULL, "x", 1, &page));
    worker.store = NULL;
    assert_err(ERR_UNAVAILABLE, peers_read_search(&worker, NULL, NULL, NULL, 1, &page));
}

static void pages_of_peers_end(void **state)
{
    (void)state;
    struct peers_read_page page;
    char cursor[RING_ID_MAX];
    start();
    assert_ok(peers_read_all(&worker, NULL, 2, &page));
    assert_int_equal(page.n, 2);
    assert_string_equal(page.items[0].name, "lab-0");
    assert_string_equal(page.next, "lab-1.01");
    snprintf(cursor, sizeof(cursor), "%s", page.next);
    peers_read_page_release(&page);
    assert_ok(peers_read_all(&worker, cursor, 2, &page));
    assert_int_equal(page.n, 1);
    assert_string_equal(page.items[0].name, "lab-2");
    assert_null(page.next);
    peers_read_page_release(&page);
    assert_ok(peers_read_all(&worker, "zzz.00", 2, &page));
    assert_int_equal(page.n, 0);
    assert_null(page.next);
    peers_read_page_release(&page);
    assert_err(ERR_SYNTAX, peers_read_all(&worker, "no cursor", 2, &page));
}

static int set_up(void **state)
{
    (void)state;
    memset(app.key.bytes, 7, sizeof(app.key.bytes));
    app.keys = sign_keys_master(&app.key, "api:test");
    app.contacts = contacts = contacts_new();
    arena_init(&worker.arena, 1u << 20);
    return contacts == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_release(&worker.arena);
    contacts_free(contacts);
    sign_keys_free(app.keys);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_found_by_the_name_or_the_id_of_its_peer),
        cmocka_unit_test(each_kind_of_absence_has_its_word),
        cmocka_unit_test(names_that_cannot_be_shared_are_not_looked_up),
        cmocka_unit_test(a_search_leaves_out_whom_it_can_tell),
        cmocka_unit_test(a_page_without_a_row_is_asked_on),
        cmocka_unit_test(pages_of_peers_end),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
