#include "tests/unit/unit.h"

#include "lib/wire/frame.h"
#include "lib/wire/message.h"
#include "tests/unit/lib/wire/records.h"

#define TARGET "node-2.0123456789abcdef"

/* ---- helpers */

static struct message_request make_request(enum message_verb verb)
{
    struct message_request m;
    message_request_init(&m, verb);
    m.ring = 3;
    m.key = strdup("csen317");
    if (verb == MESSAGE_PREPARE || verb == MESSAGE_ACCEPT)
        m.ballot = (struct stamp){500, 9};
    if (verb == MESSAGE_STORE || verb == MESSAGE_ACCEPT || verb == MESSAGE_LEARN) {
        m.has_record = 1;
        m.record = make_record(RECORD_UPLOAD, 100, 0, 1);
        m.record.conditional = verb != MESSAGE_STORE;
    }
    if (verb == MESSAGE_PULL || verb == MESSAGE_HINT)
        strcpy(m.target, TARGET);
    return m;
}

static void add_known(struct message_request *m, uint64_t clock)
{
    struct record r = make_record(RECORD_UPLOAD, clock, 0, (unsigned)clock);
    assert_ok(history_add(&m->known, &r, 0));
    record_release(&r);
}

/* Prints the request with the bytes behind it, and reads it again. */
static enum err there_and_back(const struct message_request *m, const char *blob, struct message_request *out, size_t *bytes_len)
{
    struct buf b;
    const void *bytes;
    buf_init(&b, MESSAGE_BODY_MAX);
    assert_ok(message_request_print(m, &b));
    assert_ok(buf_add_str(&b, blob));
    enum err e = message_request_parse(m->verb, b.data, b.len, out, &bytes, bytes_len);
    if (!e)
        assert_memory_equal(bytes, blob, *bytes_len);
    buf_release(&b);
    return e;
}

static void assert_refused(const struct message_request *m, const char *blob)
{
    struct message_request out;
    size_t n;
    assert_err(ERR_SYNTAX, there_and_back(m, blob, &out, &n));
}

static void assert_taken(const struct message_request *m, const char *blob)
{
    struct message_request out;
    size_t n;
    assert_ok(there_and_back(m, blob, &out, &n));
    assert_int_equal(n, strlen(blob));
    assert_int_equal(out.verb, m->verb);
    assert_int_equal(out.ring, m->ring);
    assert_string_equal(out.key, m->key);
    assert_int_equal(stamp_cmp(out.ballot, m->ballot), 0);
    assert_int_equal(out.has_record, m->has_record);
    if (m->has_record)
        assert_int_equal(stamp_cmp(out.record.id, m->record.id), 0);
    assert_string_equal(out.staging, m->staging);
    assert_string_equal(out.target, m->target);
    assert_int_equal(out.known.n, m->known.n);
    message_request_release(&out);
}

/* ---- requests */

static void every_verb_has_a_word(void **state)
{
    (void)state;
    for (int v = MESSAGE_STORE; v <= MESSAGE_HINT; v++)
        assert_int_equal(message_verb_parse(message_verb_name((enum message_verb)v)), v);
    assert_int_equal(message_verb_parse("Store"), -1);
    assert_int_equal(message_verb_parse(""), -1);
}

static void every_verb_goes_there_and_back(void **state)
{
    (void)state;
    for (int v = MESSAGE_STORE; v <= MESSAGE_HINT; v++) {
        struct message_request m = make_request((enum message_verb)v);
        assert_taken(&m, "");
        message_request_release(&m);
        message_request_release(&m); /* fine on all zeroes */
    }
}

static void large_rings_and_known_records_travel(void **state)
{
    (void)state;
    struct message_request m = make_request(MESSAGE_ACCEPT), out;
    size_t n;
    m.ring = UINT64_MAX;
    add_known(&m, 7);
    add_known(&m, 8);
    add_known(&m, 5);
    assert_ok(there_and_back(&m, "hello", &out, &n));
    assert_true(out.ring == UINT64_MAX);
    assert_int_equal(out.known.n, 3);
    assert_int_equal(out.known.entries[0].record.id.clock, 5);
    message_request_release(&out);
    message_request_release(&m);
}

