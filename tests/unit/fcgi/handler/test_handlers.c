/* Handlers between whole requests and fakes of the use cases (by the linker): what reaches a use case, and what its results become. */
#include "tests/unit/fcgi/memory.h"

#include "fcgi/service/read.h"
#include "fcgi/service/view.h"
#include "lib/base/clock.h"

#include <ftw.h>
#include <stdio.h>
#include <unistd.h>

#define ID "0006489c8a1f40000000000000000abc"
#define SHA "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* What the fakes answer, and what they were asked. */
static struct {
    enum err error;
    enum upload_outcome outcome;
    const char *detail;
    unsigned can_write, needed, retry_after_s;
    const char *type, *filename;
    int calls;
    char asked[512]; /* the text inputs, joined */
    char body[256];
    long body_end; /* what the last read gave */
    enum upload_match match;
    int has_digest;
} fake;

static struct record make_record(enum record_kind kind)
{
    struct record r;
    assert_ok(record_init(&r));
    assert_ok(stamp_parse(ID, &r.id));
    assert_ok(record_set(&r.course, "CRJU/POSC 320"));
    assert_ok(record_set(&r.key, "crju/posc320"));
    assert_ok(record_set(&r.filename, fake.filename ? fake.filename : "plan.pdf"));
    assert_ok(record_set(&r.type, fake.type ? fake.type : "application/pdf"));
    r.kind = kind;
    if (kind != RECORD_DELETE) {
        memcpy(r.sha256, SHA, sizeof(r.sha256));
        r.size = 42;
    }
    return r;
}

static enum err finish(struct upload_result *out, enum record_kind kind)
{
    memset(out, 0, sizeof(*out));
    out->detail = fake.detail;
    out->can_write = fake.can_write;
    out->needed = fake.needed;
    out->retry_after_s = fake.retry_after_s;
    out->outcome = fake.outcome;
    if (fake.error)
        return fake.error;
    out->record = make_record(kind);
    out->version = 7;
    out->n_copies = 3;
    out->copies[0] = (struct upload_copy){"node-1.aa", "node-1", BLOB_STORED};
    out->copies[1] = (struct upload_copy){"node-2.bb", "node-2", BLOB_UNKNOWN};
    out->copies[2] = (struct upload_copy){"node-3.cc", "node-3", BLOB_STORED};
    return ERR_OK;
}

enum err upload(struct worker *w, const struct upload_input *in, struct upload_result *out)
{
    (void)w;
    long n;
    size_t at = 0;
    fake.calls++;
    snprintf(fake.asked, sizeof(fake.asked), "%s|%s|%s|%s|%s|%s|%s|%s|%s|%s|%llu", in->course, in->key, in->term, in->title, in->instructor,
        in->note, in->filename, in->uploader, in->claimed_type, in->idempotency_key ? in->idempotency_key : "-",
        (unsigned long long)in->body.size);
    fake.match = in->match;
    fake.has_digest = in->has_digest;
    while ((n = in->body.read(in->body.ctx, fake.body + at, 3)) > 0)
        at += (size_t)n;
    fake.body[at] = '\0';
    fake.body_end = n;
    if (n < 0) {
        memset(out, 0, sizeof(*out));
        return ERR_SYNTAX;
    }
    return finish(out, RECORD_UPLOAD);
}

static enum err alter(const struct delete_input *in, struct upload_result *out, enum record_kind kind)
{
    fake.calls++;
    snprintf(fake.asked, sizeof(fake.asked), "%s|%s|%s|%s", in->course, in->key, in->version ? in->version : "-",
        in->idempotency_key ? in->idempotency_key : "-");
    fake.match = in->match;
    return finish(out, kind);
}

enum err upload_delete(struct worker *w, const struct delete_input *in, struct upload_result *out)
{
    (void)w;
    return alter(in, out, RECORD_DELETE);
}

enum err upload_restore(struct worker *w, const struct delete_input *in, struct upload_result *out)
{
    (void)w;
    return alter(in, out, RECORD_RESTORE);
}

