/* Uploads that wait for a maintainer: stored, listed, decided exactly once, brought to their course, and gone after a while (tidy.h). Versions are in memory, the index is a real one. */
#include "tests/unit/fcgi/service/versions.h"

#include "fcgi/service/links.h"
#include "fcgi/service/pending_inside.h"
#include "fcgi/service/tidy.h"
#include "fcgi/service/tokens.h"

#define DAY_MS UINT64_C(86400000)

static void send(struct fixture *f, const char *uploader, const char *text, const char *once, char id[PENDING_ID_SIZE])
{
    struct upload_input in = versions_input(f, "CSEN 317", "csen317", uploader, text);
    in.idempotency_key = once;
    upload_result_release(&f->out);
    assert_ok(pending_upload(&f->w, &in, id, &f->out));
}

static enum err accept(struct fixture *f, const char *id, const char *by)
{
    upload_result_release(&f->out);
    memset(&f->out, 0, sizeof(f->out));
    return pending_accept(&f->w, id, by, &f->out);
}

static size_t count(struct fixture *f, const char *uploader, int decided)
{
    struct pending_page p;
    size_t n = 0;
    const char *after = "";
    do {
        assert_ok(pending_list(&f->w, after, 2, uploader, decided, &p));
        n += p.n;
        after = p.next;
        pending_page_release(&p);
    } while (after != NULL);
    return n;
}

static void add_person(struct fixture *f, const char *name)
{
    struct docs_account a;
    const char *detail;
    struct accounts_new in = {.name = name, .shown = "", .role = ROLE_CONTRIBUTOR, .quota_bytes = DOCS_NO_LIMIT};
    assert_ok(accounts_create(&f->w, &in, "", &a, &detail));
}

static void what_waits_is_seen_by_no_reader(void **state)
{
    struct fixture *f = *state;
    char id[PENDING_ID_SIZE];
    struct pending p;
    uint64_t n;
    send(f, "ann", "hello", NULL, id);
    assert_ok(index_count(f->w.store, &n));
    assert_int_equal(n, 0);
    assert_int_equal(versions_of("csen317")->n, 0);
    assert_ok(pending_read(&f->w, id, &p));
    assert_int_equal(p.doc.state, DOCS_WAITING);
    assert_string_equal(p.doc.record.course, "CSEN 317");
    assert_string_equal(p.doc.record.key, "csen317");
    assert_string_equal(p.doc.record.uploader, "ann");
    assert_string_equal(p.doc.record.title, "A title");
    assert_int_equal(p.doc.record.size, 5);
    assert_true(p.has_bytes);
    pending_release(&p);
    assert_err(ERR_NOT_FOUND, pending_read(&f->w, "00112233445566778899aabbccddeeff", &p));
    assert_err(ERR_NOT_FOUND, pending_read(&f->w, "../settings", &p));
}

static void the_same_request_again_is_the_same_upload(void **state)
{
    struct fixture *f = *state;
    char one[PENDING_ID_SIZE], two[PENDING_ID_SIZE], other[PENDING_ID_SIZE];
    send(f, "ann", "hello", "k1", one);
    send(f, "ann", "hello", "k1", two);
    send(f, "bob", "hello", "k1", other);
    assert_string_equal(one, two);
    assert_string_not_equal(one, other);
    assert_int_equal(count(f, NULL, 0), 2);
    assert_int_equal(count(f, "ann", 0), 1);
}

