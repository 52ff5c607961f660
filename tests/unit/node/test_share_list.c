/* The list of a peer's folder: what it has, its digest, and what the index was told of it. */
#include "tests/unit/unit.h"

#include "lib/base/id.h"
#include "node/share_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct share_list *list;

static int setup(void **state)
{
    (void)state;
    list = share_list_new();
    assert_non_null(list);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    share_list_free(list);
    return 0;
}

static void put(const char *name, uint64_t size)
{
    struct share_stat st = {.size = size, .mtime_ns = 1000000u * size, .ctime_ns = 7, .inode = 9};
    assert_ok(share_list_put(list, name, &st, NULL));
}

static enum err add_name(void *ctx, const struct shared_file *f)
{
    strcat(ctx, f->name);
    strcat(ctx, " ");
    return ERR_OK;
}

static const char *names(void)
{
    static char text[4096];
    text[0] = '\0';
    assert_ok(share_list_page(list, "", 1000, add_name, text));
    return text;
}

static const char *digest(void)
{
    static char hex[SHARED_DIGEST_HEX_SIZE];
    uint64_t files;
    share_list_sum(list, &files, hex);
    return hex;
}

static void files_come_in_the_order_of_their_names_and_page_by_page(void **state)
{
    char text[64] = "";
    (void)state;
    put("b", 1);
    put("a/z", 1);
    put("a", 1);
    put("c", 1);
    assert_string_equal(names(), "a a/z b c ");
    assert_ok(share_list_page(list, "a", 2, add_name, text));
    assert_string_equal(text, "a/z b ");
}

static void a_folder_goes_with_all_below_it_and_nothing_beside_it(void **state)
{
    (void)state;
    put("a", 1);
    put("a-b", 1);
    put("a/x", 1);
    put("a/y/z", 1);
    put("a0", 1);
    share_list_remove_below(list, "a");
    assert_string_equal(names(), "a a-b a0 ");
    share_list_remove_below(list, "");
    assert_string_equal(names(), "");
    assert_string_equal(digest(), "00000000000000000000000000000000");
}

static void a_sweep_takes_what_it_did_not_see(void **state)
{
    (void)state;
    put("a/1", 1);
    put("a/2", 1);
    put("a/3", 1);
    put("b", 1);
    share_list_sweep_begin(list);
    put("a/1", 1);
    share_list_keep(list, "a/3");
    share_list_sweep_end(list, "a");
    assert_string_equal(names(), "a/1 a/3 b ");
}

static void a_hash_belongs_to_just_the_bytes_it_was_made_of(void **state)
{
    char name[SHARED_NAME_MAX + 1], hex[HASH_HEX_SIZE];
    uint8_t hash[HASH_SIZE] = {0xab};
    struct share_stat st, now;
    (void)state;
    put("a", 1);
    assert_true(share_list_next(list, name, &st));
    assert_string_equal(name, "a");
    assert_false(share_list_next(list, name, &now));
    put("a", 2);
    share_list_hashed(list, "a", &st, hash);
    assert_ok(share_list_get(list, "a", &now, hex));
    assert_string_equal(hex, "");
    assert_true(share_list_next(list, name, &st));
    share_list_hashed(list, "a", &st, hash);
    assert_ok(share_list_get(list, "a", &now, hex));
    assert_memory_equal(hex, "ab00", 4);
    put("a", 2);
    assert_ok(share_list_get(list, "a", &now, hex));
    assert_memory_equal(hex, "ab00", 4);
    share_list_doubt(list, "a");
    assert_ok(share_list_get(list, "a", &now, hex));
    assert_string_equal(hex, "");
    assert_true(share_list_next(list, name, &st));
    assert_err(ERR_NOT_FOUND, share_list_get(list, "b", &now, hex));
}

static void nothing_was_told_at_first_and_then_only_changes_are(void **state)
{
    struct shared_delta d;
    (void)state;
    put("a", 1);
    put("b", 1);
    shared_delta_init(&d);
    assert_ok(share_list_delta(list, SHARED_DELTA_FILES, &d));
    assert_string_equal(d.base, "");
    assert_int_equal(d.n_add, 2);
    assert_string_equal(d.digest, digest());
    assert_ok(share_list_told(list, &d));
    assert_false(share_list_has_news(list));
    shared_delta_release(&d);
    share_list_remove(list, "a");
    put("c", 1);
    assert_ok(share_list_delta(list, SHARED_DELTA_FILES, &d));
    assert_true(d.n_add == 1 && d.n_remove == 1);
    assert_string_equal(d.remove[0], "a");
    /* What was changed and changed back on the way is told again. */
    put("a", 1);
    share_list_remove(list, "c");
    assert_false(share_list_has_news(list));
    assert_ok(share_list_told(list, &d));
    assert_true(share_list_has_news(list));
    shared_delta_release(&d);
    assert_ok(share_list_delta(list, SHARED_DELTA_FILES, &d));
    assert_true(d.n_add == 1 && d.n_remove == 1);
    assert_string_equal(d.add[0].name, "a");
    assert_string_equal(d.remove[0], "c");
    assert_string_equal(d.digest, digest());
    shared_delta_release(&d);
}