enum err read_bytes(struct worker *w, const struct read_target *t, struct read_bytes *out)
{
    (void)w;
    fake.calls++;
    snprintf(fake.asked, sizeof(fake.asked), "%s|%s|%s", t->key, t->version ? t->version : "-", t->term ? t->term : "-");
    if (fake.error)
        return fake.error;
    memset(out, 0, sizeof(*out));
    out->record = make_record(RECORD_UPLOAD);
    for (int i = 0; i < READ_SOURCES; i++) {
        snprintf(out->sources[i].address, sizeof(out->sources[i].address), "127.0.0.1:%d", 4701 + i);
        snprintf(out->sources[i].capability, sizeof(out->sources[i].capability), "RBC1 expiry=%d, mac=00", i);
    }
    return ERR_OK;
}

void read_bytes_release(struct read_bytes *b)
{
    record_release(&b->record);
}

enum err course_list(
    struct worker *w, const char *q, const char *term, enum index_sort sort, const char *cursor, unsigned limit, struct index_page *out)
{
    (void)w;
    fake.calls++;
    snprintf(fake.asked, sizeof(fake.asked), "%s|%s|%d|%s|%u", q ? q : "-", term ? term : "-", sort == INDEX_NEWEST, cursor ? cursor : "-",
        limit);
    if (fake.error)
        return fake.error;
    out->n = 1;
    out->items = calloc(1, sizeof(*out->items));
    assert_non_null(out->items);
    out->items[0].current = make_record(RECORD_UPLOAD);
    out->items[0].versions = 2;
    out->items[0].version = 3;
    out->next = strdup("c2");
    return ERR_OK;
}

/* A course of three: an upload, another, and a tombstone of the first. */
enum err course_read(struct worker *w, const char *key, struct course *out)
{
    fake.calls++;
    if (fake.error)
        return fake.error;
    memset(out, 0, sizeof(*out));
    out->name = arena_strdup(&w->arena, "CRJU/POSC 320");
    out->key = arena_strdup(&w->arena, key);
    history_init(&out->history);
    for (uint64_t i = 0; i < 3; i++) {
        struct record r = make_record(i < 2 ? RECORD_UPLOAD : RECORD_DELETE);
        r.id.clock += i << 12;
        if (i == 2)
            r.of = out->history.entries[0].record.id;
        snprintf(r.upload, sizeof(r.upload), "%032d", (int)i);
        assert_ok(history_add(&out->history, &r, 1));
        record_release(&r);
    }
    out->n_owners = 2;
    out->owners[0] = (struct course_owner){"node-2.bb", "node-2", "b", BLOB_STORED, 1000, 0};
    out->owners[1] = (struct course_owner){"node-1.aa", "node-1", "a", BLOB_BAD, 0, 0};
    out->copies = arena_alloc(&w->arena, 3 * sizeof(*out->copies));
    assert_non_null(out->copies);
    out->copies[1].state[0] = BLOB_STORED;
    out->copies[1].state[1] = BLOB_BAD;
    out->copies[0].state[0] = out->copies[0].state[1] = BLOB_MISSING;
    out->copies[2].state[0] = out->copies[2].state[1] = BLOB_UNKNOWN;
    return ERR_OK;
}

void course_release(struct course *c)
{
    history_release(&c->history);
}

enum err course_placement(struct worker *w, const char *key, const char *from, struct placement *out)
{
    (void)from;
    (void)w;
    fake.calls++;
    if (fake.error)
        return fake.error;
    memset(out, 0, sizeof(*out));
    out->point = ring_key_point(key);
    out->epoch = 5;
    out->n_owners = 1;
    out->owners[0] = (struct course_owner){"node-2.bb", "node-2", "b", BLOB_UNKNOWN, 0, 0};
    out->n_steps = 2;
    out->steps[0] = (struct ring_step){1, 0, RING_STEP_OWNER};
    out->steps[1] = (struct ring_step){UINT64_MAX, 0, RING_STEP_SAME_ZONE};
    snprintf(out->step_members[1].name, sizeof(out->step_members[1].name), "node-9");
    return ERR_OK;
}

static struct member nodes[2];
static struct view view;

