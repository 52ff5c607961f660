/* Join tokens: made, and used once. Documents are in memory. */
#include "tests/unit/fcgi/service/documents.h"

#include "fcgi/service/joins.h"
#include "lib/audit/key.h"
#include "lib/base/num.h"
#include "lib/base/seal.h"

#define CLAIM "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
#define OTHER "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"

struct made {
    struct docs_join join;
    char text[SECRET_TOKEN_SIZE];
    struct sign_key secret; /* as the joiner reads it out of the text */
};

static struct made make(struct fixture *f, const char *node, uint64_t lasts_ms)
{
    struct made m;
    const char *detail = NULL;
    memset(&f->app.key, 7, sizeof(f->app.key));
    f->app.key.bytes[3] = 1;
    const struct joins_new in = {.node = node, .zone = "lab", .expires_at_ms = clock_unix_ms() + lasts_ms};
    assert_ok(joins_make(&f->w, &in, "root", &m.join, m.text, &detail));
    assert_ok(secret_bytes(m.text + strlen(m.text) - (SECRET_SIZE - 1), SECRET_SIZE - 1, m.secret.bytes));
    return m;
}

/* With a proof by this secret. */
static enum err use_by(
    struct fixture *f, const struct sign_key *secret, const char *id, const char *claim, struct buf *sealed, char node[RING_ID_MAX])
{
    uint8_t proof[HASH_SIZE];
    char hex[HASH_HEX_SIZE];
    const char *detail;
    sign_join_proof(secret, id, claim, proof);
    num_hex(proof, sizeof(proof), hex);
    const struct joins_claim in = {.id = id, .claim = claim, .proof = hex};
    enum err e = joins_use(&f->w, &in, sealed, node, &detail);
    assert_true(e == ERR_OK || e == ERR_UNAVAILABLE || detail != NULL);
    return e;
}

static enum err use(struct fixture *f, const struct made *m, const char *claim)
{
    struct buf sealed;
    char node[RING_ID_MAX];
    buf_init(&sealed, JOINS_SEALED_MAX);
    enum err e = use_by(f, &m->secret, m->join.id, claim, &sealed, node);
    assert_true((e == ERR_OK) == (sealed.len > 0));
    buf_release(&sealed);
    return e;
}

static void assert_hex(const struct json *j, const char *name, const uint8_t *bytes, size_t n)
{
    char hex[2 * 64 + 1];
    num_hex(bytes, n, hex);
    assert_string_equal(json_get_str(j, name), hex);
}

static void the_joiner_and_nobody_else_reads_its_keys(void **state)
{
    struct fixture *f = *state;
    struct buf sealed, text;
    struct sign_key key, own, coordinators, pair;
    uint8_t seed[AUDIT_KEY_SIZE];
    char node[RING_ID_MAX], expected[SIGN_SENDER_MAX], sender[SIGN_SENDER_MAX + 8];
    struct json *j;
    struct made m = make(f, "lab-7", 60000);
    buf_init(&sealed, JOINS_SEALED_MAX);
    buf_init(&text, JOINS_SEALED_MAX);
    assert_ok(use_by(f, &m.secret, m.join.id, CLAIM, &sealed, node));
    sign_join_node("lab-7", CLAIM, expected);
    assert_string_equal(node, expected);
    sign_join_seal(&m.secret, m.join.id, OTHER, &key);
    assert_err(ERR_AUTH, seal_open(key.bytes, "join", sealed.data, sealed.len, &text));
    sign_join_seal(&m.secret, m.join.id, CLAIM, &key);
    assert_ok(seal_open(key.bytes, "join", sealed.data, sealed.len, &text));
    assert_ok(json_parse(buf_str(&text), text.len, &j));
    assert_string_equal(json_get_str(j, "id"), node);
    assert_string_equal(json_get_str(j, "name"), "lab-7");
    assert_string_equal(json_get_str(j, "zone"), "lab");
    snprintf(sender, sizeof(sender), "node:%s", node);
    sign_node_key(&f->app.key, node, &own);
    sign_coordinators_key(&f->app.key, &coordinators);
    sign_pair_key(&coordinators, sender, &pair);
    audit_seed_first(f->app.key.bytes, sender, seed);
    assert_hex(j, "key", own.bytes, SIGN_KEY_SIZE);
    assert_hex(j, "coordinators", pair.bytes, SIGN_KEY_SIZE);
    assert_hex(j, "seed", seed, sizeof(seed));
    json_free(j);
    buf_release(&sealed);
    buf_release(&text);
}

static void a_token_is_good_for_one_claim(void **state)
{
    struct fixture *f = *state;
    struct made m = make(f, "lab-7", 60000);
    assert_ok(use(f, &m, CLAIM));
    assert_ok(use(f, &m, CLAIM)); /* its answer was lost */
    assert_err(ERR_CONFLICT, use(f, &m, OTHER));
    documents.redis_up = 0;
    assert_err(ERR_CONFLICT, use(f, &m, OTHER));
    assert_ok(use(f, &m, CLAIM));
}

/* Whoever is written down first has it; the other finds that when it tries again. */
static void of_two_at_once_one_gets_in(void **state)
{
    struct fixture *f = *state;
    struct made m = make(f, "lab-7", 60000);
    documents.conflicts = 1;
    assert_ok(use(f, &m, CLAIM));
    assert_err(ERR_CONFLICT, use(f, &m, OTHER));
}

