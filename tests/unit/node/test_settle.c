/* Whole nodes settle what moves: node 3 joins nodes 1 and 2, two copies of each course (protocol.md P4.3 to P4.5). */
#include "tests/unit/node/trio.h"

#include "lib/wire/owners.h"
#include "node/rows.h"
#include "node/settle.h"
#include "node/settle_serve.h"

#define COURSES 40

static void key_of(int i, char key[32])
{
    snprintf(key, 32, "course %d", i);
}

/* Shows a node a committed document, and where all are. */
static void show(struct trio *t, int i, const struct ringdoc *doc)
{
    struct buf text;
    buf_init(&text, 1u << 16);
    assert_ok(buf_addf(&text, "{\"ring\": %s, \"view\": 1, \"nodes\": [", doc->text));
    for (int n = 0; n < TRIO; n++)
        assert_ok(buf_addf(&text, "%s{\"id\": \"%s\", \"url\": \"http://%s\"}", n ? ", " : "", t->members[n].id, t->listen[n]));
    assert_ok(buf_add_str(&text, "], \"leader\": null}"));
    assert_ok(cluster_learn(t->nodes[i].cluster, buf_str(&text), text.len));
    assert_int_equal(ledger_epoch(t->nodes[i].ledger), doc->ring->epoch);
    buf_release(&text);
}

static struct ringdoc *stable(struct trio *t, size_t n, uint64_t epoch)
{
    struct ballot b = {.counter = 1, .coordinator = "co-1", .start = 1};
    struct ringdoc *doc;
    assert_ok(ringdoc_new(t->members, n, 2, epoch, &b, &doc));
    return doc;
}

/* Nodes 1 and 2 → all three. */
static struct ringdoc *joint(struct trio *t)
{
    struct ballot b = {.counter = 1, .coordinator = "co-1", .start = 1};
    struct ringdoc *from = stable(t, 2, 5), *doc;
    struct ringdoc_change to = {.members = t->members, .n = TRIO, .k = 2};
    assert_ok(ringdoc_joint(from, &to, &b, &doc));
    ringdoc_free(from);
    return doc;
}

static int setup(void **state)
{
    trio_setup_with(state, 2, 0, 0);
    struct trio *t = *state;
    struct ringdoc *doc = stable(t, 2, 5);
    for (int i = 0; i < TRIO; i++)
        show(t, i, doc);
    ringdoc_free(doc);
    return 0;
}

/* A record of a course whose text is its key and a number; to be released. */
static void make(struct trio *t, struct record *r, int course, int number, int conditional, char text[64])
{
    char key[32];
    key_of(course, key);
    snprintf(text, 64, "%s %d", key, number);
    trio_record(t, r, text, conditional);
    assert_ok(record_set(&r->course, key));
    assert_ok(record_set(&r->key, key));
}

/* STOREs (or, when conditional, ACCEPTs) a record on the nodes of a mask, without asking whether it is right. Returns its id. */
static struct stamp put(struct trio *t, unsigned mask, int course, int number, int conditional)
{
    struct message_request m;
    char text[64];
    message_request_init(&m, conditional ? MESSAGE_ACCEPT : MESSAGE_STORE);
    m.ring = 5;
    m.has_record = 1;
    make(t, &m.record, course, number, conditional, text);
    m.key = strdup(m.record.key);
    if (conditional)
        m.ballot = m.record.id;
    for (int i = 0; i < TRIO; i++) {
        struct message_answer a;
        if (!(mask & (1u << i)))
            continue;
        message_answer_init(&a);
        assert_ok(verify_put_bytes(t->nodes[i].verify, m.record.sha256, text, strlen(text)));
        assert_ok(conditional ? records_accept(&t->nodes[i].records, &m, &a) : records_store(&t->nodes[i].records, &m, &a));
        assert_true(a.ok);
        message_answer_release(&a);
    }
    struct stamp id = m.record.id;
    message_request_release(&m);
    return id;
}

/* As whom it is allowed; the status. */
static long post(struct trio *t, int i, const char *path, const char *to, const char *body)
{
    return trio_ask_as(t, strncmp(path, "/settle", 7) == 0 ? "node:mover.01" : "coordinator:test", i, to, path, body);
}

static long order(struct trio *t, int i, uint64_t counter, uint64_t epoch, uint64_t seq)
{
    char body[1024];
    snprintf(body, sizeof(body),
        "{\"ballot\": {\"counter\": %llu, \"coordinator\": \"co-1\", \"start\": 1}, \"epoch\": %llu, \"order\": \"settle\", \"seq\": %llu,"
        " \"movers\": [\"%s\", \"%s\", \"%s\"]}",
        (unsigned long long)counter, (unsigned long long)epoch, (unsigned long long)seq, t->members[0].id, t->members[1].id,
        t->members[2].id);
    return post(t, i, "/leader/command", t->members[i].id, body);
}

static int is_complete(struct trio *t, int i, uint64_t seq)
{
    struct member_move m;
    settle_progress(t->nodes[i].settle, &m);
    return m.epoch == 6 && m.order == seq && m.complete;
}

