/* The handlers of peers between whole requests and fakes of the use cases (by the linker). */
#include "tests/unit/fcgi/memory.h"

#include "fcgi/service/adopt.h"
#include "fcgi/service/peers_read.h"
#include "fcgi/service/peers_sources.h"

#include <stdio.h>

#define SHA "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define OTHER "1111111111111111111111111111111111111111111111111111111111111111"

static struct {
    enum err error;
    const char *detail;
    int calls, counted, adopted;
    char asked[4096];
} fake;

/* ---- the use cases */

static struct peers_peer here = {
    .id = "lab.01", .name = "lab", .url = "http://127.0.0.1:4711", .files = 3, .heard_at_ms = 1000, .state = PEERS_HERE};

enum err peers_read_all(struct worker *w, const char *cursor, unsigned limit, struct peers_read_page *out)
{
    (void)w;
    fake.calls++;
    snprintf(fake.asked, sizeof(fake.asked), "%s|%u", cursor ? cursor : "-", limit);
    if (fake.error)
        return fake.error;
    *out = (struct peers_read_page){.items = &here, .n = 1, .next = "lab.01"};
    return ERR_OK;
}

void peers_read_page_release(struct peers_read_page *p)
{
    assert_null(p->all);
}

static struct peers_row make_row(const char *file)
{
    struct peers_row row = {.name = strdup(file), .size = 42, .sha256 = SHA, .adopted = fake.adopted, .n_holders = 1};
    row.holders = calloc(1, sizeof(*row.holders));
    assert_non_null(row.holders);
    row.holders[0] = (struct peers_holder){.peer = "lab.01", .name = "lab", .url = "http://127.0.0.1:4711", .file = strdup(file)};
    return row;
}

enum err peers_read_search(struct worker *w, const char *q, const char *exclude, const char *cursor, unsigned limit, struct peers_page *out)
{
    (void)w;
    fake.calls++;
    snprintf(fake.asked, sizeof(fake.asked), "%s|%s|%s|%u", q ? q : "-", exclude ? exclude : "-", cursor ? cursor : "-", limit);
    if (fake.error)
        return fake.error;
    *out = (struct peers_page){.rows = calloc(2, sizeof(*out->rows)), .n = 2, .next = strdup("more")};
    assert_non_null(out->rows);
    out->rows[0] = make_row("a/plan.pdf");
    out->rows[1] = make_row("new.pdf");
    out->rows[1].sha256[0] = '\0';
    return ERR_OK;
}

enum err peers_read_file(struct worker *w, const char *peer, const char *name, struct peers_read_file *out, const char **detail)
{
    (void)w;
    fake.calls++;
    snprintf(fake.asked, sizeof(fake.asked), "%s|%s", peer, name);
    *detail = fake.detail;
    if (fake.error)
        return fake.error;
    *out = (struct peers_read_file){.row = make_row(name), .address = "127.0.0.1:4711", .capability = "RBC1 expiry=1, mac=00"};
    return ERR_OK;
}

void peers_read_file_release(struct peers_read_file *f)
{
    peers_row_release(&f->row);
}

enum err peers_sources_find(struct worker *w, const struct peers_sources_wish *wish, struct peers_sources *out, const char **detail)
{
    (void)w;
    fake.calls++;
    snprintf(fake.asked, sizeof(fake.asked), "%s|%s|%s", wish->sha256, wish->exclude ? wish->exclude : "-",
        wish->blocks_of ? wish->blocks_of : "-");
    *detail = fake.detail;
    if (fake.error)
        return fake.error;
    *out = (struct peers_sources){.adopted = fake.adopted, .n = 2};
    assert_ok(shared_blocks_init(&out->blocks, 42));
    assert_int_equal(out->blocks.n, 1);
    memset(out->blocks.hashes[0], 0x11, HASH_SIZE);
    out->at[0] = (struct peers_source){.peer = "node-1.0a", .name = "node-1", .url = "http://127.0.0.1:4701", .capability = "RBC1 a"};
    out->at[1] = (struct peers_source){
        .peer = "lab.01", .name = "lab", .url = "http://127.0.0.1:4711", .file = "a/plan.pdf", .capability = "RBC1 b"};
    return ERR_OK;
}

void peers_sources_release(struct peers_sources *s)
{
    shared_blocks_release(&s->blocks);
}

void adopt_count(struct worker *w, const char *sha256, int adopted)
{
    (void)w;
    assert_string_equal(sha256, SHA);
    fake.counted++;
    assert_int_equal(adopted, fake.adopted);
}

