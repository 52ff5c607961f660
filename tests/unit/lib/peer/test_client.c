#include "tests/unit/lib/peer/fixture.h"

#include "lib/peer/client.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#define BODY_LEN 300000

/* A front of its own: open routes, and what they saw. */
struct front {
    struct http_server *server;
    char url[64];
    char body[BODY_LEN];
    char authorization[64], if_match[64];
    atomic_int n;
};

static struct front front;
static struct client *client;
static int fd; /* a file of its own, empty */

static void handle_bytes(struct http_request *r, void *ctx)
{
    struct front *f = ctx;
    uint64_t first = 0, last = BODY_LEN - 1;
    char range[64];
    struct http_conditions c = {.range = http_header(r, "Range"), .if_range = http_header(r, "If-Range")};
    enum http_range_result which = http_range(&c, BODY_LEN, "\"tag\"", 0, &first, &last);

    f->n++;
    http_add_header(r, "ETag", "\"tag\"");
    http_add_header(r, "X-Blanks", "  two words \t");
    if (which == HTTP_RANGE_UNSATISFIABLE) {
        http_reply_problem(r, ERR_RANGE, NULL);
        return;
    }
    snprintf(range, sizeof range, "bytes %llu-%llu/%d", (unsigned long long)first, (unsigned long long)last, BODY_LEN);
    if (which == HTTP_RANGE_PART)
        http_add_header(r, "Content-Range", range);
    http_reply(r, which == HTTP_RANGE_PART ? 206 : 200, "application/octet-stream", f->body + first, (size_t)(last - first + 1));
}

/* Pays no heed to Range. */
static void handle_whole(struct http_request *r, void *ctx)
{
    http_reply(r, 200, "text/plain", ((struct front *)ctx)->body, BODY_LEN);
}

/* Gives another part than was asked for. */
static void handle_other_part(struct http_request *r, void *ctx)
{
    http_add_header(r, "Content-Range", "bytes 0-9/300000");
    http_reply(r, 206, "text/plain", ((struct front *)ctx)->body, 10);
}

static void handle_take(struct http_request *r, void *ctx)
{
    struct front *f = ctx;
    size_t len;
    const char *body = http_body(r, &len), *authorization = http_header(r, "Authorization"), *match = http_header(r, "If-Match");
    char answer[HASH_HEX_SIZE];

    f->n++;
    snprintf(f->authorization, sizeof f->authorization, "%s", authorization ? authorization : "");
    snprintf(f->if_match, sizeof f->if_match, "%s", match ? match : "");
    hash_sha256_hex(body ? body : "", len, answer);
    http_reply(r, 201, "text/plain", answer, sizeof answer - 1);
}

static void handle_missing(struct http_request *r, void *ctx)
{
    (void)ctx;
    http_reply_problem(r, ERR_NOT_FOUND, "nothing here");
}

static void handle_elsewhere(struct http_request *r, void *ctx)
{
    http_add_header(r, "Location", ((struct front *)ctx)->url);
    http_reply(r, 302, NULL, "", 0);
}

static const struct http_route routes[] = {
    {"GET", "/bytes", HTTP_AUTH_NONE, 0, 0, handle_bytes, NULL, NULL, NULL},
    {"GET", "/whole", HTTP_AUTH_NONE, 0, 0, handle_whole, NULL, NULL, NULL},
    {"GET", "/other", HTTP_AUTH_NONE, 0, 0, handle_other_part, NULL, NULL, NULL},
    {"PUT", "/take", HTTP_AUTH_NONE, 0, 1u << 20, handle_take, NULL, NULL, NULL},
    {"POST", "/take", HTTP_AUTH_NONE, 0, 1u << 20, handle_take, NULL, NULL, NULL},
    {"GET", "/missing", HTTP_AUTH_NONE, 0, 0, handle_missing, NULL, NULL, NULL},
    {"GET", "/elsewhere", HTTP_AUTH_NONE, 0, 0, handle_elsewhere, NULL, NULL, NULL},
};