static void an_index_that_has_the_same_list_is_told_nothing(void **state)
{
    char told[SHARED_DIGEST_HEX_SIZE];
    (void)state;
    put("a", 1);
    assert_false(share_list_told_all(list, "00000000000000000000000000000000"));
    assert_true(share_list_has_news(list));
    assert_true(share_list_told_all(list, digest()));
    assert_false(share_list_has_news(list));
    share_list_told_digest(list, told);
    assert_string_equal(told, digest());
    share_list_told_nothing(list);
    share_list_told_digest(list, told);
    assert_string_equal(told, "");
    assert_true(share_list_has_news(list));
}

/* ---- a model: a plain array here, an index that takes deltas there, and lost answers in between */

#define FILES 300
#define STEPS 20000

struct model {
    uint64_t size[FILES]; /* 0: not there */
    int hashed[FILES];
    uint64_t index[FILES]; /* size * 2 + hashed, as told */
    char listed[SHARED_DIGEST_HEX_SIZE];
    unsigned seed;
};

static unsigned draw(struct model *m, unsigned n)
{
    return (unsigned)rand_r(&m->seed) % n;
}

static void name_of(int i, char name[32])
{
    snprintf(name, 32, "%c/%03d", 'a' + i % 5, i);
}

static void change(struct model *m)
{
    char name[32], popped[SHARED_NAME_MAX + 1];
    uint8_t hash[HASH_SIZE] = {1};
    struct share_stat st;
    int i = (int)draw(m, FILES), number;
    name_of(i, name);
    switch (draw(m, 10)) {
    case 0:
    case 1:
    case 2:
        share_list_remove(list, name);
        m->size[i] = 0;
        m->hashed[i] = 0;
        break;
    case 3:
        if (share_list_next(list, popped, &st)) {
            share_list_hashed(list, popped, &st, hash);
            assert_int_equal(sscanf(popped + 2, "%d", &number), 1);
            m->hashed[number] = 1;
        }
        break;
    case 4:
        if (draw(m, 20) == 0) {
            char folder[2] = {(char)('a' + i % 5), '\0'};
            share_list_remove_below(list, folder);
            for (int k = i % 5; k < FILES; k += 5)
                m->size[k] = 0, m->hashed[k] = 0;
        }
        break;
    default: {
        uint64_t size = 1 + draw(m, 3);
        if (size != m->size[i])
            m->hashed[i] = 0;
        m->size[i] = size;
        put(name, size);
    }
    }
}

static int number_of(const char *name)
{
    int i;
    assert_int_equal(sscanf(name + 2, "%d", &i), 1);
    return i;
}

static void apply(struct model *m, const struct shared_delta *d)
{
    if (!*d->base)
        memset(m->index, 0, sizeof(m->index));
    for (size_t i = 0; i < d->n_add; i++)
        m->index[number_of(d->add[i].name)] = d->add[i].size * 2 + (d->add[i].sha256[0] != '\0');
    for (size_t i = 0; i < d->n_remove; i++)
        m->index[number_of(d->remove[i])] = 0;
    memcpy(m->listed, d->digest, sizeof(m->listed));
}

static void tell(struct model *m)
{
    struct shared_delta d;
    shared_delta_init(&d);
    assert_ok(share_list_delta(list, SHARED_DELTA_FILES, &d));
    if (*d.base && strcmp(d.base, m->listed) != 0)
        fail_msg("the index is at %s, not at %s", m->listed, d.base);
    apply(m, &d);
    for (unsigned n = draw(m, 6); n > 0; n--)
        change(m);
    if (draw(m, 10) == 0)
        share_list_told_nothing(list);
    else
        assert_ok(share_list_told(list, &d));
    shared_delta_release(&d);
}

