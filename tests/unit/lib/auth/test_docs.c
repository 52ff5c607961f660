#include "tests/unit/unit.h"

#include "lib/auth/docs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define HEX32 "0123456789abcdef0123456789abcdef"
#define ARGON "\"$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\""
#define X64 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X128 X64 X64
#define SOME_TEXT "\"text of no use, longer than a role is\""
#define NOW "1800000000000"
#define EXACT "9007199254740992"
#define TOO_MUCH "9007199254740993"

/* ---- the six kinds by one table */

union any {
    struct docs_account account;
    struct docs_token token;
    struct docs_link link;
    struct docs_settings settings;
    struct docs_pending pending;
    struct docs_join join;
};

static enum err read_account(const struct json *j, union any *out)
{
    return docs_account_from_json(j, &out->account);
}
static struct json *write_account(const union any *d)
{
    return docs_account_to_json(&d->account);
}
static enum err read_token(const struct json *j, union any *out)
{
    return docs_token_from_json(j, &out->token);
}
static struct json *write_token(const union any *d)
{
    return docs_token_to_json(&d->token);
}
static enum err read_link(const struct json *j, union any *out)
{
    return docs_link_from_json(j, &out->link);
}
static struct json *write_link(const union any *d)
{
    return docs_link_to_json(&d->link);
}
static enum err read_settings(const struct json *j, union any *out)
{
    return docs_settings_from_json(j, &out->settings);
}
static struct json *write_settings(const union any *d)
{
    return docs_settings_to_json(&d->settings);
}
static enum err read_pending(const struct json *j, union any *out)
{
    return docs_pending_from_json(j, &out->pending);
}
static struct json *write_pending(const union any *d)
{
    return docs_pending_to_json(&d->pending);
}
static void release_pending(union any *d)
{
    docs_pending_release(&d->pending);
}
static enum err read_join(const struct json *j, union any *out)
{
    return docs_join_from_json(j, &out->join);
}
static struct json *write_join(const union any *d)
{
    return docs_join_to_json(&d->join);
}

/* A member, the value it has in the document to begin with, other values that are good, and values that are out of bounds. Any other type is a fault of form. */
struct member {
    const char *key, *value;
    const char *good[8];
    const char *out_of_bounds[16];
};

struct kind {
    const char *name;
    enum err (*read)(const struct json *j, union any *out);
    struct json *(*write)(const union any *d);
    void (*release)(union any *d);
    struct member members[14];
};

#define BAD_NAMES "\"\"", "\"Amber\"", "\"a b\"", "\"a/b\"", "\"../x\"", "\"" X64 "x\""
#define BAD_SHOWN "\"" X64 "x\"", "\"a\\nb\"", "\"\\u007f\""
#define BAD_IDS "\"\"", "\"00112233445566f\"", "\"00112233445566ff0\"", "\"00112233445566FF\"", "\"00112233445566fg\""
#define BAD_DIGESTS "\"\"", "\"" HEX32 "\"", "\"" HEX64 "0\"", "\"G" HEX32 "0123456789abcdef0123456789abcde\""
#define BAD_TIMES "0"
#define BAD_SCOPES "[\"\"]", "[\"a\",\"a\"]", "[\"a\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\",\"h\",\"i\"]", "[\"" X128 "x\"]", "[\"a\\tb\"]"
#define VERSION                          \
    {                                    \
        "v", "1", {NULL},                \
        {                                \
            "0", "2", "9007199254740991" \
        }                                \
    }