enum err read_bytes(struct worker *w, const struct read_target *t, struct read_bytes *out)
{
    (void)w;
    fake.calls++;
    snprintf(fake.asked, sizeof(fake.asked), "%s|%s|%s", t->key, t->version ? t->version : "-", t->term ? t->term : "-");
    if (fake.error)
        return fake.error;
    memset(out, 0, sizeof(*out));
    assert_ok(record_init(&out->record));
    assert_ok(record_set(&out->record.filename, "page.png"));
    assert_ok(record_set(&out->record.type, "image/png"));
    memcpy(out->record.sha256, SHA, sizeof(out->record.sha256));
    out->record.size = 5u << 20;
    for (int i = 0; i < READ_SOURCES; i++)
        snprintf(out->sources[i].address, sizeof(out->sources[i].address), "127.0.0.1:%d", 4701 + i);
    return ERR_OK;
}

void read_bytes_release(struct read_bytes *b)
{
    record_release(&b->record);
}

/* Only so that the linker finds all of read.h's here. */
enum err course_list(
    struct worker *w, const char *q, const char *term, enum index_sort sort, const char *cursor, unsigned limit, struct index_page *out)
{
    (void)w, (void)q, (void)term, (void)sort, (void)cursor, (void)limit, (void)out;
    return ERR_UNAVAILABLE;
}

/* ---- the tests */

static int serve(struct memory *m, const char *method, const char *uri)
{
    fake.calls = fake.counted = 0;
    *fake.asked = '\0';
    memory_init(m, method, uri);
    return memory_serve(m);
}

static void start(void)
{
    memset(&fake, 0, sizeof(fake));
}

static void peers_are_listed(void **state)
{
    (void)state;
    struct memory m;
    start();
    assert_int_equal(serve(&m, "GET", "/api/v1/peers?limit=7&cursor=a.01"), 200);
    assert_string_equal(fake.asked, "a.01|7");
    struct json *j = memory_json(&m);
    const struct json *one = json_first(json_get(j, "items"));
    assert_string_equal(json_get_str(one, "id"), "lab.01");
    assert_string_equal(json_get_str(one, "state"), "here");
    assert_string_equal(json_get_str(one, "heard_at"), "1970-01-01T00:00:01.000Z");
    assert_true(json_is_null(json_get(one, "since")));
    assert_int_equal(json_get_bool(one, "stores", 7), 0);
    assert_string_equal(json_get_str(j, "next"), "lab.01");
    json_free(j);
    memory_release(&m);
}

static void files_are_searched(void **state)
{
    (void)state;
    struct memory m;
    start();
    fake.adopted = 1;
    assert_int_equal(serve(&m, "GET", "/api/v1/peers/files?q=plan+b&exclude=lab&limit=200&cursor=x"), 200);
    assert_string_equal(fake.asked, "plan b|lab|x|200");
    struct json *j = memory_json(&m);
    const struct json *one = json_first(json_get(j, "items")), *holder = json_first(json_get(one, "holders"));
    assert_string_equal(json_get_str(one, "sha256"), SHA);
    assert_int_equal(json_get_bool(one, "adopted", 7), 1);
    assert_string_equal(json_get_str(holder, "peer"), "lab.01");
    assert_string_equal(json_get_str(holder, "file"), "a/plan.pdf");
    assert_true(json_is_null(json_get(json_next(one), "sha256")));
    json_free(j);
    memory_release(&m);
    assert_int_equal(serve(&m, "GET", "/api/v1/peers/files?q=&exclude=&cursor="), 200);
    assert_string_equal(fake.asked, "-|-|-|50");
    memory_release(&m);
}

static void a_file_comes_straight_from_its_peer(void **state)
{
    (void)state;
    struct memory m;
    start();
    assert_int_equal(serve(&m, "GET", "/api/v1/peers/lab/files/a%2Fplan%20b%3Fx%23y%25.html"), 200);
    assert_string_equal(fake.asked, "lab|a/plan b?x#y%.html");
    assert_header(&m, "X-Accel-Redirect", "/_shared");
    assert_header(&m, "X-Shared-Name", "a%2Fplan%20b%3Fx%23y%25.html");
    assert_header(&m, "X-Node-1", "127.0.0.1:4711");
    assert_header(&m, "X-Cap-1", "RBC1 expiry=1, mac=00");
    assert_header(&m, "Content-Type", "application/octet-stream");
    assert_header(&m, "Content-Disposition", "attachment; filename=\"plan b?x#y_.html\"; filename*=UTF-8''plan%20b%3Fx%23y%25.html");
    assert_string_equal(memory_body(&m), "");
    assert_int_equal(fake.counted, 1);
    memory_release(&m);
}

