/* Lists of what peers share, against a real Redis: deltas, conflicts, clearing, forgetting, who is there. */
#include "lib/base/log.h"
#include "lib/store/call.h"
#include "tests/unit/lib/store/peers_lists.h"

#define ZEROS "00000000000000000000000000000000"

/* How many keys of the index of peers there are. */
static size_t count_keys(struct store *s)
{
    struct call c;
    redisReply *r;
    call_init(&c, "KEYS");
    call_str(&c, "rb:p2:*");
    assert_ok(call_send(s, &c, REDIS_REPLY_ARRAY, REDIS_REPLY_ARRAY, &r));
    size_t n = r->elements;
    freeReplyObject(r);
    return n;
}

/* The index has exactly what the list says, and is found by it. */
static void assert_listed(struct store *s, const struct list *l)
{
    struct peers_list *lists;
    size_t n, found = 0;
    char digest[SHARED_DIGEST_HEX_SIZE];
    shared_digest_hex(&l->digest, digest);
    assert_ok(peers_lists(s, &lists, &n));
    for (size_t i = 0; i < n; i++) {
        if (strcmp(lists[i].id, l->id) != 0)
            continue;
        found++;
        assert_string_equal(lists[i].digest, digest);
        assert_int_equal(lists[i].files, l->n);
    }
    free(lists);
    assert_int_equal(found, 1);
    for (size_t i = 0; i < l->n; i++) {
        struct peers_row row;
        enum peers_state state;
        assert_ok(peers_find(s, l->id, l->files[i].name, &row, &state));
        assert_string_equal(row.name, l->files[i].name);
        assert_string_equal(row.sha256, l->files[i].sha256);
        assert_int_equal(row.size, l->files[i].size);
        assert_int_equal(row.mtime_ms, l->files[i].mtime_ms);
        peers_row_release(&row);
    }
}

static void a_list_is_told_changed_and_found(void **state)
{
    struct store *s = fresh(state);
    static const char *const names[] = {"file1.txt", "a/b c/file2.txt", "\xc3\x84rger.pdf", "___"};
    struct list l;
    struct peers_row row;
    enum peers_state here;
    share(s, &l, "peer-1", names, 4);
    assert_listed(s, &l);
    list_put(&l, "file1.txt", "other bytes");
    list_put(&l, "later.txt", NULL);
    list_drop(&l, "___");
    assert_ok(list_tell(s, &l, 0));
    assert_listed(s, &l);
    assert_err(ERR_NOT_FOUND, peers_find(s, l.id, "___", &row, &here));
    assert_err(ERR_NOT_FOUND, peers_find(s, "nobody.1", "file1.txt", &row, &here));
    list_put(&l, "later.txt", "hashed now");
    assert_ok(list_tell(s, &l, 0));
    assert_listed(s, &l);
    list_release(&l);
}

static void a_delta_from_another_list_is_refused_and_does_nothing(void **state)
{
    struct store *s = fresh(state);
    static const char *const names[] = {"one"};
    struct list l;
    struct shared_delta d;
    struct peers_row row;
    enum peers_state here;
    char listed[SHARED_DIGEST_HEX_SIZE];
    struct shared_file f = {.name = (char *)(uintptr_t) "two"};
    shared_delta_init(&d);
    memset(d.base, '7', 32);
    assert_ok(shared_delta_add(&d, &f));
    assert_err(ERR_CONFLICT, peers_apply(s, "peer-1.0123456789abcdef", &d, listed)); /* there is no list */
    assert_string_equal(listed, "");
    strcpy(d.base, ZEROS);
    assert_err(ERR_CONFLICT, peers_apply(s, "peer-1.0123456789abcdef", &d, listed)); /* which is not an empty one */
    assert_int_equal(count_keys(s), 0);
    share(s, &l, "peer-1", names, 1);
    assert_err(ERR_CONFLICT, peers_apply(s, l.id, &d, listed));
    assert_string_equal(listed, l.listed);
    assert_err(ERR_NOT_FOUND, peers_find(s, l.id, "two", &row, &here));
    shared_delta_release(&d);
    list_release(&l);
}