static int setup(void **state)
{
    struct http_config c = {.address = "127.0.0.1", .routes = routes, .n_routes = sizeof routes / sizeof routes[0], .ctx = &front};
    char name[] = "/tmp/rb-client-XXXXXX";

    (void)state;
    memset(&front, 0, sizeof front);
    for (size_t i = 0; i < BODY_LEN; i++)
        front.body[i] = (char)('a' + i * i % 23);
    assert_int_equal(http_start(&c, &front.server), ERR_OK);
    snprintf(front.url, sizeof front.url, "http://127.0.0.1:%u", (unsigned)http_port(front.server));
    client = client_new();
    assert_non_null(client);
    fd = mkstemp(name);
    assert_true(fd >= 0);
    unlink(name);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    close(fd);
    client_free(client);
    http_stop(front.server);
    return 0;
}

/* Asks for path of the front (or a whole URL). */
static enum err ask(const char *path, struct client_request q, struct client_answer *a)
{
    char url[256];

    snprintf(url, sizeof url, "%s%s", path[0] == '/' ? front.url : "", path);
    q.url = url;
    if (!q.method)
        q.method = "GET";
    return client_do(client, &q, a);
}

static void a_body_comes_into_memory_with_its_headers(void **state)
{
    struct client_answer a;
    char value[16];

    (void)state;
    assert_int_equal(ask("/bytes", (struct client_request){.answer_max = BODY_LEN}, &a), ERR_OK);
    assert_int_equal(a.status, 200);
    assert_int_equal(a.body.len, BODY_LEN);
    assert_memory_equal(a.body.data, front.body, BODY_LEN);
    assert_int_equal(client_header(&a, "etag", value, sizeof value), ERR_OK);
    assert_string_equal(value, "\"tag\"");
    assert_int_equal(client_header(&a, "X-Blanks", value, sizeof value), ERR_OK);
    assert_string_equal(value, "two words");
    assert_int_equal(client_header(&a, "X-Blanks", value, 9), ERR_TOO_LARGE);
    assert_int_equal(client_header(&a, "X-Blank", value, sizeof value), ERR_NOT_FOUND);
    assert_string_equal(a.why, "");
    client_answer_release(&a);
}

static void an_answer_that_is_too_large_is_refused(void **state)
{
    struct client_answer a;

    (void)state;
    assert_int_equal(ask("/bytes", (struct client_request){.answer_max = BODY_LEN - 1}, &a), ERR_TOO_LARGE);
    assert_true(a.body.len < BODY_LEN);
    assert_true(a.why[0]);
    client_answer_release(&a);
}

static void a_body_comes_into_a_file_and_is_hashed(void **state)
{
    struct client_answer a;
    struct hash_ctx *h = hash_new();
    uint8_t have[HASH_SIZE], want[HASH_SIZE];
    static char got[BODY_LEN];

    (void)state;
    assert_int_equal(ask("/bytes", (struct client_request){.out_is_file = 1, .out_fd = fd, .hash = h}, &a), ERR_OK);
    assert_int_equal(a.received, BODY_LEN);
    assert_int_equal(a.body.len, 0);
    assert_int_equal(pread(fd, got, sizeof got, 0), BODY_LEN);
    assert_memory_equal(got, front.body, BODY_LEN);
    hash_end(h, have);
    hash_sha256(front.body, BODY_LEN, want);
    assert_memory_equal(have, want, HASH_SIZE);
    hash_free(h);
    client_answer_release(&a);
}

static void a_part_is_what_was_asked_for(void **state)
{
    struct client_answer a;

    (void)state;
    assert_int_equal(ask("/bytes", (struct client_request){.range_from = 1000, .range_len = 50, .answer_max = 100}, &a), ERR_OK);
    assert_int_equal(a.status, 206);
    assert_int_equal(a.body.len, 50);
    assert_memory_equal(a.body.data, front.body + 1000, 50);
    client_answer_release(&a);
    assert_int_equal(
        ask("/bytes", (struct client_request){.range_from = BODY_LEN - 7, .if_range = "\"tag\"", .answer_max = 100}, &a), ERR_OK);
    assert_int_equal(a.body.len, 7);
    client_answer_release(&a);
}

static void a_whole_or_another_part_is_never_taken_for_the_part(void **state)
{
    static const char *const liars[] = {"/whole", "/other"};
    struct client_answer a;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(
            ask(liars[i], (struct client_request){.range_from = 5, .range_len = 10, .out_is_file = 1, .out_fd = fd}, &a), ERR_RANGE);
        assert_int_equal(lseek(fd, 0, SEEK_END), 0);
        client_answer_release(&a);
    }
    /* The file has changed meanwhile: If-Range makes a whole of it. */
    assert_int_equal(ask("/bytes", (struct client_request){.range_from = 5, .if_range = "\"old\"", .answer_max = BODY_LEN}, &a), ERR_RANGE);
    client_answer_release(&a);
}