static void an_accepted_one_becomes_a_version_of_its_senders(void **state)
{
    struct fixture *f = *state;
    char id[PENDING_ID_SIZE];
    struct docs_account a;
    add_person(f, "ann");
    send(f, "ann", "hello", NULL, id);
    assert_ok(accept(f, id, "mary"));
    assert_string_equal(f->out.record.key, "csen317");
    assert_string_equal(f->out.record.uploader, "ann");
    assert_string_equal(f->out.record.title, "A title");
    assert_int_equal(versions_of("csen317")->n, 1);
    assert_ok(accounts_read(&f->w, "ann", &a, NULL));
    assert_true(a.known);
    assert_int_equal(count(f, NULL, 0), 0);
    assert_int_equal(count(f, "ann", 1), 1); /* its sender sees what became of it */
    /* Again, by whom it may be: it is there once, and the bytes are kept here no longer. */
    struct stamp first = f->out.record.id;
    versions.fetched = 0;
    assert_ok(accept(f, id, "john"));
    assert_int_equal(stamp_cmp(f->out.record.id, first), 0);
    assert_int_equal(versions_of("csen317")->n, 1);
    assert_int_equal(versions.fetched, 0);
    assert_err(ERR_CONFLICT, pending_reject(&f->w, id, "john", "too late"));
}

static void a_rejected_one_stays_out(void **state)
{
    struct fixture *f = *state;
    char id[PENDING_ID_SIZE];
    struct pending p;
    send(f, "ann", "hello", NULL, id);
    assert_err(ERR_INVALID, pending_reject(&f->w, id, "mary", "two\nlines\x01"));
    assert_ok(pending_reject(&f->w, id, "mary", "not a syllabus"));
    assert_ok(pending_reject(&f->w, id, "mary", "not a syllabus"));
    assert_err(ERR_CONFLICT, accept(f, id, "mary"));
    assert_int_equal(versions_of("csen317")->n, 0);
    assert_ok(pending_read(&f->w, id, &p));
    assert_int_equal(p.doc.state, DOCS_REJECTED);
    assert_string_equal(p.doc.reason, "not a syllabus");
    assert_string_equal(p.doc.by, "mary");
    assert_string_equal(p.doc.record.key, "csen317");
    assert_false(p.has_bytes);
    pending_release(&p);
    assert_int_equal(count(f, NULL, 0), 0);
}

/* The api dies, or too few owners answer, after the decision and before the bytes are there. */
static void what_was_accepted_arrives_in_the_end(void **state)
{
    struct fixture *f = *state;
    char id[PENDING_ID_SIZE];
    uint64_t removed = 0;
    send(f, "ann", "hello", NULL, id);
    versions.uploads_left = 1; /* the decision */
    assert_err(ERR_UNAVAILABLE, accept(f, id, "mary"));
    versions.uploads_left = -1;
    assert_err(ERR_CONFLICT, pending_reject(&f->w, id, "john", "")); /* it is decided */
    assert_int_equal(count(f, NULL, 0), 1);
    assert_ok(tidy_round(&f->w, clock_unix_ms(), NULL, NULL, &removed));
    assert_int_equal(removed, 0);
    assert_int_equal(versions_of("csen317")->n, 1);
    assert_int_equal(count(f, NULL, 0), 0);
}

static void a_decision_needs_owners(void **state)
{
    struct fixture *f = *state;
    char id[PENDING_ID_SIZE];
    send(f, "ann", "hello", NULL, id);
    versions.away = ERR_UNAVAILABLE;
    assert_err(ERR_UNAVAILABLE, accept(f, id, "mary"));
    assert_err(ERR_UNAVAILABLE, pending_reject(&f->w, id, "mary", ""));
    versions.away = ERR_OK;
    versions.redis_up = 0; /* not needed for one that is named */
    assert_ok(accept(f, id, "mary"));
    struct pending_page p;
    assert_err(ERR_UNAVAILABLE, pending_list(&f->w, "", 10, NULL, 0, &p));
}

/* ---- tidying */

static void what_waited_too_long_goes(void **state)
{
    struct fixture *f = *state;
    char old[PENDING_ID_SIZE], decided[PENDING_ID_SIZE], young[PENDING_ID_SIZE];
    uint64_t now = clock_unix_ms(), removed = 0;
    struct pending p;
    versions.at_ms = now - 31 * DAY_MS;
    send(f, "ann", "one", NULL, old);
    send(f, "ann", "two", NULL, decided);
    versions.at_ms = 0;
    assert_ok(pending_reject(&f->w, decided, "mary", "no"));
    send(f, "ann", "three", NULL, young);
    assert_ok(tidy_round(&f->w, now, NULL, NULL, &removed));
    assert_int_equal(removed, 2);
    assert_err(ERR_NOT_FOUND, pending_read(&f->w, old, &p));
    assert_err(ERR_NOT_FOUND, pending_read(&f->w, decided, &p));
    assert_int_equal(count(f, "ann", 1), 1);
    assert_ok(tidy_round(&f->w, now, NULL, NULL, &removed));
    assert_int_equal(removed, 0);
}