static void a_list_that_begins_anew_leaves_nothing_of_the_old_one(void **state)
{
    struct store *s = fresh(state);
    struct list l, again;
    list_init(&l, "peer-1");
    list_init(&again, "peer-1");
    beat(s, "peer-1");
    for (int part = 0; part < 3; part++) { /* more than one step of clearing */
        for (int i = 0; i < (int)SHARED_DELTA_FILES; i++) {
            char name[40];
            snprintf(name, sizeof name, "part %d file %d.txt", part, i);
            list_put(&l, name, i % 3 ? name : NULL);
        }
        assert_ok(list_tell(s, &l, part == 0));
    }
    assert_listed(s, &l);
    list_put(&again, "part 1 file 7.txt", "changed");
    assert_ok(list_tell(s, &again, 1));
    assert_listed(s, &again);
    struct peers_page page;
    assert_ok(peers_search(s, NULL, NULL, NULL, 200, &page));
    assert_int_equal(page.n, 1);
    assert_null(page.next);
    peers_page_release(&page);
    assert_ok(list_tell(s, &again, 1)); /* an empty list, which is one */
    list_release(&again);
    list_init(&again, "peer-1");
    assert_ok(list_tell(s, &again, 1));
    assert_string_equal(again.listed, ZEROS);
    assert_listed(s, &again);
    assert_int_equal(count_keys(s), 2); /* its number and its state */
    list_release(&l);
    list_release(&again);
}

static void a_list_is_forgotten_in_steps(void **state)
{
    struct store *s = fresh(state);
    struct list l;
    uint64_t begun = 0;
    int more = 1, steps = 0;
    list_init(&l, "peer-1");
    for (int part = 0; part < 2; part++) {
        for (int i = 0; i < (int)SHARED_DELTA_FILES - 30; i++) {
            char name[40];
            snprintf(name, sizeof name, "%d_%d.txt", part, i);
            list_put(&l, name, name);
        }
        assert_ok(list_tell(s, &l, part == 0));
    }
    while (more) {
        assert_ok(peers_forget(s, l.id, &begun, &more));
        steps++;
        struct peers_list *lists;
        size_t n;
        assert_ok(peers_lists(s, &lists, &n));
        assert_int_equal(n, more ? 1 : 0);
        if (more)
            assert_string_equal(lists[0].digest, ""); /* nobody takes it for a list */
        free(lists);
    }
    assert_int_equal(steps, 3);
    assert_int_equal(count_keys(s), 1); /* the numbers, with the last one given */
    list_release(&l);
}

static void forgetting_stops_when_the_peer_tells_its_list_anew(void **state)
{
    struct store *s = fresh(state);
    static const char *const names[] = {"one", "two"};
    struct list l, again;
    uint64_t begun = 0;
    int more = 1;
    share(s, &l, "peer-1", names, 2);
    assert_ok(peers_forget(s, l.id, &begun, &more));
    assert_int_equal(more, 1);
    list_put(&l, "three", "3");
    assert_err(ERR_CONFLICT, list_tell(s, &l, 0)); /* it is half cleared: changes of it make no sense */
    assert_string_equal(l.listed, "");
    share(s, &again, "peer-1", names, 2);
    assert_err(ERR_CONFLICT, peers_forget(s, l.id, &begun, &more));
    assert_listed(s, &again);
    list_release(&l);
    list_release(&again);
}

/* Random changes of three lists at once: places are given anew, leaves split and join, contents are shared; the index says what the lists say. */
static void lists_stay_equal_to_their_peers_over_many_changes(void **state)
{
    struct store *s = fresh(state);
    static struct list lists[3];
    unsigned seed = 20261122;
    for (int p = 0; p < 3; p++) {
        char peer[24];
        snprintf(peer, sizeof peer, "peer-%d", p);
        list_init(&lists[p], peer);
        beat(s, peer);
        assert_ok(list_tell(s, &lists[p], 1));
    }
    for (int round = 0; round < 60; round++) {
        struct list *l = &lists[rand_r(&seed) % 3];
        int growing = round < 30;
        for (int i = 0; i < 60; i++) {
            char name[64], content[16];
            snprintf(name, sizeof name, "Dir%d/file %d-%d.txt", rand_r(&seed) % 5, rand_r(&seed) % 20, rand_r(&seed) % 20);
            snprintf(content, sizeof content, "%d", rand_r(&seed) % 50);
            int known = list_find(l, name) != NULL, told = 0;
            for (size_t k = 0; k < l->delta.n_add; k++)
                told |= strcmp(l->delta.add[k].name, name) == 0;
            for (size_t k = 0; k < l->delta.n_remove; k++)
                told |= strcmp(l->delta.remove[k], name) == 0;
            if (told)
                continue;
            if (known && rand_r(&seed) % (growing ? 4 : 2))
                list_drop(l, name);
            else if (growing || known)
                list_put(l, name, rand_r(&seed) % 4 ? content : NULL);
        }
        if (!growing && l->n > 20)
            for (int i = 0; i < 20; i++) {
                int told = 0;
                for (size_t k = 0; k < l->delta.n_add; k++)
                    told |= strcmp(l->delta.add[k].name, l->files[0].name) == 0;
                if (!told)
                    list_drop(l, l->files[0].name);
            }
        assert_ok(list_tell(s, l, 0));
    }
    for (int p = 0; p < 3; p++)
        assert_listed(s, &lists[p]);
    for (int p = 0; p < 3; p++) {
        uint64_t begun = 0;
        for (int more = 1; more;)
            assert_ok(peers_forget(s, lists[p].id, &begun, &more));
        list_release(&lists[p]);
    }
    assert_int_equal(count_keys(s), 1); /* nothing of them is left in any tree */
}

