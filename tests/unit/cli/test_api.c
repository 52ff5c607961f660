#include "tests/unit/unit.h"

#include "cli/api.h"
#include "lib/http/http.h"
#include "lib/peer/peer.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* A front that answers what the test puts there, and a command line that asks it. */
struct fixture {
    struct http_server *server;
    char url[64];
    struct cli cli;
    char *said;
    size_t said_len;
    atomic_int asked;
    int fail_first; /* so many answers are 503 */
    const char *retry_after;
    char authorization[64];
};

static void handle_flaky(struct http_request *r, void *ctx)
{
    struct fixture *f = ctx;
    const char *authorization = http_header(r, "Authorization");

    snprintf(f->authorization, sizeof f->authorization, "%s", authorization ? authorization : "");
    if (f->asked++ < f->fail_first) {
        if (f->retry_after)
            http_add_header(r, "Retry-After", f->retry_after);
        http_reply(r, 503, "application/problem+json", "{\"detail\":\"Not now\",\"can_write\":1,\"needed\":2,\"request_id\":\"r1\"}", 63);
        return;
    }
    http_reply(r, 200, "application/json", "{\"ok\":true}", 11);
}

static void handle_refuse(struct http_request *r, void *ctx)
{
    static const char body[] =
        "{\"type\":\"urn:ringbinder:error:conflict\",\"detail\":\"Files would lose their last copy.\",\"at_risk\":[\"A1\",\"B 2\"],"
        "\"at_risk_count\":5}";

    (void)ctx;
    http_reply(r, 409, "application/problem+json", body, sizeof body - 1);
}

static void handle_gateway(struct http_request *r, void *ctx)
{
    ((struct fixture *)ctx)->asked++;
    http_reply(r, 504, "text/html", "<html>", 6);
}

static void handle_rubbish(struct http_request *r, void *ctx)
{
    (void)ctx;
    http_reply(r, 200, "text/html", "<html>", 6);
}

/* Three pages: 0 1 | 2 3 | 4. */
static void handle_pages(struct http_request *r, void *ctx)
{
    static const char *const pages[] = {
        "{\"items\":[0,1],\"next\":\"1&\"}", "{\"items\":[2,3],\"next\":\"2&\"}", "{\"items\":[4],\"next\":null}"};
    const char *cursor = http_query(r, "cursor");
    const char *page = pages[cursor ? cursor[0] - '0' : 0];

    (void)ctx;
    http_reply(r, 200, "application/json", page, strlen(page));
}

static const struct http_route routes[] = {
    {"GET", "/api/v1/flaky", HTTP_AUTH_NONE, 0, 0, handle_flaky, NULL, NULL, NULL},
    {"POST", "/api/v1/flaky", HTTP_AUTH_NONE, 0, 4096, handle_flaky, NULL, NULL, NULL},
    {"GET", "/api/v1/refuse", HTTP_AUTH_NONE, 0, 0, handle_refuse, NULL, NULL, NULL},
    {"POST", "/api/v1/gateway", HTTP_AUTH_NONE, 0, 4096, handle_gateway, NULL, NULL, NULL},
    {"GET", "/api/v1/rubbish", HTTP_AUTH_NONE, 0, 0, handle_rubbish, NULL, NULL, NULL},
    {"GET", "/api/v1/pages", HTTP_AUTH_NONE, 0, 0, handle_pages, NULL, NULL, NULL},
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct http_config c = {.address = "127.0.0.1", .routes = routes, .n_routes = sizeof routes / sizeof routes[0], .ctx = f};

    assert_non_null(f);
    assert_ok(http_start(&c, &f->server));
    snprintf(f->url, sizeof f->url, "http://127.0.0.1:%u", (unsigned)http_port(f->server));
    f->cli = (struct cli){.url = f->url, .client = client_new()};
    f->cli.out.errors = open_memstream(&f->said, &f->said_len);
    f->cli.out.file = stdout;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    client_free(f->cli.client);
    http_stop(f->server);
    fclose(f->cli.out.errors);
    free(f->said);
    free(f);
    return 0;
}

static void a_path_takes_each_text_as_one_segment(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, API_PATH_MAX);
    assert_ok(api_path(&b, "/courses/{}/x/{}", "CRJU/POSC 320", "é?"));
    assert_ok(api_query(&b, "term", NULL));
    assert_ok(api_query(&b, "term", "2026 Fall"));
    assert_ok(api_query(&b, "q", "a&b"));
    assert_string_equal(buf_str(&b), "/courses/CRJU%2FPOSC%20320/x/%C3%A9%3F?term=2026%20Fall&q=a%26b");
    buf_release(&b);
}