static const struct kind account = {"account", read_account, write_account, NULL,
    {VERSION, {"name", "\"amber\"", {"\"a.amer@uni.example\""}, {BAD_NAMES}},
        {"shown", "\"Amber \\u00c5\"", {"\"\"", "\"" X64 "\"", SOME_TEXT}, {BAD_SHOWN}},
        {"role", "\"maintainer\"", {"\"reader\"", "\"contributor\"", "\"admin\""},
            {"\"nobody\"", "\"root\"", "\"\"", "\"maintainers of all\""}},
        {"scopes", "[\"csen\"]", {"[]", "[\"csen\",\"math\"]", "[\"" X128 "\"]"}, {BAD_SCOPES}},
        {"password", ARGON, {"null"}, {"\"\"", "\"x\"", "\"$2b$12$x\""}}, {"disabled", "false", {"true"}, {NULL}},
        {"known", "true", {"false"}, {NULL}}, {"created_at", NOW, {"1", EXACT}, {BAD_TIMES}}, {"quota_bytes", "null", {"0", EXACT}, {NULL}},
        {"endings", "0", {"1", EXACT}, {NULL}}}};

static const struct kind token = {"token", read_token, write_token, NULL,
    {VERSION, {"id", "\"00112233445566ff\"", {NULL}, {BAD_IDS}}, {"user", "\"amber\"", {NULL}, {BAD_NAMES}},
        {"label", "\"laptop\"", {"\"\"", SOME_TEXT}, {BAD_SHOWN}}, {"digest", "\"" HEX64 "\"", {NULL}, {BAD_DIGESTS}},
        {"acts", "[\"read\",\"upload\"]", {"[\"self\"]", "[\"accounts\",\"read\"]"},
            {"[]", "[\"none\"]", "[\"read\",\"read\"]", "[\"Read\"]", "[\"\"]"}},
        {"scopes", "[]", {"[\"csen\"]"}, {BAD_SCOPES}}, {"created_at", NOW, {"1"}, {BAD_TIMES, "1900000000000", EXACT}},
        {"expires_at", "1900000000000", {"null", EXACT}, {BAD_TIMES, NOW, "1"}}, {"revoked", "false", {"true"}, {NULL}}}};

static const struct kind link = {"link", read_link, write_link, NULL,
    {VERSION, {"id", "\"00112233445566ff\"", {NULL}, {BAD_IDS}},
        {"course", "\"csen317\"", {"\"x\"", "\"peer/x\"", SOME_TEXT}, {"\"\"", "\"sys/settings\"", "\"peer/" HEX64 "\"", "\"a\\u0001\""}},
        {"record", "\"" HEX32 "\"", {"null"}, {NULL}}, {"label", "\"for birch\"", {"\"\"", SOME_TEXT}, {BAD_SHOWN}},
        {"by", "\"amber\"", {NULL}, {BAD_NAMES}}, {"created_at", NOW, {"1799999999999"}, {BAD_TIMES, "1", "1800003600000"}},
        {"expires_at", "1800003600000", {"1831622400000"}, {BAD_TIMES, NOW, "1831622400001", EXACT}},
        {"password", "null", {ARGON}, {"\"\"", "\"x\""}}, {"downloads_max", "null", {"1", EXACT}, {"0"}},
        {"revoked", "false", {"true"}, {NULL}}}};

static const struct kind settings = {"settings", read_settings, write_settings, NULL,
    {VERSION, {"public_read", "true", {"false"}, {NULL}}, {"public_upload", "false", {"true"}, {NULL}},
        {"moderate", "false", {"true"}, {NULL}}, {"quota_user_bytes", "null", {"0", EXACT}, {NULL}},
        {"quota_cluster_bytes", "1000000", {"null"}, {NULL}},
        {"trusted_proxies", "[]",
            {"[\"127.0.0.1\"]", "[\"::1\",\"10.0.0.1\"]",
                "[\"1.1.1.1\",\"1.1.1.2\",\"1.1.1.3\",\"1.1.1.4\",\"1.1.1.5\",\"1.1.1.6\",\"1.1.1.7\",\"1.1.1.8\"]"},
            {"[\"\"]", "[\"localhost\"]", "[\"127.1\"]", "[\"127.0.0.01\"]", "[\"10.0.0.0/8\"]", "[\"0:0:0:0:0:0:0:1\"]",
                "[\"::FFFF:0:1\"]", "[\"::1%lo\"]", "[\" ::1\"]",
                "[\"1.1.1.1\",\"1.1.1.2\",\"1.1.1.3\",\"1.1.1.4\",\"1.1.1.5\",\"1.1.1.6\",\"1.1.1.7\",\"1.1.1.8\",\"1.1.1.9\"]"}},
        {"session_idle_s", "43200", {"60", "604800"}, {"0", "59", "604801", EXACT}},
        {"session_end_s", "604800", {"43200", "34560000"}, {"43199", "34560001"}}}};

