/* One adoption between fakes of the index, the holders and the upload (by the linker): whom it asks, what it believes, what it stores. */
#include "tests/unit/keyring.h"
#include "tests/unit/unit.h"

#include "fcgi/service/adopt_inside.h"
#include "fcgi/service/upload.h"
#include "fcgi/service/view.h"
#include "lib/base/log.h"
#include "lib/peer/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BYTES "the bytes that everybody wants"
#define SIZE (sizeof(BYTES) - 1)

static struct {
    struct peers_row row;
    enum err by_hash, holder_error, upload_error;
    const char *gives[2]; /* what each holder sends */
    long status;
    int asked, uploads, stopping;
    char urls[2][256], header[256], uploaded[64], filename[256], key[ADOPT_KEY_SIZE];
} fake;
static char sha[HASH_HEX_SIZE], folder[] = "/tmp/adopt-XXXXXX";
static struct view picture;
static struct contacts *contacts;

/* ---- Redis is up, and of clocks nothing is known */

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
    (void)k;
    assert_ptr_equal(v, &picture);
}

/* ---- index, holders, upload */

enum err peers_by_hash(struct store *s, const char sha256[HASH_HEX_SIZE], struct peers_row *out)
{
    assert_non_null(s);
    assert_string_equal(sha256, sha);
    *out = fake.row;
    return fake.by_hash;
}
void peers_row_release(struct peers_row *r)
{
    (void)r;
}
int adopt_is_stopping(struct adopter *a)
{
    (void)a;
    return fake.stopping;
}
struct client *client_new(void)
{
    return (struct client *)&fake;
}
void client_free(struct client *c)
{
    assert_ptr_equal(c, &fake);
}
enum err client_do(struct client *c, const struct client_request *q, struct client_answer *a)
{
    (void)c;
    assert_true(fake.asked < 2);
    const char *bytes = fake.gives[fake.asked];
    snprintf(fake.urls[fake.asked++], sizeof(fake.urls[0]), "%s", q->url);
    snprintf(fake.header, sizeof(fake.header), "%s", q->headers[0]);
    memset(a, 0, sizeof(*a));
    a->status = fake.status;
    if (fake.holder_error || a->status != 200)
        return fake.holder_error;
    assert_int_equal(q->out_max, SIZE);
    a->received = strlen(bytes);
    assert_int_equal(write(q->out_fd, bytes, strlen(bytes)), strlen(bytes));
    hash_add(q->hash, bytes, strlen(bytes));
    return ERR_OK;
}
void client_answer_release(struct client_answer *a)
{
    (void)a;
}
enum err upload(struct worker *w, const struct upload_input *in, struct upload_result *out)
{
    (void)w;
    uint8_t hash[HASH_SIZE];
    memset(out, 0, sizeof(*out));
    fake.uploads++;
    assert_int_equal(in->match, MATCH_NONE);
    assert_string_equal(in->course, in->key);
    assert_int_equal(in->body.size, SIZE);
    long n = in->body.read(in->body.ctx, fake.uploaded, sizeof(fake.uploaded) - 1);
    assert_int_equal(n, SIZE);
    assert_int_equal(in->body.read(in->body.ctx, hash, 1), 0);
    hash_sha256(fake.uploaded, (size_t)n, hash);
    assert_true(in->has_digest);
    assert_memory_equal(in->digest, hash, HASH_SIZE);
    snprintf(fake.filename, sizeof(fake.filename), "%s", in->filename);
    snprintf(fake.key, sizeof(fake.key), "%s", in->key);
    return fake.upload_error;
}
void upload_result_release(struct upload_result *r)
{
    (void)r;
}

/* ---- the tests */

static struct peers_holder holders[2];
static struct app app = {.settings = {.name = "api-test", .data = folder, .upload_max_bytes = 1000}};

static void start(void)
{
    memset(&fake, 0, sizeof(fake));
    fake.status = 200;
    fake.gives[0] = fake.gives[1] = BYTES;
    for (int i = 0; i < 2; i++) {
        snprintf(holders[i].peer, sizeof(holders[i].peer), "lab-%d.01", i);
        snprintf(holders[i].name, sizeof(holders[i].name), "lab-%d", i);
        snprintf(holders[i].url, sizeof(holders[i].url), "http://127.0.0.1:471%d", i);
        holders[i].file = "a b/plan.pdf";
    }
    fake.row = (struct peers_row){.name = "a b/plan.pdf", .size = SIZE, .holders = holders, .n_holders = 2};
    memcpy(fake.row.sha256, sha, sizeof(sha));
}

