/* Handlers of people between whole requests and fakes of the services: bodies, who may for whom, what leaves and what does not. */
#include "tests/unit/fcgi/memory.h"

#include "fcgi/service/read.h"
#include "fcgi/service/upload.h"

#define ID "0006489c8a1f40000000000000000abc"

/* ---- the other use cases that these handlers call */

static struct {
    enum err error;
    const char *uploader[2]; /* of the two versions that the course has; NULL: it has one */
    char asked[256];
} fake;

enum err course_read(struct worker *w, const char *key, struct course *out)
{
    (void)w;
    memset(out, 0, sizeof(*out));
    history_init(&out->history);
    if (fake.error)
        return fake.error;
    for (uint64_t i = 0; i < 2 && fake.uploader[i]; i++) {
        struct record r;
        assert_ok(record_init(&r));
        assert_ok(stamp_parse(ID, &r.id));
        assert_ok(record_set(&r.key, key));
        assert_ok(record_set(&r.uploader, fake.uploader[i]));
        r.id.clock += i << 12;
        snprintf(r.upload, sizeof(r.upload), "%032d", (int)i);
        assert_ok(history_add(&out->history, &r, 1));
        record_release(&r);
    }
    return ERR_OK;
}

void course_release(struct course *c)
{
    history_release(&c->history);
}

enum err course_placement(struct worker *w, const char *key, const char *from, struct placement *out)
{
    (void)w;
    (void)key;
    (void)from;
    (void)out;
    return ERR_UNAVAILABLE;
}

enum err read_bytes(struct worker *w, const struct read_target *t, struct read_bytes *out)
{
    (void)w;
    snprintf(fake.asked, sizeof(fake.asked), "%s|%s", t->key, t->version ? t->version : "-");
    memset(out, 0, sizeof(*out));
    return fake.error ? fake.error : record_init(&out->record);
}

void read_bytes_release(struct read_bytes *b)
{
    record_release(&b->record);
}

enum err course_list(
    struct worker *w, const char *q, const char *term, enum index_sort sort, const char *cursor, unsigned limit, struct index_page *out)
{
    (void)w;
    (void)q;
    (void)term;
    (void)sort;
    (void)cursor;
    (void)limit;
    (void)out;
    return ERR_UNAVAILABLE;
}

static enum err changed(const char *what, const struct delete_input *in, struct upload_result *out)
{
    char match[STAMP_HEX_SIZE] = "-";
    memset(out, 0, sizeof(*out));
    if (in->match == MATCH_RECORD)
        stamp_hex(in->match_record, match);
    snprintf(fake.asked, sizeof(fake.asked), "%s|%s|%s|%s", what, in->uploader, in->version ? in->version : "-", match);
    return record_init(&out->record);
}

enum err upload(struct worker *w, const struct upload_input *in, struct upload_result *out)
{
    (void)w;
    memset(out, 0, sizeof(*out));
    snprintf(fake.asked, sizeof(fake.asked), "upload|%s", in->uploader);
    return record_init(&out->record);
}

enum err upload_delete(struct worker *w, const struct delete_input *in, struct upload_result *out)
{
    (void)w;
    return changed("delete", in, out);
}

enum err upload_restore(struct worker *w, const struct delete_input *in, struct upload_result *out)
{
    (void)w;
    return changed("restore", in, out);
}

/* ---- help */

static struct memory m;

static void start(const char *method, const char *uri, enum role role)
{
    memset(&fake, 0, sizeof(fake));
    fake.uploader[0] = "ada";
    memory_init(&m, method, uri);
    memory_set(&m, "REMOTE_ADDR", "127.0.0.1");
    if (role != ROLE_NOBODY)
        memory_sign_in(&m, role);
}

static void give(const char *type, const char *body)
{
    static char digits[24];
    m.body = body;
    m.body_len = strlen(body);
    snprintf(digits, sizeof(digits), "%zu", m.body_len);
    memory_set(&m, "CONTENT_LENGTH", digits);
    if (type)
        memory_set(&m, "CONTENT_TYPE", type);
}

static int ask(const char *method, const char *uri, enum role role, const char *body)
{
    start(method, uri, role);
    if (body)
        give("application/json", body);
    return memory_serve(&m);
}

static void expect(const char *method, const char *uri, enum role role, const char *body, int status, const char *asked)
{
    int got = ask(method, uri, role, body);
    if (got != status || (asked && strcmp(people.asked, asked) != 0))
        fail_msg("%s %s %s: %d %s\n%s", method, uri, body ? body : "", got, people.asked, memory_body(&m));
    assert_true(people.held == 0);
    memory_release(&m);
}

