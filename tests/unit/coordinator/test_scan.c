/* The merge of what all nodes hold: against a plain union over made-up nodes, with pages of random sizes; and the rule for slots (protocol.md P5.3). */
#include "coordinator/scan.h"

#include "tests/unit/coordinator/rings.h"
#include "tests/unit/lib/store/records.h"

#include <stdlib.h>

#define NODES 6u
#define COURSES 60u
#define ROUNDS 60

/* What one node holds of one course. */
struct held {
    unsigned records; /* bit i: it has version i */
    int slot;         /* version in its slot, -1 = none */
    uint64_t ballot;
};
struct world {
    struct ringdoc *doc;
    char ids[NODES][RING_ID_MAX];
    char names[COURSES][16], keys[COURSES][16]; /* in the order of keys */
    struct held held[NODES][COURSES];
};

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    w->doc = make_doc(7, 1, NODES, 3, "c");
    for (unsigned i = 0; i < NODES; i++)
        memcpy(w->ids[i], make_member(i + 1).id, sizeof w->ids[0]);
    for (unsigned c = 0; c < COURSES; c++) {
        snprintf(w->names[c], sizeof w->names[0], "CSEN %03u", c);
        snprintf(w->keys[c], sizeof w->keys[0], "csen%03u", c);
    }
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    ringdoc_free(w->doc);
    free(w);
    return 0;
}

static void empty(struct world *w)
{
    for (unsigned n = 0; n < NODES; n++) {
        for (unsigned c = 0; c < COURSES; c++)
            w->held[n][c] = (struct held){.slot = -1};
    }
}

static int owns(const struct world *w, unsigned node, unsigned course)
{
    struct owners o;
    owners_of_key(w->doc, w->keys[course], &o);
    return owners_place(&o, w->ids[node]) >= 0;
}

/* Version i of a course, always the same. */
static struct record version(const struct world *w, unsigned course, unsigned i)
{
    return make_version(w->names[course], 100 + i, 1000 * course + i, "Title", "Somebody", "");
}

static struct json *course_json(const struct world *w, unsigned node, unsigned course)
{
    const struct held *h = &w->held[node][course];
    struct json *j = json_object(), *records = json_array();
    json_set_str(j, "key", w->keys[course]);
    for (unsigned i = 0; i < 8; i++) {
        if (!(h->records >> i & 1))
            continue;
        struct record r = version(w, course, i);
        json_append(records, record_to_json(&r));
        record_release(&r);
    }
    json_set(j, "records", records);
    if (h->ballot > 0) {
        struct json *slot = json_object();
        json_set_stamp(slot, "ballot", (struct stamp){h->ballot, 9});
        if (h->slot >= 0) {
            struct record r = version(w, course, (unsigned)h->slot);
            json_set(slot, "record", record_to_json(&r));
            record_release(&r);
        } else {
            json_set_null(slot, "record");
        }
        json_set(j, "slot", slot);
    }
    return j;
}

/* The page of a node after a key, as its GET /courses tells it. */
static struct scan_page page(const struct world *w, unsigned node, const char *after, unsigned limit, uint64_t ring)
{
    struct json *j = json_object(), *list = json_array();
    const char *next = NULL;
    unsigned n = 0, c = 0;
    for (; c < COURSES && n < limit; c++) {
        const struct held *h = &w->held[node][c];
        if ((after && strcmp(w->keys[c], after) <= 0) || (h->records == 0 && h->ballot == 0))
            continue;
        json_append(list, course_json(w, node, c));
        n++;
        next = w->keys[c];
    }
    json_set_u64(j, "ring", ring);
    json_set(j, "courses", list);
    json_set_str(j, "next", c < COURSES ? next : NULL);
    struct buf text;
    struct scan_page p;
    buf_init(&text, 1u << 20);
    assert_ok(json_print(j, &text));
    json_free(j);
    assert_ok(scan_page_parse(buf_str(&text), text.len, &p));
    buf_release(&text);
    return p;
}

static void open_scan(const struct world *w, struct scan *s)
{
    const char *ids[NODES];
    for (unsigned i = 0; i < NODES; i++)
        ids[i] = w->ids[i];
    assert_ok(scan_init(s, w->doc, ids, NODES));
}

/* Gives whoever is wanted a page of random size, until nobody is. Nodes whose bit is set in `dead` never answer. */
static void feed(const struct world *w, struct scan *s, unsigned dead)
{
    for (unsigned i = 0; i < NODES; i++) {
        while (scan_wants(s, i)) {
            if (dead >> i & 1) {
                scan_fail(s, i);
                continue;
            }
            struct scan_page p = page(w, i, s->sources[i].after, 1 + (unsigned)id_random_below(9), 7);
            assert_ok(scan_give(s, i, &p));
        }
    }
}

static unsigned bits_of(const struct world *w, unsigned course, const struct history *h)
{
    unsigned bits = 0;
    for (unsigned i = 0; i < 8; i++) {
        struct record r = version(w, course, i);
        bits |= history_find(h, r.id) ? 1u << i : 0;
        record_release(&r);
    }
    return bits;
}