/* Whatever a name holds, no header line is made of it and none is lost. */
static void no_name_makes_a_header(void **state)
{
    (void)state;
    static const char *const names[] = {
        "a%0D%0AX-Accel-Redirect:%20%2Fetc", "a%22;filename*=x", "%C2%85%E2%80%AE.pdf", "a%5Cb", "%F0%9F%98%80"};
    struct memory m;
    char value[8192];
    start();
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char uri[256];
        snprintf(uri, sizeof(uri), "/api/v1/peers/lab/files/%s", names[i]);
        assert_int_equal(serve(&m, "GET", uri), 200);
        assert_header(&m, "X-Accel-Redirect", "/_shared");
        assert_true(memory_header(&m, "X-Shared-Name", value, sizeof(value)));
        assert_int_equal(strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~%"), strlen(value));
        assert_true(memory_header(&m, "Content-Disposition", value, sizeof(value)));
        memory_release(&m);
    }
}

static void the_longest_name_fits(void **state)
{
    (void)state;
    struct memory m;
    char uri[64 + 9 * SHARED_NAME_MAX] = "/api/v1/peers/lab/files/", value[4 * SHARED_NAME_MAX];
    start();
    for (int i = 0; i + 4 <= SHARED_NAME_MAX; i += 4)
        strcat(uri, "%F0%9F%98%80");
    assert_int_equal(serve(&m, "GET", uri), 200);
    assert_true(memory_header(&m, "X-Shared-Name", value, sizeof(value)));
    assert_int_equal(strlen(value), 3 * SHARED_NAME_MAX);
    assert_header(&m, "X-Accel-Redirect", "/_shared");
    memory_release(&m);
}

static void only_the_beginning_of_a_download_counts(void **state)
{
    (void)state;
    const struct {
        const char *method, *query, *range;
        int counted;
    } rows[] = {{"GET", "", NULL, 1}, {"GET", "", "bytes=0-", 1}, {"GET", "", "bytes=5-", 0}, {"HEAD", "", NULL, 0},
        {"GET", "?counted=0", NULL, 1}, {"GET", "?counted=1", NULL, 0}, {"GET", "?counted=1", "bytes=0-1048575", 0}};
    struct memory m;
    start();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char uri[64];
        snprintf(uri, sizeof(uri), "/api/v1/peers/lab/files/x%s", rows[i].query);
        fake.counted = 0;
        memory_init(&m, rows[i].method, uri);
        if (rows[i].range)
            memory_set(&m, "HTTP_RANGE", rows[i].range);
        assert_int_equal(memory_serve(&m), 200);
        assert_int_equal(fake.counted, rows[i].counted);
        memory_release(&m);
    }
    assert_int_equal(serve(&m, "HEAD", "/api/v1/peers/files/" SHA "/sources"), 200);
    assert_int_equal(fake.counted, 0);
    memory_release(&m);
    assert_int_equal(serve(&m, "GET", "/api/v1/peers/files/" SHA "/sources?counted=1&blocks_of=lab-2"), 200);
    assert_string_equal(fake.asked, SHA "|-|lab-2");
    assert_int_equal(fake.counted, 0);
    memory_release(&m);
}

static void sources_name_what_opens_them(void **state)
{
    (void)state;
    struct memory m;
    start();
    assert_int_equal(serve(&m, "GET", "/api/v1/peers/files/" SHA "/sources?exclude=lab"), 200);
    assert_string_equal(fake.asked, SHA "|lab|-");
    assert_int_equal(fake.counted, 1);
    struct json *j = memory_json(&m);
    const struct json *ring = json_first(json_get(j, "sources")), *shared = json_next(ring);
    assert_string_equal(json_as_str(json_first(json_get(j, "blocks"))), OTHER);
    assert_string_equal(json_get_str(ring, "kind"), "ring");
    assert_true(json_is_null(json_get(ring, "file")));
    assert_string_equal(json_get_str(shared, "kind"), "shared");
    assert_string_equal(json_get_str(shared, "file"), "a/plan.pdf");
    assert_string_equal(json_get_str(shared, "capability"), "RBC1 b");
    json_free(j);
    memory_release(&m);
}

