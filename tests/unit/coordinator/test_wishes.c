/* What people wish, in memory and in Redis. */
#include "coordinator/wishes.h"

#include "tests/unit/coordinator/rings.h"

#include <string.h>

/* What Redis has, in the test's own hands. */
static void save(struct wishes *w, struct members_wishes *redis)
{
    struct members_wishes unsaved;
    wishes_unsaved(w, &unsaved);
    for (size_t i = 0; i < unsaved.n; i++) {
        size_t at = 0;
        while (at < redis->n && strcmp(redis->at[at].id, unsaved.at[i].id) != 0)
            at++;
        redis->at[at] = unsaved.at[i];
        redis->n += at == redis->n;
    }
    if (unsaved.k)
        redis->k = unsaved.k;
    wishes_saved(w, &unsaved);
}

static const char *id(unsigned i)
{
    static char ids[8][RING_ID_MAX];
    snprintf(ids[i], sizeof ids[i], "%s", make_member(i).id);
    return ids[i];
}

static int is(const struct wishes *w, unsigned i, enum members_wish_kind kind)
{
    const struct members_wish *wish = members_wish_find(&w->now, id(i));
    return wish && wish->kind == kind;
}

static void test_a_leader_keeps_them(void **state)
{
    (void)state;
    struct wishes w = {0};
    struct members_wishes redis = {0}, lost = {0}, unsaved;
    assert_ok(wishes_set(&w, id(1), MEMBERS_WISH_DRAIN));
    assert_ok(wishes_set(&w, id(2), MEMBERS_WISH_REMOVE));
    wishes_set_k(&w, 5);
    wishes_read(&w, &redis, 1); /* Redis does not have them yet */
    assert_int_equal(w.now.n, 2);
    assert_int_equal(w.now.k, 5);
    save(&w, &redis);
    assert_int_equal(redis.n, 2);
    assert_int_equal(redis.k, 5);
    wishes_read(&w, &redis, 1);
    wishes_unsaved(&w, &unsaved);
    assert_int_equal(unsaved.n + unsaved.k, 0);
    wishes_read(&w, &lost, 1); /* FLUSHALL: the leader writes them again */
    wishes_unsaved(&w, &unsaved);
    assert_int_equal(unsaved.n, 2);
    assert_int_equal(unsaved.k, 5);
    assert_true(is(&w, 1, MEMBERS_WISH_DRAIN) && is(&w, 2, MEMBERS_WISH_REMOVE));
}

static void test_others_know_what_redis_knows(void **state)
{
    (void)state;
    struct wishes w = {0};
    struct members_wishes redis = {.n = 1, .k = 2, .at = {{.kind = MEMBERS_WISH_DRAIN}}}, empty = {0};
    strcpy(redis.at[0].id, id(1));
    wishes_read(&w, &redis, 0);
    assert_true(is(&w, 1, MEMBERS_WISH_DRAIN));
    assert_int_equal(w.now.k, 2);
    redis.at[0].kind = MEMBERS_WISH_UNDRAIN; /* the leader was asked for something else */
    wishes_read(&w, &redis, 0);
    assert_true(is(&w, 1, MEMBERS_WISH_UNDRAIN));
    wishes_read(&w, &empty, 0); /* done, by whoever leads */
    assert_int_equal(w.now.n, 0);
    assert_int_equal(w.now.k, 0);
}

static void test_done_ones_go(void **state)
{
    (void)state;
    struct wishes w = {0};
    struct members_wishes redis = {0};
    struct ringdoc *doc = make_doc(1, 1, 3, 0, ""), *joint;
    char away[1][RING_ID_MAX];
    assert_ok(wishes_set(&w, id(1), MEMBERS_WISH_DRAIN));
    assert_ok(wishes_set(&w, id(2), MEMBERS_WISH_UNDRAIN)); /* it never was away */
    wishes_set_k(&w, 2);
    save(&w, &redis);
    wishes_settle(&w, doc);
    assert_int_equal(w.now.n, 1);
    assert_int_equal(w.done.n, 1);
    strcpy(away[0], id(1));
    struct ringdoc_change to = {.members = doc->ring->members + 1, .n = 2, .k = 2, .away = (const char(*)[RING_ID_MAX])away, .n_away = 1};
    assert_ok(ringdoc_joint(doc, &to, &doc->ballot, &joint));
    wishes_settle(&w, joint);
    assert_int_equal(w.now.n, 0);
    assert_int_equal(w.now.k, 0);
    assert_int_equal(w.done.n, 2);
    assert_int_equal(w.done.k, 2);
    wishes_read(&w, &redis, 1); /* read once more before Redis forgot them: found done again */
    wishes_settle(&w, joint);
    assert_int_equal(w.now.n, 0);
    struct members_wishes done = w.done;
    assert_int_equal(done.n, 2);
    /* Asked for again, the other way round, while Redis is told to forget. */
    assert_ok(wishes_set(&w, id(1), MEMBERS_WISH_UNDRAIN));
    assert_null(members_wish_find(&w.done, id(1)));
    wishes_forgotten(&w, &done);
    assert_int_equal(w.done.n, 0);
    assert_int_equal(w.done.k, 0);
    assert_true(is(&w, 1, MEMBERS_WISH_UNDRAIN));
    ringdoc_free(joint);
    ringdoc_free(doc);
}

static void test_the_list_has_an_end(void **state)
{
    (void)state;
    struct wishes w = {0};
    char name[RING_ID_MAX];
    for (unsigned i = 0; i < MEMBERS_WISHES_MAX; i++) {
        snprintf(name, sizeof name, "n%u.1", i);
        assert_ok(wishes_set(&w, name, MEMBERS_WISH_DRAIN));
    }
    assert_err(ERR_FULL, wishes_set(&w, "late.1", MEMBERS_WISH_DRAIN));
    assert_ok(wishes_set(&w, "n7.1", MEMBERS_WISH_UNDRAIN)); /* one for a node that has one */
    assert_int_equal(w.now.n, MEMBERS_WISHES_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_leader_keeps_them),
        cmocka_unit_test(test_others_know_what_redis_knows),
        cmocka_unit_test(test_done_ones_go),
        cmocka_unit_test(test_the_list_has_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