static void wait_complete(struct trio *t, int i, uint64_t seq)
{
    uint64_t end = clock_boot_ms() + TRIO_WAIT_MS;
    while (!is_complete(t, i, seq) && clock_boot_ms() < end)
        clock_sleep_ms(20);
    assert_true(is_complete(t, i, seq));
}

/* What node i has of a course, whoever owns it. */
static void look(struct trio *t, int i, int course, struct message_answer *a)
{
    char key[32];
    key_of(course, key);
    message_answer_init(a);
    assert_ok(records_look(&t->nodes[i].records, key, a));
}

static int has(struct trio *t, int i, int course, struct stamp id)
{
    struct message_answer a;
    look(t, i, course, &a);
    int there = history_find(&a.history, id) != NULL;
    message_answer_release(&a);
    return there;
}

static int owns(struct trio *t, const struct ringdoc *doc, int i, int course)
{
    struct owners o;
    char key[32];
    key_of(course, key);
    owners_of_key(doc, key, &o);
    long place = owners_place(&o, t->members[i].id);
    return place >= 0 && o.at[place].now;
}

static void begin_move(struct trio *t, const struct ringdoc *doc)
{
    for (int i = 0; i < TRIO; i++)
        show(t, i, doc);
    for (int i = 0; i < TRIO; i++)
        assert_int_equal(order(t, i, 1, 6, 1), 200);
}

static void a_node_that_joins_gets_its_share_and_the_others_let_go(void **state)
{
    struct trio *t = *state;
    struct stamp ids[COURSES];
    struct member_move move;
    struct ringdoc *doc = joint(t), *after;
    uint64_t mine = 0;
    for (int i = 0; i < COURSES; i++)
        ids[i] = put(t, 3, i, 1, 0);
    begin_move(t, doc);
    for (int i = 0; i < TRIO; i++)
        wait_complete(t, i, 1);
    for (int i = 0; i < COURSES; i++) {
        struct message_answer a;
        look(t, 2, i, &a);
        assert_int_equal(a.history.n, owns(t, doc, 2, i));
        assert_int_equal(a.has_slot, owns(t, doc, 2, i)); /* NONE was accepted there */
        if (a.history.n > 0) {
            assert_false(a.history.entries[0].direct);
            assert_ok(verify_check(t->nodes[2].verify, a.history.entries[0].record.sha256));
            mine++;
        }
        message_answer_release(&a);
    }
    assert_true(mine > 0 && mine < COURSES);
    settle_progress(t->nodes[2].settle, &move);
    assert_int_equal(move.copies_total, mine);
    assert_int_equal(move.copies_done, mine);
    settle_progress(t->nodes[0].settle, &move);
    assert_int_equal(move.copies_total, 0); /* nothing goes between those that stay */
    assert_ok(ringdoc_settled(doc, &doc->ballot, &after));
    for (int i = 0; i < TRIO; i++)
        show(t, i, after);
    uint64_t end = clock_boot_ms() + TRIO_WAIT_MS;
    for (int i = 0; i < COURSES * TRIO; i++)
        while (has(t, i % TRIO, i / TRIO, ids[i / TRIO]) != owns(t, after, i % TRIO, i / TRIO) && clock_boot_ms() < end)
            clock_sleep_ms(20);
    for (int i = 0; i < COURSES * TRIO; i++)
        assert_int_equal(has(t, i % TRIO, i / TRIO, ids[i / TRIO]), owns(t, after, i % TRIO, i / TRIO));
    ringdoc_free(after);
    ringdoc_free(doc);
}

static void claims_that_may_have_been_acknowledged_arrive_and_differences_are_made_good(void **state)
{
    struct trio *t = *state;
    struct stamp ids[COURSES];
    struct ringdoc *doc = joint(t);
    for (int i = 0; i < COURSES; i++) {
        static const unsigned masks[] = {3, 1, 2, 3};
        ids[i] = put(t, masks[i % 4], i, 1, i % 4 != 3); /* claims on both, on one of them, and plain ones that only… */
        if (i % 4 == 3)
            ids[i] = put(t, 1, i, 2, 0); /* …one owner has the newest version of */
    }
    begin_move(t, doc);
    for (int i = 0; i < TRIO; i++)
        wait_complete(t, i, 1);
    for (int i = 0; i < COURSES; i++)
        for (int n = 0; n < TRIO && owns(t, doc, 2, i); n++)
            if (owns(t, doc, n, i))
                assert_true(has(t, n, i, ids[i]));
    ringdoc_free(doc);
}

static void an_owner_that_slept_learns_the_ring_from_a_neighbour_and_lists(void **state)
{
    struct trio *t = *state;
    struct ringdoc *doc = joint(t);
    for (int i = 0; i < COURSES; i++)
        put(t, 3, i, 1, 0);
    show(t, 0, doc);
    show(t, 2, doc);
    assert_int_equal(ledger_epoch(t->nodes[1].ledger), 5);
    assert_int_equal(order(t, 2, 1, 6, 1), 200);
    wait_complete(t, 2, 1); /* not without the list of node 2, which it gives under the joint ring only */
    assert_int_equal(ledger_epoch(t->nodes[1].ledger), 6);
    ringdoc_free(doc);
}