static void test_every_course_comes_once_in_order_with_all_that_any_node_has(void **state)
{
    struct world *w = *state;
    for (int round = 0; round < ROUNDS; round++) {
        struct scan s;
        struct scan_found f;
        enum err e;
        unsigned next = 0;
        empty(w);
        for (unsigned c = 0; c < COURSES; c++) {
            for (unsigned n = 0; n < NODES && c % 3 != 0; n++)
                w->held[n][c].records = owns(w, n, c) ? (unsigned)id_random_below(256) : 0;
        }
        open_scan(w, &s);
        while (feed(w, &s, 0), (e = scan_next(&s, &f)) == ERR_OK) {
            unsigned all = 0;
            for (; strcmp(w->keys[next], f.key) != 0; next++) {
                for (unsigned n = 0; n < NODES; n++)
                    assert_int_equal(w->held[n][next].records, 0); /* no course is passed by */
            }
            for (unsigned n = 0; n < NODES; n++)
                all |= w->held[n][next].records;
            assert_int_equal(bits_of(w, next, &f.history), all);
            assert_false(f.unjudged);
            scan_found_release(&f);
            next++;
        }
        assert_int_equal(e, ERR_NOT_FOUND);
        assert_true(scan_is_complete(&s));
        scan_release(&s);
    }
}

/* The places of a course's three owners among the nodes. */
static void find_owners(const struct world *w, unsigned course, unsigned at[3])
{
    size_t n = 0;
    for (unsigned i = 0; i < NODES; i++) {
        if (owns(w, i, course))
            at[n++] = i;
    }
    assert_int_equal(n, 3);
}

/* One course alone, scanned. */
static struct scan_found scan_one(struct world *w, struct scan *s)
{
    struct scan_found f;
    open_scan(w, s);
    feed(w, s, 0);
    assert_ok(scan_next(s, &f));
    return f;
}

static void test_a_slot_that_a_write_quorum_shows_is_chosen(void **state)
{
    struct world *w = *state;
    struct scan s;
    unsigned at[3];
    empty(w);
    find_owners(w, 4, at);
    for (unsigned i = 0; i < 3; i++)
        w->held[at[i]][4] = (struct held){.records = 1, .slot = i < 2 ? 3 : -1, .ballot = i < 2 ? 50 : 0};
    struct scan_found f = scan_one(w, &s);
    assert_int_equal(bits_of(w, 4, &f.history), 1 | 1 << 3);
    assert_false(f.unjudged);
    scan_found_release(&f);
    scan_release(&s);
}

static void test_a_slot_of_one_owner_or_of_two_ballots_is_left_open(void **state)
{
    struct world *w = *state;
    static const uint64_t ballots[][3] = {{50, 0, 0}, {50, 51, 0}, {50, 51, 52}};
    for (size_t k = 0; k < 3; k++) {
        struct scan s;
        unsigned at[3];
        empty(w);
        find_owners(w, 4, at);
        for (unsigned i = 0; i < 3; i++)
            w->held[at[i]][4] = (struct held){.records = 1, .slot = ballots[k][i] ? 3 : -1, .ballot = ballots[k][i]};
        struct scan_found f = scan_one(w, &s);
        assert_int_equal(bits_of(w, 4, &f.history), 1);
        assert_true(f.unjudged);
        scan_found_release(&f);
        scan_release(&s);
    }
}

static void test_a_slot_whose_record_is_firm_anywhere_is_chosen(void **state)
{
    struct world *w = *state;
    struct scan s;
    unsigned at[3];
    empty(w);
    find_owners(w, 4, at);
    w->held[at[0]][4] = (struct held){.records = 1, .slot = 3, .ballot = 50};
    w->held[at[1]][4] = (struct held){.records = 1 | 1 << 3, .slot = -1, .ballot = 60};
    struct scan_found f = scan_one(w, &s);
    assert_int_equal(bits_of(w, 4, &f.history), 1 | 1 << 3);
    assert_false(f.unjudged);
    scan_found_release(&f);
    scan_release(&s);
}

static void drain(const struct world *w, struct scan *s, unsigned dead)
{
    struct scan_found f;
    while (feed(w, s, dead), scan_next(s, &f) == ERR_OK)
        scan_found_release(&f);
}

/* With k = 3 and W = 2 an arc is proven by any two of its owners: of six nodes one may be silent, two may not. */
static void test_absence_is_proven_arc_by_arc(void **state)
{
    struct world *w = *state;
    empty(w);
    for (unsigned dead = 0; dead < 1u << NODES; dead++) {
        struct scan s;
        open_scan(w, &s);
        drain(w, &s, dead);
        assert_int_equal(scan_is_complete(&s), __builtin_popcount(dead) <= 1);
        scan_release(&s);
    }
}

