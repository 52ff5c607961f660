/* The trees of the index of peers (lua/peers_tree.lua): leaves stay small and in order whatever comes and goes, and nothing is left behind. */
#include "tests/unit/lib/store/peers_lists.h"

#define LEAF_MAX 128u /* members that Redis keeps in one piece (zset-max-listpack-entries) */

static redisReply *ask(struct store *s, const char *command, const char *key, const char *from, const char *to)
{
    struct call c;
    redisReply *r;
    call_init(&c, command);
    call_str(&c, key);
    if (from)
        call_str(&c, from);
    if (to)
        call_str(&c, to);
    assert_ok(call_send(s, &c, REDIS_REPLY_ARRAY, REDIS_REPLY_ARRAY, &r));
    return r;
}

/* The members of a leaf, whose key is the tree's and its bound. */
static redisReply *read_leaf(struct store *s, const char *tree, const redisReply *bound)
{
    struct call c;
    struct buf key;
    redisReply *r;
    buf_init(&key, 200);
    assert_ok(buf_addf(&key, "%s:", tree));
    assert_ok(buf_add(&key, bound->str, bound->len));
    call_init(&c, "ZRANGE");
    call_bytes(&c, key.data, key.len);
    call_str(&c, "0");
    call_str(&c, "-1");
    assert_ok(call_send(s, &c, REDIS_REPLY_ARRAY, REDIS_REPLY_ARRAY, &r));
    buf_release(&key);
    return r;
}

static int compare(const redisReply *a, const redisReply *b)
{
    int order = memcmp(a->str, b->str, a->len < b->len ? a->len : b->len);
    return order ? order : a->len < b->len ? -1 : a->len > b->len;
}

/* Every leaf has members, not too many, and only what lies between its bound and the next; there are no leaves without a bound. How many members there are. */
static size_t check_tree(struct store *s, const char *tree)
{
    char pattern[32];
    size_t members = 0;
    snprintf(pattern, sizeof pattern, "%s:*", tree);
    redisReply *bounds = ask(s, "ZRANGE", tree, "0", "-1"), *keys = ask(s, "KEYS", pattern, NULL, NULL);
    assert_int_equal(keys->elements, bounds->elements);
    for (size_t i = 0; i < bounds->elements; i++) {
        redisReply *leaf = read_leaf(s, tree, bounds->element[i]);
        assert_in_range(leaf->elements, 1, LEAF_MAX);
        assert_true(compare(bounds->element[i], leaf->element[0]) <= 0);
        if (i + 1 < bounds->elements)
            assert_true(compare(leaf->element[leaf->elements - 1], bounds->element[i + 1]) < 0);
        members += leaf->elements;
        freeReplyObject(leaf);
    }
    freeReplyObject(bounds);
    freeReplyObject(keys);
    return members;
}

/* All of `files` names have `words` words, and `hashed` of them a hash. */
static void check_trees(struct store *s, size_t files, size_t words, size_t hashed)
{
    assert_int_equal(check_tree(s, "rb:p2:e"), files);
    assert_int_equal(check_tree(s, "rb:p2:n"), files);
    assert_int_equal(check_tree(s, "rb:p2:w"), files * (words - 1));
    assert_int_equal(check_tree(s, "rb:p2:h"), hashed);
    redisReply *records = ask(s, "KEYS", "rb:p2:r:*", NULL, NULL);
    assert_int_equal(records->elements, files);
    freeReplyObject(records);
}

static void leaves_are_split_and_joined(void **state)
{
    enum { FILES = 1200 };
    struct store *s = fresh(state);
    struct list l;
    char name[40];
    size_t hashed = 0;
    list_init(&l, "p");
    beat(s, "p");
    for (int i = 0; i < FILES; i++) { /* names that begin alike fall into few leaves, many at once */
        snprintf(name, sizeof name, "lecture %c notes %04d.pdf", 'a' + i % 3, i);
        list_put(&l, name, i % 4 ? name : NULL);
        hashed += i % 4 != 0;
        if (l.delta.n_add == SHARED_DELTA_FILES)
            assert_ok(list_tell(s, &l, i < (int)SHARED_DELTA_FILES));
    }
    check_trees(s, FILES, 5, hashed);
    for (int i = 0; i < FILES; i++) { /* all but every fiftieth go again, and what had no hash gets one */
        snprintf(name, sizeof name, "lecture %c notes %04d.pdf", 'a' + i % 3, i);
        if (i % 50)
            list_drop(&l, name);
        else if (i % 4 == 0)
            list_put(&l, name, name);
        if (l.delta.n_add + l.delta.n_remove == SHARED_DELTA_FILES)
            assert_ok(list_tell(s, &l, 0));
    }
    assert_ok(list_tell(s, &l, 0));
    check_trees(s, FILES / 50, 5, FILES / 50);
    list_release(&l);
}

static void a_name_whose_keys_are_cut_alike_stands_there_once(void **state)
{
    struct store *s = fresh(state);
    struct list l;
    static const char name[] = "x aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    list_init(&l, "p");
    beat(s, "p");
    list_put(&l, name, "content");
    assert_ok(list_tell(s, &l, 1));
    check_trees(s, 1, 2, 1);
    list_drop(&l, name);
    assert_ok(list_tell(s, &l, 0));
    check_trees(s, 0, 2, 0);
    list_release(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leaves_are_split_and_joined),
        cmocka_unit_test(a_name_whose_keys_are_cut_alike_stands_there_once),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