/* ---- bodies */

static void bodies_are_read_strictly(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *type, *body;
    } rows[] = {
        {201, "application/json", "{\"name\":\"ada\",\"password\":\"secret\"}"},
        {201, "Application/JSON; charset=utf-8", " {\"password\":\"secret\",\"name\":\"ADA\"} "},
        {415, NULL, "{\"name\":\"ada\",\"password\":\"secret\"}"},
        {415, "text/plain", "{\"name\":\"ada\",\"password\":\"secret\"}"},
        {415, "application/x-www-form-urlencoded", "name=ada&password=secret"},
        {400, "application/json", "{\"name\":\"ada\",\"password\":\"secret\",\"role\":\"admin\"}"},
        {400, "application/json", "{\"name\":\"ada\",\"name\":\"bob\",\"password\":\"secret\"}"},
        {400, "application/json", "{\"name\":\"ada\"}"},
        {400, "application/json", "{\"name\":\"ada\",\"password\":null}"},
        {400, "application/json", "{\"name\":1,\"password\":\"secret\"}"},
        {400, "application/json", "[\"ada\",\"secret\"]"},
        {400, "application/json", "{\"name\":\"ada\",\"password\":\"secret\"}x"},
        {400, "application/json", "{\"name\":\"a\\u0000da\",\"password\":\"secret\"}"},
        {400, "application/json", ""},
        {401, "application/json", "{\"name\":\"ada\",\"password\":\"Secret\"}"},
        {401, "application/json", "{\"name\":\"not a name\",\"password\":\"secret\"}"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        start("POST", "/api/v1/session", ROLE_NOBODY);
        give(rows[i].type, rows[i].body);
        int status = memory_serve(&m);
        if (status != rows[i].status)
            fail_msg("row %zu: %d %s", i, status, memory_body(&m));
        memory_release(&m);
    }
}

static void bodies_have_a_bound(void **state)
{
    (void)state;
    static char body[20000];
    memset(body, ' ', sizeof(body) - 1);
    memcpy(body, "{\"name\":\"ada\",\"password\":\"secret\"}", strlen("{\"name\":\"ada\",\"password\":\"secret\"}"));
    start("POST", "/api/v1/session", ROLE_NOBODY);
    give("application/json", body);
    assert_int_equal(memory_serve(&m), 413);
    memory_release(&m);
    body[16384] = '\0';
    start("POST", "/api/v1/session", ROLE_NOBODY);
    give("application/json", body);
    assert_int_equal(memory_serve(&m), 201);
    memory_release(&m);
    start("POST", "/api/v1/session", ROLE_NOBODY);
    memory_set(&m, "CONTENT_TYPE", "application/json");
    assert_int_equal(memory_serve(&m), 411);
    memory_release(&m);
}

/* ---- signing in */

static void signing_in_gives_a_cookie_and_what_proves_it(void **state)
{
    (void)state;
    assert_int_equal(ask("POST", "/api/v1/session", ROLE_NOBODY, "{\"name\":\"ada\",\"password\":\"secret\"}"), 201);
    char cookie[256];
    assert_true(memory_header(&m, "Set-Cookie", cookie, sizeof(cookie)));
    assert_int_equal(strncmp(cookie, "sid=" PEOPLE_SECRET "; ", strlen("sid=" PEOPLE_SECRET "; ")), 0);
    assert_header(&m, "Cache-Control", "no-store");
    struct json *j = memory_json(&m);
    assert_string_equal(json_get_str(j, "user"), "ada");
    assert_int_equal(strlen(json_get_str(j, "csrf")), 64);
    json_free(j);
    assert_null(strstr(memory_body(&m), PEOPLE_SECRET));
    memory_release(&m);
    start("POST", "/api/v1/session", ROLE_NOBODY);
    m.params[m.n_params - 1].value = "203.0.113.9"; /* plain http from elsewhere */
    give("application/json", "{\"name\":\"ada\",\"password\":\"secret\"}");
    assert_int_equal(memory_serve(&m), 403);
    memory_release(&m);
    start("POST", "/api/v1/session", ROLE_NOBODY);
    m.params[m.n_params - 1].value = "203.0.113.9";
    memory_set(&m, "REQUEST_SCHEME", "https");
    give("application/json", "{\"name\":\"ada\",\"password\":\"secret\"}");
    assert_int_equal(memory_serve(&m), 201);
    assert_true(memory_header(&m, "Set-Cookie", cookie, sizeof(cookie)));
    assert_int_equal(strncmp(cookie, "__Host-sid=", 11), 0);
    assert_non_null(strstr(cookie, "Secure"));
    memory_release(&m);
}