static void who_is_there_is_told_with_what_is_listed(void **state)
{
    struct store *s = fresh(state);
    static const char *const names[] = {"one", "two"};
    struct list here, quiet, gone;
    struct peers_peer *all;
    size_t n;
    share(s, &quiet, "b-quiet", names, 2);
    share(s, &here, "a-here", names, 1);
    share(s, &gone, "c-gone", names, 1);
    beat(s, "d-new");
    struct member storing = {.id = "e.1", .name = "e", .weight = 1, .stores = 1};
    assert_ok(members_heartbeat(s, &storing, 1)); /* shares nothing: no peer */
    leave(s, "b-quiet", 0);
    leave(s, "c-gone", 1);
    assert_ok(peers_all(s, &all, &n));
    assert_int_equal(n, 4);
    assert_string_equal(all[0].name, "a-here");
    assert_string_equal(all[0].url, "http://a-here");
    assert_int_equal(all[0].state, PEERS_HERE);
    assert_int_equal(all[0].files, 1);
    assert_int_equal(all[0].heard_at_ms, 1795269723004);
    assert_int_equal(all[0].obtain_port, 9000);
    assert_true(all[0].since_ms > 1700000000000);
    assert_int_equal(all[1].state, PEERS_QUIET);
    assert_int_equal(all[1].files, 2);
    assert_string_equal(all[2].name, "c-gone");
    assert_int_equal(all[2].state, PEERS_GONE);
    assert_int_equal(all[3].state, PEERS_HERE);
    assert_int_equal(all[3].files, 0);
    assert_int_equal(all[3].since_ms, 0);
    free(all);
    list_release(&here);
    list_release(&quiet);
    list_release(&gone);
}

static void nothing_is_believed_without_the_mark(void **state)
{
    struct store *s = fresh(state);
    static const char *const names[] = {"one"};
    struct list l;
    struct mark_hold hold;
    struct peers_page page;
    struct peers_row row;
    struct peers_peer *all;
    enum peers_state here;
    size_t n;
    share(s, &l, "peer-1", names, 1);
    assert_ok(mark_begin(s, &hold));
    assert_err(ERR_STALE_INDEX, peers_search(s, "one", NULL, NULL, 10, &page));
    assert_err(ERR_STALE_INDEX, peers_by_hash(s, l.files[0].sha256, &row));
    assert_err(ERR_STALE_INDEX, peers_find(s, l.id, "one", &row, &here));
    assert_err(ERR_STALE_INDEX, peers_named(s, "one", NULL, &row));
    assert_err(ERR_STALE_INDEX, peers_all(s, &all, &n));
    list_put(&l, "two", "2"); /* lists are told all the same */
    assert_ok(list_tell(s, &l, 0));
    assert_ok(index_clear(s, &hold));
    assert_ok(mark_finish(s, &hold, 0));
    assert_listed(s, &l); /* a rebuild leaves them alone */
    list_release(&l);
}

static void without_redis_nothing_is_said(void **state)
{
    (void)state;
    struct store *s = store_new(&(struct store_config){.address = "unix:/nonexistent/redis.sock"});
    struct shared_delta d;
    char listed[SHARED_DIGEST_HEX_SIZE];
    struct peers_page page;
    shared_delta_init(&d);
    assert_err(ERR_UNAVAILABLE, peers_apply(s, "a.1", &d, listed));
    assert_err(ERR_UNAVAILABLE, peers_search(s, "q", NULL, NULL, 1, &page));
    store_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_is_told_changed_and_found),
        cmocka_unit_test(a_delta_from_another_list_is_refused_and_does_nothing),
        cmocka_unit_test(a_list_that_begins_anew_leaves_nothing_of_the_old_one),
        cmocka_unit_test(a_list_is_forgotten_in_steps),
        cmocka_unit_test(forgetting_stops_when_the_peer_tells_its_list_anew),
        cmocka_unit_test(lists_stay_equal_to_their_peers_over_many_changes),
        cmocka_unit_test(who_is_there_is_told_with_what_is_listed),
        cmocka_unit_test(nothing_is_believed_without_the_mark),
        cmocka_unit_test(without_redis_nothing_is_said),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
