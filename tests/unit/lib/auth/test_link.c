#include "tests/unit/unit.h"

#include "lib/auth/link.h"
#include "lib/auth/secret.h"
#include "lib/base/num.h"
#include "lib/name/name.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOW UINT64_C(1800000000)
#define LATER (NOW + 3600)
#define ID "00112233445566ff"
#define RECORD "0123456789abcdef0123456789abcdef"

static const struct link_claim claim = {"GET", "csen317", ""};

static struct link_keys two_keys(void)
{
    struct link_keys keys = {.n = 2};
    link_key_new(&keys.key[0]);
    link_key_new(&keys.key[1]);
    return keys;
}

static enum err check(const struct link_keys *keys, const char *text, const struct link_claim *c, uint64_t now_s)
{
    struct link_text t;
    enum err e = link_parse(text, strlen(text), &t);
    return e ? e : link_check(keys, &t, c, now_s);
}

static void a_link_opens_what_it_was_made_for(void **state)
{
    (void)state;
    struct link_keys keys = two_keys();
    char text[LINK_TEXT_SIZE];
    struct link_text t;
    assert_ok(link_make(&keys, &claim, ID, LATER, NOW, text));
    assert_ok(link_parse(text, strlen(text), &t));
    assert_string_equal(t.id, ID);
    assert_string_equal(t.key_id, keys.key[0].id);
    assert_int_equal(t.expiry_s, LATER);
    assert_ok(link_check(&keys, &t, &claim, NOW));
    assert_ok(link_check(&keys, &t, &claim, LATER - 1));
    assert_err(ERR_DENIED, link_check(&keys, &t, &claim, LATER));
}

static void it_opens_nothing_else(void **state)
{
    (void)state;
    struct link_keys keys = two_keys();
    char text[LINK_TEXT_SIZE];
    static const struct link_claim others[] = {{"PUT", "csen317", ""}, {"get", "csen317", ""}, {"GET", "csen318", ""},
        {"GET", "csen31", "7"}, {"GET", "csen317", RECORD}, {"GETc", "sen317", ""}, {"", "GETcsen317", ""}};
    assert_ok(link_make(&keys, &claim, ID, LATER, NOW, text));
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_err(ERR_DENIED, check(&keys, text, &others[i], NOW));
    assert_ok(check(&keys, text, &claim, NOW));
}

static void no_bit_of_it_can_be_changed(void **state)
{
    (void)state;
    struct link_keys keys = two_keys();
    char text[LINK_TEXT_SIZE];
    assert_ok(link_make(&keys, &claim, ID, LATER, NOW, text));
    for (size_t i = 0; text[i]; i++) {
        for (int bit = 0; bit < 8; bit++) {
            text[i] = (char)(text[i] ^ (1 << bit));
            assert_err(ERR_DENIED, check(&keys, text, &claim, NOW));
            text[i] = (char)(text[i] ^ (1 << bit));
        }
    }
    size_t len = strlen(text);
    for (size_t n = 0; n < len; n++) {
        struct link_text t;
        assert_err(ERR_DENIED, link_parse(text, n, &t));
    }
    assert_ok(check(&keys, text, &claim, NOW));
}

static void the_mac_of_another_link_does_not_fit(void **state)
{
    (void)state;
    struct link_keys keys = two_keys();
    char one[LINK_TEXT_SIZE], two[LINK_TEXT_SIZE];
    assert_ok(link_make(&keys, &claim, ID, LATER, NOW, one));
    assert_ok(link_make(&keys, &claim, "00112233445566fe", LATER, NOW, two));
    memcpy(strrchr(one, '.'), strrchr(two, '.'), 44);
    assert_err(ERR_DENIED, check(&keys, one, &claim, NOW));
}

static void keys_can_be_changed_without_breaking_links(void **state)
{
    (void)state;
    struct link_keys keys = two_keys();
    char text[LINK_TEXT_SIZE];
    assert_ok(link_make(&keys, &claim, ID, LATER, NOW, text));
    keys.key[1] = keys.key[0];
    link_key_new(&keys.key[0]);
    assert_ok(check(&keys, text, &claim, NOW));
    keys.key[1] = keys.key[0];
    link_key_new(&keys.key[0]);
    assert_err(ERR_DENIED, check(&keys, text, &claim, NOW));
    /* Another key of the same id does not open it either. */
    struct link_text t;
    assert_ok(link_parse(text, strlen(text), &t));
    memcpy(keys.key[0].id, t.key_id, sizeof(t.key_id));
    assert_err(ERR_DENIED, check(&keys, text, &claim, NOW));
    keys.n = 0;
    assert_err(ERR_DENIED, check(&keys, text, &claim, NOW));
}