static void the_bytes_are_all_of_the_blob_or_none(void **state)
{
    (void)state;
    struct message_request m = make_request(MESSAGE_STORE);
    assert_taken(&m, "hello");
    assert_refused(&m, "hell");
    assert_refused(&m, "hello!");
    memset(m.staging, 'a', MESSAGE_STAGING_ID_SIZE - 1);
    assert_taken(&m, "");
    assert_refused(&m, "hello"); /* staged and here */
    m.staging[3] = 'A';
    assert_refused(&m, "");
    m.staging[3] = '\0';
    assert_refused(&m, "");
    message_request_release(&m);
}

static void a_tombstone_brings_no_bytes(void **state)
{
    (void)state;
    struct message_request m = make_request(MESSAGE_STORE);
    record_release(&m.record);
    m.record = make_record(RECORD_DELETE, 100, 0, 1);
    assert_taken(&m, "");
    assert_refused(&m, "x");
    memset(m.staging, 'a', MESSAGE_STAGING_ID_SIZE - 1);
    assert_refused(&m, "");
    message_request_release(&m);
}

static void only_store_and_accept_bring_bytes(void **state)
{
    (void)state;
    for (int v = MESSAGE_STORE; v <= MESSAGE_HINT; v++) {
        struct message_request m = make_request((enum message_verb)v);
        if (v == MESSAGE_STORE || v == MESSAGE_ACCEPT)
            assert_taken(&m, "hello");
        else
            assert_refused(&m, "hello");
        message_request_release(&m);
    }
    struct message_request none = make_request(MESSAGE_ACCEPT);
    record_release(&none.record);
    none.has_record = 0;
    assert_taken(&none, "");
    assert_refused(&none, "hello");
    message_request_release(&none);
}

static void each_verb_has_what_it_needs_and_nothing_else(void **state)
{
    (void)state;
    for (int v = MESSAGE_STORE; v <= MESSAGE_HINT; v++) {
        struct message_request m = make_request((enum message_verb)v);
        int with_ballot = !stamp_is_zero(m.ballot), with_target = m.target[0] != '\0', with_record = m.has_record;
        m.ballot = with_ballot ? STAMP_ZERO : (struct stamp){1, 1};
        assert_refused(&m, "");
        m.ballot = with_ballot ? (struct stamp){1, 1} : STAMP_ZERO;
        strcpy(m.target, with_target ? "" : TARGET);
        assert_refused(&m, "");
        strcpy(m.target, with_target ? TARGET : "");
        if (!with_record)
            m.record = make_record(RECORD_UPLOAD, 100, 0, 1);
        m.has_record = !with_record;
        if (v == MESSAGE_ACCEPT)
            assert_taken(&m, ""); /* NONE */
        else
            assert_refused(&m, "");
        m.has_record = with_record;
        add_known(&m, 4);
        if (v == MESSAGE_ACCEPT)
            assert_taken(&m, "");
        else
            assert_refused(&m, "");
        message_request_release(&m);
    }
}

static void records_are_conditional_where_the_protocol_says(void **state)
{
    (void)state;
    static const enum message_verb with_record[] = {MESSAGE_STORE, MESSAGE_ACCEPT, MESSAGE_LEARN};
    for (size_t i = 0; i < 3; i++) {
        struct message_request m = make_request(with_record[i]);
        m.record.conditional = !m.record.conditional;
        assert_refused(&m, "");
        message_request_release(&m);
    }
}

