#include "tests/unit/unit.h"

#include "lib/wire/ringdoc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct ballot leader = {.counter = 9, .coordinator = "coordinator-1", .start = 77};

static struct ring_member member(unsigned i)
{
    struct ring_member m = {.weight = 1};
    snprintf(m.id, sizeof(m.id), "node-%u.a%u", i, i);
    snprintf(m.name, sizeof(m.name), "node-%u", i);
    return m;
}

/* Members first … last. */
static size_t fill(struct ring_member *members, unsigned first, unsigned last)
{
    size_t n = 0;
    for (unsigned i = first; i <= last; i++)
        members[n++] = member(i);
    return n;
}

static struct ringdoc *stable(uint64_t epoch, unsigned first, unsigned last)
{
    struct ring_member members[16];
    size_t n = fill(members, first, last);
    struct ringdoc *d = NULL;
    assert_ok(ringdoc_new(members, n, 3, epoch, &(struct ballot){0}, &d));
    return d;
}

/* From node-1 … node-4 to node-2 … node-5, with node-1 away. */
static struct ringdoc *joint(uint64_t epoch)
{
    struct ring_member members[16];
    char away[1][RING_ID_MAX] = {"node-1.a1"};
    struct ringdoc *from = stable(epoch - 1, 1, 4), *d = NULL;
    struct ringdoc_change to = {
        .members = members, .n = fill(members, 2, 5), .k = 2, .away = (const char(*)[RING_ID_MAX])away, .n_away = 1};
    assert_ok(ringdoc_joint(from, &to, &leader, &d));
    ringdoc_free(from);
    return d;
}

static void a_joint_document_keeps_both_rings_under_one_number(void **state)
{
    (void)state;
    struct ringdoc *d = joint(8);
    assert_true(ringdoc_is_joint(d));
    assert_int_equal(d->ring->epoch, 8);
    assert_int_equal(d->before->epoch, 8);
    assert_int_equal(d->ring->k, 2);
    assert_int_equal(d->before->k, 3);
    assert_true(ring_find(d->before, "node-1.a1") >= 0 && ring_find(d->ring, "node-1.a1") < 0);
    assert_true(ring_find(d->before, "node-5.a5") < 0 && ring_find(d->ring, "node-5.a5") >= 0);
    assert_int_equal(ballot_cmp(&d->ballot, &leader), 0);
    ringdoc_free(d);
}

static void assert_same_rings(const struct ringdoc *a, const struct ringdoc *b)
{
    assert_int_equal(a->ring->epoch, b->ring->epoch);
    assert_int_equal(a->ring->n_members, b->ring->n_members);
    assert_int_equal(a->ring->k, b->ring->k);
    assert_int_equal(a->before != NULL, b->before != NULL);
    if (a->before) {
        assert_int_equal(a->before->n_members, b->before->n_members);
        assert_int_equal(a->before->k, b->before->k);
        assert_int_equal(a->before->n_tokens, b->before->n_tokens);
        for (size_t i = 0; i < a->before->n_tokens; i++) { /* one by one: their structs have padding */
            assert_true(a->before->tokens[i].point == b->before->tokens[i].point);
            assert_int_equal(a->before->tokens[i].member, b->before->tokens[i].member);
        }
    }
    assert_int_equal(a->n_away, b->n_away);
    for (size_t i = 0; i < a->n_away; i++)
        assert_string_equal(a->away[i], b->away[i]);
}

static void assert_same_document(const struct ringdoc *a, const struct ringdoc *b)
{
    assert_string_equal(a->text, b->text);
    assert_int_equal(ballot_cmp(&a->ballot, &b->ballot), 0);
    assert_same_rings(a, b);
}

static void a_joint_document_goes_there_and_back(void **state)
{
    (void)state;
    struct ringdoc *d = joint(8), *read = NULL, *copy = NULL;
    assert_ok(ringdoc_parse(d->text, d->text_len, &read));
    assert_ok(ringdoc_copy(d, &copy));
    assert_same_document(d, read);
    assert_same_document(d, copy);
    ringdoc_free(read);
    ringdoc_free(copy);
    ringdoc_free(d);
}

static void a_change_ends_with_the_new_members_one_number_later(void **state)
{
    (void)state;
    struct ballot later = {.counter = 12, .coordinator = "coordinator-2", .start = 1};
    struct ringdoc *d = joint(8), *end = NULL, *read = NULL;
    assert_ok(ringdoc_settled(d, &later, &end));
    assert_false(ringdoc_is_joint(end));
    assert_int_equal(end->ring->epoch, 9);
    assert_int_equal(end->ring->k, 2);
    assert_int_equal(end->ring->n_members, 4);
    assert_true(ring_find(end->ring, "node-5.a5") >= 0);
    assert_int_equal(ballot_cmp(&end->ballot, &later), 0);
    assert_true(ringdoc_is_away(end, "node-1.a1"));
    assert_ok(ringdoc_parse(end->text, end->text_len, &read));
    assert_same_document(end, read);
    ringdoc_free(read);
    ringdoc_free(end);
    ringdoc_free(d);
}

