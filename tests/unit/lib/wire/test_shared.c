#include "tests/unit/unit.h"

#include "lib/wire/shared.h"
#include "lib/wire/shared_blocks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASH "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
#define ZEROS "00000000000000000000000000000000"
#define DELTA                                                                                                    \
    "{\"base\":\"\",\"digest\":\"0123456789abcdef0123456789abcdef\",\"add\":[{\"name\":\"a/b.txt\",\"size\":5,"  \
    "\"mtime\":1700000000000,\"sha256\":\"" HASH "\"},{\"name\":\"c\",\"size\":0,\"mtime\":0,\"sha256\":null}]," \
    "\"remove\":[\"d \\\"e\\\".txt\"]}"

static void names_have_rules(void **state)
{
    (void)state;
    static const char *const good[] = {"a", "a/b", "a b/c.d", "a..", "a/b.", "\xc3\xa4.txt", "~", "a\\b", "a:b"};
    static const char *const bad[] = {"", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/./b", ".a", "a/.b", "a\nb", "a\rb",
        "a\x7f", "a\xc2\x85", "\xff", "a\xc3", "\xed\xa0\x80"};
    char longest[SHARED_NAME_MAX + 2];
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_ok(shared_name_check(good[i], strlen(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_err(ERR_INVALID, shared_name_check(bad[i], strlen(bad[i])));
    assert_err(ERR_INVALID, shared_name_check("a\0b", 3));
    memset(longest, 'x', sizeof longest);
    assert_ok(shared_name_check(longest, SHARED_NAME_MAX));
    assert_err(ERR_INVALID, shared_name_check(longest, SHARED_NAME_MAX + 1));
}

static struct shared_file make_file(const char *name, uint64_t size, uint64_t mtime_ms, const char *sha256)
{
    struct shared_file f = {.name = (char *)(uintptr_t)name, .size = size, .mtime_ms = mtime_ms};
    snprintf(f.sha256, sizeof f.sha256, "%s", sha256);
    return f;
}

static void the_digest_depends_on_the_set_alone(void **state)
{
    (void)state;
    struct shared_digest one = {0}, other = {0}, zero = {0};
    struct shared_file files[] = {make_file("a", 1, 2, ""), make_file("b", 1, 2, HASH), make_file("c/d", JSON_EXACT_MAX, 0, "")};
    char hex[SHARED_DIGEST_HEX_SIZE];
    for (size_t i = 0; i < 3; i++) {
        shared_digest_toggle(&one, &files[i]);
        shared_digest_toggle(&other, &files[2 - i]);
    }
    assert_memory_equal(&one, &other, sizeof one);
    shared_digest_toggle(&one, &files[1]);
    assert_memory_not_equal(&one, &other, sizeof one);
    shared_digest_toggle(&one, &files[0]);
    shared_digest_toggle(&one, &files[2]);
    assert_memory_equal(&one, &zero, sizeof one);
    shared_digest_hex(&one, hex);
    assert_string_equal(hex, ZEROS);
    /* printf 'b\0001\0002\000%s' 2cf2…9824 | sha256sum, the first 16 bytes. */
    shared_digest_toggle(&one, &files[1]);
    shared_digest_hex(&one, hex);
    assert_string_equal(hex, "ddc2f6ed9c5c26039c6bbef9f3079c52");
    assert_ok(shared_digest_parse(hex, &other));
    assert_memory_equal(&one, &other, sizeof one);
    assert_err(ERR_SYNTAX, shared_digest_parse("0123", &other));
    assert_err(ERR_SYNTAX, shared_digest_parse("0123456789ABCDEF0123456789abcdef", &other));
    assert_memory_equal(&one, &other, sizeof one);
}

static void each_part_of_a_file_changes_the_digest(void **state)
{
    (void)state;
    struct shared_file files[] = {make_file("a", 1, 2, ""), make_file("b", 1, 2, ""), make_file("a", 2, 2, ""), make_file("a", 1, 3, ""),
        make_file("a", 1, 2, HASH), make_file("a", 12, 2, "")};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        for (size_t k = 0; k < i; k++) {
            struct shared_digest d = {0}, zero = {0};
            shared_digest_toggle(&d, &files[i]);
            shared_digest_toggle(&d, &files[k]);
            assert_memory_not_equal(&d, &zero, sizeof d);
        }
}

static void a_delta_goes_there_and_back(void **state)
{
    (void)state;
    struct shared_delta d;
    struct buf b;
    assert_ok(shared_delta_parse(DELTA, strlen(DELTA), &d));
    assert_string_equal(d.base, "");
    assert_int_equal(d.n_add, 2);
    assert_string_equal(d.add[0].name, "a/b.txt");
    assert_string_equal(d.add[0].sha256, HASH);
    assert_int_equal(d.add[0].mtime_ms, 1700000000000);
    assert_string_equal(d.add[1].sha256, "");
    assert_int_equal(d.n_remove, 1);
    assert_string_equal(d.remove[0], "d \"e\".txt");
    buf_init(&b, SHARED_DELTA_BYTES);
    assert_ok(shared_delta_print(&d, &b));
    assert_string_equal(buf_str(&b), DELTA);
    buf_release(&b);
    shared_delta_release(&d);
    shared_delta_release(&d); /* fine twice */
}

static void malformed_deltas_are_refused(void **state)
{
    (void)state;
    static const char *const rows[][2] = {{"{\"base\"", "[{\"base\""}, {"\"base\":\"\"", "\"base\":null"},
        {"\"base\":\"\"", "\"base\":\"12\""}, {"\"digest\":\"01", "\"digest\":\"G1"}, {"\"digest\":\"01", "\"digest\":\"1"},
        {"\"add\"", "\"ad\""}, {"\"add\":[", "\"add\":[7,"}, {"a/b.txt", "a/../b.txt"}, {"a/b.txt", "a\\nb"}, {"a/b.txt", "/a"},
        {"a/b.txt", ""}, {"\"size\":5", "\"size\":-5"}, {"\"size\":5", "\"size\":5.5"}, {"\"mtime\":0", "\"mtime\":\"x\""},
        {"\"sha256\":null", "\"sha256\":\"\""}, {"\"sha256\":null", "\"sha\":null"}, {"\"sha256\":null", "\"sha256\":1"},
        {"\"sha256\":\"2c", "\"sha256\":\"2C"}, {"\"remove\":[", "\"remove\":[null,"}, {"\"remove\":[", "\"removed\":["},
        {"\"d \\\"e\\\".txt\"", "\".hidden\""}, {"\"d \\\"e\\\".txt\"", "\"c\""}, {"\"name\":\"c\"", "\"name\":\"a/b.txt\""},
        {"txt\"]}", "txt\"]}x"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *whole = DELTA, *at = strstr(whole, rows[i][0]);
        struct shared_delta d = {.n_add = 99};
        struct buf b;
        assert_non_null(at);
        buf_init(&b, 2000);
        assert_ok(buf_addf(&b, "%.*s%s%s%s", (int)(at - whole), whole, rows[i][1], at + strlen(rows[i][0]), i == 0 ? "]" : ""));
        assert_err(ERR_SYNTAX, shared_delta_parse(b.data, b.len, &d));
        assert_int_equal(d.n_add, 99);
        buf_release(&b);
    }
}

/* The invariant behind json_bytes: whatever fits by count prints to no more than the limit, and reads back. */
static void a_full_delta_fits(void **state)
{
    (void)state;
    struct shared_delta d, back;
    struct buf b;
    char name[SHARED_NAME_MAX + 1];
    enum err e = ERR_OK;
    memset(name, '"', SHARED_NAME_MAX);
    name[SHARED_NAME_MAX] = '\0';
    shared_delta_init(&d);
    strcpy(d.base, ZEROS);
    for (unsigned i = 0; !e; i++) {
        struct shared_file f = make_file(name, JSON_EXACT_MAX, JSON_EXACT_MAX, HASH);
        snprintf(name, 8, "%07u", i);
        name[7] = '"';
        e = i % 3 ? shared_delta_add(&d, &f) : shared_delta_remove(&d, name);
    }
    assert_err(ERR_FULL, e);
    assert_true(d.n_add + d.n_remove == SHARED_DELTA_FILES || d.json_bytes + 2 * SHARED_NAME_MAX + 144 > SHARED_DELTA_BYTES);
    buf_init(&b, SHARED_DELTA_BYTES);
    assert_ok(shared_delta_print(&d, &b));
    assert_true(b.len <= d.json_bytes);
    assert_ok(shared_delta_parse(b.data, b.len, &back));
    assert_int_equal(back.n_add, d.n_add);
    assert_int_equal(back.n_remove, d.n_remove);
    shared_delta_release(&back);
    shared_delta_release(&d);
    buf_release(&b);
}

static void one_name_too_many_is_refused(void **state)
{
    (void)state;
    for (unsigned n = SHARED_DELTA_FILES; n <= SHARED_DELTA_FILES + 1; n++) {
        struct shared_delta d;
        struct buf b;
        buf_init(&b, SHARED_DELTA_BYTES);
        assert_ok(buf_addf(&b, "{\"base\":\"\",\"digest\":\"" ZEROS "\",\"add\":[],\"remove\":["));
        for (unsigned i = 0; i < n; i++)
            assert_ok(buf_addf(&b, "%s\"f%u\"", i ? "," : "", i));
        assert_ok(buf_addf(&b, "]}"));
        assert_err(n > SHARED_DELTA_FILES ? ERR_SYNTAX : ERR_OK, shared_delta_parse(b.data, b.len, &d));
        if (n <= SHARED_DELTA_FILES)
            shared_delta_release(&d);
        buf_release(&b);
    }
}

static void blocks_grow_with_the_file(void **state)
{
    (void)state;
    static const uint64_t mib = 1u << 20;
    static const uint64_t rows[][3] = {{0, 1, 0}, {1, 1, 1}, {1u << 20, 1, 1}, {(1u << 20) + 1, 1, 2}, {4096ull << 20, 1, 4096},
        {(4096ull << 20) + 1, 2, 2049}, {8192ull << 20, 2, 4096}, {(8192ull << 20) + 1, 4, 2049}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(shared_block_bytes(rows[i][0]), rows[i][1] * mib);
        assert_int_equal(shared_block_count(rows[i][0]), rows[i][2]);
    }
    for (uint64_t size = 1; size < JSON_EXACT_MAX; size *= 3)
        assert_true(shared_block_count(size) <= SHARED_BLOCKS_MAX && shared_block_count(size) * shared_block_bytes(size) >= size);
}

static enum err parse_blocks(const struct json *j, struct shared_blocks *out)
{
    struct buf b;
    buf_init(&b, SHARED_BLOCKS_JSON_MAX);
    assert_ok(json_print(j, &b));
    enum err e = shared_blocks_parse(b.data, b.len, out);
    buf_release(&b);
    return e;
}

static void blocks_go_there_and_back(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {0, 5, 3u << 20, 4096ull << 20};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct shared_blocks b, back;
        assert_ok(shared_blocks_init(&b, sizes[i]));
        strcpy(b.sha256, HASH);
        for (size_t k = 0; k < b.n; k++)
            b.hashes[k][k % HASH_SIZE] = (uint8_t)k;
        struct json *j = shared_blocks_to_json(&b, "a name");
        assert_ok(parse_blocks(j, &back));
        assert_true(shared_blocks_equal(&b, &back));
        if (b.n > 0) {
            back.hashes[b.n - 1][0] ^= 1;
            assert_false(shared_blocks_equal(&b, &back));
        }
        shared_blocks_release(&back);
        json_set_u64(j, "size", sizes[i] + (1u << 20)); /* now a block is missing */
        assert_err(ERR_SYNTAX, shared_blocks_from_json(j, &back));
        json_set_u64(j, "size", sizes[i]);
        json_set_u64(j, "block_bytes", 1u << 19);
        assert_err(ERR_SYNTAX, shared_blocks_from_json(j, &back));
        json_set_u64(j, "block_bytes", b.block_bytes);
        json_set_str(j, "sha256", NULL);
        assert_err(ERR_SYNTAX, shared_blocks_from_json(j, &back));
        json_free(j);
        shared_blocks_release(&b);
    }
    struct shared_blocks b;
    assert_err(ERR_INVALID, shared_blocks_init(&b, JSON_EXACT_MAX + 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_have_rules),
        cmocka_unit_test(the_digest_depends_on_the_set_alone),
        cmocka_unit_test(each_part_of_a_file_changes_the_digest),
        cmocka_unit_test(a_delta_goes_there_and_back),
        cmocka_unit_test(malformed_deltas_are_refused),
        cmocka_unit_test(a_full_delta_fits),
        cmocka_unit_test(one_name_too_many_is_refused),
        cmocka_unit_test(blocks_grow_with_the_file),
        cmocka_unit_test(blocks_go_there_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