static void records_belong_to_the_course_of_the_request(void **state)
{
    (void)state;
    struct message_request m = make_request(MESSAGE_ACCEPT);
    add_known(&m, 4);
    free(m.key);
    m.key = strdup("csen318");
    assert_refused(&m, "");
    assert_ok(record_set(&m.record.key, "csen318"));
    assert_refused(&m, ""); /* the known one is still of the other */
    assert_ok(record_set(&m.known.entries[0].record.key, "csen318"));
    assert_taken(&m, "");
    message_request_release(&m);
}

static void a_head_that_is_too_long_is_not_printed(void **state)
{
    (void)state;
    struct message_request m = make_request(MESSAGE_ACCEPT);
    struct buf b;
    buf_init(&b, MESSAGE_BODY_MAX);
    for (unsigned i = 1; i < 3000; i++)
        add_known(&m, i);
    assert_err(ERR_TOO_LARGE, message_request_print(&m, &b));
    assert_int_equal(b.len, 0);
    message_request_release(&m);
    m = make_request(MESSAGE_PREPARE);
    buf_release(&b);
    buf_init(&b, 20);
    assert_err(ERR_NOMEM, message_request_print(&m, &b));
    assert_int_equal(b.len, 0);
    message_request_release(&m);
}

static void malformed_requests_are_refused(void **state)
{
    (void)state;
    static const char *const heads[] = {"", "[]", "{}", "{\"ring\":1}", "{\"ring\":1,\"key\":\"\",\"target\":\"" TARGET "\"}",
        "{\"ring\":-1,\"key\":\"k\",\"target\":\"" TARGET "\"}",
        "{\"ring\":1,\"key\":\"k\",\"target\":\"" TARGET "\",\"target\":\"" TARGET "\"}", "{\"ring\":1,\"key\":\"k\",\"target\":7}",
        "{\"ring\":1,\"key\":\"k\",\"target\":null}", "{\"ring\":1,\"key\":\"k\",\"target\":\"\"}",
        "{\"ring\":1,\"key\":\"k\",\"target\":\"../etc\"}", "{\"ring\":1,\"key\":\"k\",\"target\":\"" TARGET "\",\"ballot\":null}",
        "{\"ring\":1,\"key\":\"k\",\"target\":\"" TARGET "\",\"known\":[]}",
        "{\"ring\":1,\"key\":\"k\",\"target\":\"" TARGET "\",\"known\":{}}",
        "{\"ring\":1,\"key\":\"k\",\"target\":\"" TARGET "\",\"record\":{}}",
        "{\"ring\":1,\"key\":\"k\",\"target\":\"" TARGET "\",\"staging\":1}", "{\"ring\":1,\"key\":\"k\",\"target\":\"" TARGET "\"} x",
        "{\"ring\":1,\"key\":\"k\",\"target\":\"node-2."
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"}"};
    struct message_request out;
    const void *bytes;
    size_t n;
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        struct buf b;
        buf_init(&b, 10000);
        assert_ok(frame_head(&b, heads[i], strlen(heads[i])));
        assert_err(ERR_SYNTAX, message_request_parse(MESSAGE_PULL, b.data, b.len, &out, &bytes, &n));
        buf_release(&b);
    }
    assert_err(ERR_SYNTAX, message_request_parse(MESSAGE_PULL, "RBF", 3, &out, &bytes, &n));
}

/* ---- answers */

static struct message_answer make_answer(unsigned records)
{
    struct message_answer a;
    message_answer_init(&a);
    a.ok = 1;
    a.promised = (struct stamp){77, 8};
    a.has_history = 1;
    a.blobs = calloc(records + 1, sizeof(a.blobs[0]));
    a.verified_at_ms = calloc(records + 1, sizeof(a.verified_at_ms[0]));
    for (unsigned i = 0; i < records; i++) {
        struct record r = make_record(i % 3 == 2 ? RECORD_DELETE : RECORD_UPLOAD, i + 1, 0, i);
        assert_ok(history_add(&a.history, &r, i % 2 == 0));
        record_release(&r);
        a.blobs[i] = (enum blob_state)(i % 4);
        a.verified_at_ms[i] = 1000u * i;
    }
    return a;
}