static const struct kind join = {"join", read_join, write_join, NULL,
    {VERSION, {"id", "\"00112233445566ff\"", {NULL}, {BAD_IDS}},
        {"node", "\"node-4\"", {"\"a\""}, {"\"\"", "\"4node\"", "\"Node\"", "\"a.b\"", "\"" X64 "\""}},
        {"zone", "\"b\"", {"\"\"", "\"Room_4.2\""}, {"\"a b\"", "\"a/b\"", "\"" X64 "\""}},
        {"digest", "\"" HEX64 "\"", {NULL}, {BAD_DIGESTS}}, {"by", "\"amber\"", {NULL}, {BAD_NAMES}},
        {"created_at", NOW, {"1"}, {BAD_TIMES, "1900000000000"}}, {"expires_at", "1900000000000", {EXACT}, {BAD_TIMES, NOW}},
        {"used_at", NULL, {NULL}, {NULL}}, {"used_by", NULL, {NULL}, {NULL}}}};

#define MEMBERS_MAX (sizeof(account.members) / sizeof(account.members[0]))

/* ---- texts made of members */

/* The document with member `which` replaced by `value`, or left out when that is NULL; and `more` at its end. */
static const char *text_of(const struct kind *k, size_t which, const char *value, const char *more)
{
    static char text[65536];
    size_t at = 0;
    for (size_t i = 0; i < MEMBERS_MAX && k->members[i].key; i++) {
        const char *v = i == which ? value : k->members[i].value ? k->members[i].value : "null";
        if (v)
            at += (size_t)snprintf(text + at, sizeof(text) - at, "%s\"%s\":%s", at ? "," : "{", k->members[i].key, v);
    }
    snprintf(text + at, sizeof(text) - at, "%s}", more);
    return text;
}

static enum err read_text(const struct kind *k, const char *text, union any *out)
{
    struct json *j = NULL;
    assert_ok(json_parse(text, strlen(text), &j));
    enum err e = k->read(j, out);
    json_free(j);
    return e;
}

/* Reads a text that has to be good, and checks that it says the same when written and read again. */
static void check_good(const struct kind *k, const char *text)
{
    union any d, again;
    struct buf once, twice;
    if (read_text(k, text, &d) != ERR_OK)
        fail_msg("%s: %s", k->name, text);
    buf_init(&once, DOCS_BYTES_MAX);
    buf_init(&twice, DOCS_BYTES_MAX);
    struct json *j = k->write(&d);
    assert_ok(json_print(j, &once));
    json_free(j);
    assert_ok(read_text(k, once.data, &again));
    j = k->write(&again);
    assert_ok(json_print(j, &twice));
    json_free(j);
    assert_string_equal(once.data, twice.data);
    buf_release(&once);
    buf_release(&twice);
    if (k->release) {
        k->release(&d);
        k->release(&again);
    }
}

static void check_bad(const struct kind *k, const char *text, enum err wanted)
{
    union any d, before;
    memset(&d, 0xa5, sizeof(d));
    memset(&before, 0xa5, sizeof(before));
    enum err e = read_text(k, text, &d);
    if (e != wanted)
        fail_msg("%s: %s: %s", k->name, err_code(e), text);
    assert_memory_equal(&d, &before, sizeof(d));
}

