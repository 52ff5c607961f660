/* Every rule of protocol.md P3 as a row: what W owners showed, and what is done about it. */
#include "tests/unit/unit.h"

#include "fcgi/service/decide.h"

#include <stdio.h>
#include <string.h>

#define ME "00000000000000000000000000000abc"
#define OWNERS 6

static struct stamp at(uint64_t clock)
{
    return (struct stamp){clock, 7};
}

/* A record of another upload, stamped `clock`. */
static struct record record(uint64_t clock, int conditional)
{
    struct record r;
    assert_int_equal(record_init(&r), ERR_OK);
    r.id = at(clock);
    r.conditional = conditional;
    assert_int_equal(record_set(&r.course, "CSEN 317"), ERR_OK);
    assert_int_equal(record_set(&r.key, "csen317"), ERR_OK);
    snprintf(r.upload, sizeof(r.upload), "%032llx", (unsigned long long)(0x1000 + clock));
    memset(r.sha256, 'a', 64);
    r.sha256[63] = (char)('0' + clock % 10);
    r.size = 10;
    return r;
}

/* What one owner shows. `has` lists clocks: "1d" stored directly, "1" a copy, "1c" conditional; slot: 0 = none, else its ballot; value: 0 = NONE, else the record's clock. */
struct owner {
    const char *has;
    uint64_t slot, value;
};

struct scene {
    struct owners who;
    struct history histories[OWNERS];
    struct record slots[OWNERS];
    struct decide_promise promises[OWNERS];
    struct record draft;
    struct decide_input in;
    struct decision d;
};

static void show(struct scene *s, size_t i, const struct owner *o)
{
    history_init(&s->histories[i]);
    for (const char *c = o->has; *c != '\0';) {
        uint64_t clock = 0;
        int direct = 0, conditional = 0;
        for (; *c >= '0' && *c <= '9'; c++)
            clock = clock * 10 + (uint64_t)(*c - '0');
        for (; *c == 'd' || *c == 'c' || *c == ' '; c++) {
            direct |= *c == 'd';
            conditional |= *c == 'c';
        }
        struct record r = record(clock, conditional);
        assert_int_equal(history_add(&s->histories[i], &r, direct), ERR_OK);
        record_release(&r);
    }
    s->slots[i] = record(o->value, 1);
    s->promises[i] = (struct decide_promise){
        .history = &s->histories[i], .has_slot = o->slot != 0, .slot_ballot = at(o->slot), .slot = o->value == 0 ? NULL : &s->slots[i]};
}

/* 'n' owns the course now, 'b' before only, '2' both; "nnn": a stable ring. */
static void lay(struct owners *o, const char *layout)
{
    memset(o, 0, sizeof(*o));
    for (const char *c = layout; *c != '\0'; c++) {
        o->at[o->n++] = (struct owners_one){.now = *c != 'b', .before = *c != 'n'};
        o->n_now += *c != 'b';
        o->n_before += *c != 'n';
    }
    o->w_now = (uint32_t)o->n_now / 2 + 1;
    o->w_before = o->n_before > 0 ? (uint32_t)o->n_before / 2 + 1 : 0;
}

/* The first n owners promise; one with has == NULL is silent. */
static void stage(struct scene *s, const struct owner *owners, size_t n, uint64_t if_match)
{
    memset(s, 0, sizeof(*s));
    lay(&s->who, "nnn");
    for (size_t i = 0; i < n; i++) {
        if (owners[i].has == NULL)
            continue;
        show(s, s->in.n, &owners[i]);
        s->promises[s->in.n++].owner = i;
    }
    n = s->in.n;
    s->draft = record(9, 1);
    memcpy(s->draft.upload, ME, sizeof(ME));
    s->in = (struct decide_input){.promises = s->promises,
        .n = n,
        .owners = &s->who,
        .match = if_match == 0 ? MATCH_NONE : MATCH_RECORD,
        .match_record = at(if_match),
        .draft = &s->draft};
}

static enum decide_step play(struct scene *s)
{
    assert_int_equal(decide(&s->in, &s->d), ERR_OK);
    return s->d.step;
}

static void strike(struct scene *s)
{
    decide_release(&s->d);
    for (size_t i = 0; i < OWNERS; i++) {
        history_release(&s->histories[i]);
        record_release(&s->slots[i]);
    }
    record_release(&s->draft);
}

