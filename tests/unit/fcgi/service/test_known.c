/* Which records of a union count, and which version is meant. */
#include "tests/unit/unit.h"

#include "fcgi/service/known.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add(struct history *h, uint64_t clock, const char *upload, enum record_kind kind, uint64_t of)
{
    struct record r;
    assert_ok(record_init(&r));
    r.id = (struct stamp){clock, 1};
    r.kind = kind;
    r.of = of == 0 ? STAMP_ZERO : (struct stamp){of, 1};
    snprintf(r.upload, sizeof(r.upload), "%032d", atoi(upload));
    if (kind != RECORD_DELETE)
        memset(r.sha256, 'a', 64);
    assert_ok(history_add(h, &r, 0));
    record_release(&r);
}

/* Owners answer, or not, with one record that some of them have. '1' has it, '0' answered without it, '-' is silent. The first list are the owners now, the second those before
 * that are none now; with '1', '0' and '-' for who is an owner now only, "a", "b" and "c" the same for who is both. */
struct scene {
    struct pulled p;
    struct record r;
};

static void show(struct scene *s, const char *now, const char *before, int conditional)
{
    memset(s, 0, sizeof(*s));
    assert_ok(record_init(&s->r));
    s->r.id = (struct stamp){10, 1};
    s->r.conditional = conditional;
    for (const char *list = now;; list = before) {
        for (const char *c = list; *c != '\0'; c++) {
            size_t i = s->p.who.n++;
            int both = strchr("abc", *c) != NULL;
            s->p.who.at[i] = (struct owners_one){.now = list == now, .before = both || list == before};
            s->p.answered.has[i] = strchr("10ab", *c) != NULL;
            s->p.replies[i] = (struct quorum_reply){.asked = 1, .error = s->p.answered.has[i] ? ERR_OK : ERR_TIMEOUT};
            if (*c == '1' || *c == 'a')
                assert_ok(history_add(&s->p.replies[i].answer.history, &s->r, 0));
            s->p.who.n_now += s->p.who.at[i].now;
            s->p.who.n_before += s->p.who.at[i].before;
        }
        if (list == before)
            break;
    }
    s->p.who.w_now = (uint32_t)s->p.who.n_now / 2 + 1;
    s->p.who.w_before = s->p.who.n_before > 0 ? (uint32_t)s->p.who.n_before / 2 + 1 : 0;
    assert_ok(history_add(&s->p.all, &s->r, 0));
}

static size_t visible(const char *now, const char *before, int conditional)
{
    struct scene s;
    struct history out;
    show(&s, now, before, conditional);
    history_init(&out);
    assert_ok(pull_visible(&s.p, &out));
    size_t n = out.n;
    history_release(&out);
    pull_release(&s.p);
    record_release(&s.r);
    return n;
}

