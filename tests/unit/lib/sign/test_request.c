#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lib/sign/sign.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOW 1800000000000ull
#define NONCE "00112233445566778899aabbccddeeff"

static const struct sign_key key = {{1, 2, 3}}, other_key = {{1, 2, 4}};
static struct sign_nonces *nonces;
static char body_hash[HASH_HEX_SIZE];

static int setup(void **state)
{
    (void)state;
    nonces = sign_nonces_new();
    hash_sha256_hex("body", 4, body_hash);
    return nonces ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    sign_nonces_free(nonces);
    return 0;
}

static struct sign_input input(void)
{
    return (struct sign_input){.method = "POST",
        .path = "/a?b=c",
        .body_hash = body_hash,
        .sender = "node:node-1.0123456789abcdef",
        .time_ms = NOW,
        .epoch = 9,
        .nonce = NONCE};
}

static void make(const struct sign_input *in, char out[SIGN_HEADER_MAX])
{
    struct buf b;

    buf_init(&b, SIGN_HEADER_MAX);
    assert_int_equal(sign_make(&key, in, &b), ERR_OK);
    snprintf(out, SIGN_HEADER_MAX, "%s", buf_str(&b));
    buf_release(&b);
}

static struct sign_claim claim_of(const struct sign_input *in)
{
    char header[SIGN_HEADER_MAX];
    struct sign_claim c;

    make(in, header);
    assert_int_equal(sign_parse(header, &c), ERR_OK);
    return c;
}

static void what_is_made_is_parsed_and_passes(void **state)
{
    struct sign_input in = input();
    struct sign_claim c = claim_of(&in);

    (void)state;
    assert_string_equal(c.sender, in.sender);
    assert_string_equal(c.nonce, NONCE);
    assert_string_equal(c.body, body_hash);
    assert_int_equal(c.time_ms, NOW);
    assert_int_equal(c.epoch, 9);
    assert_int_equal(sign_check(&key, &c, "POST", "/a?b=c", body_hash, NOW, nonces), ERR_OK);
}

static void every_signed_part_matters(void **state)
{
    struct sign_input in = input();
    struct sign_claim good = claim_of(&in), c;
    char other_hash[HASH_HEX_SIZE];

    (void)state;
    hash_sha256_hex("Body", 4, other_hash);
    assert_int_equal(sign_check(&other_key, &good, "POST", "/a?b=c", body_hash, NOW, nonces), ERR_AUTH);
    assert_int_equal(sign_check(&key, &good, "PUT", "/a?b=c", body_hash, NOW, nonces), ERR_AUTH);
    assert_int_equal(sign_check(&key, &good, "POST", "/a?b=d", body_hash, NOW, nonces), ERR_AUTH);
    assert_int_equal(sign_check(&key, &good, "POST", "/a", body_hash, NOW, nonces), ERR_AUTH);
    assert_int_equal(sign_check(&key, &good, "POST", "/a?b=c", other_hash, NOW, nonces), ERR_AUTH);
    c = good;
    c.time_ms++;
    assert_int_equal(sign_check(&key, &c, "POST", "/a?b=c", body_hash, NOW, nonces), ERR_AUTH);
    c = good;
    c.epoch++;
    assert_int_equal(sign_check(&key, &c, "POST", "/a?b=c", body_hash, NOW, nonces), ERR_AUTH);
    c = good;
    c.nonce[0] = 'f';
    assert_int_equal(sign_check(&key, &c, "POST", "/a?b=c", body_hash, NOW, nonces), ERR_AUTH);
    c = good;
    c.sender[0] = 'm';
    assert_int_equal(sign_check(&key, &c, "POST", "/a?b=c", body_hash, NOW, nonces), ERR_AUTH);
    c = good;
    c.mac[31] ^= 1;
    assert_int_equal(sign_check(&key, &c, "POST", "/a?b=c", body_hash, NOW, nonces), ERR_AUTH);
    /* None of these used the nonce up. */
    assert_int_equal(sign_check(&key, &good, "POST", "/a?b=c", NULL, NOW, nonces), ERR_OK);
}

static void fields_cannot_flow_into_each_other(void **state)
{
    struct sign_input in = input();
    struct sign_claim c;

    (void)state;
    in.method = "POST/";
    in.path = "a?b=c";
    c = claim_of(&in);
    assert_int_equal(sign_check(&key, &c, "POST", "/a?b=c", body_hash, NOW, nonces), ERR_AUTH);
}