struct row {
    const char *what;
    struct owner owners[3];
    size_t n;
    uint64_t if_match; /* 0: none must be current */
    int accept_sent;
    enum decide_step want;
    uint64_t record; /* clock of the record the decision names; 0: none */
    uint64_t learned;
};

static const struct row rows[] = {
    {"4: an empty course, nothing must be there", {{"", 0, 0}, {"", 0, 0}}, 2, 0, 0, DECIDE_ACCEPT, 0, 0},
    {"4: the current one is what was asked for", {{"1d", 0, 0}, {"1d", 0, 0}}, 2, 1, 0, DECIDE_ACCEPT, 1, 0},
    {"4: seen by one owner only: it is asked for, so it may be built on", {{"1d", 0, 0}, {"", 0, 0}}, 2, 1, 0, DECIDE_ACCEPT, 1, 0},
    {"4: an older one is known beside it", {{"1d 2d", 0, 0}, {"1d", 0, 0}}, 2, 2, 0, DECIDE_ACCEPT, 2, 0},
    {"4: an old slot of a record that is in U changes nothing", {{"1d 2c", 2, 2}, {"1d", 0, 0}}, 2, 2, 0, DECIDE_ACCEPT, 2, 0},
    {"4: a slot of NONE changes nothing", {{"1d", 5, 0}, {"1d", 0, 0}}, 2, 1, 0, DECIDE_ACCEPT, 1, 0},
    {"4: NONE under the larger ballot hides an older claim", {{"1d", 5, 0}, {"1d", 3, 3}}, 2, 1, 0, DECIDE_ACCEPT, 1, 0},
    {"5: another one is there directly on W", {{"1d 2d", 0, 0}, {"1d 2d", 0, 0}}, 2, 1, 0, DECIDE_REFUSE, 2, 0},
    {"5: the same, but an ACCEPT was sent before", {{"1d 2d", 0, 0}, {"1d 2d", 0, 0}}, 2, 1, 1, DECIDE_SETTLE, 2, 0},
    {"5: another one is there on one owner only", {{"1d 2d", 0, 0}, {"1d", 0, 0}}, 2, 1, 0, DECIDE_SETTLE, 2, 0},
    {"5: a repaired copy settles nothing", {{"1d 2d", 0, 0}, {"1d 2", 0, 0}}, 2, 1, 0, DECIDE_SETTLE, 2, 0},
    {"5: three promises, two of them direct", {{"1d 2d", 0, 0}, {"1d 2", 0, 0}, {"1d 2d", 0, 0}}, 3, 1, 0, DECIDE_REFUSE, 2, 0},
    {"5: a conditional one in U is settled wherever it is", {{"1d 2c", 2, 2}, {"1d", 0, 0}}, 2, 1, 0, DECIDE_REFUSE, 2, 0},
    {"5: the same, but an ACCEPT was sent before", {{"1d 2c", 2, 2}, {"1d", 0, 0}}, 2, 1, 1, DECIDE_SETTLE, 2, 0},
    {"5: nothing is there at all", {{"", 0, 0}, {"", 0, 0}}, 2, 1, 0, DECIDE_REFUSE, 0, 0},
    {"5: nothing must be there, but something is", {{"1d", 0, 0}, {"1d", 0, 0}}, 2, 0, 0, DECIDE_REFUSE, 1, 0},
    {"6: a claim on one owner may be chosen", {{"1d", 3, 3}, {"1d", 0, 0}}, 2, 1, 0, DECIDE_FINISH, 3, 0},
    {"6: also when the condition fails anyway", {{"1d 2d", 3, 3}, {"1d 2d", 0, 0}}, 2, 1, 0, DECIDE_FINISH, 3, 0},
    {"6: the claim with the larger ballot counts", {{"1d", 3, 3}, {"1d", 4, 4}}, 2, 1, 0, DECIDE_FINISH, 4, 0},
    {"6: a claim carried on under a larger ballot", {{"1d", 8, 3}, {"1d", 4, 4}}, 2, 1, 0, DECIDE_FINISH, 3, 0},
    {"6: three promises, one of them a claim", {{"1d", 0, 0}, {"1d", 3, 3}, {"1d", 0, 0}}, 3, 1, 0, DECIDE_FINISH, 3, 0},
    {"6: the same record under two ballots is not chosen by either", {{"1d", 3, 3}, {"1d", 5, 3}}, 2, 1, 0, DECIDE_FINISH, 3, 0},
    {"2: all W show one claim: chosen, so refused", {{"1d", 3, 3}, {"1d", 3, 3}}, 2, 1, 0, DECIDE_REFUSE, 3, 3},
    {"2: W of three show it", {{"1d", 3, 3}, {"1d", 0, 0}, {"1d", 3, 3}}, 3, 1, 0, DECIDE_REFUSE, 3, 3},
    {"2: chosen, and exactly what was asked for", {{"1d", 3, 3}, {"1d", 3, 3}}, 2, 3, 0, DECIDE_ACCEPT, 3, 3},
    {"2: chosen below what is current, which was asked for", {{"1d 4d", 3, 3}, {"1d 4d", 3, 3}}, 2, 4, 0, DECIDE_ACCEPT, 4, 3},
};

