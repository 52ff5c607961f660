/* Share links: a text has one spelling, and one that opens is one that we made. Input: a course's key in the first line, then the text. */
#include "tests/fuzz/fuzz.h"

#include "lib/auth/link.h"
#include "lib/auth/secret.h"

#include <inttypes.h>

#define NOW UINT64_C(1800000000)

/* Keys that the corpus knows. */
static const struct link_keys keys = {2, {{"01234567", {1, 2, 3}}, {"89abcdef", {4, 5, 6}}}};

static void check_open(const char *text, const struct link_text *t, const struct link_claim *claim)
{
    char made[LINK_TEXT_SIZE];
    struct link_keys first = {1, {keys.key[strcmp(t->key_id, keys.key[0].id) != 0]}};
    if (t->expiry_s - NOW <= LINK_LIFE_MAX_S)
        FUZZ_CHECK(link_make(&first, claim, t->id, t->expiry_s, NOW, made) == ERR_OK && strcmp(made, text) == 0);
    FUZZ_CHECK(link_check(&keys, t, claim, t->expiry_s) == ERR_DENIED);
    struct link_claim other = {"PUT", claim->course, claim->record};
    FUZZ_CHECK(link_check(&keys, t, &other, NOW) == ERR_DENIED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *course = fuzz_line(&data, &size), *text = fuzz_string(data, size), again[LINK_TEXT_SIZE], mac[SECRET_SIZE];
    struct link_claim claim = {"GET", course, ""};
    struct link_text t;
    if (link_parse(text, strlen(text), &t) == ERR_OK) {
        secret_text(t.mac, mac);
        snprintf(again, sizeof(again), "l1.%s.%s.%" PRIu64 ".%s", t.key_id, t.id, t.expiry_s, mac);
        FUZZ_CHECK(strcmp(text, again) == 0);
        if (link_check(&keys, &t, &claim, NOW) == ERR_OK)
            check_open(text, &t, &claim);
    }
    /* A link for this course opens it, whatever its key is, or there is none because no key is as long. */
    if (link_make(&keys, &claim, "00112233445566ff", NOW + 60, NOW, again) == ERR_OK) {
        FUZZ_CHECK(link_parse(again, strlen(again), &t) == ERR_OK && link_check(&keys, &t, &claim, NOW) == ERR_OK);
        claim.record = "x";
        FUZZ_CHECK(link_check(&keys, &t, &claim, NOW) == ERR_DENIED);
    }
    free(course);
    free(text);
    return 0;
}