static void after_any_changes_the_index_has_what_the_list_has(void **state)
{
    struct model m = {.seed = 0};
    struct shared_digest want = {0};
    char hex[SHARED_DIGEST_HEX_SIZE];
    (void)state;
    id_random(&m.seed, sizeof(m.seed));
    print_message("seed %u\n", m.seed);
    for (int step = 0; step < STEPS; step++) {
        change(&m);
        if (draw(&m, 20) == 0)
            tell(&m);
    }
    while (share_list_has_news(list))
        tell(&m);
    for (int i = 0; i < FILES; i++) {
        assert_int_equal(m.index[i], m.size[i] ? m.size[i] * 2 + (uint64_t)m.hashed[i] : 0);
        if (!m.size[i])
            continue;
        char name[32];
        name_of(i, name);
        struct shared_file f = {.name = name, .size = m.size[i], .mtime_ms = m.size[i]};
        if (m.hashed[i])
            snprintf(f.sha256, sizeof(f.sha256), "01%062d", 0);
        shared_digest_toggle(&want, &f);
    }
    shared_digest_hex(&want, hex);
    assert_string_equal(digest(), hex);
    assert_string_equal(m.listed, hex);
}

static void the_names_are_told_before_the_hashes_are(void **state)
{
    struct shared_delta d;
    struct share_stat st;
    char name[SHARED_NAME_MAX + 1];
    uint8_t hash[HASH_SIZE] = {1};
    uint64_t files;
    (void)state;
    put("a", 1);
    put("b", 1);
    assert_false(share_list_names_are_told(list, &files));
    shared_delta_init(&d);
    assert_ok(share_list_delta(list, SHARED_DELTA_FILES, &d));
    assert_true(share_list_next(list, name, &st));
    share_list_hashed(list, name, &st, hash);
    assert_ok(share_list_told(list, &d));
    shared_delta_release(&d);
    assert_true(share_list_has_news(list));
    assert_true(share_list_names_are_told(list, &files));
    assert_int_equal(files, 2);
    put("c", 1);
    assert_false(share_list_names_are_told(list, &files));
    share_list_remove(list, "c");
    assert_true(share_list_names_are_told(list, &files));
    share_list_told_nothing(list);
    assert_false(share_list_names_are_told(list, &files));
}

/* Tells one delta of at most so many names; what it added and removed, as text. */
static const char *tell_some(size_t most)
{
    static char text[256];
    struct shared_delta d;
    shared_delta_init(&d);
    assert_ok(share_list_delta(list, most, &d));
    text[0] = '\0';
    for (size_t i = 0; i < d.n_add; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "+%s", d.add[i].name);
    for (size_t i = 0; i < d.n_remove; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "-%s", d.remove[i]);
    assert_ok(share_list_told(list, &d));
    shared_delta_release(&d);
    return text;
}

static void a_refused_file_is_left_out_until_it_changes(void **state)
{
    struct shared_file as_it_was = {.name = (char *)(uintptr_t) "b", .size = 1, .mtime_ms = 1}, other = as_it_was;
    char told[SHARED_DIGEST_HEX_SIZE];
    uint64_t files;
    (void)state;
    put("a", 1);
    put("b", 1);
    put("c", 1);
    assert_string_equal(tell_some(1), "+a");
    other.size = 2;
    assert_false(share_list_leave_out(list, &other));
    assert_true(share_list_leave_out(list, &as_it_was));
    assert_string_equal(tell_some(SHARED_DELTA_FILES), "+c");
    assert_false(share_list_has_news(list));
    assert_true(share_list_names_are_told(list, &files));
    /* So the digests agree without it. */
    share_list_told_digest(list, told);
    assert_string_equal(told, digest());
    assert_string_equal(names(), "a b c ");
    put("b", 1);
    assert_false(share_list_has_news(list));
    put("b", 2);
    assert_string_equal(tell_some(SHARED_DELTA_FILES), "+b");
    /* What is refused after it was told is taken back. */
    put("b", 1);
    assert_true(share_list_leave_out(list, &as_it_was));
    assert_string_equal(tell_some(SHARED_DELTA_FILES), "-b");
    share_list_remove(list, "b");
    assert_false(share_list_has_news(list));
    put("b", 1);
    assert_true(share_list_leave_out(list, &as_it_was));
    share_list_told_nothing(list);
    assert_string_equal(tell_some(SHARED_DELTA_FILES), "+a+b+c");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(files_come_in_the_order_of_their_names_and_page_by_page, setup, teardown),
        cmocka_unit_test_setup_teardown(a_folder_goes_with_all_below_it_and_nothing_beside_it, setup, teardown),
        cmocka_unit_test_setup_teardown(a_sweep_takes_what_it_did_not_see, setup, teardown),
        cmocka_unit_test_setup_teardown(a_hash_belongs_to_just_the_bytes_it_was_made_of, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_was_told_at_first_and_then_only_changes_are, setup, teardown),
        cmocka_unit_test_setup_teardown(an_index_that_has_the_same_list_is_told_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(the_names_are_told_before_the_hashes_are, setup, teardown),
        cmocka_unit_test_setup_teardown(a_refused_file_is_left_out_until_it_changes, setup, teardown),
        cmocka_unit_test_setup_teardown(after_any_changes_the_index_has_what_the_list_has, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
