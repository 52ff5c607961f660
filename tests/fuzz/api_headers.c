/* Header fields of the api: what is taken is within its bounds and has one spelling. Input: a byte that says which field, then its value. */
#include "tests/fuzz/fuzz.h"

#include "fcgi/handler/conditional.h"
#include "fcgi/handler/inputs.h"
#include "lib/base/num.h"

#define TAG "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static void check_condition(const char *value)
{
    struct inputs_condition c;
    const char *detail = NULL;
    char written[HASH_HEX_SIZE + 2], hex[STAMP_HEX_SIZE];
    enum err e = inputs_condition(value, NULL, &c, &detail);
    FUZZ_CHECK(e == ERR_OK || (e == ERR_SYNTAX && detail));
    if (e)
        return;
    stamp_hex(c.record, hex);
    FUZZ_CHECK(c.match == MATCH_RECORD || (c.match == MATCH_SHA256 && num_is_hex(c.sha256, 64)));
    snprintf(written, sizeof(written), "\"%s\"", c.match == MATCH_RECORD ? hex : c.sha256);
    size_t len = strlen(written);
    written[*value == '"' ? len : len - 1] = '\0';
    FUZZ_CHECK(strcmp(value, *value == '"' ? written : written + 1) == 0);
}

static void check_digest(const char *value)
{
    uint8_t digest[HASH_SIZE];
    char text[HASH_SIZE * 2], member[HASH_SIZE * 2 + 16];
    const char *detail = NULL;
    int has;
    enum err e = inputs_content_digest(value, &has, digest, &detail);
    FUZZ_CHECK(e == ERR_OK || (e == ERR_SYNTAX && detail));
    if (e || !has)
        return;
    num_base64(digest, sizeof(digest), text);
    snprintf(member, sizeof(member), "sha-256=:%s:", text);
    FUZZ_CHECK(strstr(value, member));
}

static void check_type(const char *value)
{
    char type[RECORD_TYPE_MAX + 1], again[RECORD_TYPE_MAX + 1];
    const char *detail = NULL;
    enum err e = inputs_media_type(value, type, &detail);
    FUZZ_CHECK(e == ERR_OK || (e == ERR_SYNTAX && detail));
    if (e)
        return;
    FUZZ_CHECK(strlen(type) >= 3 && strchr(type, '/') && !strpbrk(type, " ;,\t\r\n\"ABCDEFGHIJKLMNOPQRSTUVWXYZ"));
    FUZZ_CHECK(inputs_media_type(type, again, &detail) == ERR_OK && strcmp(type, again) == 0);
}

static void check_rest(const char *value)
{
    const char *detail = NULL;
    size_t len = strlen(value);
    if (inputs_idempotency_key(value, &detail) == ERR_OK)
        FUZZ_CHECK(len <= INPUTS_IDEMPOTENCY_KEY_MAX && !strpbrk(value, " \t\r\n"));
    if (inputs_version(value, &detail) == ERR_OK)
        FUZZ_CHECK(len > 0 && strspn(value, "0123456789abcdef") == len);
}

static void check_conditional(const char *value)
{
    const struct conditional weak = {.if_none_match = value}, strong = {.if_match = value}, since = {.if_modified_since = value};
    int is_not_modified = conditional_check(&weak, TAG, 1000) == CONDITIONAL_NOT_MODIFIED;
    int is_sent = conditional_check(&strong, TAG, 1000) == CONDITIONAL_SEND;
    FUZZ_CHECK(!is_not_modified || strstr(value, "\"" TAG "\"") || strchr(value, '*'));
    FUZZ_CHECK(!is_sent || is_not_modified); /* what matches strongly matches weakly */
    FUZZ_CHECK(conditional_check(&since, TAG, 1000) != CONDITIONAL_FAILED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const checks[])(const char *value) = {check_condition, check_digest, check_type, check_rest, check_conditional};
    if (size == 0)
        return 0;
    char *value = fuzz_string(data + 1, size - 1);
    checks[(size_t)data[0] % (sizeof(checks) / sizeof(checks[0]))](value);
    free(value);
    return 0;
}