static void links_do_not_live_for_ever(void **state)
{
    (void)state;
    struct link_keys keys = two_keys(), none = {0};
    char text[LINK_TEXT_SIZE] = "before";
    assert_err(ERR_INVALID, link_make(&keys, &claim, ID, NOW, NOW, text));
    assert_err(ERR_INVALID, link_make(&keys, &claim, ID, 0, NOW, text));
    assert_err(ERR_INVALID, link_make(&keys, &claim, ID, NOW + LINK_LIFE_MAX_S + 1, NOW, text));
    assert_err(ERR_INVALID, link_make(&keys, &claim, ID, UINT64_MAX, NOW, text));
    assert_err(ERR_INVALID, link_make(&keys, &claim, ID, LINK_EXPIRY_MAX_S + 1, LINK_EXPIRY_MAX_S, text));
    assert_err(ERR_INVALID, link_make(&none, &claim, ID, LATER, NOW, text));
    assert_err(ERR_INVALID, link_make(&keys, &claim, "0011", LATER, NOW, text));
    assert_err(ERR_INVALID, link_make(&keys, &claim, "00112233445566FF", LATER, NOW, text));
    assert_string_equal(text, "before");
    assert_ok(link_make(&keys, &claim, ID, NOW + LINK_LIFE_MAX_S, NOW, text));
    assert_ok(link_make(&keys, &claim, ID, LINK_EXPIRY_MAX_S, LINK_EXPIRY_MAX_S - 1, text));
}

#define MAC "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static void a_text_has_one_spelling(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "l1", "l2.01234567." ID ".1." MAC, "L1.01234567." ID ".1." MAC, "l1.0123456." ID ".1." MAC,
        "l1.0123456A." ID ".1." MAC, "l1.012345678." ID ".1." MAC, "l1.01234567.0." ID ".1." MAC, "l1.01234567." ID "..1." MAC,
        "l1.01234567." ID ".." MAC, "l1.01234567." ID ".01." MAC, "l1.01234567." ID ".-1." MAC, "l1.01234567." ID ".+1." MAC,
        "l1.01234567." ID ". 1." MAC, "l1.01234567." ID ".1e3." MAC, "l1.01234567." ID ".253402300800." MAC,
        "l1.01234567." ID ".9223372036854775808." MAC, "l1.01234567." ID ".1." MAC "=", "l1.01234567." ID ".1." MAC ".",
        " l1.01234567." ID ".1." MAC, "l1.01234567." ID ".1", "l1%2E01234567." ID ".1." MAC};
    struct link_text t;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (link_parse(bad[i], strlen(bad[i]), &t) != ERR_DENIED)
            fail_msg("%s", bad[i]);
    assert_ok(link_parse("l1.01234567." ID ".1." MAC, 74, &t));
    assert_ok(link_parse("l1.01234567." ID ".253402300799." MAC, 85, &t));
}

static void the_longest_course_has_links_and_a_longer_one_none(void **state)
{
    (void)state;
    struct link_keys keys = two_keys();
    char text[LINK_TEXT_SIZE], course[NAME_KEY_BYTES_MAX + 200];
    struct link_claim c = {"GET", course, RECORD};
    memset(course, 'x', sizeof(course));
    course[NAME_KEY_BYTES_MAX] = '\0';
    assert_ok(link_make(&keys, &c, ID, LATER, NOW, text));
    assert_ok(check(&keys, text, &c, NOW));
    course[NAME_KEY_BYTES_MAX] = 'x';
    course[NAME_KEY_BYTES_MAX + 199] = '\0';
    assert_err(ERR_DENIED, check(&keys, text, &c, NOW));
    assert_err(ERR_INVALID, link_make(&keys, &c, ID, LATER, NOW, text));
}

static void the_mac_is_over_length_prefixed_fields(void **state)
{
    (void)state;
    /* The input put together by hand, as the header says. */
    struct link_keys keys = two_keys();
    char text[LINK_TEXT_SIZE], expected[SECRET_SIZE];
    uint8_t input[300], mac[HASH_SIZE];
    const char *const fields[] = {"l1", "GET", "csen317", RECORD, "1800003600", keys.key[0].id, ID};
    size_t at = 0;
    for (size_t i = 0; i < 7; i++) {
        num_store_be64(input + at, strlen(fields[i]));
        memcpy(input + at + 8, fields[i], strlen(fields[i]));
        at += 8 + strlen(fields[i]);
    }
    hash_hmac(keys.key[0].bytes, HASH_SIZE, input, at, mac);
    secret_text(mac, expected);
    assert_ok(link_make(&keys, &(struct link_claim){"GET", "csen317", RECORD}, ID, LATER, NOW, text));
    assert_string_equal(strrchr(text, '.') + 1, expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_link_opens_what_it_was_made_for),
        cmocka_unit_test(it_opens_nothing_else),
        cmocka_unit_test(no_bit_of_it_can_be_changed),
        cmocka_unit_test(the_mac_of_another_link_does_not_fit),
        cmocka_unit_test(keys_can_be_changed_without_breaking_links),
        cmocka_unit_test(links_do_not_live_for_ever),
        cmocka_unit_test(a_text_has_one_spelling),
        cmocka_unit_test(the_longest_course_has_links_and_a_longer_one_none),
        cmocka_unit_test(the_mac_is_over_length_prefixed_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
