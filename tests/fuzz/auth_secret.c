/* Tokens and secrets: one spelling, and a token is of one kind. Input: a text. */
#include "tests/fuzz/fuzz.h"

#include "lib/auth/secret.h"
#include "lib/base/num.h"

static void check_secret(const char *text)
{
    unsigned char bytes[SECRET_BYTES];
    char again[SECRET_SIZE];
    FUZZ_CHECK(secret_bytes(text, strlen(text), bytes) == ERR_OK);
    secret_text(bytes, again);
    FUZZ_CHECK(strcmp(text, again) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_string(data, size), id[AUTH_ID_SIZE], again[SECRET_TOKEN_SIZE], digest[HASH_HEX_SIZE];
    static const char *const prefixes[] = {[SECRET_API] = "rb", [SECRET_JOIN] = "rbj"};
    int kinds = 0;
    for (int kind = SECRET_API; kind <= SECRET_JOIN; kind++) {
        if (secret_token_parse((enum secret_kind)kind, text, strlen(text), id) != ERR_OK)
            continue;
        kinds++;
        FUZZ_CHECK(num_is_hex(id, 16));
        const char *secret = strchr(strchr(text, '_') + 1, '_') + 1;
        check_secret(secret);
        snprintf(again, sizeof(again), "%s_%s_%s", prefixes[kind], id, secret);
        FUZZ_CHECK(strcmp(text, again) == 0);
    }
    FUZZ_CHECK(kinds <= 1);
    if (secret_ok(text))
        check_secret(text);
    secret_digest(text, digest);
    FUZZ_CHECK(secret_matches(text, digest));
    FUZZ_CHECK(!secret_matches(text, text));
    free(text);
    return 0;
}
