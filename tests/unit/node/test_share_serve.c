/* What a peer gives out of its folder, to whom, and what it refuses. */
#include "tests/unit/node/peerbox.h"
#include "tests/unit/lib/http/raw.h"

#include "lib/base/log.h"
#include "node/blocks.h"
#include "node/share_folder.h"
#include "node/share_rate.h"

static char answer[4u << 20];

static uint16_t port_of(const struct box *b)
{
    return http_port(b->node.server);
}

/* GET of a path as it stands, with a capability for a file's name (NULL: none), and more header lines. Returns the status. */
static int get_with(struct box *b, const char *method, const char *path, const char *name, const char *more)
{
    char request[16384], what[SHARED_NAME_MAX + 8];
    struct buf cap;
    buf_init(&cap, 512);
    snprintf(what, sizeof(what), "file:%s", name ? name : "");
    if (name)
        assert_ok(sign_capability_make(box_node_key(b), b->node.self.id, what, clock_unix_ms() / 1000u + 30, &cap));
    snprintf(request, sizeof(request), "%s %s HTTP/1.1\r\nHost: x\r\n%s%s%s%s\r\n", method, path, name ? "Authorization: " : "",
        buf_str(&cap), name ? "\r\n" : "", more);
    buf_release(&cap);
    return raw_exchange(port_of(b), request, answer, sizeof(answer));
}

static int get(struct box *b, const char *path, const char *name)
{
    return get_with(b, "GET", path, name, "");
}

static const char *body(void)
{
    return strstr(answer, "\r\n\r\n") + 4;
}

/* A signed GET; the status. */
static long get_signed(struct box *b, const char *path)
{
    char url[64];
    snprintf(url, sizeof(url), "http://%s", b->listen);
    struct peer_call call = {.base_url = url, .to = b->id, .method = "GET", .path = path, .answer_max = sizeof(answer) - 1};
    assert_ok(peer_call(b->peer, &call, 10000));
    assert_ok(call.error);
    snprintf(answer, sizeof(answer), "\r\n\r\n%s", buf_str(&call.answer));
    long status = call.status;
    peer_calls_release(&call, 1);
    return status;
}

static int serve_setup(void **state)
{
    box_setup(state);
    struct box *b = *state;
    box_mkdir(b, "sub");
    box_write(b, "a.txt", "0123456789");
    box_write(b, "sub/b c%.txt", "deep");
    box_write(b, "empty", "");
    box_start(b);
    box_await(b, "a.txt empty sub/b c%.txt");
    box_await_hashes(b);
    return 0;
}

static void a_listed_file_is_given_to_who_has_a_capability_or_signs(void **state)
{
    struct box *b = *state;
    assert_int_equal(get(b, "/files/a.txt", "a.txt"), 200);
    assert_string_equal(body(), "0123456789");
    assert_non_null(strstr(answer, "\r\nETag: \"84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882\"\r\n"));
    assert_non_null(strstr(answer, "\r\nLast-Modified: "));
    assert_null(strstr(answer, "Content-Type"));
    assert_int_equal(get(b, "/files/sub%2Fb%20c%25.txt", "sub/b c%.txt"), 200);
    assert_string_equal(body(), "deep");
    assert_int_equal(get(b, "/files/empty", "empty"), 200);
    assert_string_equal(body(), "");
    assert_int_equal(get_signed(b, "/files/a.txt"), 200);
    assert_string_equal(body(), "0123456789");
    assert_int_equal(get(b, "/files/a.txt", NULL), 401);
    assert_int_equal(get(b, "/files/a.txt", "sub/b c%.txt"), 401);
    assert_int_equal(get(b, "/files/none", "none"), 404);
    assert_int_equal(get_with(b, "HEAD", "/files/a.txt", "a.txt", ""), 200);
    assert_non_null(strstr(answer, "\r\nContent-Length: 10\r\n"));
    assert_int_equal(get_with(b, "PUT", "/files/a.txt", "a.txt", "Content-Length: 0\r\n"), 405);
}

static void ranges_and_conditions_hold(void **state)
{
    struct box *b = *state;
    assert_int_equal(get_with(b, "GET", "/files/a.txt", "a.txt", "Range: bytes=2-4\r\n"), 206);
    assert_string_equal(body(), "234");
    assert_non_null(strstr(answer, "\r\nContent-Range: bytes 2-4/10\r\n"));
    assert_int_equal(get_with(b, "GET", "/files/a.txt", "a.txt", "Range: bytes=-1\r\n"), 206);
    assert_string_equal(body(), "9");
    assert_int_equal(get_with(b, "GET", "/files/a.txt", "a.txt", "Range: bytes=10-\r\n"), 416);
    assert_int_equal(get_with(b, "GET", "/files/a.txt", "a.txt", "Range: bytes=2-4\r\nIf-Range: \"other\"\r\n"), 200);
    assert_int_equal(get_with(b, "GET", "/files/a.txt", "a.txt",
                         "If-None-Match: \"84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882\"\r\n"),
        304);
}

