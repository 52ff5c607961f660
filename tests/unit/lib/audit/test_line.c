/* One line, and the keys under it. */
#include "tests/unit/unit.h"

#include "lib/audit/chain.h"
#include "lib/audit/head.h"
#include "lib/base/num.h"

#include <string.h>

#define AT_MS UINT64_C(1795337100123)
#define ID "0123456789abcdef0123456789abcdef"

static const uint8_t master[AUDIT_KEY_SIZE] = "the master key of these tests 32";

static struct audit_chain make_chain(void)
{
    uint8_t seed[AUDIT_KEY_SIZE];
    struct audit_chain c;
    audit_seed_first(master, "api:api-1", seed);
    audit_chain_init(&c, seed, 0, "api:api-1", ID);
    return c;
}

static struct audit_line read_line(const struct buf *b)
{
    struct audit_line line;
    assert_true(b->len > 0 && b->data[b->len - 1] == '\n');
    assert_ok(audit_line_read(b->data, b->len - 1, &line));
    return line;
}

static void each_kind_is_read_as_it_was_written(void **state)
{
    (void)state;
    struct audit_chain c = make_chain();
    struct buf b, m;
    char text[200];
    uint64_t number;
    buf_init(&b, AUDIT_LINE_MAX);
    buf_init(&m, AUDIT_LINE_MAX);
    assert_ok(audit_chain_add_start(&c, AT_MS, "", &b));
    struct audit_line line = read_line(&b);
    assert_int_equal(line.kind, AUDIT_START);
    assert_int_equal(line.n, 1);
    assert_string_equal(line.at, "2026-11-22T08:45:00.123Z");
    assert_ok(audit_line_copy(&line, "process", text, sizeof text));
    assert_string_equal(text, "api:api-1");
    assert_ok(audit_line_copy(&line, "chain", text, sizeof text));
    assert_string_equal(text, ID);
    assert_ok(audit_line_number(&line, "file", &number));
    assert_int_equal(number, 1);
    assert_err(ERR_SYNTAX, audit_line_number(&line, "count", &number));
    buf_reset(&b);
    assert_ok(audit_member_number(&m, "count", 17));
    assert_ok(audit_chain_add(&c, AT_MS, AUDIT_LOST, buf_str(&m), m.len, &b));
    line = read_line(&b);
    assert_ok(audit_line_number(&line, "count", &number));
    assert_int_equal(number, 17);
    buf_reset(&b);
    assert_ok(audit_chain_add_key(&c, AT_MS, &b));
    assert_int_equal(read_line(&b).k, 0);
    buf_reset(&b);
    assert_ok(audit_chain_add_file(&c, AT_MS, &b));
    line = read_line(&b);
    assert_int_equal(line.k, 1);
    assert_int_equal(line.n, 4);
    assert_ok(audit_line_number(&line, "file", &number));
    assert_int_equal(number, 2);
    assert_int_equal(c.file, 2);
    buf_release(&b);
    buf_release(&m);
}

static void text_is_escaped_and_cut_at_a_whole_character(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, AUDIT_LINE_MAX);
    assert_ok(audit_member_text(&b, "on", "a\"b\\\r\n\x1b[31m\xff", 100));
    assert_string_equal(buf_str(&b), ",\"on\":\"a\\\"b\\\\\\r\\n\\u001b[31m\xef\xbf\xbd\"");
    buf_reset(&b);
    assert_ok(audit_member_text(&b, "on", "a\xc3\xa4\xc3\xa4", 4));
    assert_string_equal(buf_str(&b), ",\"on\":\"a\xc3\xa4\"");
    buf_reset(&b);
    assert_ok(audit_member_text(&b, "on", "\n\n", 3));
    assert_string_equal(buf_str(&b), ",\"on\":\"\\n\"");
    buf_release(&b);
}