enum err cluster_read(struct worker *w, struct cluster *out)
{
    (void)w;
    fake.calls++;
    memset(out, 0, sizeof(*out));
    out->view = &view;
    view.survey.ready = fake.error == ERR_OK;
    out->k = 3;
    out->k_effective = 1;
    return ERR_OK;
}

void cluster_release(struct worker *w, struct cluster *c)
{
    (void)w;
    (void)c;
}

/* ---- help ---- */

static char folder[] = "/tmp/rb-handlers-XXXXXX";

static void begin(struct memory *m, const char *method, const char *uri)
{
    memset(&fake, 0, sizeof(fake));
    memory_init(m, method, uri);
    m->app.settings.data = folder;
    memory_sign_in(m, ROLE_ADMIN);
}

static void set_body(struct memory *m, const char *body, size_t length)
{
    static char digits[24];
    m->body = body;
    m->body_len = strlen(body);
    snprintf(digits, sizeof(digits), "%zu", length);
    memory_set(m, "CONTENT_LENGTH", digits);
}

static uint64_t number(const struct json *j, const char *key)
{
    uint64_t n;
    assert_ok(json_get_u64(j, key, UINT64_MAX, &n));
    return n;
}

/* ---- uploads ---- */

static void a_put_hands_over_everything_and_answers_201(void **state)
{
    (void)state;
    struct memory m;
    begin(&m, "PUT", "/api/v1/courses/%20CRJU%2FPOSC%20320/syllabus?filename=a%22b.pdf&term=2026+Fall&title=T&instructor=%C3%85&note=n");
    set_body(&m, "%PDF-1.4", 8);
    memory_set(&m, "CONTENT_TYPE", "Application/PDF; x=y");
    memory_set(&m, "HTTP_IF_MATCH", "\"" SHA "\"");
    memory_set(&m, "HTTP_IDEMPOTENCY_KEY", "k1");
    memory_set(&m, "HTTP_CONTENT_DIGEST", "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:");
    assert_int_equal(memory_serve(&m), 201);
    assert_string_equal(fake.asked, "CRJU/POSC 320|crju/posc320|2026 Fall|T|Å|n|a\"b.pdf|ada|application/pdf|k1|8");
    assert_string_equal(fake.body, "%PDF-1.4");
    assert_int_equal(fake.match, MATCH_SHA256);
    assert_true(fake.has_digest);
    assert_header(&m, "Location", "/api/v1/courses/CRJU%2FPOSC%20320/syllabus?version=" ID);
    assert_header(&m, "ETag", "\"" SHA "\"");
    assert_header(&m, "Record-Id", ID);
    struct json *j = memory_json(&m);
    assert_string_equal(json_get_str(j, "id"), ID);
    assert_int_equal(number(j, "version"), 7);
    assert_int_equal(number(j, "size"), 42);
    assert_false(json_get_bool(j, "deleted", 1));
    assert_true(json_is_null(json_get(j, "parent")));
    const struct json *copies = json_get(j, "copies");
    assert_int_equal(json_count(copies), 2);
    assert_string_equal(json_get_str(json_next(json_first(copies)), "name"), "node-3");
    json_free(j);
    assert_int_equal(atomic_load(&m.metrics.upload_bytes), 42);
    memory_release(&m);
}

static void the_same_again_is_200(void **state)
{
    (void)state;
    struct memory m;
    begin(&m, "PUT", "/api/v1/courses/x/syllabus");
    set_body(&m, "abc", 3);
    memory_set(&m, "HTTP_IDEMPOTENCY_KEY", "");
    fake.outcome = UPLOAD_UNCHANGED;
    assert_int_equal(memory_serve(&m), 200);
    assert_string_equal(fake.asked, "x|x||||||ada||-|3");
    assert_header(&m, "Record-Id", ID);
    assert_int_equal(atomic_load(&m.metrics.upload_bytes), 0);
    memory_release(&m);
}