static enum err answer_there_and_back(const struct message_answer *a, struct message_answer *out)
{
    struct buf b;
    buf_init(&b, MESSAGE_BODY_MAX);
    assert_ok(message_answer_print(a, &b));
    enum err e = message_answer_parse(b.data, b.len, out);
    buf_release(&b);
    return e;
}

static void an_answer_with_records_goes_there_and_back(void **state)
{
    (void)state;
    struct message_answer a = make_answer(10), out;
    assert_ok(answer_there_and_back(&a, &out));
    assert_true(out.ok && out.has_history && !out.has_slot && out.error == ERR_OK);
    assert_int_equal(stamp_cmp(out.promised, a.promised), 0);
    assert_int_equal(out.history.n, 10);
    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(out.history.entries[i].record.id.clock, i + 1);
        assert_int_equal(out.history.entries[i].direct, i % 2 == 0);
        assert_int_equal(out.history.entries[i].direct_seen, i % 2 == 0);
        assert_int_equal(out.history.entries[i].seen, 1);
        assert_int_equal(out.blobs[i], i % 4);
        assert_int_equal(out.verified_at_ms[i], 1000u * i);
    }
    message_answer_release(&out);
    message_answer_release(&a);
    message_answer_release(&a);
}

static void an_empty_set_is_not_a_missing_one(void **state)
{
    (void)state;
    struct message_answer a = make_answer(0), out;
    assert_ok(answer_there_and_back(&a, &out));
    assert_true(out.has_history);
    assert_int_equal(out.history.n, 0);
    message_answer_release(&out);
    a.has_history = 0;
    assert_ok(answer_there_and_back(&a, &out));
    assert_false(out.has_history);
    message_answer_release(&out);
    message_answer_release(&a);
}

static void what_is_not_known_of_blobs_is_said_so(void **state)
{
    (void)state;
    struct message_answer a = make_answer(2), out;
    free(a.blobs);
    free(a.verified_at_ms);
    a.blobs = NULL;
    a.verified_at_ms = NULL;
    assert_ok(answer_there_and_back(&a, &out));
    assert_int_equal(out.blobs[1], BLOB_UNKNOWN);
    assert_int_equal(out.verified_at_ms[1], 0);
    message_answer_release(&out);
    message_answer_release(&a);
}

static void a_slot_holds_a_record_or_none(void **state)
{
    (void)state;
    struct message_answer a = make_answer(1), out;
    a.promised = STAMP_ZERO;
    a.has_slot = 1;
    a.slot_ballot = (struct stamp){9, 9};
    assert_ok(answer_there_and_back(&a, &out));
    assert_true(out.has_slot && !out.slot_has_record);
    assert_true(stamp_is_zero(out.promised));
    assert_int_equal(stamp_cmp(out.slot_ballot, a.slot_ballot), 0);
    message_answer_release(&out);
    a.slot_has_record = 1;
    a.slot_record = make_record(RECORD_UPLOAD, 8, 0, 1);
    assert_ok(answer_there_and_back(&a, &out));
    assert_true(out.slot_has_record);
    assert_int_equal(out.slot_record.id.clock, 8);
    message_answer_release(&out);
    message_answer_release(&a);
}

static void a_refusal_says_why(void **state)
{
    (void)state;
    static const enum err reasons[] = {ERR_FENCED, ERR_STALE_RING, ERR_CLOCK, ERR_NOT_FOUND, ERR_FULL};
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        struct message_answer a, out;
        message_answer_init(&a);
        a.error = reasons[i];
        a.promised = (struct stamp){5, 6};
        a.ring = reasons[i] == ERR_STALE_RING ? 12 : 0;
        assert_ok(answer_there_and_back(&a, &out));
        assert_false(out.ok);
        assert_int_equal(out.error, reasons[i]);
        assert_int_equal(out.ring, a.ring);
        assert_int_equal(out.promised.clock, 5);
        message_answer_release(&out);
    }
}