static void too_many_tries_are_told_how_long_to_wait(void **state)
{
    (void)state;
    start("POST", "/api/v1/session", ROLE_NOBODY);
    people.error = ERR_RATE;
    give("application/json", "{\"name\":\"ada\",\"password\":\"secret\"}");
    assert_int_equal(memory_serve(&m), 429);
    assert_header(&m, "Retry-After", "7");
    assert_no_header(&m, "Set-Cookie");
    memory_release(&m);
}

/* ---- accounts */

static void ones_own_account_is_ones_own_and_others_are_the_admins(void **state)
{
    (void)state;
    expect("GET", "/api/v1/users/ada", ROLE_READER, NULL, 200, NULL);
    expect("GET", "/api/v1/users/ADA", ROLE_READER, NULL, 200, NULL);
    expect("GET", "/api/v1/users/bob", ROLE_MAINTAINER, NULL, 403, NULL);
    expect("GET", "/api/v1/users/bob", ROLE_ADMIN, NULL, 404, NULL);
    expect("GET", "/api/v1/users/not%20a%20name", ROLE_ADMIN, NULL, 400, NULL);
    expect("PATCH", "/api/v1/users/ada", ROLE_READER, "{\"shown\":\" Ada \"}", 200, "accounts_change|ada|1");
    expect("PATCH", "/api/v1/users/ada", ROLE_READER, "{\"role\":\"admin\"}", 400, "");
    expect("PATCH", "/api/v1/users/ada", ROLE_READER, "{}", 400, "");
    expect("PATCH", "/api/v1/users/bob", ROLE_MAINTAINER, "{\"shown\":\"x\"}", 403, "");
    expect("PATCH", "/api/v1/users/bob", ROLE_ADMIN,
        "{\"role\":\"reader\",\"scopes\":[\"csen\"],\"disabled\":true,\"known\":false,\"quota_bytes\":null}", 200,
        "accounts_change|bob|62");
    expect("PATCH", "/api/v1/users/bob", ROLE_ADMIN, "{\"role\":\"nobody\"}", 422, "");
    expect("PATCH", "/api/v1/users/bob", ROLE_ADMIN, "{\"disabled\":null}", 400, "");
    expect("PATCH", "/api/v1/users/bob", ROLE_ADMIN, "{\"scopes\":[\"\"]}", 400, "");
    expect("PATCH", "/api/v1/users/bob", ROLE_ADMIN, "{\"quota_bytes\":-1}", 400, "");
    expect("DELETE", "/api/v1/users/ada", ROLE_READER, NULL, 204, "accounts_remove|ada|ada");
    expect("DELETE", "/api/v1/users/bob", ROLE_READER, NULL, 403, "");
    expect("GET", "/api/v1/users/ada/export", ROLE_READER, NULL, 200, NULL);
    expect("GET", "/api/v1/users/bob/export", ROLE_MAINTAINER, NULL, 403, "");
    expect("POST", "/api/v1/users/ada/erase", ROLE_READER, NULL, 200, "accounts_erase|ada|ada");
    expect("POST", "/api/v1/users/bob/erase", ROLE_MAINTAINER, NULL, 403, "");
    expect("GET", "/api/v1/users/ada/pending", ROLE_READER, NULL, 200, "pending_list||ada");
    expect("GET", "/api/v1/users/bob/pending", ROLE_MAINTAINER, NULL, 403, "");
}

static void accounts_are_made_by_admins_alone(void **state)
{
    (void)state;
    const char *body = "{\"name\":\"Bob\",\"role\":\"contributor\",\"scopes\":[\"CSEN\",\"csen\"],\"password\":\"a good one 7\"}";
    expect("POST", "/api/v1/users", ROLE_MAINTAINER, body, 403, "");
    expect("POST", "/api/v1/users", ROLE_ADMIN, body, 201, "accounts_create|bob|ada");
    expect("POST", "/api/v1/users", ROLE_ADMIN, "{\"name\":\"b b\",\"role\":\"reader\"}", 422, "");
    expect("POST", "/api/v1/users", ROLE_ADMIN, "{\"name\":\"bob\",\"role\":\"king\"}", 422, "");
    expect("POST", "/api/v1/users", ROLE_ADMIN, "{\"name\":\"bob\"}", 400, "");
    expect("GET", "/api/v1/users?limit=7&cursor=a", ROLE_ADMIN, NULL, 200, "accounts_list|a|7");
    expect("GET", "/api/v1/users?limit=201", ROLE_ADMIN, NULL, 400, "");
    assert_int_equal(ask("GET", "/api/v1/users", ROLE_ADMIN, NULL), 200);
    assert_null(strstr(memory_body(&m), "argon2"));
    memory_release(&m);
}