static void a_read_is_tried_again_while_too_few_machines_answer(void **state)
{
    struct fixture *f = *state;
    struct json *j = NULL;

    f->fail_first = 2;
    f->retry_after = "0";
    assert_ok(api_get(&f->cli, "/flaky", &j));
    assert_int_equal(f->asked, 3);
    assert_int_equal(json_get_bool(j, "ok", 0), 1);
    json_free(j);
}

static void after_three_tries_it_is_said(void **state)
{
    struct fixture *f = *state;
    struct json *j = NULL;

    f->fail_first = 9;
    assert_err(ERR_UNAVAILABLE, api_get(&f->cli, "/flaky", &j));
    assert_int_equal(f->asked, API_TRIES);
    fflush(f->cli.out.errors);
    assert_string_equal(f->said, "ringbinder: Not now. 1 of the 2 machines that it needs can write. (request r1)\n");
}

static void a_long_wait_is_not_waited_for(void **state)
{
    struct fixture *f = *state;
    struct json *j = NULL;

    f->fail_first = 9;
    f->retry_after = "300";
    assert_err(ERR_UNAVAILABLE, api_get(&f->cli, "/flaky", &j));
    assert_int_equal(f->asked, 1);
}

static void what_may_have_happened_is_not_asked_twice(void **state)
{
    struct fixture *f = *state;
    struct json *j = NULL;

    assert_err(ERR_TIMEOUT, api_json(&f->cli, "POST", "/gateway", NULL, &j));
    assert_int_equal(f->asked, 1);
    fflush(f->cli.out.errors);
    assert_non_null(strstr(f->said, "answered 504, which says: No answer in time"));
}

static void a_conflict_names_what_is_at_risk(void **state)
{
    struct fixture *f = *state;
    struct json *j = NULL;

    assert_err(ERR_CONFLICT, api_get(&f->cli, "/refuse", &j));
    fflush(f->cli.out.errors);
    assert_string_equal(f->said, "ringbinder: Files would lose their last copy. At risk: A1, B 2 and 3 more\n");
}

static void what_is_no_ringbinder_is_found_out(void **state)
{
    struct fixture *f = *state;
    struct json *j = NULL;

    assert_err(ERR_INTERNAL, api_get(&f->cli, "/rubbish", &j));
    fflush(f->cli.out.errors);
    assert_non_null(strstr(f->said, "is it a Ringbinder?"));
}

static void a_token_goes_along(void **state)
{
    struct fixture *f = *state;
    struct json *j = NULL;

    f->cli.token = "s3cret";
    assert_ok(api_get(&f->cli, "/flaky", &j));
    assert_string_equal(f->authorization, "Bearer s3cret");
    json_free(j);
}

static void pages_are_one_list(void **state)
{
    struct fixture *f = *state;
    struct json *j = NULL;
    int more = -1;

    assert_ok(api_list(&f->cli, "/pages", 100, &j, &more));
    assert_int_equal(json_count(json_get(j, "items")), 5);
    assert_int_equal(more, 0);
    json_free(j);
    assert_ok(api_list(&f->cli, "/pages", 3, &j, &more));
    assert_int_equal(json_count(json_get(j, "items")), 3);
    assert_int_equal(more, 1);
    json_free(j);
}

static void each_error_has_its_exit_code(void **state)
{
    (void)state;
    assert_int_equal(cli_exit_code(ERR_OK), 0);
    assert_int_equal(cli_exit_code(ERR_CORRUPT), 1);
    assert_int_equal(cli_exit_code(ERR_NOT_FOUND), 3);
    assert_int_equal(cli_exit_code(ERR_GONE), 3);
    assert_int_equal(cli_exit_code(ERR_UNAVAILABLE), 4);
    assert_int_equal(cli_exit_code(ERR_STALE_INDEX), 4);
    assert_int_equal(cli_exit_code(ERR_PRECONDITION), 5);
    assert_int_equal(cli_exit_code(ERR_CONFLICT), 5);
    assert_int_equal(cli_exit_code(ERR_AUTH), 6);
    assert_int_equal(cli_exit_code(ERR_DENIED), 6);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_path_takes_each_text_as_one_segment),
        TEST(a_read_is_tried_again_while_too_few_machines_answer),
        TEST(after_three_tries_it_is_said),
        TEST(a_long_wait_is_not_waited_for),
        TEST(what_may_have_happened_is_not_asked_twice),
        TEST(a_conflict_names_what_is_at_risk),
        TEST(what_is_no_ringbinder_is_found_out),
        TEST(a_token_goes_along),
        TEST(pages_are_one_list),
        TEST(each_error_has_its_exit_code),
    };

    assert_ok(peer_global_init());
    return cmocka_run_group_tests(tests, NULL, NULL);
}