static void a_short_body_is_an_error_not_a_short_file(void **state)
{
    (void)state;
    struct memory m;
    begin(&m, "PUT", "/api/v1/courses/x/syllabus");
    set_body(&m, "abc", 4);
    assert_int_equal(memory_serve(&m), 400);
    assert_int_equal(fake.body_end, -1);
    memory_release(&m);
}

static void errors_of_an_upload_become_problems(void **state)
{
    (void)state;
    static const struct {
        enum err error;
        int status;
    } rows[] = {{ERR_PRECONDITION, 412}, {ERR_TYPE, 415}, {ERR_INVALID, 422}, {ERR_SYNTAX, 400}, {ERR_TOO_LARGE, 413}, {ERR_FULL, 507},
        {ERR_UNAVAILABLE, 503}, {ERR_TIMEOUT, 503}, {ERR_NOMEM, 500}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct memory m;
        begin(&m, "PUT", "/api/v1/courses/x/syllabus");
        set_body(&m, "abc", 3);
        fake.error = rows[i].error;
        fake.detail = "This is why.";
        fake.can_write = 1;
        fake.needed = 2;
        fake.retry_after_s = 3;
        assert_int_equal(memory_serve(&m), rows[i].status);
        struct json *j = memory_json(&m);
        assert_string_equal(json_get_str(j, "detail"), "This is why.");
        assert_int_equal(json_is_null(json_get(j, "can_write")), rows[i].status != 503);
        if (rows[i].status == 503) {
            assert_int_equal(number(j, "can_write"), 1);
            assert_int_equal(number(j, "needed"), 2);
            assert_header(&m, "Retry-After", "3");
        }
        assert_int_equal(atomic_load(&m.metrics.quorum_failures), rows[i].status == 503);
        json_free(j);
        memory_release(&m);
    }
}

/* ---- forms ---- */

#define FORM_TYPE "multipart/form-data; boundary=XX"
#define PART(disposition, value) "--XX\r\nContent-Disposition: form-data; " disposition "\r\n\r\n" value "\r\n"

static int post(struct memory *m, const char *type, const char *body)
{
    begin(m, "POST", "/api/v1/courses/x/syllabus");
    set_body(m, body, strlen(body));
    m->piece = 5;
    if (type)
        memory_set(m, "CONTENT_TYPE", type);
    return memory_serve(m);
}

static void a_form_is_the_same_upload_in_any_order(void **state)
{
    (void)state;
    struct memory m;
    assert_int_equal(
        post(&m, FORM_TYPE,
            PART("name=\"term\"", "2026 Fall") "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.pdf\"\r\nContent-Type: "
                                               "application/pdf\r\n\r\n%PDF\r\n" PART("name=\"title\"", "T") "--XX--\r\n"),
        201);
    assert_string_equal(fake.asked, "x|x|2026 Fall|T|||a.pdf|ada|application/pdf|-|4");
    assert_string_equal(fake.body, "%PDF");
    assert_int_equal(fake.body_end, 0);
    memory_release(&m);
    assert_int_equal(
        post(&m, FORM_TYPE, PART("name=\"file\"; filename=\"a.pdf\"", "%PDF") PART("name=\"filename\"", "b.pdf") "--XX--"), 201);
    assert_string_equal(fake.asked, "x|x|||||b.pdf|ada||-|4");
    memory_release(&m);
}

static void bad_forms_store_nothing(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *type, *body;
    } rows[] = {
        {415, NULL, "x"},
        {415, "application/pdf", "x"},
        {400, "multipart/form-data", "x"},
        {400, FORM_TYPE, "x"},
        {400, FORM_TYPE, PART("name=\"file\"", "%PDF")},
        {400, FORM_TYPE, PART("name=\"term\"", "t") "--XX--"},
        {422, FORM_TYPE, PART("name=\"file\"; filename=\"\"", "") "--XX--"},
        {400, FORM_TYPE, PART("name=\"file\"", "a") PART("name=\"file\"", "b") "--XX--"},
        {400, FORM_TYPE, PART("name=\"file\"", "a") PART("name=\"role\"", "admin") "--XX--"},
        {400, FORM_TYPE, PART("name=\"file\"", "a") PART("name=\"term\"", "1") PART("name=\"term\"", "2") "--XX--"},
        {400, FORM_TYPE, PART("name=\"file\"", "a") PART("name=\"term\"", "\xff") "--XX--"},
        {400, FORM_TYPE, "--XX\r\nContent-Type: pdf\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nx\r\n--XX--"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct memory m;
        int status = post(&m, rows[i].type, rows[i].body);
        if (status != rows[i].status || fake.calls != 0)
            fail_msg("row %zu: %d, %d calls", i, status, fake.calls);
        struct json *j = memory_json(&m);
        assert_true(strlen(json_get_str(j, "detail")) > 10);
        json_free(j);
        memory_release(&m);
    }
}