static int is_one_of(const char *value, const char *const list[], size_t n)
{
    for (size_t i = 0; i < n && list[i]; i++)
        if (strcmp(list[i], value) == 0)
            return 1;
    return 0;
}

/* Values of every type. What a member does not name as good must not pass. */
static void check_types(const struct kind *k, size_t i)
{
    static const char *const values[] = {"null", "true", "7.5", SOME_TEXT, "{}", "{\"a\":1}", "[7]", "[[]]", "-1"};
    const struct member *m = &k->members[i];
    for (size_t v = 0; v < sizeof(values) / sizeof(values[0]); v++) {
        union any d;
        if (strcmp(values[v], m->value ? m->value : "null") == 0 || is_one_of(values[v], m->good, 8))
            continue;
        enum err e = read_text(k, text_of(k, i, values[v], ""), &d);
        if (e != ERR_SYNTAX && e != ERR_INVALID)
            fail_msg("%s: %s may be %s?", k->name, m->key, values[v]);
    }
}

static void check_kind(const struct kind *k)
{
    check_good(k, text_of(k, MEMBERS_MAX, NULL, ""));
    /* A member of a later version's program. */
    check_good(k, text_of(k, MEMBERS_MAX, NULL, ",\"later\":{\"a\":[1]}"));
    for (size_t i = 0; i < MEMBERS_MAX && k->members[i].key; i++) {
        const struct member *m = &k->members[i];
        check_bad(k, text_of(k, i, NULL, ""), ERR_SYNTAX);
        check_bad(k, text_of(k, i, "[7]", ""), ERR_SYNTAX);
        for (size_t g = 0; g < 8 && m->good[g]; g++)
            check_good(k, text_of(k, i, m->good[g], ""));
        for (size_t b = 0; b < 16 && m->out_of_bounds[b]; b++)
            check_bad(k, text_of(k, i, m->out_of_bounds[b], ""), ERR_INVALID);
        check_types(k, i);
    }
    static const char *const others[] = {"null", "[]", "7", "\"x\"", "{}", "{\"v\":1}"};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        check_bad(k, others[i], ERR_SYNTAX);
}

static void accounts_are_read_strictly(void **state)
{
    (void)state;
    check_kind(&account);
}
static void tokens_are_read_strictly(void **state)
{
    (void)state;
    check_kind(&token);
}
static void links_are_read_strictly(void **state)
{
    (void)state;
    check_kind(&link);
}
static void settings_are_read_strictly(void **state)
{
    (void)state;
    check_kind(&settings);
}
static void join_tokens_are_read_strictly(void **state)
{
    (void)state;
    check_kind(&join);
}

static void a_number_that_would_be_rounded_never_arrives(void **state)
{
    (void)state;
    struct json *j = NULL;
    const char *text = text_of(&account, 8, TOO_MUCH, "");
    assert_err(ERR_SYNTAX, json_parse(text, strlen(text), &j));
}

/* ---- what hangs together */

static void a_used_join_token_says_when_and_by_whom(void **state)
{
    (void)state;
    struct kind k = join;
    k.members[8].value = NOW;
    k.members[9].value = "\"node-4.0123456789abcdef\"";
    check_good(&k, text_of(&k, MEMBERS_MAX, NULL, ""));
    check_bad(&k, text_of(&k, 8, "null", ""), ERR_INVALID);
    check_bad(&k, text_of(&k, 9, "null", ""), ERR_INVALID);
    check_bad(&k, text_of(&k, 9, "\"node-4\"", ""), ERR_INVALID);
    check_bad(&k, text_of(&k, 9, "\"\"", ""), ERR_INVALID);
    check_bad(&k, text_of(&k, 8, "0", ""), ERR_INVALID);
}