static void a_file_gets_no_more_than_its_maximum(void **state)
{
    struct client_answer a;

    (void)state;
    assert_int_equal(ask("/bytes", (struct client_request){.out_is_file = 1, .out_fd = fd, .out_max = 1000}, &a), ERR_TOO_LARGE);
    assert_true(lseek(fd, 0, SEEK_END) <= 1000);
    client_answer_release(&a);
}

static void a_refusal_never_gets_into_the_file(void **state)
{
    struct client_answer a;

    (void)state;
    assert_int_equal(ask("/missing", (struct client_request){.out_is_file = 1, .out_fd = fd, .answer_max = 4096}, &a), ERR_OK);
    assert_int_equal(a.status, 404);
    assert_non_null(strstr(buf_str(&a.body), "nothing here"));
    assert_int_equal(lseek(fd, 0, SEEK_END), 0);
    client_answer_release(&a);
}

static void a_disk_that_is_full_says_so(void **state)
{
    struct client_answer a;
    int full = open("/dev/full", O_WRONLY);

    (void)state;
    assert_int_equal(ask("/bytes", (struct client_request){.out_is_file = 1, .out_fd = full}, &a), ERR_FULL);
    client_answer_release(&a);
    close(full);
}

static void a_file_is_sent_whole_with_the_headers(void **state)
{
    const char *const lines[] = {"Authorization: Bearer abc", "If-Match: \"17\""};
    struct client_answer a;
    char want[HASH_HEX_SIZE];

    (void)state;
    assert_int_equal(write(fd, front.body, BODY_LEN), BODY_LEN);
    struct client_request q = {
        .method = "PUT", .headers = lines, .n_headers = 2, .body_is_file = 1, .body_fd = fd, .body_len = BODY_LEN, .answer_max = 100};
    assert_int_equal(ask("/take", q, &a), ERR_OK);
    hash_sha256_hex(front.body, BODY_LEN, want);
    assert_int_equal(a.status, 201);
    assert_string_equal(buf_str(&a.body), want);
    assert_string_equal(front.authorization, "Bearer abc");
    assert_string_equal(front.if_match, "\"17\"");
    client_answer_release(&a);
}

static void a_body_from_memory_and_an_empty_one_are_sent(void **state)
{
    struct client_answer a;
    char want[HASH_HEX_SIZE];

    (void)state;
    assert_int_equal(
        ask("/take", (struct client_request){.method = "POST", .body = "hello", .body_len = 5, .answer_max = 100}, &a), ERR_OK);
    hash_sha256_hex("hello", 5, want);
    assert_string_equal(buf_str(&a.body), want);
    client_answer_release(&a);
    assert_int_equal(ask("/take", (struct client_request){.method = "POST", .answer_max = 100}, &a), ERR_OK);
    hash_sha256_hex("", 0, want);
    assert_string_equal(buf_str(&a.body), want);
    client_answer_release(&a);
}

static void a_file_that_is_shorter_than_said_is_not_sent(void **state)
{
    struct client_answer a;

    (void)state;
    assert_int_equal(write(fd, "short", 5), 5);
    struct client_request q = {.method = "PUT", .body_is_file = 1, .body_fd = fd, .body_len = 100, .answer_max = 100};
    assert_int_equal(ask("/take", q, &a), ERR_INVALID);
    assert_int_equal(front.n, 0);
    client_answer_release(&a);
}

static void no_redirect_is_followed(void **state)
{
    struct client_answer a;

    (void)state;
    assert_int_equal(ask("/elsewhere", (struct client_request){.answer_max = 100}, &a), ERR_OK);
    assert_int_equal(a.status, 302);
    client_answer_release(&a);
}