static void a_password_takes_the_one_before(void **state)
{
    (void)state;
    expect("PUT", "/api/v1/users/ada/password", ROLE_READER, "{\"old\":\"a\",\"new\":\"b\"}", 204, "accounts_set_password|a|b");
    expect("PUT", "/api/v1/users/ada/password", ROLE_READER, "{\"new\":\"b\"}", 403, "");
    expect("PUT", "/api/v1/users/ada/password", ROLE_ADMIN, "{\"new\":\"b\"}", 403, "");
    expect("PUT", "/api/v1/users/ada/password", ROLE_READER, "{\"old\":\"a\",\"new\":null}", 400, "");
    expect("PUT", "/api/v1/users/bob/password", ROLE_ADMIN, "{\"new\":\"b\"}", 204, "accounts_set_password|-|b");
    expect("PUT", "/api/v1/users/bob/password", ROLE_ADMIN, "{\"new\":null}", 204, "accounts_set_password|-|-");
    expect("PUT", "/api/v1/users/bob/password", ROLE_ADMIN, "{\"new\":\"\"}", 422, "");
    expect("PUT", "/api/v1/users/bob/password", ROLE_ADMIN, "{}", 400, "");
    start("PUT", "/api/v1/users/ada/password", ROLE_READER);
    people.error = ERR_AUTH;
    give("application/json", "{\"old\":\"a\",\"new\":\"b\"}");
    assert_int_equal(memory_serve(&m), 403); /* the session is none the worse */
    memory_release(&m);
}

/* ---- tokens */

static void tokens_are_ones_own_and_no_stronger_than_who_makes_them(void **state)
{
    (void)state;
    const char *body = "{\"label\":\"x\",\"acts\":[\"read\",\"upload\"],\"expires_s\":60}";
    expect("POST", "/api/v1/tokens", ROLE_CONTRIBUTOR, body, 201, "tokens_make|ada|ada");
    expect("POST", "/api/v1/tokens", ROLE_CONTRIBUTOR, "{\"user\":\"bob\",\"label\":\"x\",\"acts\":[\"read\"]}", 403, "");
    expect("POST", "/api/v1/tokens", ROLE_ADMIN, "{\"user\":\"bob\",\"label\":\"x\",\"acts\":[\"read\"]}", 201, "tokens_make|bob|ada");
    expect("POST", "/api/v1/tokens", ROLE_CONTRIBUTOR, "{\"label\":\"x\",\"acts\":[]}", 422, "");
    expect("POST", "/api/v1/tokens", ROLE_CONTRIBUTOR, "{\"label\":\"x\",\"acts\":[\"none\"]}", 400, "");
    expect("POST", "/api/v1/tokens", ROLE_CONTRIBUTOR, "{\"label\":\"x\",\"acts\":[1]}", 400, "");
    expect("POST", "/api/v1/tokens", ROLE_CONTRIBUTOR, "{\"label\":\"x\",\"acts\":[\"read\"],\"expires_s\":0}", 422, "");
    start("POST", "/api/v1/tokens", ROLE_CONTRIBUTOR);
    people.token.acts = ACT_BIT(ACT_SELF) | ACT_BIT(ACT_READ);
    give("application/json", body);
    assert_int_equal(memory_serve(&m), 403);
    memory_release(&m);
    assert_int_equal(ask("GET", "/api/v1/tokens", ROLE_READER, NULL), 200);
    assert_string_equal(people.asked, "tokens_list|ada|");
    assert_null(strstr(memory_body(&m), PEOPLE_SECRET));
    memory_release(&m);
    expect("GET", "/api/v1/tokens?user=bob", ROLE_MAINTAINER, NULL, 403, "");
    expect("GET", "/api/v1/tokens?user=bob", ROLE_ADMIN, NULL, 200, "tokens_list|bob|");
    expect("DELETE", "/api/v1/tokens/0123456789abcdef", ROLE_READER, NULL, 204, "tokens_revoke|0123456789abcdef|ada");
    expect("DELETE", "/api/v1/tokens/0123456789abcdef", ROLE_ADMIN, NULL, 204, "tokens_revoke|0123456789abcdef|-");
    expect("DELETE", "/api/v1/tokens/0123456789ABCDEF", ROLE_ADMIN, NULL, 404, "");
}