static void the_window_is_thirty_seconds_both_ways(void **state)
{
    static const struct {
        int64_t offset_ms;
        enum err want;
    } rows[] = {{-30001, ERR_CLOCK}, {-30000, ERR_OK}, {30000, ERR_OK}, {30001, ERR_CLOCK}, {-86400000, ERR_CLOCK}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sign_input in = input();
        struct sign_claim c;
        in.time_ms += (uint64_t)rows[i].offset_ms;
        in.nonce[0] = (char)('a' + i);
        c = claim_of(&in);
        assert_int_equal(sign_check(&key, &c, "POST", "/a?b=c", body_hash, NOW, nonces), rows[i].want);
    }
}

static void extreme_times_are_outside_the_window(void **state)
{
    static const uint64_t times[] = {0, 1, UINT64_MAX, UINT64_MAX - 20000, (uint64_t)INT64_MAX + 1};

    (void)state;
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        struct sign_input in = input();
        struct sign_claim c;
        in.time_ms = times[i];
        c = claim_of(&in);
        assert_int_equal(sign_check(&key, &c, "POST", "/a?b=c", body_hash, NOW, nonces), ERR_CLOCK);
    }
}

static void what_cannot_be_signed_is_refused(void **state)
{
    static const char *const senders[] = {"", "node-1.aa", "node:", "Node:a", " node:a", "leader:a", "node:a b", "node:a,b", "node:a=b",
        "api:a\"b", "api:a\r\nb", "tool:\xc3\xa9"};
    char long_sender[SIGN_SENDER_MAX + 1];
    struct sign_input in;
    char *path = malloc(20001);
    struct buf b;

    (void)state;
    buf_init(&b, SIGN_HEADER_MAX);
    for (size_t i = 0; i < sizeof senders / sizeof senders[0]; i++) {
        in = input();
        in.sender = senders[i];
        assert_int_equal(sign_make(&key, &in, &b), ERR_INVALID);
    }
    memset(long_sender, 'x', sizeof long_sender);
    memcpy(long_sender, "node:", 5);
    long_sender[SIGN_SENDER_MAX] = '\0';
    in = input();
    in.sender = long_sender;
    assert_int_equal(sign_make(&key, &in, &b), ERR_INVALID);
    in = input();
    in.body_hash = "Stream";
    assert_int_equal(sign_make(&key, &in, &b), ERR_INVALID);
    in = input();
    in.nonce[31] = 'G';
    assert_int_equal(sign_make(&key, &in, &b), ERR_INVALID);
    assert_non_null(path);
    memset(path, 'p', 20000);
    path[20000] = '\0';
    in = input();
    in.path = path;
    assert_int_equal(sign_make(&key, &in, &b), ERR_INVALID);
    assert_int_equal(b.len, 0);
    buf_release(&b);
    free(path);
}

static void every_changed_byte_of_a_header_is_noticed(void **state)
{
    struct sign_input in = input();
    char header[SIGN_HEADER_MAX];

    (void)state;
    make(&in, header);
    for (size_t i = 0; i < strlen(header); i++) {
        static const char changes[] = "0aF, =\t\x01\xff";
        for (const char *p = changes; *p; p++) {
            char changed[SIGN_HEADER_MAX];
            struct sign_claim c;
            if (header[i] == *p)
                continue;
            strcpy(changed, header);
            changed[i] = *p;
            if (!sign_parse(changed, &c))
                assert_int_not_equal(sign_check(&key, &c, "POST", "/a?b=c", body_hash, NOW, nonces), ERR_OK);
        }
    }
}

static void malformed_headers_are_refused(void **state)
{
    static const char *const edits[][2] = {{"RB1 ", "RB2 "}, {"RB1 ", "RB1  "}, {"RB1 ", ""}, {", time", ",time"}, {"sender=", "sender="},
        {"sender=", "Sender="}, {"time=1", "time=+1"}, {"time=1", "time= 1"}, {"time=1", "time=0x1"},
        {"time=1", "time=99999999999999999999"}, {"epoch=9", "epoch="}, {"epoch=9", "epoch=-9"}, {"epoch=9", "epoch=09"},
        {", mac=", ", mac=00"}, {", epoch=9", ""}, {", epoch=9", ", epoch=9, epoch=9"}, {"nonce=0", "nonce="}, {"nonce=00", "nonce=0A"}};
    struct sign_input in = input();
    char header[SIGN_HEADER_MAX], changed[2 * SIGN_HEADER_MAX];
    struct sign_claim c;

    (void)state;
    make(&in, header);
    for (size_t i = 0; i < sizeof edits / sizeof edits[0]; i++) {
        const char *at = strstr(header, edits[i][0]);
        assert_non_null(at);
        snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - header), header, edits[i][1], at + strlen(edits[i][0]));
        assert_int_equal(sign_parse(changed, &c), strcmp(edits[i][0], edits[i][1]) == 0 ? ERR_OK : ERR_AUTH);
    }
    for (size_t n = 0; n < strlen(header); n++) {
        snprintf(changed, sizeof changed, "%.*s", (int)n, header);
        assert_int_equal(sign_parse(changed, &c), ERR_AUTH);
    }
    snprintf(changed, sizeof changed, "%s ", header);
    assert_int_equal(sign_parse(changed, &c), ERR_AUTH);
    snprintf(changed, sizeof changed, "%s, x=y", header);
    assert_int_equal(sign_parse(changed, &c), ERR_AUTH);
    memset(changed, 'x', sizeof changed - 1);
    changed[sizeof changed - 1] = '\0';
    assert_int_equal(sign_parse(changed, &c), ERR_AUTH);
}

