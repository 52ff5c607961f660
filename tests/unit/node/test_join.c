/* How a folder becomes a node's by a token, against a portal in this process: what it is asked, how often, and what is left behind when it fails. */
#include "tests/unit/node/folder.h"

#include "lib/auth/secret.h"
#include "lib/base/clock.h"
#include "lib/base/num.h"
#include "lib/base/seal.h"
#include "lib/http/http.h"
#include "lib/wire/json.h"
#include "node/identity.h"
#include "node/join.h"
#include "node/keys.h"

#include <stdatomic.h>

#define ID "0123456789abcdef"
#define NAME "lab-7"

enum manner { TELLS, LOSES_ITS_ANSWER, TELLS_ANOTHER_ID, SEALS_FOR_ANOTHER, IS_NO_PORTAL };

static struct portal {
    struct http_server *server;
    struct sign_key master, secret;
    char url[64];
    enum manner how;
    enum err refuses;
    atomic_int asked;
    char claims[4][65]; /* of the first four */
} portal;

/* What the api answers (fcgi/service/joins.c), in clear. */
static void print_answer(const char *claim, struct buf *out)
{
    struct keys_given given;
    char node[SIGN_SENDER_MAX], hex[2 * 32 + 1];
    struct json *j = json_object();
    sign_join_node(NAME, portal.how == TELLS_ANOTHER_ID ? ID ID ID ID : claim, node);
    keys_derive(&portal.master, node, &given);
    json_set_str(j, "id", node);
    json_set_str(j, "name", NAME);
    json_set_str(j, "zone", "lab");
    num_hex(given.own.bytes, 32, hex);
    json_set_str(j, "key", hex);
    num_hex(given.to_coordinators.bytes, 32, hex);
    json_set_str(j, "coordinators", hex);
    num_hex(given.seed, 32, hex);
    json_set_str(j, "seed", hex);
    assert_ok(json_print(j, out));
    json_free(j);
}

static void reply_sealed(struct http_request *r, const char *claim)
{
    struct buf text, sealed, body;
    struct sign_key key;
    char hex[4096];
    buf_init(&text, 2048);
    buf_init(&sealed, 2048);
    buf_init(&body, 8192);
    print_answer(claim, &text);
    sign_join_seal(&portal.secret, ID, portal.how == SEALS_FOR_ANOTHER ? ID ID ID ID : claim, &key);
    assert_ok(seal_close(key.bytes, "join", text.data, text.len, &sealed));
    num_hex(sealed.data, sealed.len, hex);
    assert_ok(buf_addf(&body, "{\"sealed\":\"%s\"}", hex));
    http_reply_json(r, 200, &body);
    buf_release(&text);
    buf_release(&sealed);
    buf_release(&body);
}

static void handle_join(struct http_request *r, void *ctx)
{
    uint8_t proof[HASH_SIZE];
    char hex[HASH_HEX_SIZE];
    struct json *j;
    size_t len;
    const char *body = http_body(r, &len);
    int n = portal.asked++;
    (void)ctx;
    assert_ok(json_parse(body, len, &j));
    const char *claim = json_get_str(j, "claim");
    assert_true(claim && num_is_hex(claim, 64));
    assert_string_equal(json_get_str(j, "id"), ID);
    assert_null(json_get_str(j, "token")); /* it never travels */
    sign_join_proof(&portal.secret, ID, claim, proof);
    num_hex(proof, sizeof(proof), hex);
    assert_string_equal(json_get_str(j, "proof"), hex);
    if (n < 4)
        strcpy(portal.claims[n], claim);
    if (portal.refuses)
        http_reply_problem(r, portal.refuses, "So says the portal.");
    else if (portal.how == LOSES_ITS_ANSWER)
        http_reply_problem(r, ERR_TIMEOUT, NULL);
    else if (portal.how == IS_NO_PORTAL)
        http_reply(r, 200, "text/html", "<html>", 6);
    else
        reply_sealed(r, claim);
    json_free(j);
}

struct fixture {
    struct folder folder;
    char data[96], token[96];
};

static void write_token(struct fixture *f, const char *kind, mode_t mode)
{
    char bare[SECRET_SIZE], text[128];
    secret_text(portal.secret.bytes, bare);
    snprintf(text, sizeof(text), "%s_" ID "_%s\n", kind, bare);
    FILE *file = fopen(f->token, "we");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    assert_int_equal(chmod(f->token, mode), 0);
}

static int setup(void **state)
{
    static const struct http_route routes[] = {{"POST", "/api/v1/join", HTTP_AUTH_NONE, 0, 4096, handle_join, NULL, NULL, NULL}};
    const struct http_config config = {.address = "127.0.0.1", .routes = routes, .n_routes = 1};
    struct fixture *f = calloc(1, sizeof(*f));
    folder_make(&f->folder);
    snprintf(f->data, sizeof(f->data), "%s/data", f->folder.path);
    snprintf(f->token, sizeof(f->token), "%s/token", f->folder.path);
    memset(&portal, 0, sizeof(portal));
    memcpy(portal.master.bytes, "the cluster's key of these tests", SIGN_KEY_SIZE);
    sign_join_secret(&portal.master, ID, &portal.secret);
    assert_ok(http_start(&config, &portal.server));
    snprintf(portal.url, sizeof(portal.url), "http://127.0.0.1:%u/", (unsigned)http_port(portal.server));
    write_token(f, "rbj", 0600);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    http_stop(portal.server);
    folder_remove(&f->folder);
    free(f);
    return 0;
}