/* ---- links */

static void links_are_made_of_what_is_ones_own(void **state)
{
    (void)state;
    expect("POST", "/api/v1/courses/x/links", ROLE_CONTRIBUTOR, "{\"expires_s\":60}", 201, "links_make|x|ada");
    expect("POST", "/api/v1/courses/x/links", ROLE_READER, "{\"expires_s\":60}", 403, "");
    expect("POST", "/api/v1/courses/x/links", ROLE_CONTRIBUTOR, "{\"expires_s\":60,\"record\":\"" ID "\"}", 201, "links_make|x|ada");
    expect("POST", "/api/v1/courses/x/links", ROLE_CONTRIBUTOR, "{\"expires_s\":60,\"record\":\"x\"}", 400, "");
    expect("POST", "/api/v1/courses/x/links", ROLE_CONTRIBUTOR, "{\"expires_s\":31622401}", 422, "");
    expect("POST", "/api/v1/courses/x/links", ROLE_CONTRIBUTOR, "{\"expires_s\":null}", 400, "");
    expect("POST", "/api/v1/courses/x/links", ROLE_CONTRIBUTOR, "{\"expires_s\":60,\"downloads_max\":0}", 422, "");
    start("POST", "/api/v1/courses/x/links", ROLE_CONTRIBUTOR);
    fake.uploader[0] = "bob";
    give("application/json", "{\"expires_s\":60}");
    assert_int_equal(memory_serve(&m), 403);
    memory_release(&m);
    start("POST", "/api/v1/courses/x/links", ROLE_MAINTAINER);
    fake.uploader[0] = "bob";
    give("application/json", "{\"expires_s\":60}");
    assert_int_equal(memory_serve(&m), 201);
    memory_release(&m);
    assert_int_equal(ask("GET", "/api/v1/courses/x/links", ROLE_CONTRIBUTOR, NULL), 200);
    assert_null(strstr(memory_body(&m), "bob"));
    memory_release(&m);
    assert_int_equal(ask("GET", "/api/v1/courses/x/links", ROLE_MAINTAINER, NULL), 200);
    assert_non_null(strstr(memory_body(&m), "bob"));
    memory_release(&m);
    expect("DELETE", "/api/v1/links/0123456789abcdef", ROLE_CONTRIBUTOR, NULL, 204, "links_revoke|0123456789abcdef|ada");
    start("DELETE", "/api/v1/links/0123456789abcdef", ROLE_CONTRIBUTOR);
    snprintf(people.link.by, sizeof(people.link.by), "bob");
    assert_int_equal(memory_serve(&m), 404);
    memory_release(&m);
}

/* A GET of who may alter the course, whose only version is that uploader's; the one account there is, is ada. */
static int access_of(enum role role, const char *uploader)
{
    start("GET", "/api/v1/courses/x/access", role);
    fake.uploader[0] = uploader;
    fake.uploader[1] = NULL;
    return memory_serve(&m);
}

static void who_may_alter_a_version_is_told_who_else_may(void **state)
{
    (void)state;
    assert_int_equal(access_of(ROLE_CONTRIBUTOR, "ada"), 200);
    assert_non_null(strstr(memory_body(&m), "\"owner\":\"ada\""));
    assert_non_null(strstr(memory_body(&m), "{\"name\":\"ada\",\"shown\":\"ada\",\"role\":\"contributor\",\"owns\":true}"));
    assert_null(strstr(memory_body(&m), "argon2"));
    memory_release(&m);
    assert_int_equal(access_of(ROLE_CONTRIBUTOR, "bob"), 403);
    memory_release(&m);
    assert_int_equal(access_of(ROLE_MAINTAINER, "bob"), 200);
    assert_non_null(strstr(memory_body(&m), "\"role\":\"maintainer\",\"owns\":false}"));
    memory_release(&m);
    assert_int_equal(access_of(ROLE_MAINTAINER, ""), 200);
    assert_non_null(strstr(memory_body(&m), "\"owner\":null"));
    memory_release(&m);
    assert_int_equal(access_of(ROLE_MAINTAINER, NULL), 404); /* nothing is filed there */
    memory_release(&m);
    assert_int_equal(access_of(ROLE_READER, "bob"), 403);
    memory_release(&m);
    assert_int_equal(access_of(ROLE_NOBODY, "ada"), 401);
    memory_release(&m);
}