static void while_owners_are_away_nobody_is_told_keys(void **state)
{
    struct fixture *f = *state;
    struct made m = make(f, "lab-7", 60000);
    documents.away = ERR_UNAVAILABLE;
    assert_err(ERR_UNAVAILABLE, use(f, &m, CLAIM));
    documents.away = ERR_OK;
    assert_ok(use(f, &m, OTHER));
}

static void the_document_lets_nobody_in(void **state)
{
    struct fixture *f = *state;
    struct made m = make(f, "lab-7", 60000);
    assert_int_equal(documents.n, 1);
    assert_non_null(strstr(documents.all[0].text, m.join.digest));
    assert_null(strstr(documents.all[0].text, m.text + 21)); /* the secret behind "rbj_<16 hex>_" */
    struct sign_key guess;
    assert_ok(num_unhex(m.join.digest, guess.bytes, sizeof(guess.bytes)));
    struct buf sealed;
    char node[RING_ID_MAX];
    buf_init(&sealed, JOINS_SEALED_MAX);
    assert_err(ERR_AUTH, use_by(f, &guess, m.join.id, CLAIM, &sealed, node));
    buf_release(&sealed);
}

static void what_is_wrong_expired_or_taken_back_is_one_refusal(void **state)
{
    struct fixture *f = *state;
    struct made m = make(f, "lab-7", 60000), soon = make(f, "lab-8", 50), gone = make(f, "lab-9", 60000);
    struct buf sealed;
    char node[RING_ID_MAX];
    struct sign_key secret;
    buf_init(&sealed, JOINS_SEALED_MAX);
    clock_sleep_ms(80);
    assert_err(ERR_AUTH, use(f, &soon, CLAIM));
    free(documents.all[2].text);
    documents.all[2].text = NULL;
    assert_err(ERR_AUTH, use(f, &gone, CLAIM));
    assert_err(ERR_AUTH, use_by(f, &m.secret, gone.join.id, CLAIM, &sealed, node)); /* another token's secret */
    /* A secret that follows from the master, of a token that nobody made: only its holders could, and they need none. */
    sign_join_secret(&f->app.key, "00000000000000aa", &secret);
    assert_err(ERR_AUTH, use_by(f, &secret, "00000000000000aa", CLAIM, &sealed, node));
    assert_int_equal(sealed.len, 0);
    assert_ok(use(f, &m, CLAIM));
    buf_release(&sealed);
}

/* The owners hear of nobody who could not prove that he has the token. */
static void who_proves_nothing_costs_nobody_anything(void **state)
{
    struct fixture *f = *state;
    struct made m = make(f, "lab-7", 60000);
    struct buf sealed;
    char node[RING_ID_MAX], zeros[HASH_HEX_SIZE];
    const char *detail;
    static const struct joins_claim bad[] = {{"", CLAIM, CLAIM}, {"0123456789abcdeF", CLAIM, CLAIM}, {"0123456789abcdef0", CLAIM, CLAIM},
        {"0123456789abcdef", "", CLAIM}, {"0123456789abcdef", CLAIM "c", CLAIM}, {"0123456789abcdef", CLAIM, ""},
        {"0123456789abcdef", CLAIM, "x"}};
    buf_init(&sealed, JOINS_SEALED_MAX);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_err(ERR_SYNTAX, joins_use(&f->w, &bad[i], &sealed, node, &detail));
    memset(zeros, '0', sizeof(zeros) - 1);
    zeros[sizeof(zeros) - 1] = '\0';
    unsigned before = documents.reads + documents.firm_reads;
    assert_err(ERR_AUTH, joins_use(&f->w, &(struct joins_claim){m.join.id, CLAIM, zeros}, &sealed, node, &detail));
    assert_int_equal(documents.reads + documents.firm_reads, before);
    buf_release(&sealed);
}

static void strange_machines_get_no_token(void **state)
{
    struct fixture *f = *state;
    struct docs_join out;
    char text[SECRET_TOKEN_SIZE];
    const char *detail;
    static const struct joins_new bad[] = {{"", "", 9999999999999}, {"Lab", "", 9999999999999}, {"1lab", "", 9999999999999},
        {"lab/7", "", 9999999999999}, {"lab", "a zone", 9999999999999}, {"lab", "<", 9999999999999}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        detail = NULL;
        if (joins_make(&f->w, &bad[i], "root", &out, text, &detail) != ERR_INVALID)
            fail_msg("%s got a token", bad[i].node);
        assert_non_null(detail);
        assert_string_equal(text, "");
    }
    assert_int_equal(documents.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_joiner_and_nobody_else_reads_its_keys, setup, teardown),
        cmocka_unit_test_setup_teardown(a_token_is_good_for_one_claim, setup, teardown),
        cmocka_unit_test_setup_teardown(of_two_at_once_one_gets_in, setup, teardown),
        cmocka_unit_test_setup_teardown(while_owners_are_away_nobody_is_told_keys, setup, teardown),
        cmocka_unit_test_setup_teardown(the_document_lets_nobody_in, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_wrong_expired_or_taken_back_is_one_refusal, setup, teardown),
        cmocka_unit_test_setup_teardown(who_proves_nothing_costs_nobody_anything, setup, teardown),
        cmocka_unit_test_setup_teardown(strange_machines_get_no_token, setup, teardown),
    };
    return cmocka_run_group_tests(tests, documents_start, documents_stop);
}
