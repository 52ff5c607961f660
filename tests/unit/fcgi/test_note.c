/* What the audit log is told of a request. */
#include "tests/unit/fcgi/memory.h"

#include "fcgi/note.h"
#include "lib/audit/audit.h"
#include "lib/base/fs.h"

#include <fnmatch.h>
#include <stdio.h>

static const uint8_t master[AUDIT_KEY_SIZE] = "the master key of these tests 32";

struct fixture {
    char data[64];
    struct audit *audit;
    struct buf text;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    strcpy(f->data, "/tmp/rb-note-XXXXXX");
    assert_non_null(mkdtemp(f->data));
    struct audit_settings s = {.data = f->data, .process = "api:api-1", .master = master};
    assert_ok(audit_open(&s, &f->audit));
    buf_init(&f->text, 1u << 20);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    char command[128];
    buf_release(&f->text);
    snprintf(command, sizeof command, "rm -r '%s'", f->data);
    int gone = system(command);
    free(f);
    return gone;
}

/* Ends the log; all of its lines. */
static const char *read_log(struct fixture *f)
{
    char folder[128], path[256];
    struct audit_files files;
    audit_close(f->audit);
    snprintf(folder, sizeof folder, "%s/audit", f->data);
    assert_ok(audit_folder_list(folder, &files));
    assert_int_equal(files.n, 1);
    snprintf(path, sizeof path, "%s/%s", folder, files.at[0].name);
    assert_ok(fs_read_file(path, &f->text));
    audit_files_release(&files);
    return buf_str(&f->text);
}

static int serve(struct fixture *f, const char *method, const char *uri)
{
    struct memory m;
    memory_init(&m, method, uri);
    memory_set(&m, "REMOTE_ADDR", "192.0.2.7");
    m.app.audit = f->audit;
    int status = memory_serve(&m);
    memory_release(&m);
    return status;
}

static void what_would_change_something_is_noted_and_reading_is_not(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(serve(f, "PUT", "/api/v1/courses/a%00b/syllabus"), 400); /* no target at all: no route */
    assert_int_equal(serve(f, "PUT", "/api/v1/courses/--/syllabus"), 400);
    assert_int_equal(serve(f, "GET", "/api/v1/nothing"), 404);
    assert_int_equal(serve(f, "GET", "/healthz"), 200);
    assert_int_equal(serve(f, "DELETE", "/api/v1/courses/a%22%1bb/syllabus"), 401);
    const char *log = read_log(f);
    assert_non_null(strstr(log, "\"n\":2,"));
    assert_non_null(strstr(log, "\"who\":\"nobody\",\"what\":\"upload\",\"on\":\"--\",\"from\":\"192.0.2.7\",\"result\":\"400\""));
    assert_non_null(strstr(log, "\"what\":\"delete\",\"on\":\"a\\\"\\u001bb\""));
    assert_null(strstr(log, "GET"));
    assert_non_null(strstr(log, "\"n\":4,")); /* start, two events, end */
    assert_null(strstr(log, "\"n\":5,"));
}

/* A request to a route that this test makes up, answered with this status. */
static void note(struct fixture *f, const char *method, const char *pattern, const char *segment, int status)
{
    struct memory m;
    struct request r;
    struct route route = {.method = method, .pattern = pattern, .params = ""};
    struct target_text text = {.text = segment, .len = strlen(segment)};
    memory_init(&m, method, "/");
    m.app.audit = f->audit;
    m.worker.app = &m.app;
    request_init(&r, &m.worker, &m.metrics, &m.transport);
    r.match = (struct routes_match){.route = &route, .captures = {&text}, .n_captures = 1};
    r.answered = status;
    request_note_who(&r, "ada");
    request_note_detail(&r, "a detail");
    note_request(&r);
    request_release(&r);
    memory_release(&m);
}