static void a_record_counts_unless_it_cannot_have_been_acknowledged(void **state)
{
    (void)state;
    const struct {
        const char *now, *before;
        int conditional;
        size_t visible;
    } rows[] = {
        {"100", "", 0, 0},
        {"110", "", 0, 1},
        {"10-", "", 0, 1},
        {"1--", "", 0, 1},
        {"111", "", 0, 1},
        {"10000", "", 0, 0},
        {"11000", "", 0, 0},
        {"1100-", "", 0, 1},
        {"1000-", "", 0, 0},
        {"100--", "", 0, 1},
        {"1", "", 0, 1},
        {"10", "", 0, 0},
        {"1-", "", 0, 1},
        {"100", "", 1, 1},
        /* A joint ring: whatever was acknowledged is on W of those before, and it is they who count. */
        {"0bb", "1", 0, 0},
        {"1bb", "0", 0, 0},
        {"0ab", "1", 0, 1},
        {"1ab", "0", 0, 0},
        {"-aa", "-", 0, 1},
        {"-ab", "0", 0, 0},
        {"-ab", "-", 0, 1},
        {"0cb", "1", 0, 1},
        /* k grows from 1 to 3, and back. */
        {"a00", "", 0, 1},
        {"b11", "", 0, 0},
        {"c11", "", 0, 1},
        {"a", "00", 0, 0},
        {"b", "11", 0, 1},
        {"100", "000", 1, 1},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (visible(rows[i].now, rows[i].before, rows[i].conditional) != rows[i].visible)
            fail_msg("row %zu", i);
}

static void absence_needs_enough_owners_of_those_whose_quorum_counts(void **state)
{
    (void)state;
    const struct {
        const char *now, *before;
        int proven;
    } rows[] = {
        {"0--", "", 0},
        {"00-", "", 1},
        {"00---", "", 0},
        {"000--", "", 1},
        {"000", "---", 0},
        {"---", "00-", 1},
        {"---", "0--", 0},
        {"-bb", "-", 1},
        {"0bc", "-", 0},
        {"b--", "", 1},
        {"c00", "", 0},
        {"b", "0-", 1},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct scene s;
        show(&s, rows[i].now, rows[i].before, 0);
        if (pull_proves_absence(&s.p) != rows[i].proven)
            fail_msg("row %zu", i);
        pull_release(&s.p);
        record_release(&s.r);
    }
}

static void one_owner_and_the_index_agree_on_absence(void **state)
{
    (void)state;
    struct known k = {.pulled = {.who = {.n = 3, .n_now = 3, .w_now = 2}, .answered = {.has = {1}}}};
    for (size_t i = 0; i < 3; i++)
        k.pulled.who.at[i].now = 1;
    assert_err(ERR_UNAVAILABLE, known_absence(&k));
    k.index_answered = 1;
    assert_err(ERR_NOT_FOUND, known_absence(&k));
    k.pulled.answered.has[0] = 0;
    assert_err(ERR_UNAVAILABLE, known_absence(&k));
}

static void versions_are_found_by_number_and_by_id(void **state)
{
    (void)state;
    struct history h;
    size_t at;
    char id[STAMP_HEX_SIZE];
    history_init(&h);
    add(&h, 10, "1", RECORD_UPLOAD, 0);
    add(&h, 20, "2", RECORD_UPLOAD, 0);
    add(&h, 30, "2", RECORD_UPLOAD, 0); /* a further attempt of the same upload */
    add(&h, 40, "3", RECORD_UPLOAD, 0);
    assert_ok(history_find_version(&h, "1", &at));
    assert_int_equal(at, 0);
    assert_ok(history_find_version(&h, "2", &at));
    assert_int_equal(at, 2);
    assert_ok(history_find_version(&h, "3", &at));
    assert_int_equal(at, 3);
    stamp_hex((struct stamp){40, 1}, id);
    assert_ok(history_find_version(&h, id, &at));
    assert_int_equal(at, 3);
    stamp_hex((struct stamp){20, 1}, id);
    assert_err(ERR_NOT_FOUND, history_find_version(&h, id, &at));
    const char *bad[] = {"0", "4", "-1", "01", "1 ", "", "x", "99999999999999999999", "0000000000000028000000000000000"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_err(ERR_NOT_FOUND, history_find_version(&h, bad[i], &at));
    history_release(&h);
}

static void blob_states_come_from_the_owners_answer(void **state)
{
    (void)state;
    struct quorum_reply r = {.asked = 1, .done = 1, .error = ERR_OK};
    struct stamp ten = {10, 1}, twenty = {20, 1};
    enum blob_state blobs[] = {BLOB_BAD};
    uint64_t verified[] = {1234}, at_ms = 0;
    history_init(&r.answer.history);
    add(&r.answer.history, 10, "1", RECORD_UPLOAD, 0);
    r.answer.blobs = blobs;
    r.answer.verified_at_ms = verified;
    assert_int_equal(pull_blob_state(&r, ten, &at_ms), BLOB_BAD);
    assert_int_equal(at_ms, 1234);
    assert_int_equal(pull_blob_state(&r, twenty, NULL), BLOB_MISSING);
    r.answer.has_slot = r.answer.slot_has_record = 1;
    r.answer.slot_record.id = twenty;
    assert_int_equal(pull_blob_state(&r, twenty, NULL), BLOB_STORED);
    r.error = ERR_TIMEOUT;
    assert_int_equal(pull_blob_state(&r, ten, NULL), BLOB_UNKNOWN);
    history_release(&r.answer.history);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_counts_unless_it_cannot_have_been_acknowledged),
        cmocka_unit_test(absence_needs_enough_owners_of_those_whose_quorum_counts),
        cmocka_unit_test(one_owner_and_the_index_agree_on_absence),
        cmocka_unit_test(versions_are_found_by_number_and_by_id),
        cmocka_unit_test(blob_states_come_from_the_owners_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