static void a_form_has_bounds(void **state)
{
    (void)state;
    struct memory m;
    char value[5001], body[6000];
    memset(value, 'v', sizeof(value) - 1);
    value[sizeof(value) - 1] = '\0';
    snprintf(body, sizeof(body), PART("name=\"term\"", "%s") "--XX--", value);
    assert_int_equal(post(&m, FORM_TYPE, body), 422);
    memory_release(&m);
    value[1001] = '\0'; /* the largest upload of this test has 1,000 bytes */
    snprintf(body, sizeof(body), PART("name=\"file\"", "%s") "--XX--", value);
    assert_int_equal(post(&m, FORM_TYPE, body), 413);
    memory_release(&m);
    value[1000] = '\0';
    snprintf(body, sizeof(body), PART("name=\"file\"", "%s") "--XX--", value + 800);
    assert_int_equal(post(&m, FORM_TYPE, body), 201);
    memory_release(&m);
    begin(&m, "POST", "/api/v1/courses/x/syllabus");
    memory_set(&m, "CONTENT_TYPE", FORM_TYPE);
    assert_int_equal(memory_serve(&m), 411);
    memory_release(&m);
    begin(&m, "POST", "/api/v1/courses/x/syllabus");
    memory_set(&m, "CONTENT_TYPE", FORM_TYPE);
    set_body(&m, "--XX", 300000);
    assert_int_equal(memory_serve(&m), 413);
    memory_release(&m);
    begin(&m, "POST", "/api/v1/courses/x/syllabus");
    memory_set(&m, "CONTENT_TYPE", FORM_TYPE);
    set_body(&m, PART("name=\"file\"", "abc"), 500);
    assert_int_equal(memory_serve(&m), 400);
    memory_release(&m);
}

/* ---- bytes ---- */

static void a_download_tells_nginx_where_the_bytes_are(void **state)
{
    (void)state;
    struct memory m;
    begin(&m, "GET", "/api/v1/courses/CRJU%2FPOSC-320/syllabus?version=3");
    assert_int_equal(memory_serve(&m), 200);
    assert_string_equal(fake.asked, "crju/posc320|3|-");
    assert_header(&m, "X-Accel-Redirect", "/_small/" SHA);
    assert_header(&m, "X-Node-1", "127.0.0.1:4701");
    assert_header(&m, "X-Node-3", "127.0.0.1:4703");
    assert_header(&m, "X-Cap-2", "RBC1 expiry=1, mac=00");
    assert_header(&m, "X-Blob-Record", ID);
    assert_header(&m, "ETag", "\"" SHA "\"");
    assert_header(&m, "Content-Type", "application/pdf");
    assert_header(&m, "Content-Disposition", "inline; filename=\"plan.pdf\"; filename*=UTF-8''plan.pdf");
    assert_header(&m, "Cache-Control", "private, no-cache");
    assert_string_equal(memory_body(&m), "");
    memory_release(&m);
}

static void a_head_has_the_same_headers(void **state)
{
    (void)state;
    struct memory get, head;
    begin(&get, "GET", "/api/v1/courses/x/syllabus?version=" ID);
    assert_int_equal(memory_serve(&get), 200);
    begin(&head, "HEAD", "/api/v1/courses/x/syllabus?version=" ID);
    assert_int_equal(memory_serve(&head), 200);
    assert_string_equal(buf_str(&get.answer), buf_str(&head.answer));
    assert_header(&get, "Cache-Control", "private, max-age=60");
    memory_release(&get);
    memory_release(&head);
}

