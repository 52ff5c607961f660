/* A ring document that was taken makes a sound ring, keeps its text, and says the same when it is written anew from its members. */
#include "tests/fuzz/fuzz.h"

#include "lib/wire/ringdoc.h"

static void check_ring(const struct ring *r)
{
    uint32_t owners[RING_K_MAX];
    FUZZ_CHECK(r->epoch > 0 && r->k >= 1 && r->k <= RING_K_MAX);
    FUZZ_CHECK(r->n_members >= 1 && r->n_members <= RING_MEMBERS_MAX);
    for (size_t i = 0; i < r->n_members; i++) {
        FUZZ_CHECK(ring_id_ok(r->members[i].id) && ring_name_ok(r->members[i].name));
        FUZZ_CHECK(ring_find(r, r->members[i].id) == (long)i && ring_find_name(r, r->members[i].name) == (long)i);
    }
    for (uint64_t point = 0; point < UINT64_MAX - UINT64_MAX / 5; point += UINT64_MAX / 5) {
        size_t n = ring_owners(r, point, owners);
        FUZZ_CHECK(n == ring_k_effective(r));
        for (size_t i = 0; i < n; i++) {
            for (size_t j = 0; j < i; j++)
                FUZZ_CHECK(owners[i] != owners[j]);
        }
    }
}

static void check_taken(const struct ringdoc *d, const char *text, size_t len)
{
    const struct ring *r = d->ring;
    struct ringdoc *anew = NULL, *again = NULL, *copy = NULL;
    check_ring(r);
    FUZZ_CHECK(d->text_len == len && memcmp(d->text, text, len) == 0);
    FUZZ_CHECK(ringdoc_new(r->members, r->n_members, r->k, r->epoch, &d->ballot, &anew) == ERR_OK);
    FUZZ_CHECK(ringdoc_parse(anew->text, anew->text_len, &again) == ERR_OK);
    FUZZ_CHECK(ballot_cmp(&d->ballot, &again->ballot) == 0);
    FUZZ_CHECK(again->ring->n_members == r->n_members && again->ring->epoch == r->epoch && again->ring->k == r->k);
    FUZZ_CHECK(again->ring->n_tokens == r->n_tokens);
    for (size_t i = 0; i < r->n_tokens; i++)
        FUZZ_CHECK(again->ring->tokens[i].point == r->tokens[i].point && again->ring->tokens[i].member == r->tokens[i].member);
    FUZZ_CHECK(ringdoc_copy(again, &copy) == ERR_OK && strcmp(copy->text, anew->text) == 0);
    ringdoc_free(anew);
    ringdoc_free(again);
    ringdoc_free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ringdoc *d = NULL;
    enum err e = ringdoc_parse((const char *)data, size, &d);
    FUZZ_CHECK(e == ERR_OK || e == ERR_SYNTAX || e == ERR_INVALID);
    FUZZ_CHECK((d != NULL) == (e == ERR_OK));
    if (d)
        check_taken(d, (const char *)data, size);
    ringdoc_free(d);
    return 0;
}