/* S1 and S2 of the list of bad inputs: whatever is sent as a name, with a capability for just that, nothing outside is read and the peer goes on. */
static void names_that_lead_elsewhere_are_refused(void **state)
{
    struct box *b = *state;
    static const struct {
        const char *path, *name;
        int status;
    } bad[] = {{"/files/..%2Fkey", "../key", 400}, {"/files/sub%2F..%2F..%2Fkey", "sub/../../key", 400},
        {"/files/%2Fetc%2Fpasswd", "/etc/passwd", 400}, {"/files/..", "..", 400}, {"/files/.", ".", 400}, {"/files/%2e%2e", "..", 400},
        {"/files/../key", "../key", 400}, {"/files/..%5Ckey", "..\\key", 400}, {"/files/sub%2F%2Fb", "sub//b", 400},
        {"/files/sub%2F", "sub/", 400}, {"/files/.hidden", ".hidden", 400}, {"/files/sub%2F.hidden", "sub/.hidden", 400},
        {"/files/a%00.txt", "a", 400}, {"/files/%C0%AE%C0%AE%2Fkey", "\xc0\xae\xc0\xae/key", 400},
        {"/files/a%0D%0AX-Accel-Redirect:%20x", "a\r\nX-Accel-Redirect: x", 400}, {"/files/%ED%A0%80", "\xed\xa0\x80", 400},
        {"/files/%252e%252e%252fkey", "%2e%2e%2fkey", 404}, {"/files/C:%5Cx", "C:\\x", 404}, {"/files/sub", "sub", 404},
        {"/files/....%2F%2Fkey", "....//key", 400}, {"/files/a.txt%2F", "a.txt/", 400}, {"/files/out", "out", 404},
        {"/files/dir%2Fkey", "dir/key", 404}, {"/files/a.part", "a.part", 404}, {"/files/", "", 404}};
    box_write(b, ".hidden", "secret");
    box_write(b, "sub/.hidden", "secret");
    box_write(b, "a.part", "secret");
    assert_int_equal(symlink("../key", box_path(b, "out")), 0);
    assert_int_equal(symlink("..", box_path(b, "dir")), 0);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int status = get(b, bad[i].path, bad[i].name);
        if (status != bad[i].status)
            fail_msg("%s: %d, not %d", bad[i].path, status, bad[i].status);
        assert_null(strstr(answer, "secret"));
        assert_null(strstr(answer, "\r\nX-Accel"));
    }
    assert_int_equal(get(b, "/files/a.txt", "a.txt"), 200);
}

static void long_names_are_refused(void **state)
{
    struct box *b = *state;
    static const size_t lengths[] = {SHARED_NAME_MAX, SHARED_NAME_MAX + 1, 4096, 10000};
    static const int statuses[] = {404, 400, 400, 414};
    for (size_t i = 0; i < 4; i++) {
        char path[12000] = "/files/";
        memset(path + 7, 'x', lengths[i]);
        path[7 + lengths[i]] = '\0';
        int status = get(b, path, lengths[i] <= SHARED_NAME_MAX ? path + 7 : "x");
        if (status != statuses[i])
            fail_msg("%zu bytes: %d, not %d", lengths[i], status, statuses[i]);
    }
}

/* Between the look and the opening, whatever is in the way. */
static void a_link_in_the_place_of_a_listed_file_opens_nothing(void **state)
{
    struct share_folder *folder;
    struct box *b = *state;
    struct stat st;
    int fd;
    static const char *const names[] = {"../key", "/etc/passwd", "out", "dir/key", "pipe", "sub", "."};
    assert_int_equal(symlink("../key", box_path(b, "out")), 0);
    assert_int_equal(symlink("..", box_path(b, "dir")), 0);
    assert_int_equal(mkfifo(box_path(b, "pipe"), 0644), 0);
    assert_ok(share_folder_new(b->share, &folder));
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_err(ERR_NOT_FOUND, share_folder_open(folder, names[i], &fd, &st));
    assert_ok(share_folder_open(folder, "a.txt", &fd, &st));
    close(fd);
    share_folder_free(folder);
}