static void what_could_run_is_an_attachment_of_bytes(void **state)
{
    (void)state;
    static const struct {
        const char *type, *uri, *wanted, *disposition;
    } rows[] = {
        {"text/html", "/api/v1/courses/x/syllabus", "application/octet-stream", "attachment"},
        {"image/svg+xml", "/api/v1/courses/x/syllabus?download=0", "application/octet-stream", "attachment"},
        {"application/pdf", "/api/v1/courses/x/syllabus?download=1", "application/pdf", "attachment"},
        {"text/plain", "/api/v1/courses/x/syllabus", "text/plain; charset=utf-8", "inline"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct memory m;
        char disposition[200];
        begin(&m, "GET", rows[i].uri);
        fake.type = rows[i].type;
        fake.filename = "a\"\r\nX-Accel-Redirect: /etc/";
        assert_int_equal(memory_serve(&m), 200);
        assert_header(&m, "Content-Type", rows[i].wanted);
        assert_header(&m, "X-Accel-Redirect", "/_small/" SHA);
        assert_true(memory_header(&m, "Content-Disposition", disposition, sizeof(disposition)));
        assert_int_equal(strncmp(disposition, rows[i].disposition, strlen(rows[i].disposition)), 0);
        memory_release(&m);
    }
}

static void conditions_are_answered_here(void **state)
{
    (void)state;
    struct memory m;
    begin(&m, "GET", "/api/v1/courses/x/syllabus");
    memory_set(&m, "HTTP_IF_NONE_MATCH", "W/\"" SHA "\"");
    assert_int_equal(memory_serve(&m), 304);
    assert_header(&m, "ETag", "\"" SHA "\"");
    assert_header(&m, "Record-Id", ID);
    assert_header(&m, "Cache-Control", "private, no-cache");
    assert_no_header(&m, "X-Accel-Redirect");
    assert_no_header(&m, "Content-Type");
    memory_release(&m);
    begin(&m, "GET", "/api/v1/courses/x/syllabus");
    memory_set(&m, "HTTP_IF_MATCH", "\"other\"");
    assert_int_equal(memory_serve(&m), 412);
    assert_no_header(&m, "X-Accel-Redirect");
    memory_release(&m);
}

static void missing_bytes_say_why(void **state)
{
    (void)state;
    static const struct {
        enum err error;
        int status;
        const char *word;
    } rows[] = {{ERR_NOT_FOUND, 404, "Nothing is filed"}, {ERR_GONE, 410, "taken down"}, {ERR_UNAVAILABLE, 503, "No machine"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct memory m;
        begin(&m, "GET", "/api/v1/courses/x/syllabus");
        fake.error = rows[i].error;
        assert_int_equal(memory_serve(&m), rows[i].status);
        assert_non_null(strstr(memory_body(&m), rows[i].word));
        memory_release(&m);
    }
}

static void bad_parameters_of_a_download_are_400(void **state)
{
    (void)state;
    static const char *const queries[] = {"version=0", "version=x", "version=", "version=1&term=a", "download=yes", "download="};
    for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
        struct memory m;
        char uri[100];
        snprintf(uri, sizeof(uri), "/api/v1/courses/x/syllabus?%s", queries[i]);
        begin(&m, "GET", uri);
        assert_int_equal(memory_serve(&m), 400);
        assert_int_equal(fake.calls, 0);
        memory_release(&m);
    }
}

/* ---- the rest ---- */

static void a_course_shows_versions_newest_first_and_true_copies(void **state)
{
    (void)state;
    struct memory m;
    char point[17];
    begin(&m, "GET", "/api/v1/courses/CRJU%2FPOSC%20320");
    assert_int_equal(memory_serve(&m), 200);
    struct json *j = memory_json(&m);
    assert_string_equal(json_get_str(j, "course"), "CRJU/POSC 320");
    snprintf(point, sizeof(point), "%016llx", (unsigned long long)ring_key_point("crju/posc320"));
    assert_string_equal(json_get_str(j, "key_point"), point);
    const struct json *versions = json_get(j, "versions");
    assert_int_equal(json_count(versions), 3);
    const struct json *newest = json_first(versions), *second = json_next(newest), *oldest = json_next(second);
    assert_string_equal(json_get_str(newest, "kind"), "delete");
    assert_int_equal(number(newest, "version"), 3);
    assert_true(json_get_bool(newest, "deleted", 0));
    assert_string_equal(json_get_str(newest, "of"), ID);
    assert_false(json_get_bool(second, "deleted", 1));
    assert_int_equal(json_count(json_get(second, "copies")), 1);
    assert_true(json_get_bool(oldest, "deleted", 0));
    assert_int_equal(json_count(json_get(oldest, "copies")), 0);
    assert_string_equal(json_get_str(json_get(j, "current"), "id"), json_get_str(second, "id"));
    const struct json *host = json_first(json_get(j, "owners"));
    assert_string_equal(json_get_str(host, "verified_at"), "1970-01-01T00:00:01.000Z");
    assert_string_equal(json_get_str(json_next(host), "state"), "bad");
    assert_true(json_is_null(json_get(json_next(host), "verified_at")));
    json_free(j);
    memory_release(&m);
}

static void delete_and_restore_hand_over_and_answer(void **state)
{
    (void)state;
    struct memory m;
    begin(&m, "DELETE", "/api/v1/courses/x/syllabus?version=" ID);
    memory_set(&m, "HTTP_IF_MATCH", "\"" ID "\"");
    assert_int_equal(memory_serve(&m), 204);
    assert_string_equal(fake.asked, "x|x|" ID "|-");
    assert_int_equal(fake.match, MATCH_RECORD);
    assert_header(&m, "Record-Id", ID);
    assert_string_equal(memory_body(&m), "");
    memory_release(&m);
    begin(&m, "POST", "/api/v1/courses/x/restore");
    memory_set(&m, "HTTP_IDEMPOTENCY_KEY", "k");
    assert_int_equal(memory_serve(&m), 201);
    assert_string_equal(fake.asked, "x|x|-|k");
    memory_release(&m);
    begin(&m, "DELETE", "/api/v1/courses/x/syllabus?version=abc");
    assert_int_equal(memory_serve(&m), 400);
    assert_int_equal(fake.calls, 0);
    memory_release(&m);
    begin(&m, "DELETE", "/api/v1/courses/x/syllabus");
    fake.error = ERR_NOT_FOUND;
    assert_int_equal(memory_serve(&m), 404);
    memory_release(&m);
}

static void lists_read_their_parameters(void **state)
{
    (void)state;
    struct memory m;
    begin(&m, "GET", "/api/v1/courses");
    assert_int_equal(memory_serve(&m), 200);
    assert_string_equal(fake.asked, "-|-|0|-|50");
    struct json *j = memory_json(&m);
    assert_string_equal(json_get_str(j, "next"), "c2");
    const struct json *item = json_first(json_get(j, "items"));
    assert_int_equal(number(item, "versions"), 2);
    assert_int_equal(number(json_get(item, "current"), "version"), 3);
    json_free(j);
    memory_release(&m);
    begin(&m, "GET", "/api/v1/courses?q=csen+3&term=2026+Fall&sort=newest&limit=200&cursor=c1");
    assert_int_equal(memory_serve(&m), 200);
    assert_string_equal(fake.asked, "csen 3|2026 Fall|1|c1|200");
    memory_release(&m);
    begin(&m, "GET", "/api/v1/courses?q=&cursor=");
    assert_int_equal(memory_serve(&m), 200);
    assert_string_equal(fake.asked, "-|-|0|-|50");
    memory_release(&m);
    static const char *const bad[] = {"limit=0", "limit=201", "limit=-1", "limit=", "limit=1e2", "sort=age", "sort="};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char uri[100];
        snprintf(uri, sizeof(uri), "/api/v1/courses?%s", bad[i]);
        begin(&m, "GET", uri);
        assert_int_equal(memory_serve(&m), 400);
        assert_int_equal(fake.calls, 0);
        memory_release(&m);
    }
    begin(&m, "GET", "/api/v1/courses");
    fake.error = ERR_UNAVAILABLE;
    assert_int_equal(memory_serve(&m), 503);
    assert_header(&m, "Retry-After", "2");
    memory_release(&m);
}