static void a_link_opens_its_bytes_and_every_failure_is_one(void **state)
{
    (void)state;
    expect("GET", "/api/v1/links/" PEOPLE_LINK, ROLE_NOBODY, NULL, 200, "links_open counted|" PEOPLE_LINK "|-");
    assert_string_equal(fake.asked, "x|-");
    expect("HEAD", "/api/v1/links/" PEOPLE_LINK, ROLE_NOBODY, NULL, 200, "links_open|" PEOPLE_LINK "|-");
    start("GET", "/api/v1/links/" PEOPLE_LINK, ROLE_NOBODY);
    memory_set(&m, "HTTP_RANGE", "bytes=5-");
    memory_set(&m, "HTTP_RB_LINK_PASSWORD", "open sesame");
    assert_int_equal(memory_serve(&m), 200);
    assert_string_equal(people.asked, "links_open|" PEOPLE_LINK "|open sesame");
    memory_release(&m);
    static const enum err gone[] = {ERR_NOT_FOUND, ERR_GONE};
    char body[2048];
    assert_int_equal(ask("GET", "/api/v1/links/x", ROLE_NOBODY, NULL), 403);
    snprintf(body, sizeof(body), "%s", memory_body(&m));
    memory_release(&m);
    for (size_t i = 0; i < 2; i++) {
        start("GET", "/api/v1/links/" PEOPLE_LINK, ROLE_NOBODY);
        fake.error = gone[i];
        assert_int_equal(memory_serve(&m), 403);
        assert_string_equal(memory_body(&m), body);
        memory_release(&m);
    }
    start("GET", "/api/v1/links/" PEOPLE_LINK, ROLE_NOBODY);
    people.error = ERR_UNAVAILABLE;
    assert_int_equal(memory_serve(&m), 503);
    memory_release(&m);
}

static void a_form_may_bring_the_password(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *type, *body, *asked;
    } rows[] = {
        {200, "application/x-www-form-urlencoded", "password=open+s%C3%A9same%21",
            "links_open counted|" PEOPLE_LINK "|open s\xc3\xa9same!"},
        {200, "application/x-www-form-urlencoded; charset=utf-8", "password=", "links_open counted|" PEOPLE_LINK "|"},
        {400, "application/x-www-form-urlencoded", "password=a&x=b", ""},
        {400, "application/x-www-form-urlencoded", "passwort=a", ""},
        {400, "application/x-www-form-urlencoded", "password=%ff", ""},
        {400, "application/x-www-form-urlencoded", "password=%00", ""},
        {415, "application/json", "{\"password\":\"a\"}", ""},
        {415, NULL, "password=a", ""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        start("POST", "/api/v1/links/" PEOPLE_LINK, ROLE_NOBODY);
        give(rows[i].type, rows[i].body);
        int status = memory_serve(&m);
        if (status != rows[i].status || strcmp(people.asked, rows[i].asked) != 0)
            fail_msg("row %zu: %d %s", i, status, people.asked);
        memory_release(&m);
    }
}

/* ---- uploads, deletes, restores: whose they are */

static int put(enum role role)
{
    start("PUT", "/api/v1/courses/x/syllabus", role);
    give("application/pdf", "%PDF");
    return 0;
}

static void uploads_belong_to_who_asks_or_wait(void **state)
{
    (void)state;
    put(ROLE_CONTRIBUTOR);
    assert_int_equal(memory_serve(&m), 201);
    assert_string_equal(fake.asked, "upload|ada");
    memory_release(&m);
    put(ROLE_NOBODY);
    assert_int_equal(memory_serve(&m), 201);
    assert_string_equal(fake.asked, "upload|");
    memory_release(&m);
    put(ROLE_CONTRIBUTOR);
    people.settings.rules.moderate = 1;
    assert_int_equal(memory_serve(&m), 202);
    assert_string_equal(people.asked, "pending_upload|x|ada");
    assert_string_equal(fake.asked, "");
    memory_release(&m);
    put(ROLE_MAINTAINER);
    people.settings.rules.moderate = 1;
    assert_int_equal(memory_serve(&m), 201);
    memory_release(&m);
    put(ROLE_CONTRIBUTOR);
    people.settings.quota_user_bytes = 3;
    assert_int_equal(memory_serve(&m), 507);
    assert_string_equal(fake.asked, "");
    memory_release(&m);
    put(ROLE_READER);
    people.settings.rules.public_upload = 0;
    assert_int_equal(memory_serve(&m), 403);
    memory_release(&m);
    assert_int_equal(people.held, 0);
}