static void what_ended_long_ago_goes(void **state)
{
    struct fixture *f = *state;
    struct docs_token t[3];
    struct docs_link l;
    const char *detail;
    char text[SECRET_TOKEN_SIZE], link[LINK_TEXT_SIZE];
    uint64_t now = clock_unix_ms(), removed = 0;
    add_person(f, "ann");
    const uint64_t ends[] = {0, now + DAY_MS, 0};
    for (int i = 0; i < 3; i++) {
        struct tokens_new in = {.user = "ann", .label = "x", .acts = ACT_BIT(ACT_READ), .expires_at_ms = ends[i]};
        assert_ok(tokens_make(&f->w, &in, "ann", &t[i], text, &detail));
    }
    assert_ok(tokens_revoke(&f->w, t[2].id, "ann", "ann"));
    struct links_new in = {.course = "csen317", .label = "", .expires_at_ms = now + DAY_MS, .downloads_max = DOCS_NO_LIMIT};
    assert_ok(links_make(&f->w, &in, "ann", &l, link, &detail));
    assert_ok(tidy_round(&f->w, now + 29 * DAY_MS, NULL, NULL, &removed));
    assert_int_equal(removed, 0);
    assert_ok(tidy_round(&f->w, now + 30 * DAY_MS + 60000, NULL, NULL, &removed));
    assert_int_equal(removed, 1); /* the revoked one */
    assert_ok(tidy_round(&f->w, now + 32 * DAY_MS, NULL, NULL, &removed));
    assert_int_equal(removed, 2); /* what expired after a day */
    assert_ok(tidy_round(&f->w, now + 4000 * DAY_MS, NULL, NULL, &removed));
    assert_int_equal(removed, 0); /* what never expires stays */
    assert_ok(tokens_read(&f->w, t[0].id, &t[1], NULL));
}

static int at_once(void *ctx)
{
    ++*(int *)ctx;
    return 1;
}

static void a_round_stops_when_asked(void **state)
{
    struct fixture *f = *state;
    char id[PENDING_ID_SIZE];
    uint64_t removed = 9;
    int asked = 0;
    versions.at_ms = 1000;
    send(f, "ann", "one", NULL, id);
    assert_ok(tidy_round(&f->w, clock_unix_ms(), at_once, &asked, &removed));
    assert_int_equal(removed, 0);
    assert_true(asked > 0);
    versions.redis_up = 0;
    assert_err(ERR_UNAVAILABLE, tidy_round(&f->w, clock_unix_ms(), NULL, NULL, &removed));
}

static void the_thread_ends_when_told(void **state)
{
    struct fixture *f = *state;
    struct tidy *t;
    uint64_t at = clock_boot_ms();
    assert_ok(tidy_start(&f->app, &t));
    tidy_stop(t);
    tidy_stop(NULL);
    assert_true(clock_boot_ms() - at < 2000);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(what_waits_is_seen_by_no_reader),
        CASE(the_same_request_again_is_the_same_upload),
        CASE(an_accepted_one_becomes_a_version_of_its_senders),
        CASE(a_rejected_one_stays_out),
        CASE(what_was_accepted_arrives_in_the_end),
        CASE(a_decision_needs_owners),
        CASE(what_waited_too_long_goes),
        CASE(what_ended_long_ago_goes),
        CASE(a_round_stops_when_asked),
        CASE(the_thread_ends_when_told),
    };
    return cmocka_run_group_tests(tests, versions_start, versions_stop);
}