static void each_rule_decides_as_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct row *row = &rows[i];
        struct scene s;
        stage(&s, row->owners, row->n, row->if_match);
        s.in.accept_sent = row->accept_sent;
        enum decide_step got = play(&s);
        uint64_t named = s.d.record == NULL ? 0 : s.d.record->id.clock, learned = s.d.learned == NULL ? 0 : s.d.learned->id.clock;
        if (got != row->want || named != row->record || learned != row->learned)
            fail_msg(
                "%s: step %d (record %llu, learned %llu)", row->what, (int)got, (unsigned long long)named, (unsigned long long)learned);
        strike(&s);
    }
}

/* In a joint ring W means W of both: what was settled under the ring before is finished or settled once more under the two. */
static const struct {
    const char *what, *layout;
    struct owner owners[OWNERS];
    uint64_t if_match;
    enum decide_step want;
    uint64_t record, learned;
} joint_rows[] = {
    {"the new owner knows nothing yet", "n22b", {{"", 0, 0}, {"1d", 0, 0}, {"1d", 0, 0}, {"1d", 0, 0}}, 1, DECIDE_ACCEPT, 1, 0},
    {"stored on W of both: refused at once", "n22b", {{"", 0, 0}, {"2d", 0, 0}, {"2d", 0, 0}, {"", 0, 0}}, 1, DECIDE_REFUSE, 2, 0},
    {"stored on W of those before only", "n22b", {{"", 0, 0}, {"2d", 0, 0}, {NULL, 0, 0}, {"2d", 0, 0}}, 1, DECIDE_SETTLE, 2, 0},
    {"a copy at the new owner is no direct record", "n22b", {{"2", 0, 0}, {"2d", 0, 0}, {NULL, 0, 0}, {"2d", 0, 0}}, 1, DECIDE_SETTLE, 2,
        0},
    {"chosen by W of those before: finished once more", "n22b", {{"", 0, 0}, {"1d", 3, 3}, {NULL, 0, 0}, {"1d", 3, 3}}, 1, DECIDE_FINISH, 3,
        0},
    {"shown by W of both: chosen", "n22b", {{"", 0, 0}, {"1d", 3, 3}, {"1d", 3, 3}, {NULL, 0, 0}}, 1, DECIDE_REFUSE, 3, 3},
    {"shown by W of the new ones only", "nnnbbb", {{"", 3, 3}, {"", 3, 3}, {"", 3, 3}, {"1d", 0, 0}, {"1d", 0, 0}, {"1d", 0, 0}}, 1,
        DECIDE_FINISH, 3, 0},
    {"a larger ballot at a new owner counts", "n22b", {{"", 5, 4}, {"1d", 3, 3}, {"1d", 3, 3}, {NULL, 0, 0}}, 1, DECIDE_FINISH, 4, 0},
    {"k grows from 1 to 3: the one before has it", "2nn", {{"2d", 0, 0}, {"", 0, 0}, {NULL, 0, 0}}, 1, DECIDE_SETTLE, 2, 0},
    {"k shrinks from 3 to 1: W of those before", "2bb", {{"2d", 0, 0}, {"2d", 0, 0}, {"", 0, 0}}, 1, DECIDE_REFUSE, 2, 0},
    {"k shrinks from 3 to 1: not W of those before", "2bb", {{"2d", 0, 0}, {"", 0, 0}, {"", 0, 0}}, 1, DECIDE_SETTLE, 2, 0},
};