/* The identity it prints, or why not. */
static enum err join(struct fixture *f, char said[1024])
{
    char why[JOIN_WHY_SIZE] = "";
    struct buf line;
    buf_init(&line, 1000);
    enum err e = join_folder(f->data, f->token, portal.url, 3, &line, why);
    snprintf(said, 1024, "%s", e ? why : buf_str(&line));
    buf_release(&line);
    return e;
}

static void assert_refused(struct fixture *f, enum err e, const char *word)
{
    char said[1024];
    assert_err(e, join(f, said));
    if (!strstr(said, word))
        fail_msg("it said: %s", said);
    assert_false(keys_are_there(f->data));
}

static int is_there(const struct fixture *f, const char *name)
{
    char path[160];
    snprintf(path, sizeof(path), "%s/%s", f->data, name);
    return access(path, F_OK) == 0;
}

static void a_token_makes_a_folder_a_nodes(void **state)
{
    struct fixture *f = *state;
    char said[1024], again[1024];
    struct ring_member self;
    struct sign_keys *keys;
    struct sign_key own, expected;
    assert_ok(join(f, said));
    assert_ok(identity_read(f->data, &self));
    assert_string_equal(self.name, NAME);
    assert_string_equal(self.zone, "lab");
    assert_int_equal(self.weight, 3);
    assert_non_null(strstr(said, self.id));
    assert_ok(keys_open(f->data, self.id, &keys));
    assert_ok(sign_keys_of(keys, self.id, &own));
    sign_node_key(&portal.master, self.id, &expected);
    assert_memory_equal(own.bytes, expected.bytes, SIGN_KEY_SIZE);
    sign_keys_free(keys);
    assert_false(is_there(f, "join.json"));
    assert_true(is_there(f, "audit/seed"));
    /* Done: nobody is asked any more, be the token gone and the portal away. */
    unlink(f->token);
    portal.refuses = ERR_CONFLICT;
    assert_ok(join(f, again));
    assert_string_equal(said, again);
    assert_int_equal(portal.asked, 1);
}

static void a_lost_answer_is_asked_for_again_by_the_same_claim(void **state)
{
    struct fixture *f = *state;
    char said[1024];
    portal.how = LOSES_ITS_ANSWER;
    assert_refused(f, ERR_UNAVAILABLE, "answers 503");
    assert_true(is_there(f, "join.json"));
    assert_refused(f, ERR_UNAVAILABLE, "answers 503");
    portal.how = TELLS;
    assert_ok(join(f, said));
    assert_int_equal(portal.asked, 3);
    assert_string_equal(portal.claims[0], portal.claims[1]);
    assert_string_equal(portal.claims[0], portal.claims[2]);
    assert_false(is_there(f, "join.json"));
}

static void a_claim_of_another_token_is_not_used_again(void **state)
{
    struct fixture *f = *state;
    static const char other[] = "{\"token\":\"ffffffffffffffff\",\"claim\":\"" ID ID ID ID "\"}";
    char path[160], said[1024];
    assert_ok(fs_mkdirs(f->data, 0700));
    snprintf(path, sizeof(path), "%s/join.json", f->data);
    assert_ok(fs_replace_file(path, other, sizeof(other) - 1, 0600));
    assert_ok(join(f, said));
    assert_string_not_equal(portal.claims[0], ID ID ID ID);
}

static void refusals_are_told_in_the_portals_words(void **state)
{
    struct fixture *f = *state;
    portal.refuses = ERR_AUTH;
    assert_refused(f, ERR_DENIED, "So says the portal.");
    portal.refuses = ERR_CONFLICT;
    assert_refused(f, ERR_CONFLICT, "So says the portal.");
    portal.refuses = ERR_RATE;
    assert_refused(f, ERR_UNAVAILABLE, "429");
}

/* Whoever answers must know the token, or what it says is worth nothing. */
static void an_answer_by_somebody_else_is_not_believed(void **state)
{
    static const enum manner wrong[] = {TELLS_ANOTHER_ID, SEALS_FOR_ANOTHER, IS_NO_PORTAL};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        portal.how = wrong[i];
        assert_refused(f, ERR_AUTH, portal.url);
        assert_false(is_there(f, "node.json"));
    }
}

static void a_token_must_be_one_and_private(void **state)
{
    struct fixture *f = *state;
    write_token(f, "rbj", 0640);
    assert_refused(f, ERR_DENIED, "chmod 600");
    write_token(f, "rb", 0600);
    assert_refused(f, ERR_SYNTAX, "holds no join token");
    unlink(f->token);
    assert_refused(f, ERR_NOT_FOUND, "holds no join token");
    assert_int_equal(portal.asked, 0);
}

static void a_portal_that_is_away_can_be_asked_later(void **state)
{
    struct fixture *f = *state;
    http_stop(portal.server);
    portal.server = NULL;
    assert_refused(f, ERR_UNAVAILABLE, "does not answer");
    assert_true(is_there(f, "join.json"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_token_makes_a_folder_a_nodes, setup, teardown),
        cmocka_unit_test_setup_teardown(a_lost_answer_is_asked_for_again_by_the_same_claim, setup, teardown),
        cmocka_unit_test_setup_teardown(a_claim_of_another_token_is_not_used_again, setup, teardown),
        cmocka_unit_test_setup_teardown(refusals_are_told_in_the_portals_words, setup, teardown),
        cmocka_unit_test_setup_teardown(an_answer_by_somebody_else_is_not_believed, setup, teardown),
        cmocka_unit_test_setup_teardown(a_token_must_be_one_and_private, setup, teardown),
        cmocka_unit_test_setup_teardown(a_portal_that_is_away_can_be_asked_later, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