static void a_placement_shows_the_walk(void **state)
{
    (void)state;
    struct memory m;
    begin(&m, "GET", "/api/v1/courses/x/placement");
    assert_int_equal(memory_serve(&m), 200);
    struct json *j = memory_json(&m);
    const struct json *second = json_next(json_first(json_get(j, "walk")));
    assert_string_equal(json_get_str(second, "point"), "ffffffffffffffff");
    assert_string_equal(json_get_str(second, "kind"), "same-zone");
    assert_string_equal(json_get_str(second, "name"), "node-9");
    assert_int_equal(number(j, "ring_epoch"), 5);
    json_free(j);
    memory_release(&m);
}

static void the_cluster_says_null_for_what_it_does_not_know(void **state)
{
    (void)state;
    struct memory m;
    memset(&view, 0, sizeof(view));
    memset(nodes, 0, sizeof(nodes));
    view.members.nodes = nodes;
    view.members.n_nodes = 2;
    snprintf(nodes[0].name, sizeof(nodes[0].name), "node-1");
    nodes[0].stores = 1;
    nodes[0].weight = 1;
    snprintf(nodes[1].name, sizeof(nodes[1].name), "laptop");
    begin(&m, "GET", "/api/v1/cluster");
    assert_int_equal(memory_serve(&m), 200);
    struct json *j = memory_json(&m);
    assert_true(json_is_null(json_get(j, "leader")));
    assert_true(json_is_null(json_get(j, "courses")));
    assert_true(json_is_null(json_get(j, "copies_missing")));
    assert_int_equal(json_count(json_get(j, "nodes")), 1);
    assert_int_equal(json_count(json_get(j, "moves")), 0);
    json_free(j);
    memory_release(&m);
}

