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

/* The document written anew from what was understood of it. */
static struct ringdoc *write_anew(const struct ringdoc *d)
{
    const struct ring *r = d->ring;
    struct ringdoc *anew = NULL, *from = NULL;
    /* ringdoc_new() leaves nobody away, and a change to what a joint document has begins one number earlier. */
    if (!d->before && d->n_away == 0) {
        FUZZ_CHECK(ringdoc_new(r->members, r->n_members, r->k, r->epoch, &d->ballot, &anew) == ERR_OK);
        return anew;
    }
    if (!d->before || r->epoch == 1) {
        FUZZ_CHECK(ringdoc_copy(d, &anew) == ERR_OK);
        return anew;
    }
    const struct ring *b = d->before;
    struct ringdoc_change to = {
        .members = r->members, .n = r->n_members, .k = r->k, .away = (const char(*)[RING_ID_MAX])d->away, .n_away = d->n_away};
    FUZZ_CHECK(ringdoc_new(b->members, b->n_members, b->k, r->epoch - 1, &d->ballot, &from) == ERR_OK);
    FUZZ_CHECK(ringdoc_joint(from, &to, &d->ballot, &anew) == ERR_OK);
    ringdoc_free(from);
    return anew;
}

static void check_same_ring(const struct ring *a, const struct ring *b)
{
    FUZZ_CHECK(a->n_members == b->n_members && a->epoch == b->epoch && a->k == b->k && a->n_tokens == b->n_tokens);
    for (size_t i = 0; i < a->n_tokens; i++)
        FUZZ_CHECK(a->tokens[i].point == b->tokens[i].point && a->tokens[i].member == b->tokens[i].member);
}

static void check_same(const struct ringdoc *a, const struct ringdoc *b)
{
    check_same_ring(a->ring, b->ring);
    FUZZ_CHECK((a->before != NULL) == (b->before != NULL));
    if (a->before)
        check_same_ring(a->before, b->before);
    FUZZ_CHECK(a->n_away == b->n_away);
    for (size_t i = 0; i < a->n_away; i++)
        FUZZ_CHECK(strcmp(a->away[i], b->away[i]) == 0 && ring_find(a->ring, a->away[i]) < 0);
}

/* The end of a change has the members of the joint document and the number after it. */
static void check_end(const struct ringdoc *d)
{
    struct ringdoc *end = NULL;
    enum err e = ringdoc_settled(d, &d->ballot, &end);
    FUZZ_CHECK((e == ERR_OK) == (d->before && d->ring->epoch < UINT64_MAX));
    if (e)
        return;
    FUZZ_CHECK(!end->before && end->ring->epoch == d->ring->epoch + 1 && end->ring->n_members == d->ring->n_members);
    FUZZ_CHECK(end->n_away == d->n_away);
    ringdoc_free(end);
}

static void check_taken(const struct ringdoc *d, const char *text, size_t len)
{
    struct ringdoc *anew, *again = NULL, *copy = NULL;
    check_ring(d->ring);
    if (d->before)
        check_ring(d->before);
    FUZZ_CHECK(d->text_len == len && memcmp(d->text, text, len) == 0);
    anew = write_anew(d);
    FUZZ_CHECK(ringdoc_parse(anew->text, anew->text_len, &again) == ERR_OK);
    FUZZ_CHECK(ballot_cmp(&d->ballot, &again->ballot) == 0);
    check_same(d, again);
    FUZZ_CHECK(ringdoc_copy(again, &copy) == ERR_OK && strcmp(copy->text, anew->text) == 0);
    check_end(d);
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
