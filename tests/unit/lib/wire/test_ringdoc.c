#include "tests/unit/unit.h"

#include "lib/wire/ringdoc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct ring_member three[] = {{.id = "node-2.bb", .name = "node-2", .zone = "", .weight = 1},
    {.id = "node-1.aa", .name = "node-1", .zone = "east", .weight = 2}, {.id = "node-3.cc", .name = "node-3", .zone = "west", .weight = 1}};

#define FOUNDING                                                                                                                         \
    "{\"epoch\":1,\"k\":3,\"state\":\"stable\",\"ballot\":{\"counter\":0,\"coordinator\":\"\",\"start\":0},"                             \
    "\"prev\":[\"node-1.aa\",\"node-2.bb\",\"node-3.cc\"],"                                                                              \
    "\"members\":[{\"id\":\"node-1.aa\",\"name\":\"node-1\",\"zone\":\"east\",\"weight\":2},"                                            \
    "{\"id\":\"node-2.bb\",\"name\":\"node-2\",\"zone\":\"\",\"weight\":1},{\"id\":\"node-3.cc\",\"name\":\"node-3\",\"zone\":\"west\"," \
    "\"weight\":1}]}"

static void the_founding_document_has_the_same_bytes_for_everybody(void **state)
{
    (void)state;
    struct ring_member other_order[] = {three[2], three[0], three[1]};
    struct ringdoc *a = NULL, *b = NULL;
    assert_ok(ringdoc_new(three, 3, 3, 1, &(struct ballot){0}, &a));
    assert_ok(ringdoc_new(other_order, 3, 3, 1, &(struct ballot){0}, &b));
    assert_string_equal(a->text, FOUNDING);
    assert_string_equal(b->text, FOUNDING);
    assert_int_equal(a->text_len, strlen(FOUNDING));
    ringdoc_free(a);
    ringdoc_free(b);
    ringdoc_free(NULL);
}

static void a_document_goes_there_and_back(void **state)
{
    (void)state;
    struct ballot ballot = {.counter = 17, .coordinator = "coordinator-2", .start = UINT64_MAX};
    struct ringdoc *made = NULL, *read = NULL, *copy = NULL;
    assert_ok(ringdoc_new(three, 3, 2, UINT64_MAX, &ballot, &made));
    assert_ok(ringdoc_parse(made->text, made->text_len, &read));
    assert_ok(ringdoc_copy(read, &copy));
    struct ringdoc *all[] = {read, copy};
    for (int i = 0; i < 2; i++) {
        assert_string_equal(all[i]->text, made->text);
        assert_int_equal(ballot_cmp(&all[i]->ballot, &ballot), 0);
        assert_true(all[i]->ring->epoch == UINT64_MAX);
        assert_int_equal(all[i]->ring->k, 2);
        assert_int_equal(all[i]->ring->n_tokens, made->ring->n_tokens);
        assert_string_equal(all[i]->ring->members[0].zone, "east");
        assert_int_equal(all[i]->ring->members[0].weight, 2);
    }
    ringdoc_free(read);
    ringdoc_free(copy);
    ringdoc_free(made);
}

static void the_text_is_kept_byte_for_byte(void **state)
{
    (void)state;
    const char *spaced = " " FOUNDING "\n";
    struct ringdoc *d = NULL;
    assert_ok(ringdoc_parse(spaced, strlen(spaced), &d));
    assert_string_equal(d->text, spaced);
    ringdoc_free(d);
}

static void installing_again_changes_nothing_but_the_ballot(void **state)
{
    (void)state;
    struct ballot newer = {.counter = 4, .coordinator = "coordinator-1", .start = 5};
    struct ringdoc *d = NULL, *same = NULL, *under = NULL;
    assert_ok(ringdoc_parse(" " FOUNDING, strlen(FOUNDING) + 1, &d));
    assert_ok(ringdoc_under(d, &d->ballot, &same));
    assert_string_equal(same->text, d->text);
    assert_ok(ringdoc_under(d, &newer, &under));
    assert_int_equal(ballot_cmp(&under->ballot, &newer), 0);
    assert_int_equal(under->ring->epoch, d->ring->epoch);
    assert_int_equal(under->ring->n_members, 3);
    assert_non_null(strstr(under->text, "\"prev\":[\"node-1.aa\",\"node-2.bb\",\"node-3.cc\"]"));
    assert_null(strstr(under->text, "\"counter\":0"));
    ringdoc_free(d);
    ringdoc_free(same);
    ringdoc_free(under);
}

/* Replaces the first occurrence of `from` in the founding document. */
static void assert_changed(enum err wanted, const char *from, const char *to)
{
    const char *at = strstr(FOUNDING, from);
    assert_non_null(at);
    char text[2000];
    const char *start = FOUNDING;
    snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - start), start, to, at + strlen(from));
    struct ringdoc *d = NULL;
    enum err e = ringdoc_parse(text, strlen(text), &d);
    if (e != wanted)
        fail_msg("%s instead of %s for: %s", err_code(e), err_code(wanted), text);
    ringdoc_free(d);
}