static void a_line_takes_one_spelling(void **state)
{
    (void)state;
#define H "0000000000000000000000000000000000000000000000000000000000000000"
    static const char good[] = "{\"n\":2,\"at\":\"2026-11-22T08:45:00.123Z\",\"k\":0,\"kind\":\"more\",\"count\":5,\"h\":\"" H "\"}";
    static const char *const bad[] = {
        "",
        "{}",
        " {\"n\":2,\"at\":\"2026-11-22T08:45:00.123Z\",\"k\":0,\"kind\":\"more\",\"count\":5,\"h\":\"" H "\"}",
        "{\"n\":02,\"at\":\"2026-11-22T08:45:00.123Z\",\"k\":0,\"kind\":\"more\",\"count\":5,\"h\":\"" H "\"}",
        "{\"n\":-2,\"at\":\"2026-11-22T08:45:00.123Z\",\"k\":0,\"kind\":\"more\",\"count\":5,\"h\":\"" H "\"}",
        "{\"n\":9007199254740993,\"at\":\"2026-11-22T08:45:00.123Z\",\"k\":0,\"kind\":\"more\",\"count\":5,\"h\":\"" H "\"}",
        "{\"n\":2,\"at\":\"2026-11-22 08:45:00.123Z\",\"k\":0,\"kind\":\"more\",\"count\":5,\"h\":\"" H "\"}",
        "{\"n\":2,\"at\":\"2026-11-22T08:45:00.123Z\",\"k\":0,\"kind\":\"most\",\"count\":5,\"h\":\"" H "\"}",
        "{\"n\":2,\"at\":\"2026-11-22T08:45:00.123Z\",\"k\":0,\"kind\":\"more\",\"count\":5}",
        "{\"n\":2,\"at\":\"2026-11-22T08:45:00.123Z\",\"k\":0,\"kind\":\"more\",\"count\":\"5\",\"h\":\"" H "\"}",
        "{\"n\":2,\"at\":\"2026-11-22T08:45:00.123Z\",\"k\":0,\"kind\":\"more\",\"h\":\"" H "\"}",
        "{\"n\":2,\"at\":\"2026-11-22T08:45:00.123Z\",\"k\":0,\"kind\":\"end\",\"count\":5,\"h\":\"" H "\"}",
        "{\"n\":2,\"at\":\"2026-11-22T08:45:00.123Z\",\"k\":0,\"kind\":\"more\",\"count\":5,\"count\":6,\"h\":\"" H "\"}",
        "{\"n\":2,\"at\":\"2026-11-22T08:45:00.123Z\",\"k\":0,\"kind\":\"more\",\"count\":5,\"h\":\"" H "0\"}",
        "{\"n\":2,\"at\":\"2026-11-22T08:45:00.123Z\",\"k\":0,\"kind\":\"more\",\"count\":5,\"h\":\"" H "\"} ",
    };
#undef H
    struct audit_line line;
    assert_ok(audit_line_read(good, strlen(good), &line));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_err(ERR_SYNTAX, audit_line_read(bad[i], strlen(bad[i]), &line));
}

static void keys_go_forward_only(void **state)
{
    (void)state;
    struct audit_chain c = make_chain();
    struct audit_key first = c.key, other = c.key;
    audit_key_next(&other);
    assert_memory_not_equal(first.bytes, other.bytes, sizeof first.bytes);
    assert_ok(audit_key_reach(&first, 1));
    assert_memory_equal(first.bytes, other.bytes, sizeof first.bytes);
    assert_err(ERR_INVALID, audit_key_reach(&first, 0));
    assert_err(ERR_INVALID, audit_key_reach(&first, AUDIT_STEPS_MAX + 1));
    uint8_t seed[AUDIT_KEY_SIZE], another[AUDIT_KEY_SIZE];
    audit_seed_first(master, "api:api-1", seed);
    audit_seed_first(master, "api:api-2", another);
    assert_memory_not_equal(seed, another, sizeof seed);
}

/* Worked out apart with Python's hmac and hashlib: the derivation must never change unseen, or old logs cannot be checked any more. */
static void the_derivation_is_the_documented_one(void **state)
{
    (void)state;
    struct audit_chain c = make_chain();
    struct buf b;
    char hex[HASH_HEX_SIZE];
    buf_init(&b, AUDIT_LINE_MAX);
    num_hex(c.key.bytes, sizeof c.key.bytes, hex);
    assert_string_equal(hex, "5037608c5fa7cc94d4e997c3ca89109e1a8aecefcb4260ba090acf2cd9d55176");
    audit_key_next(&c.key);
    num_hex(c.key.bytes, sizeof c.key.bytes, hex);
    assert_string_equal(hex, "0d2070dc616996ace42508e530048fa8d4abfb352b1805e04cee7ec513598d5e");
    assert_ok(audit_chain_add_start(&c, AT_MS, "", &b));
    struct audit_line line = read_line(&b);
    num_hex(line.h, sizeof line.h, hex);
    assert_string_equal(hex, "c970fab8830446bf4802b242dfc03835cbcab2461cb6b8812cfc447011247d39");
    buf_release(&b);
}

static void a_head_is_read_as_it_was_written_and_bound_by_its_mac(void **state)
{
    (void)state;
    struct audit_chain c = make_chain();
    struct audit_head head, again;
    struct buf b;
    buf_init(&b, AUDIT_LINE_MAX);
    assert_ok(audit_chain_add_start(&c, AT_MS, "", &b));
    audit_head_make(&c, AT_MS, &head);
    struct json *j = audit_head_to_json(&head);
    assert_ok(audit_head_from_json(j, &again));
    assert_string_equal(head.process, again.process);
    assert_string_equal(head.chain, again.chain);
    assert_int_equal(head.n, again.n);
    assert_int_equal(head.at_ms, again.at_ms);
    assert_memory_equal(head.h, again.h, sizeof head.h);
    assert_true(audit_head_ok(&again, &c.key));
    again.n++;
    assert_false(audit_head_ok(&again, &c.key));
    again.n--;
    audit_key_next(&c.key);
    assert_false(audit_head_ok(&again, &c.key));
    json_set_str(j, "process", "api 1");
    assert_err(ERR_SYNTAX, audit_head_from_json(j, &again));
    json_free(j);
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_is_read_as_it_was_written),
        cmocka_unit_test(text_is_escaped_and_cut_at_a_whole_character),
        cmocka_unit_test(a_line_takes_one_spelling),
        cmocka_unit_test(keys_go_forward_only),
        cmocka_unit_test(the_derivation_is_the_documented_one),
        cmocka_unit_test(a_head_is_read_as_it_was_written_and_bound_by_its_mac),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
