/* The use cases as handlers call them, against owners in memory and without Redis: what is stored, found again, refused, deleted, restored, read. */
#include "tests/unit/fcgi/service/owners.h"

#include "fcgi/service/read.h"
#include "fcgi/service/type.h"
#include "fcgi/service/upload.h"

#define SMALL_MAX 4096u

struct fixture {
    struct app app;
    struct worker w;
    struct upload_input in; /* what the next upload() takes */
    const char *content;
    size_t at, repeat; /* the content is given so often */
    struct upload_result out;
};

/* Gives the content bit by bit, as FastCGI does. */
static long give(void *ctx, void *into, size_t n)
{
    struct fixture *f = ctx;
    size_t len = strlen(f->content), total = len * f->repeat, some = 0;
    for (; some < n && some < 1000 && f->at < total; some++, f->at++)
        ((char *)into)[some] = f->content[f->at % len];
    return (long)some;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    owners_reset();
    owners_app(&f->app);
    f->app.settings.small_max_bytes = SMALL_MAX;
    f->app.settings.upload_max_bytes = 1u << 20;
    assert_ok(type_sniffer_new(&f->app.sniffer));
    owners_worker(&f->w, &f->app);
    f->in = (struct upload_input){.course = "CSEN 317",
        .key = OWNERS_KEY,
        .term = "",
        .title = "",
        .instructor = "",
        .note = "",
        .filename = "",
        .uploader = "",
        .claimed_type = ""};
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    upload_result_release(&f->out);
    owners_worker_release(&f->w);
    type_sniffer_free(f->app.sniffer);
    owners_app_release(&f->app);
    owners_reset();
    free(f);
    return 0;
}

/* Uploads the content with f->in; f->out is the result. */
static enum err put_times(struct fixture *f, const char *content, size_t repeat)
{
    upload_result_release(&f->out);
    f->content = content;
    f->repeat = repeat;
    f->at = 0;
    f->in.body = (struct upload_body){.read = give, .ctx = f, .size = strlen(content) * repeat};
    return upload(&f->w, &f->in, &f->out);
}

static enum err put(struct fixture *f, const char *content)
{
    return put_times(f, content, 1);
}

static enum err take_down(struct fixture *f, const char *version, const char *again)
{
    struct delete_input in = {
        .course = "csen-317", .key = OWNERS_KEY, .uploader = "", .version = version, .match_sha256 = "", .idempotency_key = again};
    upload_result_release(&f->out);
    return upload_delete(&f->w, &in, &f->out);
}

static enum err bring_back(struct fixture *f, const char *version)
{
    struct delete_input in = {.course = "csen-317", .key = OWNERS_KEY, .uploader = "", .version = version, .match_sha256 = ""};
    upload_result_release(&f->out);
    return upload_restore(&f->w, &in, &f->out);
}

static enum err get(struct fixture *f, const char *version, const char *term, struct read_bytes *out)
{
    struct read_target t = {.key = OWNERS_KEY, .version = version, .term = term};
    return read_bytes(&f->w, &t, out);
}

/* The file name of what would be read, "" when nothing is. */
static const char *current_name(struct fixture *f)
{
    struct read_bytes b;
    if (get(f, NULL, NULL, &b) != ERR_OK)
        return "";
    const char *name = arena_strdup(&f->w.arena, b.record.filename);
    read_bytes_release(&b);
    return name;
}

