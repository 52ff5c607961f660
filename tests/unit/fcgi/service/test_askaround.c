/* Which ring document is known to be committed by what nodes say they have on disk. */
#include "tests/unit/unit.h"

#include "fcgi/service/askaround.h"

#include <stdio.h>
#include <string.h>

#define NODES 5

static char ids[NODES][RING_ID_MAX];
static struct ring_member members[NODES];

static int setup(void **state)
{
    (void)state;
    for (size_t i = 0; i < NODES; i++) {
        snprintf(members[i].name, sizeof(members[i].name), "node-%zu", i + 1);
        snprintf(ids[i], sizeof(ids[i]), "node-%zu.000000000000000%zu", i + 1, i);
        memcpy(members[i].id, ids[i], sizeof(members[i].id));
        members[i].weight = 1;
    }
    return 0;
}

static struct ringdoc *stable(uint64_t epoch, size_t n, uint64_t ballot)
{
    struct ballot b = {.counter = ballot, .coordinator = "coordinator-1", .start = 1};
    struct ringdoc *d;
    assert_ok(ringdoc_new(members, n, 3, epoch, &b, &d));
    return d;
}

/* Node i says docs[said[i]]; '-' = nothing. */
static long judge(struct ringdoc *const *docs, const char *said, uint64_t epoch)
{
    struct askaround_word words[NODES];
    size_t n = strlen(said);
    for (size_t i = 0; i < n; i++)
        words[i] = (struct askaround_word){.id = ids[i], .ring = said[i] == '-' ? NULL : docs[said[i] - '0']};
    return askaround_judge(words, n, epoch);
}

static void a_document_counts_when_a_majority_of_its_members_has_it(void **state)
{
    (void)state;
    struct ringdoc *docs[] = {stable(4, 3, 7), stable(5, 3, 8), stable(5, 3, 9)};
    assert_int_equal(judge(docs, "000", 3), 0);
    assert_int_equal(judge(docs, "-00", 3), 1);
    assert_int_equal(judge(docs, "000", 4), -1);
    assert_int_equal(judge(docs, "100", 3), 1);
    assert_int_equal(judge(docs, "110", 3), 0);
    assert_int_equal(judge(docs, "---", 3), -1);
    assert_int_equal(judge(docs, "0--", 3), -1);
    /* The same ring under two ballots: neither may have reached its quorum. */
    assert_int_equal(judge(docs, "12-", 3), -1);
    assert_int_equal(judge(docs, "122", 3), 1);
    /* Who is no member has no say. */
    assert_int_equal(judge(docs, "0--00", 3), -1);
    for (size_t i = 0; i < 3; i++)
        ringdoc_free(docs[i]);
}

static void a_joint_document_needs_a_majority_of_both(void **state)
{
    (void)state;
    struct ballot b = {.counter = 9, .coordinator = "coordinator-1", .start = 1};
    struct ringdoc *old = stable(4, 3, 7), *joint;
    struct ringdoc_change to = {.members = members, .n = NODES, .k = 3};
    assert_ok(ringdoc_joint(old, &to, &b, &joint));
    struct ringdoc *docs[] = {old, joint};
    assert_int_equal(judge(docs, "1-011", 4), -1); /* three of five, one of three */
    assert_int_equal(judge(docs, "11000", 4), -1); /* two of five */
    assert_int_equal(judge(docs, "1101-", 4), 0);
    ringdoc_free(old);
    ringdoc_free(joint);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_document_counts_when_a_majority_of_its_members_has_it),
        cmocka_unit_test(a_joint_document_needs_a_majority_of_both),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