static void only_a_stable_ring_begins_a_change_and_only_a_joint_one_ends_it(void **state)
{
    (void)state;
    struct ring_member members[16];
    struct ringdoc_change to = {.members = members, .n = fill(members, 1, 4), .k = 3};
    struct ringdoc *d = joint(8), *from = stable(3, 1, 4), *last = stable(UINT64_MAX, 1, 4), *out = NULL;
    assert_err(ERR_INVALID, ringdoc_joint(d, &to, &leader, &out));
    assert_err(ERR_INVALID, ringdoc_settled(from, &leader, &out));
    assert_err(ERR_INVALID, ringdoc_joint(last, &to, &leader, &out)); /* there is no number after it */
    to.n = 0;
    assert_err(ERR_INVALID, ringdoc_joint(from, &to, &leader, &out));
    to = (struct ringdoc_change){.members = members, .n = 4, .k = RING_K_MAX + 1};
    assert_err(ERR_INVALID, ringdoc_joint(from, &to, &leader, &out));
    assert_null(out);
    ringdoc_free(d);
    ringdoc_free(from);
    ringdoc_free(last);
}

static void who_is_away_is_sorted_no_member_and_named_once(void **state)
{
    (void)state;
    struct ring_member members[16];
    char away[2][RING_ID_MAX] = {"node-9.a9", "node-7.a7"};
    struct ringdoc_change to = {
        .members = members, .n = fill(members, 1, 4), .k = 3, .away = (const char(*)[RING_ID_MAX])away, .n_away = 2};
    struct ringdoc *from = stable(3, 1, 4), *d = NULL, *bad = NULL;
    assert_ok(ringdoc_joint(from, &to, &leader, &d));
    assert_string_equal(d->away[0], "node-7.a7");
    assert_true(ringdoc_is_away(d, "node-9.a9"));
    assert_false(ringdoc_is_away(d, "node-1.a1"));
    static const char *const refused[] = {"node-9.a9", "node-1.a1", "no id", "node-8"};
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        snprintf(away[1], sizeof(away[1]), "%s", refused[i]);
        assert_err(ERR_INVALID, ringdoc_joint(from, &to, &leader, &bad));
    }
    assert_null(bad);
    ringdoc_free(from);
    ringdoc_free(d);
}

/* Replaces the first occurrence of `from` in a joint document's text. */
static void assert_changed(enum err wanted, const char *from, const char *to)
{
    struct ringdoc *d = joint(8), *read = NULL;
    char text[4000];
    const char *at = strstr(d->text, from);
    assert_non_null(at);
    snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - d->text), d->text, to, at + strlen(from));
    enum err e = ringdoc_parse(text, strlen(text), &read);
    if (e != wanted)
        fail_msg("%s instead of %s for: %s", err_code(e), err_code(wanted), text);
    ringdoc_free(d);
    ringdoc_free(read);
}