/* Starts a slow download, lets the test change the file in the middle, and tells whether the rest still came. */
static int download_while(struct box *b, const char *path, const char *name, void (*change)(struct box *b))
{
    char request[1024], what[64];
    struct buf cap;
    size_t len = 0;
    buf_init(&cap, 512);
    snprintf(what, sizeof(what), "file:%s", name);
    assert_ok(sign_capability_make(box_node_key(b), b->node.self.id, what, clock_unix_ms() / 1000u + 30, &cap));
    snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\n\r\n", path, buf_str(&cap));
    buf_release(&cap);
    int fd = raw_connect(port_of(b));
    raw_send(fd, request);
    for (ssize_t got = 1; got > 0 && len < sizeof(answer) - 1; len += (size_t)got) {
        got = recv(fd, answer + len, sizeof(answer) - 1 - len, 0);
        if (got > 0 && len < 50000 && len + (size_t)got >= 50000)
            change(b);
        if (got <= 0)
            break;
        answer[len + (size_t)got] = '\0';
        const char *end = strstr(answer, "\r\n\r\n");
        if (end && len + (size_t)got - (size_t)(end + 4 - answer) == 200000)
            got = 0, len = sizeof(answer);
    }
    close(fd);
    return len >= sizeof(answer);
}

static void write_big(struct box *b, char kind)
{
    char *text = malloc(200001);
    memset(text, kind, 200000);
    text[200000] = '\0';
    box_write(b, "big", text);
    free(text);
}

static void rewrite(struct box *b)
{
    write_big(b, 'b');
}

static void replace(struct box *b)
{
    box_write(b, "other", "something else");
    assert_int_equal(rename(box_path(b, "other"), box_path(b, "big")), 0);
}

static void leave_alone(struct box *b)
{
    (void)b;
}

static void a_download_of_a_file_that_changes_is_broken_off_or_old(void **state)
{
    struct box *b = *state;
    b->settings.limit_rate = 400000;
    box_stop(b);
    write_big(b, 'a');
    box_start(b);
    box_await(b, "a.txt big empty sub/b c%.txt");
    box_await_hashes(b);
    uint64_t began = clock_boot_ms();
    assert_true(download_while(b, "/files/big", "big", leave_alone));
    assert_true(clock_boot_ms() - began >= 300);
    /* The old file is still what was opened. */
    assert_true(download_while(b, "/files/big", "big", replace));
    write_big(b, 'a');
    box_await(b, "a.txt big empty sub/b c%.txt");
    box_await_hashes(b);
    clock_sleep_ms(100);
    assert_false(download_while(b, "/files/big", "big", rewrite));
}

static void bytes_that_lost_their_hash_are_not_given_out_whole(void **state)
{
    struct box *b = *state;
    struct stat st;
    assert_int_equal(stat(box_path(b, "a.txt"), &st), 0);
    struct share_stat is = share_stat_of(&st);
    uint8_t wrong[HASH_SIZE] = {1};
    struct share_stat got;
    char sha256[HASH_HEX_SIZE];
    share_list_doubt(share_files(b->node.share), "a.txt");
    share_list_hashed(share_files(b->node.share), "a.txt", &is, wrong);
    (void)get(b, "/files/a.txt", "a.txt");
    assert_null(strstr(answer, "0123456789"));
    /* And it is hashed again. */
    box_await_hash(b, "a.txt", "0123456789");
    assert_ok(share_list_get(share_files(b->node.share), "a.txt", &got, sha256));
    assert_int_equal(get(b, "/files/a.txt", "a.txt"), 200);
}

static void blocks_of_a_file_are_told(void **state)
{
    struct box *b = *state;
    size_t size = (5u << 20) / 2;
    char *text = malloc(size + 1), hex[HASH_HEX_SIZE];
    struct json *j;
    uint64_t number;
    for (size_t i = 0; i < size; i++)
        text[i] = (char)('a' + i % 25);
    text[size] = '\0';
    box_write(b, "big", text);
    box_await(b, "a.txt big empty sub/b c%.txt");
    box_await_hash(b, "big", text);
    assert_int_equal(get(b, "/files/big?blocks=1", "big"), 200);
    assert_ok(json_parse(body(), strlen(body()), &j));
    assert_string_equal(json_get_str(j, "name"), "big");
    assert_ok(json_get_u64(j, "size", UINT64_MAX, &number));
    assert_int_equal(number, size);
    assert_ok(json_get_u64(j, "block_bytes", UINT64_MAX, &number));
    assert_int_equal(number, 1u << 20);
    const struct json *blocks = json_get(j, "blocks"), *block = json_first(blocks);
    assert_int_equal(json_count(blocks), 3);
    for (size_t at = 0; at < size; at += number, block = json_next(block)) {
        hash_sha256_hex(text + at, size - at < number ? size - at : number, hex);
        assert_string_equal(json_as_str(block), hex);
    }
    json_free(j);
    free(text);
    assert_int_equal(get(b, "/files/empty?blocks=1", "empty"), 200);
    assert_non_null(strstr(body(), "\"blocks\":[]"));
    /* Until it is hashed again, which may be at once. */
    int status = 200;
    for (unsigned i = 0; i < 1000 && status != 409; i++) {
        share_list_doubt(share_files(b->node.share), "a.txt");
        status = get(b, "/files/a.txt?blocks=1", "a.txt");
    }
    assert_int_equal(status, 409);
}

