/* `ringbinder node token` against a front in this process: what is asked, where the token goes, and what is left when there is none. */
#include "tests/unit/unit.h"

#include "cli/node_token.h"
#include "lib/http/http.h"
#include "lib/peer/peer.h"
#include "lib/wire/json.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TOKEN "rbj_0123456789abcdef_0123456789012345678901234567890123456789abc"

struct fixture {
    struct http_server *server;
    char url[64], folder[64], file[96];
    struct cli cli;
    char *said, *printed;
    size_t said_len, printed_len;
    atomic_int asked;
    int refuses;
    char name[64], zone[64];
    uint64_t expires_s;
};

static void handle_make(struct http_request *r, void *ctx)
{
    static const char answer[] =
        "{\"id\":\"0123456789abcdef\",\"name\":\"lab-7\",\"zone\":\"attic\",\"expires_at\":\"2026-11-22T10:00:00Z\",\"token\":\"" TOKEN
        "\"}";
    struct fixture *f = ctx;
    struct json *j;
    size_t len;
    const char *body = http_body(r, &len);

    f->asked++;
    assert_ok(json_parse(body, len, &j));
    snprintf(f->name, sizeof f->name, "%s", json_get_str(j, "name"));
    snprintf(f->zone, sizeof f->zone, "%s", json_get_str(j, "zone"));
    assert_ok(json_get_u64(j, "expires_s", UINT64_MAX, &f->expires_s));
    json_free(j);
    if (f->refuses)
        http_reply_problem(r, ERR_DENIED, "You are no admin.");
    else
        http_reply(r, 201, "application/json", answer, sizeof answer - 1);
}

static int setup(void **state)
{
    static const struct http_route routes[] = {{"POST", "/api/v1/join-tokens", HTTP_AUTH_NONE, 0, 4096, handle_make, NULL, NULL, NULL}};
    struct fixture *f = calloc(1, sizeof *f);
    const struct http_config c = {.address = "127.0.0.1", .routes = routes, .n_routes = 1, .ctx = f};

    assert_ok(http_start(&c, &f->server));
    snprintf(f->url, sizeof f->url, "http://127.0.0.1:%u", (unsigned)http_port(f->server));
    strcpy(f->folder, "/tmp/rb-unit-token-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->file, sizeof f->file, "%s/token", f->folder);
    f->cli = (struct cli){.url = f->url, .client = client_new()};
    f->cli.out.errors = open_memstream(&f->said, &f->said_len);
    f->cli.out.file = open_memstream(&f->printed, &f->printed_len);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    client_free(f->cli.client);
    http_stop(f->server);
    fclose(f->cli.out.errors);
    fclose(f->cli.out.file);
    free(f->said);
    free(f->printed);
    unlink(f->file);
    rmdir(f->folder);
    free(f);
    return 0;
}

static void run(struct fixture *f, int code, const char *const *words)
{
    char *argv[10] = {strdup("token")};
    int argc = 1;

    for (; words[argc - 1]; argc++)
        argv[argc] = strdup(words[argc - 1]);
    assert_int_equal(node_token(&f->cli, argc, argv), code);
    fflush(f->cli.out.errors);
    fflush(f->cli.out.file);
    for (int i = 0; i < argc; i++)
        free(argv[i]);
}

#define RUN(code, ...) run(f, (code), (const char *const[]){__VA_ARGS__, NULL})

static void a_token_goes_into_a_file_of_its_owners(void **state)
{
    struct fixture *f = *state;
    struct stat st;
    char text[128] = "";

    RUN(CLI_OK, "lab-7", "--zone", "attic", "--hours", "2", "-o", f->file);
    assert_string_equal(f->name, "lab-7");
    assert_string_equal(f->zone, "attic");
    assert_int_equal(f->expires_s, 7200);
    assert_int_equal(stat(f->file, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    FILE *file = fopen(f->file, "re");
    assert_non_null(fgets(text, sizeof text, file));
    fclose(file);
    assert_string_equal(text, TOKEN "\n");
    assert_null(strstr(f->said, TOKEN));
    assert_int_equal(f->printed_len, 0);
    /* One is there: none is made that could not be kept. */
    RUN(CLI_CONFLICT, "lab-7", "-o", f->file);
    assert_int_equal(f->asked, 1);
}

static void without_a_file_it_is_printed_and_nothing_else(void **state)
{
    struct fixture *f = *state;

    RUN(CLI_OK, "lab-7");
    assert_string_equal(f->printed, TOKEN "\n");
    assert_int_equal(f->expires_s, 24 * 3600);
    assert_string_equal(f->zone, "");
    assert_non_null(strstr(f->said, "lab-7"));
}

static void a_refusal_leaves_no_file(void **state)
{
    struct fixture *f = *state;

    f->refuses = 1;
    RUN(CLI_DENIED, "lab-7", "-o", f->file);
    assert_non_null(strstr(f->said, "You are no admin"));
    assert_int_not_equal(access(f->file, F_OK), 0);
}

static void words_that_make_no_sense_ask_nobody(void **state)
{
    struct fixture *f = *state;

    RUN(CLI_USAGE, "a", "b");
    RUN(CLI_USAGE, "a", "--hours", "0");
    RUN(CLI_USAGE, "a", "--hours", "169");
    RUN(CLI_USAGE, "a", "--days", "1");
    assert_int_equal(f->asked, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_token_goes_into_a_file_of_its_owners, setup, teardown),
        cmocka_unit_test_setup_teardown(without_a_file_it_is_printed_and_nothing_else, setup, teardown),
        cmocka_unit_test_setup_teardown(a_refusal_leaves_no_file, setup, teardown),
        cmocka_unit_test_setup_teardown(words_that_make_no_sense_ask_nobody, setup, teardown),
    };
    return peer_global_init() != ERR_OK || cmocka_run_group_tests(tests, NULL, NULL);
}