static void in_a_joint_ring_both_rings_have_a_say(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(joint_rows) / sizeof(joint_rows[0]); i++) {
        struct scene s;
        stage(&s, joint_rows[i].owners, strlen(joint_rows[i].layout), joint_rows[i].if_match);
        lay(&s.who, joint_rows[i].layout);
        enum decide_step got = play(&s);
        uint64_t named = s.d.record == NULL ? 0 : s.d.record->id.clock, learned = s.d.learned == NULL ? 0 : s.d.learned->id.clock;
        if (got != joint_rows[i].want || named != joint_rows[i].record || learned != joint_rows[i].learned)
            fail_msg("%s: step %d (record %llu, learned %llu)", joint_rows[i].what, (int)got, (unsigned long long)named,
                (unsigned long long)learned);
        strike(&s);
    }
}

static void an_earlier_try_that_got_through_is_found(void **state)
{
    (void)state;
    struct owner owners[] = {{"1d 3c", 3, 3}, {"1d", 0, 0}};
    struct scene s;
    stage(&s, owners, 2, 1);
    memcpy(s.histories[0].entries[1].record.upload, ME, sizeof(ME));
    s.draft.sha256[63] = '3';
    assert_int_equal(play(&s), DECIDE_MINE);
    assert_int_equal(s.d.record->id.clock, 3);
    strike(&s);
}

static void an_earlier_try_that_got_through_is_found_below_a_foreign_claim(void **state)
{
    (void)state;
    struct owner owners[] = {{"1d 3c", 4, 4}, {"1d", 0, 0}};
    struct scene s;
    stage(&s, owners, 2, 1);
    memcpy(s.histories[0].entries[1].record.upload, ME, sizeof(ME));
    s.draft.sha256[63] = '3';
    s.in.accept_sent = 1;
    assert_int_equal(play(&s), DECIDE_MINE);
    assert_int_equal(s.d.record->id.clock, 3);
    strike(&s);
}

static void an_earlier_try_with_other_bytes_is_a_misuse(void **state)
{
    (void)state;
    struct owner owners[] = {{"1d 3c", 3, 3}, {"1d", 0, 0}};
    struct scene s;
    stage(&s, owners, 2, 1);
    memcpy(s.histories[0].entries[1].record.upload, ME, sizeof(ME));
    assert_int_equal(play(&s), DECIDE_MISUSED);
    strike(&s);
}

static void an_unconditional_try_on_one_owner_proves_nothing(void **state)
{
    (void)state;
    struct owner owners[] = {{"1d 3d", 0, 0}, {"1d", 0, 0}};
    struct scene s;
    stage(&s, owners, 2, 1);
    memcpy(s.histories[0].entries[1].record.upload, ME, sizeof(ME));
    s.draft.sha256[63] = '3';
    assert_int_equal(play(&s), DECIDE_SETTLE);
    strike(&s);
}

static void my_own_claim_on_one_owner_is_finished(void **state)
{
    (void)state;
    struct owner owners[] = {{"1d", 3, 3}, {"1d", 0, 0}};
    struct scene s;
    stage(&s, owners, 2, 1);
    memcpy(s.slots[0].upload, ME, sizeof(ME));
    assert_int_equal(play(&s), DECIDE_FINISH);
    assert_string_equal(s.d.record->upload, ME);
    strike(&s);
}

static void my_own_claim_on_all_is_mine(void **state)
{
    (void)state;
    struct owner owners[] = {{"1d", 3, 3}, {"1d", 3, 3}};
    struct scene s;
    stage(&s, owners, 2, 1);
    for (size_t i = 0; i < 2; i++)
        memcpy(s.slots[i].upload, ME, sizeof(ME));
    s.draft.sha256[63] = '3';
    assert_int_equal(play(&s), DECIDE_MINE);
    assert_non_null(s.d.learned);
    strike(&s);
}

static void the_same_content_again_changes_nothing_when_settled(void **state)
{
    (void)state;
    const struct {
        struct owner owners[2];
        int accept_sent;
        enum decide_step want;
    } cases[] = {
        {{{"1d", 0, 0}, {"1d", 0, 0}}, 0, DECIDE_SAME},
        {{{"1d", 0, 0}, {"1", 0, 0}}, 0, DECIDE_SETTLE_SAME},
        {{{"1d", 0, 0}, {"1d", 0, 0}}, 1, DECIDE_SETTLE_SAME},
    };
    for (size_t i = 0; i < 3; i++) {
        struct scene s;
        stage(&s, cases[i].owners, 2, 1);
        s.draft.sha256[63] = '1';
        s.in.accept_sent = cases[i].accept_sent;
        assert_int_equal(play(&s), cases[i].want);
        strike(&s);
    }
}