static void the_list_comes_page_by_page(void **state)
{
    struct box *b = *state;
    assert_int_equal(get_signed(b, "/files?limit=2"), 200);
    assert_non_null(strstr(body(), "{\"name\":\"a.txt\",\"size\":10,"));
    assert_non_null(strstr(body(), "\"next\":\"empty\""));
    assert_int_equal(get_signed(b, "/files?after=empty"), 200);
    assert_non_null(strstr(body(), "sub/b c%.txt"));
    assert_null(strstr(body(), "a.txt\""));
    assert_non_null(strstr(body(), "\"next\":null"));
    assert_int_equal(get_signed(b, "/files?limit=0"), 400);
    assert_int_equal(get(b, "/files", "a.txt"), 401);
}

static void a_node_that_only_shares_stores_nothing(void **state)
{
    struct box *b = *state;
    char url[64];
    static const struct {
        const char *self, *path;
    } rows[] = {{"api:test", "/records/csen%20317/prepare"}, {"api:test", "/staging/00000000000000000000000000000000/commit"},
        {"node:node-1.01", "/settle/list"}, {"coordinator:test", "/leader/promise"}};
    struct sign_pair pair = keyring_pair(&b->key, "node-1.01", b->id);
    snprintf(url, sizeof(url), "http://%s", b->listen);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sign_keys *keys = keyring_of(&b->key, rows[i].self);
        struct peer *peer = peer_new(keys, NULL);
        struct peer_call call = {
            .base_url = url, .to = b->id, .method = "POST", .path = rows[i].path, .body = "{}", .body_len = 2, .answer_max = 65536};
        if (strncmp(rows[i].self, "node:", 5) == 0)
            assert_ok(sign_keys_learn(keys, &pair, 1));
        assert_ok(peer_call(peer, &call, 5000));
        assert_ok(call.error);
        assert_int_equal(call.status, 503);
        assert_non_null(strstr(buf_str(&call.answer), "this node only shares"));
        peer_calls_release(&call, 1);
        peer_free(peer);
        sign_keys_free(keys);
    }
    assert_int_equal(get_signed(b, "/inventory"), 200);
}

static void the_rate_is_for_all_together(void **state)
{
    struct share_rate r;
    (void)state;
    share_rate_init(&r, 1000000);
    assert_int_equal(share_rate_piece(&r, 65536), 50000);
    uint64_t began = clock_boot_ms();
    for (int i = 0; i < 10; i++)
        assert_ok(share_rate_take(&r, 50000));
    uint64_t took = clock_boot_ms() - began;
    assert_true(took >= 350 && took < 2500);
    share_rate_stop(&r);
    assert_err(ERR_UNAVAILABLE, share_rate_take(&r, 1));
    share_rate_release(&r);
    share_rate_init(&r, 0);
    assert_int_equal(share_rate_piece(&r, 65536), 65536);
    assert_ok(share_rate_take(&r, SIZE_MAX));
    share_rate_release(&r);
    share_rate_init(&r, 3);
    assert_int_equal(share_rate_piece(&r, 65536), 1);
    share_rate_release(&r);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, serve_setup, box_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_listed_file_is_given_to_who_has_a_capability_or_signs),
        TEST(ranges_and_conditions_hold),
        TEST(names_that_lead_elsewhere_are_refused),
        TEST(long_names_are_refused),
        TEST(a_link_in_the_place_of_a_listed_file_opens_nothing),
        TEST(a_download_of_a_file_that_changes_is_broken_off_or_old),
        TEST(bytes_that_lost_their_hash_are_not_given_out_whole),
        TEST(blocks_of_a_file_are_told),
        TEST(the_list_comes_page_by_page),
        TEST(a_node_that_only_shares_stores_nothing),
        cmocka_unit_test(the_rate_is_for_all_together),
    };
    log_init("test", LOG_ERROR);
    if (peer_global_init() != ERR_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