static void test_a_node_that_stops_in_the_middle_proves_nothing(void **state)
{
    struct world *w = *state;
    struct scan s;
    struct scan_found f;
    empty(w);
    for (unsigned c = 0; c < COURSES; c++) {
        for (unsigned n = 0; n < NODES; n++)
            w->held[n][c].records = owns(w, n, c) ? 1 : 0;
    }
    open_scan(w, &s);
    feed(w, &s, 0);
    assert_ok(scan_next(&s, &f));
    scan_found_release(&f);
    drain(w, &s, 1 | 2);
    assert_false(scan_is_complete(&s));
    scan_release(&s);
}

static void test_a_page_under_another_ring_counts_as_no_answer(void **state)
{
    struct world *w = *state;
    empty(w);
    for (uint64_t ring = 6; ring <= 8; ring++) {
        struct scan s;
        open_scan(w, &s);
        struct scan_page p = page(w, 0, NULL, 5, ring);
        assert_ok(scan_give(&s, 0, &p));
        assert_int_equal(s.sources[0].state, ring == 7 ? SCAN_ENDED : SCAN_FAILED);
        scan_release(&s);
    }
}

static void test_a_page_out_of_order_counts_as_no_answer(void **state)
{
    struct world *w = *state;
    static const char *const texts[] = {
        "{\"ring\":7,\"courses\":[{\"key\":\"b\",\"records\":[]},{\"key\":\"a\",\"records\":[]}],\"next\":null}",
        "{\"ring\":7,\"courses\":[{\"key\":\"a\",\"records\":[]},{\"key\":\"a\",\"records\":[]}],\"next\":null}",
        "{\"ring\":7,\"courses\":[{\"key\":\"b\",\"records\":[]}],\"next\":\"a\"}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct scan s;
        struct scan_page p;
        open_scan(w, &s);
        assert_ok(scan_page_parse(texts[i], strlen(texts[i]), &p));
        assert_ok(scan_give(&s, 0, &p));
        assert_int_equal(s.sources[0].state, SCAN_FAILED);
        scan_release(&s);
    }
}

static void test_what_is_no_page_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "[]",
        "{}",
        "{\"ring\":7,\"courses\":{},\"next\":null}",
        "{\"courses\":[],\"next\":null}",
        "{\"ring\":7,\"courses\":[],\"next\":5}",
        "{\"ring\":7,\"courses\":[{\"records\":[]}],\"next\":null}",
        "{\"ring\":7,\"courses\":[{\"key\":\"a\"}],\"next\":null}",
        "{\"ring\":7,\"courses\":[{\"key\":\"a\",\"records\":[{}]}],\"next\":null}",
        "{\"ring\":7,\"courses\":[{\"key\":\"a\",\"records\":[],\"slot\":{\"ballot\":1,\"record\":{}}}],\"next\":null}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct scan_page p;
        assert_err(ERR_SYNTAX, scan_page_parse(texts[i], strlen(texts[i]), &p));
    }
}

/* A joint document asks the owners before for what may have been acknowledged: new ones alone prove nothing. */
static void test_a_joint_ring_is_proven_by_the_owners_before(void **state)
{
    (void)state;
    struct ringdoc *stable = make_doc(4, 1, 3, 3, "c"), *joint;
    struct ring_member members[4];
    const char *ids[6];
    struct member m[6];
    for (unsigned i = 0; i < 6; i++) {
        m[i] = make_member(i + 1);
        ids[i] = m[i].id;
    }
    struct ringdoc *six = make_doc(4, 3, 6, 3, "c");
    memcpy(members, six->ring->members, sizeof members);
    struct ringdoc_change change = {.members = members, .n = 4, .k = 3};
    assert_ok(ringdoc_joint(stable, &change, &stable->ballot, &joint));
    for (unsigned dead = 0; dead < 64; dead++) {
        struct scan s;
        assert_ok(scan_init(&s, joint, ids, 6));
        for (unsigned i = 0; i < 6; i++) {
            struct scan_page p = {.ring = 5};
            if (dead >> i & 1)
                scan_fail(&s, i);
            else
                assert_ok(scan_give(&s, i, &p));
        }
        assert_int_equal(scan_is_complete(&s), __builtin_popcount(dead & 7) <= 1);
        scan_release(&s);
    }
    ringdoc_free(six);
    ringdoc_free(joint);
    ringdoc_free(stable);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_course_comes_once_in_order_with_all_that_any_node_has),
        cmocka_unit_test(test_a_slot_that_a_write_quorum_shows_is_chosen),
        cmocka_unit_test(test_a_slot_of_one_owner_or_of_two_ballots_is_left_open),
        cmocka_unit_test(test_a_slot_whose_record_is_firm_anywhere_is_chosen),
        cmocka_unit_test(test_absence_is_proven_arc_by_arc),
        cmocka_unit_test(test_a_node_that_stops_in_the_middle_proves_nothing),
        cmocka_unit_test(test_a_page_under_another_ring_counts_as_no_answer),
        cmocka_unit_test(test_a_page_out_of_order_counts_as_no_answer),
        cmocka_unit_test(test_what_is_no_page_is_refused),
        cmocka_unit_test(test_a_joint_ring_is_proven_by_the_owners_before),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