static void an_adopted_file_is_saved_never_shown(void **state)
{
    (void)state;
    struct memory m;
    start();
    assert_int_equal(serve(&m, "GET", "/api/v1/peers/files/" SHA), 200);
    assert_string_equal(fake.asked, "peer/" SHA "|-|-");
    assert_header(&m, "X-Accel-Redirect", "/_blob/" SHA);
    assert_header(&m, "Content-Disposition", "attachment; filename=\"page.png\"; filename*=UTF-8''page.png");
    assert_header(&m, "ETag", "\"" SHA "\"");
    memory_release(&m);
}

static void failures_are_told(void **state)
{
    (void)state;
    static const char *const uris[] = {"/api/v1/peers", "/api/v1/peers/files", "/api/v1/peers/files/" SHA,
        "/api/v1/peers/files/" SHA "/sources", "/api/v1/peers/lab/files/x"};
    const struct {
        enum err e;
        int status;
    } rows[] = {
        {ERR_UNAVAILABLE, 503}, {ERR_STALE_INDEX, 503}, {ERR_NOT_FOUND, 404}, {ERR_GONE, 410}, {ERR_CONFLICT, 409}, {ERR_SYNTAX, 400}};
    struct memory m;
    start();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (size_t u = 0; u < sizeof(uris) / sizeof(uris[0]); u++) {
            fake.error = rows[i].e;
            assert_int_equal(serve(&m, "GET", uris[u]), rows[i].status);
            if (rows[i].status == 503)
                assert_header(&m, "Retry-After", "2");
            assert_no_header(&m, "X-Accel-Redirect");
            assert_int_equal(fake.counted, 0);
            memory_release(&m);
        }
    }
}

static void what_is_malformed_reaches_no_use_case(void **state)
{
    (void)state;
    static const char *const uris[] = {"/api/v1/peers?limit=0", "/api/v1/peers?limit=201", "/api/v1/peers?q=x",
        "/api/v1/peers/files?limit=x", "/api/v1/peers/files/xyz", "/api/v1/peers/files/xyz/sources",
        "/api/v1/peers/files/" SHA "/sources?counted=2", "/api/v1/peers/files/" SHA "/sources?blocks=lab",
        "/api/v1/peers/lab/files/x?counted=yes", "/api/v1/peers/files/" SHA "?exclude=x", "/api/v1/peers/lab/files/..%2Fx",
        "/api/v1/peers/lab/files/a%2F%2E%2E%2Fx", "/api/v1/peers/lab/files/%C0%AE", "/api/v1/peers/lab/files/a%00b",
        "/api/v1/peers/../files/x"};
    struct memory m;
    start();
    for (size_t i = 0; i < sizeof(uris) / sizeof(uris[0]); i++) {
        if (serve(&m, "GET", uris[i]) != 400 || fake.calls)
            fail_msg("%s was taken", uris[i]);
        memory_release(&m);
    }
    assert_int_equal(serve(&m, "PUT", "/api/v1/peers/lab/files/x"), 405);
    memory_release(&m);
}

/* However it is spelled, nobody names an adopted file's course from outside. */
static void the_courses_of_adopted_files_are_nobodys(void **state)
{
    (void)state;
    static const char *const uris[] = {"/api/v1/courses/peer%2F" SHA, "/api/v1/courses/PEER%2F" SHA, "/api/v1/courses/p-e-e-r%2F" SHA,
        "/api/v1/courses/%EF%BD%90eer%2F" SHA, "/api/v1/courses/peer%2F" SHA "/syllabus", "/api/v1/courses/peer%2F" SHA "/placement"};
    struct memory m;
    start();
    for (size_t i = 0; i < sizeof(uris) / sizeof(uris[0]); i++) {
        if (serve(&m, "GET", uris[i]) != 400 || fake.calls)
            fail_msg("%s was taken", uris[i]);
        memory_release(&m);
    }
    assert_int_equal(serve(&m, "PUT", "/api/v1/courses/peer%2F" SHA "/syllabus"), 400);
    memory_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(peers_are_listed),
        cmocka_unit_test(files_are_searched),
        cmocka_unit_test(a_file_comes_straight_from_its_peer),
        cmocka_unit_test(no_name_makes_a_header),
        cmocka_unit_test(the_longest_name_fits),
        cmocka_unit_test(only_the_beginning_of_a_download_counts),
        cmocka_unit_test(sources_name_what_opens_them),
        cmocka_unit_test(an_adopted_file_is_saved_never_shown),
        cmocka_unit_test(failures_are_told),
        cmocka_unit_test(what_is_malformed_reaches_no_use_case),
        cmocka_unit_test(the_courses_of_adopted_files_are_nobodys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