static void an_upload_says_what_it_stored(void **state)
{
    struct fixture *f = *state;
    f->in.filename = "../../syllabus.txt";
    f->in.term = "2026 Fall";
    assert_ok(put(f, "hello\n"));
    assert_int_equal(f->out.outcome, UPLOAD_CREATED);
    assert_string_equal(f->out.record.filename, "syllabus.txt");
    assert_string_equal(f->out.record.type, "text/plain");
    assert_string_equal(f->out.record.term, "2026 Fall");
    assert_int_equal(f->out.record.size, 6);
    assert_int_equal(f->out.n_copies, 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(f->out.copies[i].state, BLOB_STORED);
    assert_int_equal(owners.indexed, 1);
}

static void a_file_without_a_name_gets_one(void **state)
{
    struct fixture *f = *state;
    assert_ok(put(f, "%PDF-1.4\n%\xE2\xE3\n"));
    assert_string_equal(f->out.record.filename, "CSEN 317.pdf");
}

static void the_same_again_changes_nothing(void **state)
{
    struct fixture *f = *state;
    assert_ok(put(f, "hello\n"));
    struct stamp id = f->out.record.id;
    assert_ok(put(f, "hello\n"));
    assert_int_equal(f->out.outcome, UPLOAD_UNCHANGED);
    assert_int_equal(stamp_cmp(f->out.record.id, id), 0);
    assert_int_equal(owners.disk[0].records.n, 1);
    f->in.note = "room 3";
    assert_ok(put(f, "hello\n"));
    assert_int_equal(f->out.outcome, UPLOAD_CREATED);
    assert_int_equal(owners.disk[0].records.n, 2);
}

static void the_same_again_on_too_few_disks_is_stored(void **state)
{
    struct fixture *f = *state;
    assert_ok(put(f, "hello\n"));
    owners.disk[0].blind = owners.disk[1].blind = 1;
    assert_ok(put(f, "hello\n"));
    assert_int_equal(f->out.outcome, UPLOAD_CREATED);
}

static void an_idempotency_key_finds_its_record(void **state)
{
    struct fixture *f = *state;
    f->in.idempotency_key = "try";
    assert_ok(put(f, "hello\n"));
    struct stamp id = f->out.record.id;
    f->in.idempotency_key = NULL;
    assert_ok(put(f, "something newer\n"));
    f->in.idempotency_key = "try";
    assert_ok(put(f, "hello\n"));
    assert_int_equal(f->out.outcome, UPLOAD_CREATED);
    assert_int_equal(stamp_cmp(f->out.record.id, id), 0);
    assert_int_equal(owners.disk[0].records.n, 2);
    assert_err(ERR_INVALID, put(f, "other bytes\n"));
    assert_non_null(f->out.detail);
    f->in.uploader = "somebody else";
    assert_ok(put(f, "other bytes\n"));
}

static int lose_stores_but_at_the_first(size_t owner, const struct message_request *m)
{
    return owner > 0 && m->verb == MESSAGE_STORE ? -1 : 0;
}

static void a_record_left_on_one_disk_is_stored_again_and_not_taken_for_safe(void **state)
{
    struct fixture *f = *state;
    f->in.idempotency_key = "try";
    owners.refuse = lose_stores_but_at_the_first;
    assert_err(ERR_TIMEOUT, put(f, "hello\n"));
    assert_int_equal(owners.disk[0].records.n, 1);
    struct stamp id = owners.disk[0].records.entries[0].record.id;
    owners.refuse = NULL;
    assert_ok(put(f, "hello\n"));
    assert_int_equal(stamp_cmp(f->out.record.id, id), 0);
    assert_int_equal(owners_with(id), 3);
}

static void what_came_along_is_checked(void **state)
{
    struct fixture *f = *state;
    char long_text[300];
    memset(long_text, 'x', sizeof(long_text) - 1);
    long_text[sizeof(long_text) - 1] = '\0';
    assert_err(ERR_INVALID, put(f, ""));
    assert_string_equal(f->out.detail, "The file is empty.");
    f->in.title = long_text;
    assert_err(ERR_INVALID, put(f, "hello\n"));
    assert_string_equal(f->out.detail, "The title is longer than 255 characters.");
    f->in.title = "a\nb";
    assert_err(ERR_SYNTAX, put(f, "hello\n"));
    f->in.title = "";
    f->in.filename = "x.pdf";
    assert_err(ERR_TYPE, put(f, "hello\n"));
    f->in.filename = "";
    f->in.has_digest = 1;
    assert_err(ERR_SYNTAX, put(f, "hello\n"));
    f->in.has_digest = 0;
    assert_err(ERR_TOO_LARGE, put_times(f, "0123456789abcdef", 70000));
    f->in.body.size = 100;
    f->content = "short";
    f->repeat = 1;
    f->at = 0;
    assert_err(ERR_SYNTAX, upload(&f->w, &f->in, &f->out));
    assert_int_equal(owners.disk[0].records.n, 0);
    assert_int_equal(owners.disk[0].count[MESSAGE_STORE], 0);
}

static void a_large_body_is_staged_first(void **state)
{
    struct fixture *f = *state;
    assert_ok(put_times(f, "0123456789abcdef", 40000));
    for (size_t i = 0; i < OWNERS; i++) {
        assert_int_equal(owners.disk[i].staged_bytes, 640000);
        assert_int_equal(owners.disk[i].records.n, 1);
    }
    f->in.match = MATCH_RECORD;
    f->in.match_record = f->out.record.id;
    assert_ok(put_times(f, "0123456789ABCDEF", 40000));
    assert_int_equal(owners.disk[2].records.n, 2);
}

static void an_owner_that_did_not_stage_it_is_not_asked_to_store_it(void **state)
{
    struct fixture *f = *state;
    owners.disk[2].full = 1;
    assert_ok(put_times(f, "0123456789abcdef", 40000));
    assert_int_equal(owners.disk[2].count[MESSAGE_STORE], 0);
    assert_string_equal(owners.disk[0].hinted, owners.members[2].id);
    assert_int_equal(f->out.copies[2].state, BLOB_MISSING);
}

/* The ring changes while the body comes: owners that never got it are served from one that took it. */
static long give_and_join(void *ctx, void *into, size_t n)
{
    struct fixture *f = ctx;
    if (f->at > 300000) {
        owners.to = "345";
        owners.ring = 2;
    }
    return give(ctx, into, n);
}

static void a_body_that_was_staged_before_a_ring_change_reaches_the_new_owners(void **state)
{
    struct fixture *f = *state;
    for (int conditional = 0; conditional < 2; conditional++) {
        owners_reset();
        upload_result_release(&f->out);
        f->content = "0123456789abcdef";
        f->repeat = 40000;
        f->at = 0;
        f->in.match = conditional ? MATCH_NONE : MATCH_NOTHING;
        f->in.body = (struct upload_body){.read = give_and_join, .ctx = f, .size = 640000};
        assert_ok(upload(&f->w, &f->in, &f->out));
        assert_int_equal(owners.fetched, conditional ? 2 : 1); /* a claim that is finished brings its bytes along */
        assert_int_equal(owners_with(f->out.record.id), 6);
        for (size_t i = OWNERS; i < OWNERS_DISKS; i++)
            assert_int_equal(owners.disk[i].staged_bytes, 640000);
    }
}

static void too_few_that_stage_it_leave_nothing(void **state)
{
    struct fixture *f = *state;
    owners.disk[1].full = owners.disk[2].full = 1;
    assert_err(ERR_FULL, put_times(f, "0123456789abcdef", 40000));
    owners.disk[1].full = owners.disk[2].full = 0;
    owners.disk[1].down = owners.disk[2].down = 1;
    assert_err(ERR_UNAVAILABLE, put_times(f, "0123456789abcdef", 40000));
    assert_int_equal(f->out.can_write, 1);
    assert_int_equal(f->out.needed, 2);
    assert_int_equal(owners.disk[0].records.n, 0);
}

static void a_delete_hides_and_a_restore_brings_back(void **state)
{
    struct fixture *f = *state;
    struct read_bytes b;
    f->in.filename = "one.txt";
    assert_ok(put(f, "one\n"));
    f->in.filename = "two.txt";
    assert_ok(put(f, "two\n"));
    assert_ok(take_down(f, NULL, NULL));
    assert_string_equal(f->out.record.course, "CSEN 317"); /* a delete does not rename the course */
    assert_err(ERR_GONE, get(f, NULL, NULL, &b));
    assert_err(ERR_GONE, get(f, "1", NULL, &b));
    assert_err(ERR_NOT_FOUND, take_down(f, NULL, NULL));
    assert_ok(bring_back(f, NULL));
    assert_string_equal(f->out.record.filename, "two.txt");
    assert_string_equal(current_name(f), "two.txt");
    assert_ok(bring_back(f, "1"));
    assert_string_equal(current_name(f), "one.txt");
    assert_err(ERR_NOT_FOUND, bring_back(f, "3")); /* the tombstone */
    assert_err(ERR_NOT_FOUND, bring_back(f, "99"));
}

static void deleting_one_version_leaves_the_others(void **state)
{
    struct fixture *f = *state;
    struct read_bytes b;
    f->in.filename = "one.txt";
    assert_ok(put(f, "one\n"));
    f->in.filename = "two.txt";
    assert_ok(put(f, "two\n"));
    assert_ok(take_down(f, "2", NULL));
    assert_string_equal(current_name(f), "one.txt");
    assert_err(ERR_GONE, get(f, "2", NULL, &b));
    assert_err(ERR_NOT_FOUND, take_down(f, "2", NULL));
    assert_ok(take_down(f, "1", NULL));
    assert_err(ERR_GONE, get(f, NULL, NULL, &b));
}

static enum err erase(struct fixture *f, struct stamp version)
{
    char hex[STAMP_HEX_SIZE];
    stamp_hex(version, hex);
    struct delete_input in = {.course = "csen-317", .key = OWNERS_KEY, .uploader = "", .version = hex, .erase = 1, .match_sha256 = ""};
    upload_result_release(&f->out);
    return upload_delete(&f->w, &in, &f->out);
}

/* Unlike a delete: also what is deleted already, and nothing brings it back. */
static void what_is_erased_stays_erased(void **state)
{
    struct fixture *f = *state;
    struct read_bytes b;
    assert_ok(put(f, "one\n"));
    struct stamp one = f->out.record.id;
    assert_ok(put(f, "two\n"));
    struct stamp two = f->out.record.id;
    assert_ok(erase(f, one));
    assert_true(f->out.record.erase);
    assert_err(ERR_NOT_FOUND, erase(f, one));
    assert_err(ERR_GONE, get(f, "1", NULL, &b));
    assert_err(ERR_GONE, bring_back(f, "1"));
    assert_ok(take_down(f, "2", NULL));
    assert_ok(erase(f, two));
    assert_err(ERR_NOT_FOUND, erase(f, f->out.record.id)); /* a tombstone has nothing to erase */
    assert_err(ERR_GONE, bring_back(f, "2"));
    assert_err(ERR_NOT_FOUND, bring_back(f, NULL));
    assert_err(ERR_NOT_FOUND, erase(f, (struct stamp){1, 1}));
}

static void a_delete_asked_twice_with_one_key_is_done_once(void **state)
{
    struct fixture *f = *state;
    assert_ok(put(f, "one\n"));
    assert_ok(take_down(f, NULL, "once"));
    struct stamp id = f->out.record.id;
    assert_ok(take_down(f, NULL, "once"));
    assert_int_equal(stamp_cmp(f->out.record.id, id), 0);
    assert_err(ERR_NOT_FOUND, take_down(f, NULL, "twice"));
}

static void a_restore_carries_bytes_to_owners_that_lack_them(void **state)
{
    struct fixture *f = *state;
    assert_ok(put(f, "one\n"));
    assert_ok(put(f, "two\n"));
    owners.disk[0].blind = owners.disk[1].blind = 1;
    assert_ok(bring_back(f, "1"));
    assert_int_equal(owners.fetched, 1);
    owners.disk[2].blind = 1;
    assert_err(ERR_GONE, bring_back(f, "2"));
}

static void reading_goes_on_with_one_owner_left(void **state)
{
    struct fixture *f = *state;
    struct read_bytes b;
    assert_ok(put(f, "one\n"));
    owners.disk[0].down = owners.disk[1].down = 1;
    owners.unusable[0] = owners.unusable[1] = 1;
    assert_ok(get(f, NULL, NULL, &b));
    assert_string_equal(b.sources[0].address, "127.0.0.1:4002");
    assert_string_not_equal(b.sources[1].address, b.sources[0].address);
    read_bytes_release(&b);
    /* What it does not have, another may. */
    assert_err(ERR_UNAVAILABLE, get(f, "7", NULL, &b));
    owners.disk[0].down = 0;
    assert_err(ERR_NOT_FOUND, get(f, "7", NULL, &b));
}

static void what_cannot_have_been_acknowledged_is_not_shown(void **state)
{
    struct fixture *f = *state;
    struct read_bytes b;
    owners.disk[1].silent = owners.disk[2].silent = 1;
    assert_err(ERR_TIMEOUT, put(f, "one\n"));
    owners.disk[1].silent = owners.disk[2].silent = 0;
    assert_err(ERR_NOT_FOUND, get(f, NULL, NULL, &b));
    owners.disk[1].down = 1;
    assert_ok(get(f, NULL, NULL, &b)); /* now owner 2 may have it too */
    read_bytes_release(&b);
}

static int lose_learning(size_t owner, const struct message_request *m)
{
    (void)owner;
    return m->verb == MESSAGE_LEARN ? -1 : 0;
}

static int accept_at_the_first_only(size_t owner, const struct message_request *m)
{
    return m->verb == MESSAGE_ACCEPT && owner > 0 ? -1 : 0;
}

static void a_chosen_record_is_read_though_nobody_was_told(void **state)
{
    struct fixture *f = *state;
    struct read_bytes b;
    f->in.match = MATCH_NONE;
    owners.refuse = accept_at_the_first_only;
    assert_err(ERR_TIMEOUT, put(f, "one\n"));
    owners.refuse = NULL;
    assert_err(ERR_NOT_FOUND, get(f, NULL, NULL, &b));
    owners.refuse = lose_learning;
    owners.disk[0].down = 1; /* the one with the unfinished claim */
    assert_ok(put(f, "two\n"));
    assert_int_equal(owners.disk[1].records.n, 0);
    assert_ok(get(f, NULL, NULL, &b));
    read_bytes_release(&b);
}

static void a_term_names_its_newest_version(void **state)
{
    struct fixture *f = *state;
    struct read_bytes b;
    f->in.term = "2026 Fall";
    f->in.filename = "fall.txt";
    assert_ok(put(f, "one\n"));
    f->in.term = "2027 Spring";
    f->in.filename = "spring.txt";
    assert_ok(put(f, "two\n"));
    assert_ok(get(f, NULL, "2026-fall", &b));
    assert_string_equal(b.record.filename, "fall.txt");
    assert_int_equal(b.version, 1);
    read_bytes_release(&b);
    assert_err(ERR_NOT_FOUND, get(f, NULL, "2025 Fall", &b));
}

static void a_course_tells_who_has_what(void **state)
{
    struct fixture *f = *state;
    struct course c;
    assert_ok(put(f, "one\n"));
    owners.disk[1].down = 1;
    f->in.title = "Networks";
    assert_ok(put(f, "two\n"));
    owners.disk[1].down = 0;
    owners.disk[2].silent = 1;
    assert_ok(course_read(&f->w, OWNERS_KEY, &c));
    assert_string_equal(c.name, "CSEN 317");
    assert_int_equal(c.history.n, 2);
    assert_int_equal(c.n_owners, 3);
    const enum blob_state want[2][3] = {{BLOB_STORED, BLOB_STORED, BLOB_UNKNOWN}, {BLOB_STORED, BLOB_MISSING, BLOB_UNKNOWN}};
    for (size_t i = 0; i < 2; i++)
        for (size_t j = 0; j < 3; j++)
            assert_int_equal(c.copies[i].state[j], want[i][j]);
    for (size_t j = 0; j < 3; j++)
        assert_int_equal(c.owners[j].state, want[1][j]);
    course_release(&c);
    owners_reset();
    assert_err(ERR_NOT_FOUND, course_read(&f->w, OWNERS_KEY, &c));
    owners.disk[0].down = owners.disk[1].down = 1;
    assert_err(ERR_UNAVAILABLE, course_read(&f->w, OWNERS_KEY, &c));
}

int main(void)
{
    if (peer_global_init() != ERR_OK)
        return 1;
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(an_upload_says_what_it_stored),
        T(a_file_without_a_name_gets_one),
        T(the_same_again_changes_nothing),
        T(the_same_again_on_too_few_disks_is_stored),
        T(an_idempotency_key_finds_its_record),
        T(a_record_left_on_one_disk_is_stored_again_and_not_taken_for_safe),
        T(what_came_along_is_checked),
        T(a_large_body_is_staged_first),
        T(an_owner_that_did_not_stage_it_is_not_asked_to_store_it),
        T(a_body_that_was_staged_before_a_ring_change_reaches_the_new_owners),
        T(too_few_that_stage_it_leave_nothing),
        T(a_delete_hides_and_a_restore_brings_back),
        T(deleting_one_version_leaves_the_others),
        T(what_is_erased_stays_erased),
        T(a_delete_asked_twice_with_one_key_is_done_once),
        T(a_restore_carries_bytes_to_owners_that_lack_them),
        T(reading_goes_on_with_one_owner_left),
        T(what_cannot_have_been_acknowledged_is_not_shown),
        T(a_chosen_record_is_read_though_nobody_was_told),
        T(a_term_names_its_newest_version),
        T(a_course_tells_who_has_what),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