static const char *record_text(enum record_kind kind)
{
    static char text[RECORD_JSON_MAX];
    struct record r;
    struct buf b;
    buf_init(&b, sizeof(text) - 1);
    assert_ok(record_init(&r));
    assert_ok(record_set(&r.course, "CSEN 317"));
    assert_ok(record_set(&r.key, "csen317"));
    assert_ok(record_set(&r.uploader, "amber"));
    r.kind = kind;
    r.id = (struct stamp){1, 2};
    snprintf(r.upload, sizeof(r.upload), HEX32);
    if (kind == RECORD_UPLOAD) {
        snprintf(r.sha256, sizeof(r.sha256), HEX64);
        assert_ok(record_set(&r.filename, "syllabus.pdf"));
        assert_ok(record_set(&r.type, "application/pdf"));
        r.size = 5;
    }
    assert_ok(record_print(&r, &b));
    memcpy(text, b.data, b.len + 1);
    buf_release(&b);
    record_release(&r);
    return text;
}

static void a_decision_says_when_and_by_whom(void **state)
{
    (void)state;
    struct kind k = {"pending", read_pending, write_pending, release_pending,
        {VERSION, {"record", NULL, {NULL}, {NULL}}, {"state", "\"waiting\"", {NULL}, {"\"accepted\"", "\"gone\"", "\"\""}},
            {"by", "null", {NULL}, {"\"amber\"", "\"\"", "\"A B\""}}, {"at", "null", {NULL}, {"0", NOW}},
            {"reason", "\"\"", {"\"not a syllabus\"", SOME_TEXT}, {"\"a\\nb\"", "\"" X128 X128 "\""}}}};
    char text[RECORD_JSON_MAX];
    snprintf(text, sizeof(text), "%s", record_text(RECORD_UPLOAD));
    k.members[1].value = text;
    check_kind(&k);
    k.members[3].value = "\"birch\"";
    k.members[4].value = NOW;
    check_good(&k, text_of(&k, 2, "\"rejected\"", ""));
    check_good(&k, text_of(&k, 2, "\"accepted\"", ""));
    check_bad(&k, text_of(&k, 2, "\"waiting\"", ""), ERR_INVALID);
    k.members[2].value = "\"accepted\"";
    check_bad(&k, text_of(&k, 3, "null", ""), ERR_INVALID);
    check_bad(&k, text_of(&k, 4, "null", ""), ERR_INVALID);
    check_bad(&k, text_of(&k, 1, "{}", ""), ERR_SYNTAX);
    check_bad(&k, text_of(&k, 1, record_text(RECORD_DELETE), ""), ERR_INVALID);
}

static void the_largest_documents_fit_into_their_limit(void **state)
{
    (void)state;
    static struct docs_link l = {.id = "00112233445566ff", .by = "a", .created_at_ms = 1, .expires_at_ms = 2, .downloads_max = 1};
    static struct docs_pending p = {.state = DOCS_REJECTED, .by = "a", .at_ms = JSON_EXACT_MAX};
    struct buf b;
    /* A quote takes two bytes, and nothing more than that is let in. */
    memset(l.course, '"', NAME_KEY_BYTES_MAX);
    memset(p.reason, '"', DOCS_REASON_CHARS_MAX);
    assert_ok(record_init(&p.record));
    buf_init(&b, DOCS_BYTES_MAX - RECORD_JSON_MAX);
    struct json *j = docs_link_to_json(&l);
    assert_ok(json_print(j, &b));
    json_free(j);
    buf_reset(&b);
    j = docs_pending_to_json(&p);
    assert_ok(json_print(j, &b));
    json_free(j);
    buf_release(&b);
    docs_pending_release(&p);
}

/* ---- who asks */