static void malformed_answers_are_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {"", "[]", "{}", "{\"ok\":true}", "{\"ok\":1,\"promised\":null}", "{\"ok\":false,\"promised\":null}",
        "{\"ok\":false,\"error\":\"ok\",\"promised\":null}", "{\"ok\":true,\"error\":\"fenced\",\"promised\":null}",
        "{\"ok\":true,\"promised\":\"x\"}", "{\"ok\":true,\"promised\":null,\"ring\":0}", "{\"ok\":true,\"promised\":null,\"records\":{}}",
        "{\"ok\":true,\"promised\":null,\"records\":null}", "{\"ok\":true,\"promised\":null,\"records\":[1]}",
        "{\"ok\":true,\"promised\":null,\"records\":[{}]}", "{\"ok\":true,\"promised\":null,\"slot\":null}",
        "{\"ok\":true,\"promised\":null,\"slot\":{}}", "{\"ok\":true,\"promised\":null,\"slot\":{\"ballot\":null,\"record\":null}}",
        "{\"ok\":true,\"promised\":null,\"slot\":{\"ballot\":\"00000000000000010000000000000002\"}}",
        "{\"ok\":true,\"promised\":null,\"slot\":{\"ballot\":\"00000000000000010000000000000002\",\"record\":{}}}"};
    struct message_answer out;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_err(ERR_SYNTAX, message_answer_parse(rows[i], strlen(rows[i]), &out));
}

static void records_out_of_order_doubled_or_of_two_courses_are_refused(void **state)
{
    (void)state;
    struct message_answer a = make_answer(2), out;
    a.history.entries[1].record.id.clock = 1;
    assert_err(ERR_SYNTAX, answer_there_and_back(&a, &out));
    a.history.entries[0].record.id.clock = 2;
    assert_err(ERR_SYNTAX, answer_there_and_back(&a, &out));
    a.history.entries[1].record.id.clock = 3;
    assert_ok(answer_there_and_back(&a, &out));
    message_answer_release(&out);
    assert_ok(record_set(&a.history.entries[1].record.key, "csen318"));
    assert_err(ERR_SYNTAX, answer_there_and_back(&a, &out));
    message_answer_release(&a);
}

static void blob_states_have_words(void **state)
{
    (void)state;
    for (int s = BLOB_STORED; s <= BLOB_UNKNOWN; s++)
        assert_int_equal(blob_state_parse(blob_state_name((enum blob_state)s)), s);
    assert_int_equal(blob_state_parse("else"), BLOB_UNKNOWN);
    assert_int_equal(blob_state_parse(NULL), BLOB_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_verb_has_a_word),
        cmocka_unit_test(every_verb_goes_there_and_back),
        cmocka_unit_test(large_rings_and_known_records_travel),
        cmocka_unit_test(the_bytes_are_all_of_the_blob_or_none),
        cmocka_unit_test(a_tombstone_brings_no_bytes),
        cmocka_unit_test(only_store_and_accept_bring_bytes),
        cmocka_unit_test(each_verb_has_what_it_needs_and_nothing_else),
        cmocka_unit_test(records_are_conditional_where_the_protocol_says),
        cmocka_unit_test(records_belong_to_the_course_of_the_request),
        cmocka_unit_test(a_head_that_is_too_long_is_not_printed),
        cmocka_unit_test(malformed_requests_are_refused),
        cmocka_unit_test(an_answer_with_records_goes_there_and_back),
        cmocka_unit_test(an_empty_set_is_not_a_missing_one),
        cmocka_unit_test(what_is_not_known_of_blobs_is_said_so),
        cmocka_unit_test(a_slot_holds_a_record_or_none),
        cmocka_unit_test(a_refusal_says_why),
        cmocka_unit_test(malformed_answers_are_refused),
        cmocka_unit_test(records_out_of_order_doubled_or_of_two_courses_are_refused),
        cmocka_unit_test(blob_states_have_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