static void a_tombstone_counts_as_nothing_there(void **state)
{
    (void)state;
    struct owner owners[] = {{"1d 2d", 0, 0}, {"1d 2d", 0, 0}};
    struct scene s;
    stage(&s, owners, 2, 0);
    for (size_t i = 0; i < 2; i++) {
        s.histories[i].entries[1].record.kind = RECORD_DELETE;
        s.histories[i].entries[1].record.sha256[0] = '\0';
    }
    assert_int_equal(play(&s), DECIDE_ACCEPT);
    assert_int_equal(s.d.record->id.clock, 2);
    strike(&s);
}

static void a_hash_matches_the_current_bytes_only(void **state)
{
    (void)state;
    struct record live = record(1, 0), gone = record(2, 0);
    gone.kind = RECORD_DELETE;
    assert_true(decide_matches(MATCH_SHA256, STAMP_ZERO, live.sha256, &live));
    assert_false(decide_matches(MATCH_SHA256, STAMP_ZERO, gone.sha256, &live));
    assert_false(decide_matches(MATCH_SHA256, STAMP_ZERO, gone.sha256, &gone));
    assert_false(decide_matches(MATCH_SHA256, STAMP_ZERO, live.sha256, NULL));
    assert_true(decide_matches(MATCH_NONE, STAMP_ZERO, "", NULL));
    assert_true(decide_matches(MATCH_NONE, STAMP_ZERO, "", &gone));
    assert_false(decide_matches(MATCH_NONE, STAMP_ZERO, "", &live));
    assert_true(decide_matches(MATCH_RECORD, at(1), "", &live));
    assert_false(decide_matches(MATCH_RECORD, at(2), "", &live));
    assert_false(decide_matches(MATCH_RECORD, at(2), "", NULL));
    record_release(&live);
    record_release(&gone);
}

static void what_is_finished_below_the_wanted_one_refuses_nobody(void **state)
{
    (void)state;
    struct owner owners[] = {{"1d 4d", 3, 3}, {"1d 4d", 0, 0}};
    struct scene s;
    int still = -1;
    stage(&s, owners, 2, 4);
    assert_int_equal(play(&s), DECIDE_FINISH);
    assert_int_equal(decide_still_matches(&s.in, &s.d.all, s.d.record, &still), ERR_OK);
    assert_int_equal(still, 1);
    strike(&s);

    struct owner above[] = {{"1d", 3, 3}, {"1d", 0, 0}};
    stage(&s, above, 2, 1);
    assert_int_equal(play(&s), DECIDE_FINISH);
    assert_int_equal(decide_still_matches(&s.in, &s.d.all, s.d.record, &still), ERR_OK);
    assert_int_equal(still, 0);
    strike(&s);
}

static void restored_content_counts_like_uploaded_content(void **state)
{
    (void)state;
    struct record current = record(1, 0), draft = record(1, 0);
    assert_true(decide_same_again(&current, &draft));
    current.kind = RECORD_RESTORE;
    assert_true(decide_same_again(&current, &draft));
    draft.kind = RECORD_RESTORE;
    assert_false(decide_same_again(&current, &draft));
    draft.kind = RECORD_UPLOAD;
    draft.sha256[0] = 'b';
    assert_false(decide_same_again(&current, &draft));
    assert_false(decide_same_again(NULL, &draft));
    record_release(&current);
    record_release(&draft);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_rule_decides_as_written),
        cmocka_unit_test(in_a_joint_ring_both_rings_have_a_say),
        cmocka_unit_test(an_earlier_try_that_got_through_is_found),
        cmocka_unit_test(an_earlier_try_that_got_through_is_found_below_a_foreign_claim),
        cmocka_unit_test(an_earlier_try_with_other_bytes_is_a_misuse),
        cmocka_unit_test(an_unconditional_try_on_one_owner_proves_nothing),
        cmocka_unit_test(my_own_claim_on_one_owner_is_finished),
        cmocka_unit_test(my_own_claim_on_all_is_mine),
        cmocka_unit_test(the_same_content_again_changes_nothing_when_settled),
        cmocka_unit_test(a_tombstone_counts_as_nothing_there),
        cmocka_unit_test(a_hash_matches_the_current_bytes_only),
        cmocka_unit_test(what_is_finished_below_the_wanted_one_refuses_nobody),
        cmocka_unit_test(restored_content_counts_like_uploaded_content),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