static void ready_is_200_or_503(void **state)
{
    (void)state;
    struct memory m;
    begin(&m, "GET", "/readyz");
    assert_int_equal(memory_serve(&m), 200);
    memory_release(&m);
    begin(&m, "GET", "/readyz");
    fake.error = ERR_UNAVAILABLE;
    assert_int_equal(memory_serve(&m), 503);
    assert_header(&m, "Content-Type", "application/problem+json");
    assert_header(&m, "Retry-After", "2");
    memory_release(&m);
}

static int setup(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int forget(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    return at->level == 0 ? 0 : rmdir(path); /* fails on a file: a form that left something in tmp/ */
}

static int teardown(void **state)
{
    (void)state;
    return nftw(folder, forget, 8, FTW_DEPTH) || rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_put_hands_over_everything_and_answers_201),
        cmocka_unit_test(the_same_again_is_200),
        cmocka_unit_test(a_short_body_is_an_error_not_a_short_file),
        cmocka_unit_test(errors_of_an_upload_become_problems),
        cmocka_unit_test(a_form_is_the_same_upload_in_any_order),
        cmocka_unit_test(bad_forms_store_nothing),
        cmocka_unit_test(a_form_has_bounds),
        cmocka_unit_test(a_download_tells_nginx_where_the_bytes_are),
        cmocka_unit_test(a_head_has_the_same_headers),
        cmocka_unit_test(what_could_run_is_an_attachment_of_bytes),
        cmocka_unit_test(conditions_are_answered_here),
        cmocka_unit_test(missing_bytes_say_why),
        cmocka_unit_test(bad_parameters_of_a_download_are_400),
        cmocka_unit_test(a_course_shows_versions_newest_first_and_true_copies),
        cmocka_unit_test(delete_and_restore_hand_over_and_answer),
        cmocka_unit_test(lists_read_their_parameters),
        cmocka_unit_test(a_placement_shows_the_walk),
        cmocka_unit_test(the_cluster_says_null_for_what_it_does_not_know),
        cmocka_unit_test(ready_is_200_or_503),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