static void a_mover_goes_on_after_a_restart_and_without_a_dead_owner_it_waits(void **state)
{
    struct trio *t = *state;
    struct ringdoc *doc = joint(t);
    for (int i = 0; i < COURSES; i++)
        put(t, 3, i, 1, 0);
    begin_move(t, doc);
    wait_complete(t, 2, 1);
    trio_stop(t, 2);
    trio_start(t, 2);
    wait_complete(t, 2, 1); /* by the order on its disk */
    trio_stop(t, 0);
    assert_int_equal(order(t, 2, 1, 6, 2), 200);
    clock_sleep_ms(1000);
    assert_false(is_complete(t, 2, 2)); /* one list of two is no quorum */
    trio_start(t, 0);
    for (int i = 0; i < TRIO; i++)
        show(t, i, doc);
    wait_complete(t, 2, 2);
    ringdoc_free(doc);
}

static void orders_and_messages_that_are_not_right_are_refused(void **state)
{
    struct trio *t = *state;
    struct ringdoc *doc = joint(t);
    char body[512];
    begin_move(t, doc);
    assert_int_equal(order(t, 0, 0, 6, 9), 200); /* nothing was promised to anybody: any ballot may */
    struct ballot b = {.counter = 7, .coordinator = "co-1", .start = 1}, promised;
    struct ledger_ring *ring;
    assert_ok(ledger_promise(t->nodes[0].ledger, &b, &ring, &promised));
    ledger_drop(ring);
    assert_int_equal(order(t, 0, 6, 6, 9), 409);
    assert_int_equal(order(t, 0, 8, 5, 9), 409);
    assert_int_equal(order(t, 0, 8, 7, 9), 409);
    assert_int_equal(post(t, 0, "/leader/command", NULL, "{}"), 400);
    assert_int_equal(post(t, 0, "/leader/command", NULL,
                         "{\"ballot\": {\"counter\": 9, \"coordinator\": \"a\", \"start\": 1}, \"epoch\": 6, \"order\": \"dance\"}"),
        400);
    assert_int_equal(post(t, 0, "/settle/list", NULL, "{}"), 400);
    assert_int_equal(post(t, 0, "/settle/holds", NULL, "{\"ring\": 5, \"items\": []}"), 409);
    assert_int_equal(post(t, 0, "/settle/holds", NULL, "{\"ring\": 6, \"items\": []}"), 200);
    assert_int_equal(post(t, 0, "/settle/holds", NULL, "{\"ring\": 6, \"items\": [{}]}"), 400);
    snprintf(body, sizeof(body), "{\"ring\": 6, \"doc\": \"%064d\", \"items\": []}", 0); /* another document of this number */
    assert_int_equal(post(t, 0, "/settle/prepare", NULL, body), 409);
    assert_int_equal(post(t, 0, "/settle/prepare", NULL, "{\"ring\": 6, \"items\": [{\"key\": \"k\"}]}"), 400);
    ringdoc_free(doc);
}

static void a_request_for_another_node_is_refused(void **state)
{
    struct trio *t = *state;
    assert_int_equal(post(t, 0, "/ring", t->members[0].id, NULL), 200);
    assert_int_equal(post(t, 0, "/ring", t->members[1].id, NULL), -(long)ERR_UNAVAILABLE);
}

static void lists_say_what_is_here(void **state)
{
    struct trio *t = *state;
    char path[256];
    put(t, 3, 1, 1, 0);
    assert_int_equal(post(t, 0, "/courses?limit=10", NULL, NULL), 200);
    assert_int_equal(post(t, 0, "/courses?after=course%201", NULL, NULL), 200);
    snprintf(path, sizeof(path), "/holdings?with=%s", t->members[1].id);
    assert_int_equal(post(t, 0, path, NULL, NULL), 200);
    assert_int_equal(post(t, 0, "/deleted?before=1", NULL, NULL), 200);
    assert_int_equal(post(t, 0, "/courses?limit=0", NULL, NULL), 400);
    assert_int_equal(post(t, 0, "/courses?limit=1001", NULL, NULL), 400);
    assert_int_equal(post(t, 0, "/holdings?with=nobody", NULL, NULL), 400);
    assert_int_equal(post(t, 0, "/deleted?before=soon", NULL, NULL), 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, trio_teardown)
        T(a_node_that_joins_gets_its_share_and_the_others_let_go),
        T(claims_that_may_have_been_acknowledged_arrive_and_differences_are_made_good),
        T(an_owner_that_slept_learns_the_ring_from_a_neighbour_and_lists),
        T(a_mover_goes_on_after_a_restart_and_without_a_dead_owner_it_waits),
        T(orders_and_messages_that_are_not_right_are_refused),
        T(a_request_for_another_node_is_refused),
        T(lists_say_what_is_here),
    };
    log_init("test", LOG_ERROR);
    if (peer_global_init() != ERR_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