static void what_is_not_well_formed_is_not_sent(void **state)
{
    const char *const split = "X-A: b\r\nX-C: d";
    struct client_answer a;

    (void)state;
    assert_int_equal(ask("file:///etc/passwd", (struct client_request){.answer_max = 100}, &a), ERR_INVALID);
    assert_int_equal(ask("/by tes", (struct client_request){.answer_max = 100}, &a), ERR_INVALID);
    assert_int_equal(ask("/bytes", (struct client_request){.headers = &split, .n_headers = 1, .answer_max = 100}, &a), ERR_INVALID);
    assert_int_equal(front.n, 0);
}

static void nobody_there_is_unavailable(void **state)
{
    struct client_answer a;
    char url[64];

    (void)state;
    dead_url(url);
    assert_int_equal(ask(url, (struct client_request){.answer_max = 100}, &a), ERR_UNAVAILABLE);
    assert_int_equal(a.status, 0);
    assert_non_null(strstr(a.why, "connect"));
    client_answer_release(&a);
}

static void silence_is_a_timeout(void **state)
{
    struct client_answer a;
    char url[64];
    int deaf = deaf_url(url);
    uint64_t begun_ms = clock_boot_ms();

    (void)state;
    assert_int_equal(ask(url, (struct client_request){.answer_max = 100, .stall_ms = 300}, &a), ERR_TIMEOUT);
    assert_true(clock_boot_ms() - begun_ms >= 300 && clock_boot_ms() - begun_ms < 3000);
    client_answer_release(&a);
    close(deaf);
}

/* Cancels once it was asked ten times, or half is there. */
static enum err watch_and_cancel(const struct client_progress *p, void *ctx)
{
    int *calls = ctx;

    return ++*calls == 5 || p->received > BODY_LEN / 2 ? ERR_CONFLICT : ERR_OK;
}

static void a_watcher_can_cancel_while_nothing_comes(void **state)
{
    struct client_answer a;
    char url[64];
    int deaf = deaf_url(url), calls = 0;

    (void)state;
    assert_int_equal(ask(url, (struct client_request){.answer_max = 100, .watch = watch_and_cancel, .ctx = &calls}, &a), ERR_CONFLICT);
    assert_int_equal(calls, 5);
    client_answer_release(&a);
    close(deaf);
}

struct last {
    struct client_progress p;
};

static enum err watch_and_keep(const struct client_progress *p, void *ctx)
{
    struct last *last = ctx;

    assert_true(p->sent >= last->p.sent && p->received >= last->p.received);
    last->p = *p;
    return ERR_OK;
}

static void a_watcher_sees_all_bytes(void **state)
{
    struct client_answer a;
    struct last last = {0};

    (void)state;
    assert_int_equal(ask("/bytes", (struct client_request){.answer_max = BODY_LEN, .watch = watch_and_keep, .ctx = &last}, &a), ERR_OK);
    assert_int_equal(last.p.received, BODY_LEN);
    assert_int_equal(last.p.receive_total, BODY_LEN);
    client_answer_release(&a);
    memset(&last, 0, sizeof last);
    struct client_request q = {
        .method = "PUT", .body = front.body, .body_len = BODY_LEN, .answer_max = 100, .watch = watch_and_keep, .ctx = &last};
    assert_int_equal(ask("/take", q, &a), ERR_OK);
    assert_int_equal(last.p.sent, BODY_LEN);
    assert_int_equal(last.p.send_total, BODY_LEN);
    client_answer_release(&a);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_body_comes_into_memory_with_its_headers),
        TEST(an_answer_that_is_too_large_is_refused),
        TEST(a_body_comes_into_a_file_and_is_hashed),
        TEST(a_part_is_what_was_asked_for),
        TEST(a_whole_or_another_part_is_never_taken_for_the_part),
        TEST(a_file_gets_no_more_than_its_maximum),
        TEST(a_refusal_never_gets_into_the_file),
        TEST(a_disk_that_is_full_says_so),
        TEST(a_file_is_sent_whole_with_the_headers),
        TEST(a_body_from_memory_and_an_empty_one_are_sent),
        TEST(a_file_that_is_shorter_than_said_is_not_sent),
        TEST(no_redirect_is_followed),
        TEST(what_is_not_well_formed_is_not_sent),
        TEST(nobody_there_is_unavailable),
        TEST(silence_is_a_timeout),
        TEST(a_watcher_can_cancel_while_nothing_comes),
        TEST(a_watcher_sees_all_bytes),
    };

    assert_int_equal(peer_global_init(), ERR_OK);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