static void a_clock_answer_proves_key_nonce_and_time(void **state)
{
    struct buf b;
    uint64_t time_ms = 0;
    char changed[SIGN_HEADER_MAX];

    (void)state;
    buf_init(&b, SIGN_HEADER_MAX);
    assert_int_equal(sign_clock_make(&key, NONCE, NOW, &b), ERR_OK);
    assert_int_equal(sign_clock_check(&key, NONCE, buf_str(&b), &time_ms), ERR_OK);
    assert_int_equal(time_ms, NOW);
    time_ms = 1;
    assert_int_equal(sign_clock_check(&other_key, NONCE, buf_str(&b), &time_ms), ERR_AUTH);
    assert_int_equal(sign_clock_check(&key, "f0112233445566778899aabbccddeeff", buf_str(&b), &time_ms), ERR_AUTH);
    strcpy(changed, buf_str(&b));
    changed[5] ^= 1;
    assert_int_equal(sign_clock_check(&key, NONCE, changed, &time_ms), ERR_AUTH);
    assert_int_equal(sign_clock_check(&key, NONCE, "", &time_ms), ERR_AUTH);
    assert_int_equal(sign_clock_check(&key, NONCE, "time=1", &time_ms), ERR_AUTH);
    assert_int_equal(time_ms, 1);
    buf_release(&b);
}

static void a_capability_reads_one_thing_from_one_node_for_a_minute(void **state)
{
    const char *what = "blob:0123";
    char changed[SIGN_HEADER_MAX];
    struct buf b;

    (void)state;
    buf_init(&b, SIGN_HEADER_MAX);
    assert_int_equal(sign_capability_make(&key, "node-1", what, 1060, &b), ERR_OK);
    for (int i = 0; i < 2; i++)
        assert_int_equal(sign_capability_check(&key, "node-1", what, buf_str(&b), 1000), ERR_OK);
    assert_int_equal(sign_capability_check(&key, "node-1", what, buf_str(&b), 1060), ERR_OK);
    assert_int_equal(sign_capability_check(&key, "node-1", what, buf_str(&b), 1061), ERR_AUTH);
    assert_int_equal(sign_capability_check(&key, "node-1", what, buf_str(&b), 970), ERR_OK);
    assert_int_equal(sign_capability_check(&key, "node-1", what, buf_str(&b), 969), ERR_AUTH);
    assert_int_equal(sign_capability_check(&key, "node-2", what, buf_str(&b), 1000), ERR_AUTH);
    assert_int_equal(sign_capability_check(&key, "node-1", "file:0123", buf_str(&b), 1000), ERR_AUTH);
    assert_int_equal(sign_capability_check(&other_key, "node-1", what, buf_str(&b), 1000), ERR_AUTH);
    snprintf(changed, sizeof changed, "%s", buf_str(&b));
    memcpy(strstr(changed, "1060"), "1061", 4);
    assert_int_equal(sign_capability_check(&key, "node-1", what, changed, 1000), ERR_AUTH);
    assert_int_equal(sign_capability_check(&key, "node-1", what, "", 1000), ERR_AUTH);
    assert_int_equal(sign_capability_check(&key, "node-1", what, "RBC1 expiry=18446744073709551615, mac=00", 1000), ERR_AUTH);
    buf_release(&b);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_is_made_is_parsed_and_passes),
        TEST(every_signed_part_matters),
        TEST(fields_cannot_flow_into_each_other),
        TEST(the_window_is_thirty_seconds_both_ways),
        TEST(extreme_times_are_outside_the_window),
        TEST(what_cannot_be_signed_is_refused),
        TEST(every_changed_byte_of_a_header_is_noticed),
        TEST(malformed_headers_are_refused),
        TEST(a_clock_answer_proves_key_nonce_and_time),
        TEST(a_capability_reads_one_thing_from_one_node_for_a_minute),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