static void take(void)
{
    struct worker w = {.app = &app, .store = (struct store *)&fake};
    arena_init(&w.arena, 1u << 20);
    adopt_take((struct adopter *)&fake, &w, sha);
    arena_release(&w.arena);
}

static void the_bytes_go_from_a_holder_to_the_owners(void **state)
{
    (void)state;
    start();
    take();
    assert_int_equal(fake.asked, 1);
    assert_string_equal(fake.urls[0], "http://127.0.0.1:4710/files/a%20b%2Fplan.pdf");
    assert_int_equal(strncmp(fake.header, "Authorization: RBC1 expiry=", 27), 0);
    assert_int_equal(fake.uploads, 1);
    assert_string_equal(fake.uploaded, BYTES);
    assert_string_equal(fake.filename, "plan.pdf");
    assert_int_equal(strncmp(fake.key, "peer/", 5), 0);
    assert_string_equal(fake.key + 5, sha);
}

static void a_holder_that_lies_is_left_for_the_next(void **state)
{
    (void)state;
    static const char *const lies[] = {"the bytes that nobody wants it", "the bytes", "", BYTES};
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        start();
        fake.gives[0] = lies[i];
        take();
        assert_int_equal(fake.asked, strcmp(lies[i], BYTES) == 0 ? 1 : 2);
        assert_int_equal(fake.uploads, 1);
        assert_string_equal(fake.uploaded, BYTES); /* nothing is left of the lie */
    }
    start();
    fake.gives[0] = fake.gives[1] = "the bytes that nobody wants it";
    take();
    assert_int_equal(fake.asked, 2);
    assert_int_equal(fake.uploads, 0);
}

static void without_a_holder_that_gives_it_nothing_is_stored(void **state)
{
    (void)state;
    start();
    fake.status = 404;
    take();
    assert_int_equal(fake.asked, 2);
    assert_int_equal(fake.uploads, 0);
    start();
    fake.holder_error = ERR_UNAVAILABLE;
    take();
    assert_int_equal(fake.uploads, 0);
    start();
    snprintf(holders[0].url, sizeof(holders[0].url), "plain://127.0.0.1:4710");
    take();
    assert_int_equal(fake.asked, 1);
    assert_string_equal(fake.urls[0], "http://127.0.0.1:4711/files/a%20b%2Fplan.pdf");
    assert_int_equal(fake.uploads, 1);
}

static void what_cannot_be_an_upload_is_not_even_fetched(void **state)
{
    (void)state;
    start();
    fake.row.size = 0;
    take();
    assert_int_equal(fake.asked, 0);
    start();
    fake.row.size = 1001;
    take();
    assert_int_equal(fake.asked, 0);
    start();
    fake.row.adopted = 1;
    take();
    assert_int_equal(fake.asked, 0);
    start();
    fake.by_hash = ERR_NOT_FOUND;
    take();
    assert_int_equal(fake.asked, 0);
    start();
    fake.stopping = 1;
    take();
    assert_int_equal(fake.asked, 0);
    assert_int_equal(fake.uploads, 0);
}

static int set_up(void **state)
{
    (void)state;
    log_init("test", LOG_ERROR);
    hash_sha256_hex(BYTES, SIZE, sha);
    app.contacts = contacts = contacts_new();
    app.keys = keyring_of(&app.key, "api:test");
    return mkdtemp(folder) == NULL || contacts == NULL || app.keys == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    contacts_free(contacts);
    sign_keys_free(app.keys);
    return rmdir(folder); /* fails when anything was left in it */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bytes_go_from_a_holder_to_the_owners),
        cmocka_unit_test(a_holder_that_lies_is_left_for_the_next),
        cmocka_unit_test(without_a_holder_that_gives_it_nothing_is_stored),
        cmocka_unit_test(what_cannot_be_an_upload_is_not_even_fetched),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