static void refusals_are_noted_and_the_mac_of_a_link_is_not(void **state)
{
    struct fixture *f = *state;
    note(f, "GET", "/api/v1/links/{}", "l1.89abcdef.0123456789abcdef.1795338732.AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", 403);
    note(f, "GET", "/api/v1/links/{}", "l1.89abcdef.0123456789abcdef.1795338732.AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", 200);
    note(f, "DELETE", "/api/v1/links/{}", "l1.89abcdef.0123456789abcdef.1795338732.AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", 401);
    note(f, "DELETE", "/api/v1/links/{}", "not a link: AAECAwQF", 401);
    note(f, "DELETE", "/api/v1/links/{}", "fedcba9876543210", 204);
    note(f, "DELETE", "/api/v1/tokens/{}", "0123456789abcdef", 204);
    const char *log = read_log(f);
    assert_non_null(strstr(log, "\"who\":\"ada\",\"what\":\"link-open\",\"on\":\"0123456789abcdef\""));
    assert_null(strstr(log, "AAECAwQF"));
    assert_non_null(strstr(log, "\"what\":\"link-revoke\",\"on\":\"0123456789abcdef\""));
    assert_non_null(strstr(log, "\"what\":\"link-revoke\",\"on\":\"-\""));
    assert_non_null(strstr(log, "\"what\":\"link-revoke\",\"on\":\"fedcba9876543210\""));
    assert_non_null(strstr(log, "\"what\":\"token-revoke\",\"on\":\"0123456789abcdef\""));
    assert_non_null(strstr(log, "\"result\":\"204\",\"request\":"));
    assert_non_null(strstr(log, "\"detail\":\"a detail\""));
    assert_null(strstr(log, "\"result\":\"200\""));
}

/* Revokes a token, as somebody who shows this; away: who asks cannot be looked up. */
static int ask(struct fixture *f, const char *header, const char *value, enum err away)
{
    struct memory m;
    memory_init(&m, "DELETE", "/api/v1/tokens/0123456789abcdef");
    memory_set(&m, "REMOTE_ADDR", "127.0.0.1");
    memory_set(&m, "REQUEST_SCHEME", "http");
    memory_set(&m, "HTTP_HOST", "rb.example");
    memory_set(&m, "HTTP_SEC_FETCH_SITE", "same-origin");
    memory_set(&m, header, value);
    m.app.audit = f->audit;
    people.away = away;
    int status = memory_serve(&m);
    memory_release(&m);
    return status;
}

static void who_asked_is_an_account_a_token_or_nobody(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(ask(f, "HTTP_AUTHORIZATION", "Bearer " PEOPLE_TOKEN, ERR_OK), 204);
    assert_int_equal(ask(f, "HTTP_COOKIE", "sid=" PEOPLE_SECRET, ERR_OK), 403); /* without its RB-CSRF */
    assert_int_equal(ask(f, "HTTP_X_NOTHING", "x", ERR_OK), 401);
    assert_int_equal(ask(f, "HTTP_AUTHORIZATION", "Bearer rb_fedcba9876543210_" PEOPLE_SECRET, ERR_OK), 401);
    assert_int_equal(ask(f, "HTTP_AUTHORIZATION", "", ERR_OK), 401);
    assert_int_equal(ask(f, "HTTP_AUTHORIZATION", "Bearer " PEOPLE_TOKEN, ERR_UNAVAILABLE), 503);
    assert_int_equal(ask(f, "HTTP_COOKIE", "sid=" PEOPLE_SECRET, ERR_UNAVAILABLE), 503);
    const char *log = read_log(f);
    static const char *const told[] = {"\"n\":2,*\"who\":\"token:0123456789abcdef\"*\"detail\":\"-\"", "\"n\":3,*\"who\":\"ada\"",
        "\"n\":4,*\"who\":\"nobody\"*\"detail\":\"-\"", "\"n\":5,*\"who\":\"nobody\"*\"detail\":\"token:fedcba9876543210 was refused\"",
        "\"n\":6,*\"who\":\"nobody\"*\"detail\":\"-\"", "\"n\":7,*\"who\":\"-\"", "\"n\":8,*\"who\":\"-\""};
    char pattern[256];
    for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
        snprintf(pattern, sizeof pattern, "*%s*", told[i]);
        char *copy = strdup(log), *line, *rest = copy;
        int found = 0;
        while ((line = strsep(&rest, "\n")))
            found += fnmatch(pattern, line, 0) == 0;
        free(copy);
        assert_int_equal(found, 1);
    }
    assert_null(strstr(log, PEOPLE_SECRET));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_would_change_something_is_noted_and_reading_is_not),
        TEST(refusals_are_noted_and_the_mac_of_a_link_is_not),
        TEST(who_asked_is_an_account_a_token_or_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