static void an_account_makes_somebody(void **state)
{
    (void)state;
    struct docs_account a = {.name = "amber", .role = ROLE_MAINTAINER, .known = 1, .scopes = {1, {"csen"}}};
    struct who w;
    docs_who(&a, HOW_SESSION, &w);
    assert_int_equal(w.how, HOW_SESSION);
    assert_int_equal(w.role, ROLE_MAINTAINER);
    assert_string_equal(w.name, "amber");
    assert_string_equal(w.scopes.prefix[0], "csen");
    assert_true(w.known);
    a.disabled = 1;
    docs_who(&a, HOW_PROXY, &w);
    struct rules rules = {0};
    assert_int_equal(w.how, HOW_NOBODY);
    assert_int_equal(auth_may(&w, ACT_SELF, &rules, NULL, NULL), AUTH_SIGN_IN);
}

static void a_token_makes_its_account_smaller(void **state)
{
    (void)state;
    struct docs_account a = {.name = "amber", .role = ROLE_ADMIN};
    struct docs_token t = {.id = "00112233445566ff", .user = "amber", .acts = ACT_BIT(ACT_READ), .scopes = {1, {"csen"}}};
    struct rules rules = {0};
    struct who w;
    docs_who_token(&a, &t, &w);
    assert_string_equal(w.token_id, t.id);
    assert_int_equal(auth_may(&w, ACT_READ, &rules, "csen317", NULL), AUTH_ALLOWED);
    assert_int_equal(auth_may(&w, ACT_READ, &rules, "math11", NULL), AUTH_HIDDEN);
    assert_int_equal(auth_may(&w, ACT_ACCOUNTS, &rules, NULL, NULL), AUTH_FORBIDDEN);
    a.disabled = 1;
    docs_who_token(&a, &t, &w);
    assert_int_equal(auth_may(&w, ACT_READ, &rules, "csen317", NULL), AUTH_SIGN_IN);
}

static void a_token_ends(void **state)
{
    (void)state;
    struct docs_account a = {.name = "amber", .role = ROLE_READER};
    struct docs_token t = {.user = "amber", .acts = ACTS_ALL, .expires_at_ms = 1000};
    assert_ok(docs_token_usable(&a, &t, 999));
    assert_err(ERR_AUTH, docs_token_usable(&a, &t, 1000));
    t.expires_at_ms = 0;
    assert_ok(docs_token_usable(&a, &t, UINT64_MAX));
    t.revoked = 1;
    assert_err(ERR_AUTH, docs_token_usable(&a, &t, 1));
    t.revoked = 0;
    a.disabled = 1;
    assert_err(ERR_AUTH, docs_token_usable(&a, &t, 1));
    a.disabled = 0;
    snprintf(a.name, sizeof(a.name), "birch");
    assert_err(ERR_AUTH, docs_token_usable(&a, &t, 1));
}

static void a_cluster_begins_with_settings_that_can_be_read(void **state)
{
    (void)state;
    union any d;
    struct buf b;
    docs_settings_default(&d.settings);
    assert_true(d.settings.rules.public_read);
    assert_false(d.settings.rules.public_upload);
    assert_false(d.settings.rules.moderate);
    buf_init(&b, DOCS_BYTES_MAX);
    struct json *j = docs_settings_to_json(&d.settings);
    assert_ok(json_print(j, &b));
    json_free(j);
    check_good(&settings, b.data);
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accounts_are_read_strictly),
        cmocka_unit_test(tokens_are_read_strictly),
        cmocka_unit_test(links_are_read_strictly),
        cmocka_unit_test(settings_are_read_strictly),
        cmocka_unit_test(join_tokens_are_read_strictly),
        cmocka_unit_test(a_number_that_would_be_rounded_never_arrives),
        cmocka_unit_test(a_used_join_token_says_when_and_by_whom),
        cmocka_unit_test(a_decision_says_when_and_by_whom),
        cmocka_unit_test(the_largest_documents_fit_into_their_limit),
        cmocka_unit_test(an_account_makes_somebody),
        cmocka_unit_test(a_token_makes_its_account_smaller),
        cmocka_unit_test(a_token_ends),
        cmocka_unit_test(a_cluster_begins_with_settings_that_can_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
