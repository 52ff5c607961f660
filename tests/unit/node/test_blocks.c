/* Hashes of blocks: what is read, what is remembered of ring copies, and how a node gives them out. */
#include "tests/unit/node/trio.h"

#include "lib/base/num.h"
#include "node/blocks.h"

/* An unnamed file with these many bytes, and its hash. */
static int make_file(size_t size, char sha256[HASH_HEX_SIZE])
{
    char path[] = "/tmp/rb-unit-blocks-XXXXXX", *text = malloc(size + 1);
    int fd = mkstemp(path);
    assert_true(fd >= 0 && text);
    unlink(path);
    for (size_t i = 0; i < size; i++)
        text[i] = (char)(i * 7 + i / 1000);
    assert_ok(fs_write_all(fd, text, size));
    hash_sha256_hex(text, size, sha256);
    free(text);
    return fd;
}

static void a_file_is_hashed_as_a_whole_and_block_by_block(void **state)
{
    static const size_t sizes[] = {0, 1, (1u << 20) - 1, 1u << 20, (1u << 20) + 1, (7u << 20) / 2};
    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        char sha256[HASH_HEX_SIZE], hex[HASH_HEX_SIZE];
        struct blocks b;
        int fd = make_file(sizes[i], sha256);
        assert_ok(blocks_read(fd, sizes[i], NULL, NULL, &b));
        num_hex(b.sha256, HASH_SIZE, hex);
        assert_string_equal(hex, sha256);
        assert_int_equal(b.n, (sizes[i] + (1u << 20) - 1) >> 20);
        for (size_t k = 0; k < b.n; k++) {
            unsigned char *part = malloc(1u << 20);
            uint8_t hash[HASH_SIZE];
            ssize_t n = pread(fd, part, 1u << 20, (off_t)(k << 20));
            assert_true(n > 0);
            hash_sha256(part, (size_t)n, hash);
            assert_memory_equal(hash, b.hashes[k], HASH_SIZE);
            free(part);
        }
        blocks_release(&b);
        close(fd);
    }
}

static int never(void *ctx)
{
    ++*(int *)ctx;
    return 0;
}

static void another_size_than_said_is_a_conflict(void **state)
{
    char sha256[HASH_HEX_SIZE];
    struct blocks b;
    int asked = 0, fd = make_file(1000, sha256);
    (void)state;
    assert_err(ERR_CONFLICT, blocks_read(fd, 999, NULL, NULL, &b));
    assert_err(ERR_CONFLICT, blocks_read(fd, 1001, NULL, NULL, &b));
    assert_err(ERR_UNAVAILABLE, blocks_read(fd, 1000, never, &asked, &b));
    assert_int_equal(asked, 1);
    close(fd);
}

static void what_was_asked_for_lately_is_not_read_again(void **state)
{
    char sha256[BLOCKS_CACHE_ENTRIES + 1][HASH_HEX_SIZE];
    int fds[BLOCKS_CACHE_ENTRIES + 1];
    struct blocks b;
    struct blocks_cache *c = blocks_cache_new();
    (void)state;
    for (size_t i = 0; i <= BLOCKS_CACHE_ENTRIES; i++) {
        fds[i] = make_file(i + 1, sha256[i]);
        assert_ok(blocks_cache_get(c, sha256[i], fds[i], i + 1, &b));
        blocks_release(&b);
    }
    /* A closed descriptor cannot be read. */
    assert_ok(blocks_cache_get(c, sha256[1], -1, 2, &b));
    assert_int_equal(b.size, 2);
    blocks_release(&b);
    assert_err(ERR_IO, blocks_cache_get(c, sha256[0], -1, 1, &b));
    assert_err(ERR_CORRUPT, blocks_cache_get(c, sha256[0], fds[2], 3, &b));
    assert_err(ERR_SYNTAX, blocks_cache_get(c, "no hash", fds[2], 3, &b));
    for (size_t i = 0; i <= BLOCKS_CACHE_ENTRIES; i++)
        close(fds[i]);
    blocks_cache_free(c);
}

static void a_node_tells_the_blocks_of_a_ring_copy(void **state)
{
    struct trio *t = *state;
    struct record r;
    char url[64], path[128], hex[HASH_HEX_SIZE];
    struct json *j;
    trio_store(t, 1, "bytes", &r);
    snprintf(url, sizeof(url), "http://%s", t->listen[0]);
    snprintf(path, sizeof(path), "/blobs/%s?blocks=1", r.sha256);
    struct peer_call call = {.base_url = url, .to = t->members[0].id, .method = "GET", .path = path, .epoch = 1, .answer_max = 65536};
    assert_ok(peer_call(t->peer, &call, 10000));
    assert_ok(call.error);
    assert_int_equal(call.status, 200);
    assert_ok(json_parse(buf_str(&call.answer), call.answer.len, &j));
    hash_sha256_hex("bytes", 5, hex);
    assert_string_equal(json_get_str(j, "sha256"), hex);
    assert_int_equal(json_count(json_get(j, "blocks")), 1);
    assert_string_equal(json_as_str(json_first(json_get(j, "blocks"))), hex);
    assert_null(json_get(j, "name"));
    json_free(j);
    peer_calls_release(&call, 1);
    record_release(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_hashed_as_a_whole_and_block_by_block),
        cmocka_unit_test(another_size_than_said_is_a_conflict),
        cmocka_unit_test(what_was_asked_for_lately_is_not_read_again),
        cmocka_unit_test_setup_teardown(a_node_tells_the_blocks_of_a_ring_copy, trio_setup, trio_teardown),
    };
    log_init("test", LOG_ERROR);
    if (peer_global_init() != ERR_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
