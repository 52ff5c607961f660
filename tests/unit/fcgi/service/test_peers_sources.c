/* Where one content is to be had, between fakes of the index, the holders and the ring (by the linker): who is named, whose list of blocks is told. */
#include "tests/unit/keyring.h"
#include "tests/unit/unit.h"

#include "fcgi/service/peers_sources.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHA "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define SIZE 42u
#define HOLDERS 4u

static struct {
    struct peers_holder holders[HOLDERS];
    struct peers_row row;
    enum err by_hash, ring;
    int fills[HOLDERS]; /* what each one's list is made of; 0: it tells none */
    char asked[256];    /* ids, in order */
} fake;
static struct view picture;
static struct contacts *contacts;
static struct app app;
static struct worker worker = {.app = &app};

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

enum err peers_by_hash(struct store *s, const char sha256[HASH_HEX_SIZE], struct peers_row *out)
{
    assert_non_null(s);
    assert_string_equal(sha256, SHA);
    *out = fake.row;
    return fake.by_hash;
}
void peers_row_release(struct peers_row *r)
{
    (void)r;
}

enum err read_bytes(struct worker *w, const struct read_target *t, struct read_bytes *out)
{
    (void)w, (void)out;
    assert_string_equal(t->key, "peer/" SHA);
    return fake.ring;
}
void read_bytes_release(struct read_bytes *b)
{
    (void)b;
}

/* A list for SIZE bytes, made of one byte. */
static void answer(struct peer_call *c, int fill)
{
    struct shared_blocks b;
    struct json *j;

    assert_ok(shared_blocks_init(&b, SIZE));
    snprintf(b.sha256, sizeof(b.sha256), "%s", SHA);
    memset(b.hashes[0], fill, HASH_SIZE);
    j = shared_blocks_to_json(&b, NULL);
    buf_init(&c->answer, SHARED_BLOCKS_JSON_MAX);
    assert_ok(json_print(j, &c->answer));
    json_free(j);
    shared_blocks_release(&b);
    c->status = 200;
}

enum err peer_round(struct peer *p, const struct peer_round *round, struct peer_call *calls, size_t n)
{
    (void)p, (void)round;
    for (size_t i = 0; i < n; i++) {
        size_t len = strlen(fake.asked);
        size_t holder = (size_t)(calls[i].to[4] - '0'); /* "lab-<number>.0a" */
        snprintf(fake.asked + len, sizeof(fake.asked) - len, "%s ", calls[i].to);
        assert_in_range(holder, 0, HOLDERS - 1);
        calls[i].done = 1;
        if (fake.fills[holder] == 0)
            calls[i].error = ERR_UNAVAILABLE;
        else
            answer(&calls[i], fake.fills[holder]);
    }
    return ERR_OK;
}
void peer_calls_release(struct peer_call *calls, size_t n)
{
    for (size_t i = 0; i < n; i++)
        buf_release(&calls[i].answer);
}

static void start(const char *scheme)
{
    memset(&fake, 0, sizeof(fake));
    for (size_t i = 0; i < HOLDERS; i++) {
        struct peers_holder *h = &fake.holders[i];
        snprintf(h->peer, sizeof(h->peer), "lab-%zu.0a", i);
        snprintf(h->name, sizeof(h->name), "lab-%zu", i);
        snprintf(h->url, sizeof(h->url), "%s://127.0.0.1:471%zu", i == 0 ? scheme : "http", i);
        h->file = (char *)(uintptr_t) "a/plan.pdf";
        fake.fills[i] = 7;
    }
    fake.row = (struct peers_row){.size = SIZE, .sha256 = SHA, .holders = fake.holders, .n_holders = HOLDERS};
    worker.store = (struct store *)&fake;
}

static enum err find(const char *exclude, const char *blocks_of, struct peers_sources *out)
{
    const struct peers_sources_wish wish = {SHA, exclude, blocks_of};
    const char *detail = NULL;

    enum err e = peers_sources_find(&worker, &wish, out, &detail);
    if (e == ERR_OK)
        assert_null(detail);
    return e;
}

static void holders_that_speak_no_http_are_neither_named_nor_asked(void **state)
{
    (void)state;
    struct peers_sources found;
    start("plain");
    assert_ok(find(NULL, NULL, &found));
    assert_int_equal(found.n, HOLDERS - 1);
    assert_string_equal(found.at[0].peer, "lab-1.0a");
    assert_string_equal(fake.asked, "lab-1.0a lab-2.0a lab-3.0a ");
    peers_sources_release(&found);
}

static void a_file_of_plain_peers_alone_is_not_to_be_had(void **state)
{
    (void)state;
    struct peers_sources found;
    const struct peers_sources_wish wish = {SHA, NULL, NULL};
    const char *detail = NULL;
    start("plain");
    fake.row.n_holders = 1;
    assert_err(ERR_NOT_FOUND, peers_sources_find(&worker, &wish, &found, &detail));
    assert_non_null(strstr(detail, "line protocol"));
    assert_string_equal(fake.asked, "");
    start("plain");
    fake.row.n_holders = 1;
    fake.row.adopted = 1; /* but its owners do not answer just now */
    fake.ring = ERR_UNAVAILABLE;
    assert_err(ERR_UNAVAILABLE, find(NULL, NULL, &found));
}

static void the_list_of_most_is_told_unless_another_is_wanted(void **state)
{
    (void)state;
    struct peers_sources found;
    start("http");
    fake.fills[2] = 9;
    assert_ok(find("lab-1", NULL, &found));
    assert_int_equal(found.blocks.hashes[0][0], 7);
    assert_int_equal(found.n, HOLDERS - 1);
    peers_sources_release(&found);
    for (int by_id = 0; by_id < 2; by_id++) {
        *fake.asked = '\0';
        assert_ok(find("lab-2", by_id ? "lab-2.0a" : "lab-2", &found)); /* who is left out may well tell */
        assert_int_equal(found.blocks.hashes[0][0], 9);
        assert_string_equal(fake.asked, "lab-2.0a ");
        assert_int_equal(found.n, HOLDERS - 1);
        peers_sources_release(&found);
    }
}

static void a_list_that_nobody_tells_is_none(void **state)
{
    (void)state;
    struct peers_sources found;
    const struct peers_sources_wish wish = {SHA, NULL, "lab-9"};
    const char *detail = NULL;
    start("http");
    assert_err(ERR_NOT_FOUND, peers_sources_find(&worker, &wish, &found, &detail));
    assert_non_null(detail);
    fake.fills[2] = 0;
    assert_err(ERR_UNAVAILABLE, find(NULL, "lab-2", &found));
    fake.by_hash = ERR_TIMEOUT;
    assert_err(ERR_UNAVAILABLE, find(NULL, NULL, &found));
    worker.store = NULL;
    assert_err(ERR_UNAVAILABLE, find(NULL, NULL, &found));
}

static int setup(void **state)
{
    (void)state;
    arena_init(&worker.arena, 1u << 20);
    app.contacts = contacts = contacts_new();
    app.keys = keyring_of(&app.key, "api:test");
    return contacts == NULL || app.keys == NULL ? -1 : 0;
}

static int teardown(void **state)
{
    (void)state;
    contacts_free(contacts);
    sign_keys_free(app.keys);
    arena_release(&worker.arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holders_that_speak_no_http_are_neither_named_nor_asked),
        cmocka_unit_test(a_file_of_plain_peers_alone_is_not_to_be_had),
        cmocka_unit_test(the_list_of_most_is_told_unless_another_is_wanted),
        cmocka_unit_test(a_list_that_nobody_tells_is_none),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