static void alter(const char *method, const char *uri, const char *first, const char *second, int status, const char *asked)
{
    start(method, uri, ROLE_CONTRIBUTOR);
    fake.uploader[0] = first;
    fake.uploader[1] = second;
    int got = memory_serve(&m);
    if (got != status || strcmp(fake.asked, asked) != 0)
        fail_msg("%s %s of %s and %s: %d %s", method, uri, first, second ? second : "-", got, fake.asked);
    memory_release(&m);
}

#define NEWER "0006489c8a1f50000000000000000abc"

static void contributors_alter_what_is_theirs_as_they_saw_it(void **state)
{
    (void)state;
    const char *all = "/api/v1/courses/x/syllabus", *first = "/api/v1/courses/x/syllabus?version=1",
               *by_id = "/api/v1/courses/x/restore?version=" NEWER;
    alter("DELETE", all, "ada", NULL, 204, "delete|ada|-|" ID);
    alter("DELETE", all, "ada", "ada", 204, "delete|ada|-|" NEWER);
    alter("DELETE", all, "bob", "ada", 403, "");
    alter("DELETE", all, "ada", "bob", 403, "");
    alter("DELETE", all, "", NULL, 403, "");
    alter("DELETE", first, "ada", "bob", 204, "delete|ada|" ID "|-");
    alter("DELETE", first, "bob", "ada", 403, "");
    alter("DELETE", "/api/v1/courses/x/syllabus?version=9", "ada", "bob", 404, "");
    alter("POST", by_id, "bob", "ada", 201, "restore|ada|" NEWER "|-");
    alter("POST", by_id, "ada", "bob", 403, "");
    alter("DELETE", all, NULL, NULL, 404, "");
    start("DELETE", all, ROLE_MAINTAINER); /* who may anyhow is not held up */
    fake.uploader[0] = "bob";
    assert_int_equal(memory_serve(&m), 204);
    assert_string_equal(fake.asked, "delete|ada|-|-");
    memory_release(&m);
    start("DELETE", all, ROLE_CONTRIBUTOR); /* a condition that does not hold now */
    memory_set(&m, "HTTP_IF_MATCH", "\"" NEWER "\"");
    assert_int_equal(memory_serve(&m), 412);
    memory_release(&m);
    start("DELETE", all, ROLE_CONTRIBUTOR);
    fake.error = ERR_UNAVAILABLE;
    assert_int_equal(memory_serve(&m), 503);
    memory_release(&m);
}

/* ---- what waits, settings, the rest */

#define WAITING "/api/v1/pending/00000000000000000000000000000007"

static void maintainers_decide_what_waits_in_their_scope(void **state)
{
    (void)state;
    expect("GET", "/api/v1/pending", ROLE_CONTRIBUTOR, NULL, 403, "");
    expect("GET", "/api/v1/pending", ROLE_MAINTAINER, NULL, 200, "pending_list||-");
    expect("POST", WAITING "/accept", ROLE_MAINTAINER, NULL, 201, "pending_accept|00000000000000000000000000000007|ada");
    expect("POST", WAITING "/reject", ROLE_MAINTAINER, "{\"reason\":\" no \"}", 204, "pending_reject|00000000000000000000000000000007|no");
    expect("POST", WAITING "/reject", ROLE_CONTRIBUTOR, "{}", 403, "");
    expect("GET", WAITING "/file", ROLE_MAINTAINER, NULL, 200, NULL);
    assert_string_equal(fake.asked, "sys/pending/00000000000000000000000000000007|00000000000000030000000000000003");
    expect("POST", "/api/v1/pending/x/accept", ROLE_MAINTAINER, NULL, 404, "");
    start("POST", WAITING "/accept", ROLE_MAINTAINER);
    assert_ok(auth_scope_add(&people.account.scopes, "math", 4));
    assert_int_equal(memory_serve(&m), 404);
    memory_release(&m);
}