static void malformed_joint_documents_are_refused(void **state)
{
    (void)state;
    static const struct {
        enum err e;
        const char *from, *to;
    } rows[] = {{ERR_SYNTAX, "\"prev_k\":3,", ""}, {ERR_INVALID, "\"prev_k\":3", "\"prev_k\":0"},
        {ERR_INVALID, "\"prev_k\":3", "\"prev_k\":17"}, {ERR_SYNTAX, "\"prev\":[", "\"prev\":[\"node-1.a1\","},
        {ERR_SYNTAX, "\"prev\":[", "\"before\":["}, {ERR_INVALID, "\"state\":\"joint\"", "\"state\":\"moving\""},
        {ERR_SYNTAX, "\"state\":\"joint\"", "\"state\":\"stable\""}, {ERR_SYNTAX, "\"away\":[\"node-1.a1\"]", "\"away\":\"node-1.a1\""},
        {ERR_SYNTAX, "\"away\":[\"node-1.a1\"]", "\"away\":[1]"},
        {ERR_INVALID, "\"away\":[\"node-1.a1\"]", "\"away\":[\"node-1.a1\",\"node-1.a1\"]"},
        {ERR_INVALID, "\"away\":[\"node-1.a1\"]", "\"away\":[\"node-2.a2\"]"},
        {ERR_INVALID, "\"away\":[\"node-1.a1\"]", "\"away\":[\"../etc\"]"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_changed(rows[i].e, rows[i].from, rows[i].to);
}

static void installing_a_joint_document_again_changes_nothing_but_the_ballot(void **state)
{
    (void)state;
    struct ballot newer = {.counter = 10, .coordinator = "coordinator-3", .start = 5};
    struct ringdoc *d = joint(8), *under = NULL;
    assert_ok(ringdoc_under(d, &newer, &under));
    assert_int_equal(ballot_cmp(&under->ballot, &newer), 0);
    assert_same_rings(d, under);
    ringdoc_free(d);
    ringdoc_free(under);
}

/* The set of node numbers, as bits. */
static int has_bit(void *ctx, const char *id)
{
    unsigned i;
    assert_int_equal(sscanf(id, "node-%u.", &i), 1);
    return (int)(*(const unsigned *)ctx >> i & 1u);
}

static unsigned nodes(unsigned a, unsigned b, unsigned c, unsigned d)
{
    return (1u << a | 1u << b | 1u << c | 1u << d) & ~1u;
}

static void a_quorum_is_a_majority_of_the_members_and_of_those_before(void **state)
{
    (void)state;
    struct ringdoc *d = joint(8), *s = stable(3, 1, 4);
    static const struct {
        unsigned at[4]; /* 0: nobody */
        size_t joint, stable;
    } rows[] = {{{0}, 3, 3}, {{1, 2, 3}, 1, 0}, {{2, 3, 4}, 0, 0}, {{5, 2, 3}, 1, 1}, {{1, 2, 3, 5}, 0, 0}, {{5}, 3, 3}, {{2, 3}, 1, 1},
        {{1, 5}, 2, 2}, {{6, 7, 8, 9}, 3, 3}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        unsigned set = nodes(rows[i].at[0], rows[i].at[1], rows[i].at[2], rows[i].at[3]);
        assert_int_equal(ringdoc_quorum_missing(d, has_bit, &set), rows[i].joint);
        assert_int_equal(ringdoc_quorum_missing(s, has_bit, &set), rows[i].stable);
    }
    ringdoc_free(d);
    ringdoc_free(s);
}

/* What P1 rests on: a quorum of a document shares a node with every quorum of the document before it and of the one after it. */
static void quorums_of_neighbouring_documents_share_a_node(void **state)
{
    (void)state;
    struct ringdoc *docs[3] = {stable(7, 1, 4), joint(8), NULL};
    assert_ok(ringdoc_settled(docs[1], &leader, &docs[2]));
    for (int pair = 0; pair < 2; pair++) {
        for (unsigned a = 0; a < 64; a += 2) {
            for (unsigned b = 0; b < 64; b += 2) {
                unsigned x = a, y = b;
                if (ringdoc_quorum_missing(docs[pair], has_bit, &x) == 0 && ringdoc_quorum_missing(docs[pair + 1], has_bit, &y) == 0)
                    assert_true((a & b) != 0);
            }
        }
    }
    for (int i = 0; i < 3; i++)
        ringdoc_free(docs[i]);
}

static void a_document_names_its_members_and_those_before(void **state)
{
    (void)state;
    struct ringdoc *d = joint(8), *s = stable(3, 1, 4);
    assert_true(ringdoc_names(d, "node-1.a1") && ringdoc_names(d, "node-5.a5") && ringdoc_names(d, "node-2.a2"));
    assert_false(ringdoc_names(d, "node-6.a6"));
    assert_false(ringdoc_names(d, "node-1.a2")); /* another life of the same name */
    assert_false(ringdoc_names(s, "node-5.a5"));
    ringdoc_free(d);
    ringdoc_free(s);
}

static void the_largest_change_fits_into_a_document(void **state)
{
    (void)state;
    struct ring_member *members = calloc(RING_MEMBERS_MAX, sizeof(*members));
    for (int i = 0; i < RING_MEMBERS_MAX; i++) {
        struct ring_member *m = &members[i];
        snprintf(m->name, sizeof(m->name), "n%062d", i);
        snprintf(m->id, sizeof(m->id), "%s.%031d", m->name, i);
        snprintf(m->zone, sizeof(m->zone), "%063d", i);
        m->weight = 1;
    }
    struct ringdoc_change to = {.members = members, .n = RING_MEMBERS_MAX - 1, .k = RING_K_MAX};
    struct ringdoc *from = NULL, *d = NULL, *read = NULL;
    assert_ok(ringdoc_new(members, RING_MEMBERS_MAX, RING_K_MAX, 1, &(struct ballot){0}, &from));
    assert_ok(ringdoc_joint(from, &to, &leader, &d));
    assert_ok(ringdoc_parse(d->text, d->text_len, &read));
    assert_int_equal(read->before->n_members, RING_MEMBERS_MAX);
    assert_int_equal(read->ring->n_members, RING_MEMBERS_MAX - 1);
    ringdoc_free(from);
    ringdoc_free(d);
    ringdoc_free(read);
    free(members);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_joint_document_keeps_both_rings_under_one_number),
        cmocka_unit_test(a_joint_document_goes_there_and_back),
        cmocka_unit_test(a_change_ends_with_the_new_members_one_number_later),
        cmocka_unit_test(only_a_stable_ring_begins_a_change_and_only_a_joint_one_ends_it),
        cmocka_unit_test(who_is_away_is_sorted_no_member_and_named_once),
        cmocka_unit_test(malformed_joint_documents_are_refused),
        cmocka_unit_test(installing_a_joint_document_again_changes_nothing_but_the_ballot),
        cmocka_unit_test(a_quorum_is_a_majority_of_the_members_and_of_those_before),
        cmocka_unit_test(quorums_of_neighbouring_documents_share_a_node),
        cmocka_unit_test(a_document_names_its_members_and_those_before),
        cmocka_unit_test(the_largest_change_fits_into_a_document),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
