/* What a change would cost and put at risk. */
#include "coordinator/survey.h"
#include "coordinator/plan.h"

#include "tests/unit/coordinator/rings.h"

#include <string.h>

#define COURSES 2000u

static struct ringdoc *sketch_without(const struct ringdoc *doc, const char *id, uint32_t k)
{
    struct ringdoc *d;
    assert_ok(plan_sketch(doc, &id, id ? 1 : 0, k, &d));
    return d;
}

/* Tells the course as all its owners before hold it; those in the mask of node numbers hold it whole. */
static void tell(struct survey *s, const char *key, unsigned whole)
{
    struct owners owners;
    struct survey_holding held[OWNERS_MAX];
    size_t n = 0;
    unsigned number = 0;
    owners_of_key(s->sketch, key, &owners);
    for (size_t i = 0; i < owners.n; i++) {
        if (!owners.at[i].before)
            continue;
        assert_int_equal(sscanf(owners.at[i].member->id, "node-%u.", &number), 1);
        int is_whole = (int)(whole >> number & 1u);
        held[n++] = (struct survey_holding){.id = owners.at[i].member->id, .complete = is_whole, .bytes = is_whole ? 100 : 40};
    }
    assert_ok(survey_course(s, key, key, held, n));
}

static void tell_all(struct survey *s, unsigned whole)
{
    char key[32];
    for (unsigned i = 0; i < COURSES; i++) {
        snprintf(key, sizeof key, "course%u", i);
        tell(s, key, whole);
    }
}

static void test_a_drain(void **state)
{
    (void)state;
    struct ringdoc *doc = make_doc(1, 1, 4, 0, ""), *sketch = sketch_without(doc, make_member(1).id, 3);
    struct member one = make_member(1);
    struct survey s;
    assert_ok(survey_init(&s, sketch, one.id));
    tell_all(&s, ~0u);
    /* Each course has three of the four; those that node-1 had get a copy on the one that lacked it. */
    assert_in_range(s.copies, COURSES * 7 / 10, COURSES * 8 / 10);
    assert_int_equal(s.bytes, s.copies * 100);
    assert_int_equal(s.to[0] + s.to[1] + s.to[2], s.copies);
    assert_true(s.to[0] && s.to[1] && s.to[2]);
    assert_int_equal(s.at_risk_count, 0);
    assert_int_equal(survey_seconds(&s, 1), (s.bytes + 2) / 3);
    assert_int_equal(survey_seconds(&s, 1u << 30), 1);
    survey_release(&s);
    ringdoc_free(sketch);
    ringdoc_free(doc);
}

/* Only node-1 has the bytes: what it owns is at risk, and named as far as there is room. */
static void test_last_copies_are_at_risk(void **state)
{
    (void)state;
    struct ringdoc *doc = make_doc(1, 1, 3, 0, ""), *sketch = sketch_without(doc, make_member(1).id, 3);
    struct member one = make_member(1);
    struct survey s;
    assert_ok(survey_init(&s, sketch, one.id));
    tell_all(&s, 1u << 1);
    assert_int_equal(s.at_risk_count, COURSES);
    assert_int_equal(s.n_at_risk, SURVEY_NAMES_MAX);
    assert_string_equal(s.at_risk[0], "course0");
    survey_release(&s);
    assert_ok(survey_init(&s, sketch, one.id));
    tell_all(&s, 1u << 2);
    assert_int_equal(s.at_risk_count, 0); /* another owner has them */
    survey_release(&s);
    ringdoc_free(sketch);
    ringdoc_free(doc);
}

static void test_another_k(void **state)
{
    (void)state;
    struct ringdoc *doc = make_doc(1, 1, 5, 0, ""), *more = sketch_without(doc, NULL, 5), *fewer = sketch_without(doc, NULL, 1);
    struct survey s;
    assert_ok(survey_init(&s, more, NULL));
    tell_all(&s, ~0u);
    assert_int_equal(s.copies, 2 * COURSES);
    survey_release(&s);
    assert_ok(survey_init(&s, fewer, NULL));
    tell_all(&s, 1u << 1); /* nobody goes: the move itself sees to the bytes */
    assert_int_equal(s.copies, 0);
    assert_int_equal(s.at_risk_count, 0);
    survey_release(&s);
    ringdoc_free(more);
    ringdoc_free(fewer);
    ringdoc_free(doc);
}

static int in_mask(void *ctx, const char *id)
{
    unsigned number = 0;
    assert_int_equal(sscanf(id, "node-%u.", &number), 1);
    return (int)(*(unsigned *)ctx >> number & 1u);
}

static void test_blind_spots(void **state)
{
    (void)state;
    struct ringdoc *doc = make_doc(1, 1, 5, 0, ""), *sketch = sketch_without(doc, make_member(1).id, 3);
    struct member one = make_member(1);
    struct survey s;
    unsigned all = ~0u, without_one = ~(1u << 1), two_left = 1u << 4 | 1u << 5, alone = 1u << 1;
    assert_ok(survey_init(&s, sketch, one.id));
    assert_false(survey_is_blind(&s, in_mask, &all));
    assert_false(survey_is_blind(&s, in_mask, &without_one));
    assert_true(survey_is_blind(&s, in_mask, &two_left)); /* an arc of nodes 1, 2, 3 */
    assert_false(survey_is_blind(&s, in_mask, &alone));   /* it tells itself */
    survey_release(&s);
    ringdoc_free(sketch);
    ringdoc_free(doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_drain),
        cmocka_unit_test(test_last_copies_are_at_risk),
        cmocka_unit_test(test_another_k),
        cmocka_unit_test(test_blind_spots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