static void settings_are_changed_as_a_whole_by_admins(void **state)
{
    (void)state;
    const char *whole =
        "{\"public_read\":false,\"public_upload\":false,\"moderate\":true,\"quota_user_bytes\":null,\"quota_cluster_bytes\":5,"
        "\"trusted_proxies\":[\"::0001\"],\"session_idle_s\":60,\"session_end_s\":60}";
    expect("GET", "/api/v1/settings", ROLE_MAINTAINER, NULL, 403, "");
    expect("GET", "/api/v1/settings", ROLE_ADMIN, NULL, 200, "");
    expect("PUT", "/api/v1/settings", ROLE_MAINTAINER, whole, 403, "");
    expect("PUT", "/api/v1/settings", ROLE_ADMIN, whole, 200, "rules_write|ada|::1");
    expect("PUT", "/api/v1/settings", ROLE_ADMIN, "{\"public_read\":true}", 400, "");
    expect("PUT", "/api/v1/settings", ROLE_ADMIN,
        "{\"public_read\":true,\"public_upload\":false,\"moderate\":true,\"quota_user_bytes\":null,\"quota_cluster_bytes\":5,\"trusted_"
        "proxies\":[\"proxy\"],"
        "\"session_idle_s\":60,\"session_end_s\":60}",
        422, "");
    expect("PUT", "/api/v1/settings", ROLE_ADMIN,
        "{\"public_read\":true,\"public_upload\":false,\"moderate\":true,\"quota_user_bytes\":null,\"quota_cluster_bytes\":5,\"trusted_"
        "proxies\":[],"
        "\"session_idle_s\":61,\"session_end_s\":60}",
        422, "");
    start("PUT", "/api/v1/settings", ROLE_ADMIN);
    memory_set(&m, "HTTP_IF_MATCH", "\"" ID "\"");
    give("application/json", whole);
    assert_int_equal(memory_serve(&m), 412);
    memory_release(&m);
    start("PUT", "/api/v1/settings", ROLE_ADMIN); /* an admin of a department keeps no cluster */
    assert_ok(auth_scope_add(&people.account.scopes, "csen", 4));
    give("application/json", whole);
    assert_int_equal(memory_serve(&m), 403);
    memory_release(&m);
    expect("POST", "/api/v1/join-tokens", ROLE_ADMIN, "{\"name\":\"node-4\",\"expires_s\":60}", 201, "joins_make|node-4|ada");
    expect("POST", "/api/v1/join-tokens", ROLE_ADMIN, "{\"name\":\"node-4\",\"expires_s\":604801}", 422, "");
    expect("POST", "/api/v1/join-tokens", ROLE_MAINTAINER, "{\"name\":\"node-4\",\"expires_s\":60}", 403, "");
    expect("POST", "/api/v1/link-keys", ROLE_ADMIN, NULL, 204, "links_rotate|ada|-");
    expect("GET", "/api/v1/audit?after=x", ROLE_ADMIN, NULL, 200, "audit_view|x|-");
    expect("GET", "/api/v1/audit?verify=1", ROLE_ADMIN, NULL, 200, "audit_verify|-|-");
    expect("GET", "/api/v1/audit?verify=2", ROLE_ADMIN, NULL, 400, "");
    expect("GET", "/api/v1/audit", ROLE_MAINTAINER, NULL, 403, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies_are_read_strictly),
        cmocka_unit_test(bodies_have_a_bound),
        cmocka_unit_test(signing_in_gives_a_cookie_and_what_proves_it),
        cmocka_unit_test(too_many_tries_are_told_how_long_to_wait),
        cmocka_unit_test(ones_own_account_is_ones_own_and_others_are_the_admins),
        cmocka_unit_test(accounts_are_made_by_admins_alone),
        cmocka_unit_test(a_password_takes_the_one_before),
        cmocka_unit_test(tokens_are_ones_own_and_no_stronger_than_who_makes_them),
        cmocka_unit_test(links_are_made_of_what_is_ones_own),
        cmocka_unit_test(who_may_alter_a_version_is_told_who_else_may),
        cmocka_unit_test(a_link_opens_its_bytes_and_every_failure_is_one),
        cmocka_unit_test(a_form_may_bring_the_password),
        cmocka_unit_test(uploads_belong_to_who_asks_or_wait),
        cmocka_unit_test(contributors_alter_what_is_theirs_as_they_saw_it),
        cmocka_unit_test(maintainers_decide_what_waits_in_their_scope),
        cmocka_unit_test(settings_are_changed_as_a_whole_by_admins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