static void malformed_documents_are_refused(void **state)
{
    (void)state;
    static const char *const rows[][2] = {{"{\"epoch\"", "[{\"epoch\""}, {"\"epoch\":1", "\"epoch\":\"1\""}, {"\"epoch\":1,", ""},
        {"\"epoch\":1", "\"epoch\":-1"}, {"\"k\":3,", ""}, {"\"k\":3", "\"k\":3.5"}, {"\"state\":\"stable\",", ""},
        {"\"ballot\":{", "\"ballot\":[{"}, {"\"counter\":0,", ""}, {"\"coordinator\":\"\"", "\"coordinator\":\"no good name\""},
        {"\"coordinator\":\"\"", "\"coordinator\":null"}, {",\"start\":0", ""},
        {"\"prev\":[\"node-1.aa\",\"node-2.bb\",\"node-3.cc\"],", ""}, {"\"prev\":[\"node-1.aa\"", "\"prev\":[1"},
        {"\"members\":[", "\"others\":["}, {"\"zone\":\"\",", ""}, {"\"weight\":2", "\"weight\":\"2\""}, {"\"id\":\"node-1.aa\",", ""},
        {"\"name\":\"node-1\"", "\"name\":7"}, {"\"epoch\":1", "\"epoch\":1,\"epoch\":1"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_changed(ERR_SYNTAX, rows[i][0], rows[i][1]);
    struct ringdoc *d = NULL;
    assert_err(ERR_SYNTAX, ringdoc_parse("", 0, &d));
    assert_err(ERR_SYNTAX, ringdoc_parse(FOUNDING "x", strlen(FOUNDING) + 1, &d));
    assert_null(d);
}

static void documents_out_of_bounds_are_refused(void **state)
{
    (void)state;
    static const char *const rows[][2] = {{"\"epoch\":1", "\"epoch\":0"}, {"\"k\":3", "\"k\":0"}, {"\"k\":3", "\"k\":17"},
        {"\"weight\":2", "\"weight\":0"}, {"\"weight\":2", "\"weight\":17"}, {"\"stable\"", "\"torn\""},
        {"\"id\":\"node-1.aa\"", "\"id\":\"node-2.bb\""}, {"\"name\":\"node-1\"", "\"name\":\"Node-1\""},
        {"\"prev\":[\"node-1.aa\"", "\"prev\":[\"../aa\""}, {"\"prev\":[\"node-1.aa\",\"node-2.bb\",\"node-3.cc\"]", "\"prev\":[]"},
        {"\"zone\":\"east\"", "\"zone\":\"the east\""}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_changed(ERR_INVALID, rows[i][0], rows[i][1]);
    struct ringdoc *d = NULL;
    assert_err(ERR_INVALID, ringdoc_new(three, 3, 3, 0, &(struct ballot){0}, &d));
    assert_err(ERR_INVALID, ringdoc_new(three, 0, 3, 1, &(struct ballot){0}, &d));
    assert_null(d);
}

static void the_largest_ring_fits_into_a_document(void **state)
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
    struct ringdoc *d = NULL, *again = NULL;
    assert_ok(ringdoc_new(members, RING_MEMBERS_MAX, RING_K_MAX, UINT64_MAX, &(struct ballot){0}, &d));
    assert_ok(ringdoc_parse(d->text, d->text_len, &again));
    assert_int_equal(again->ring->n_members, RING_MEMBERS_MAX);
    ringdoc_free(d);
    ringdoc_free(again);
    free(members);
}

static void ballots_are_ordered_by_counter_then_coordinator_then_start(void **state)
{
    (void)state;
    static const struct ballot ascending[] = {
        {0, "", 0}, {1, "", 0}, {1, "a", 0}, {1, "a", 1}, {1, "a", UINT64_MAX}, {1, "b", 0}, {2, "a", 0}, {UINT64_MAX, "", 0}};
    enum { N = sizeof(ascending) / sizeof(ascending[0]) };
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) {
            int order = ballot_cmp(&ascending[i], &ascending[j]);
            assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_founding_document_has_the_same_bytes_for_everybody),
        cmocka_unit_test(a_document_goes_there_and_back),
        cmocka_unit_test(the_text_is_kept_byte_for_byte),
        cmocka_unit_test(installing_again_changes_nothing_but_the_ballot),
        cmocka_unit_test(malformed_documents_are_refused),
        cmocka_unit_test(documents_out_of_bounds_are_refused),
        cmocka_unit_test(the_largest_ring_fits_into_a_document),
        cmocka_unit_test(ballots_are_ordered_by_counter_then_coordinator_then_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
