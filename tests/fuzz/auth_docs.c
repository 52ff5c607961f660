/* The system's documents: what was taken is within its bounds, says the same when it is written and read again, and no token gives more than its account has.
 * Input: JSON, tried as each kind. */
#include "tests/fuzz/fuzz.h"

#include "lib/auth/docs.h"
#include "lib/name/reserved.h"

/* Prints a document into *out, frees it, and reads the print as JSON again. */
static struct json *printed(struct json *j, struct buf *out)
{
    struct json *again = NULL;
    buf_init(out, DOCS_BYTES_MAX);
    FUZZ_CHECK(json_print(j, out) == ERR_OK);
    FUZZ_CHECK(json_parse(out->data, out->len, &again) == ERR_OK);
    json_free(j);
    return again;
}

static void check_same(struct json *j, struct buf *once)
{
    struct buf twice;
    json_free(printed(j, &twice));
    FUZZ_CHECK(strcmp(once->data, twice.data) == 0);
    buf_release(once);
    buf_release(&twice);
}

/* Whatever the two documents say, a token gives nothing that its account does not have, and a disabled account has nothing. */
static void check_rights(const struct docs_account *a, const struct docs_token *t)
{
    struct who account, token;
    docs_who(a, HOW_SESSION, &account);
    docs_who_token(a, t, &token);
    FUZZ_CHECK(auth_covers(&account, t->acts, &t->scopes) == !a->disabled && auth_covers(&token, t->acts, &t->scopes) == !a->disabled);
    FUZZ_CHECK(docs_token_usable(a, t, t->created_at_ms) == (t->revoked || a->disabled ? ERR_AUTH : ERR_OK));
    for (int act = 0; act < ACT_COUNT; act++) {
        for (int i = 0; i < 4; i++) {
            struct rules rules = {.public_read = i / 2, .public_upload = i % 2, .moderate = 1};
            const char *const keys[] = {NULL, "csen317", t->scopes.n ? t->scopes.prefix[0] : "x", a->scopes.n ? a->scopes.prefix[0] : "y"};
            for (size_t k = 0; k < 4; k++) {
                enum verdict of_token = auth_may(&token, (enum act)act, &rules, keys[k], a->name);
                enum verdict of_account = auth_may(&account, (enum act)act, &rules, keys[k], a->name);
                FUZZ_CHECK(
                    a->disabled || of_token != AUTH_ALLOWED || (of_account == AUTH_ALLOWED && (act == ACT_NONE || t->acts & ACT_BIT(act))));
                FUZZ_CHECK((of_account == AUTH_SIGN_IN) <= a->disabled);
                FUZZ_CHECK(!keys[k] || !auth_upload_waits(&account, &rules, keys[k]) || !account.known);
            }
        }
    }
}

static void check_people(const struct json *j)
{
    struct docs_account a;
    struct docs_token t;
    struct buf once;
    struct json *again;
    if (docs_account_from_json(j, &a) == ERR_OK) {
        FUZZ_CHECK(auth_name_ok(a.name) && a.role > ROLE_NOBODY && a.role < ROLE_COUNT && a.scopes.n <= AUTH_SCOPES_MAX);
        FUZZ_CHECK(!*a.password || password_hash_ok(a.password));
        t = (struct docs_token){.acts = ACT_BIT(ACT_READ) | ACT_BIT(ACT_UPLOAD), .scopes = a.scopes};
        memcpy(t.user, a.name, sizeof(t.user));
        check_rights(&a, &t);
        again = printed(docs_account_to_json(&a), &once);
        FUZZ_CHECK(docs_account_from_json(again, &a) == ERR_OK);
        check_same(docs_account_to_json(&a), &once);
        json_free(again);
    }
    if (docs_token_from_json(j, &t) == ERR_OK) {
        FUZZ_CHECK(t.acts && !(t.acts & ~ACTS_ALL) && auth_name_ok(t.user));
        a = (struct docs_account){.role = (enum role)(1 + t.acts % (ROLE_COUNT - 1))};
        memcpy(a.name, t.user, sizeof(a.name));
        check_rights(&a, &t);
        again = printed(docs_token_to_json(&t), &once);
        FUZZ_CHECK(docs_token_from_json(again, &t) == ERR_OK);
        check_same(docs_token_to_json(&t), &once);
        json_free(again);
    }
}

static void check_shared(const struct json *j)
{
    struct docs_link l;
    struct docs_pending p, p2;
    struct buf once;
    struct json *again;
    if (docs_link_from_json(j, &l) == ERR_OK) {
        FUZZ_CHECK(l.downloads_max > 0 && l.expires_at_ms > l.created_at_ms && !name_is_reserved(l.course, strlen(l.course)));
        again = printed(docs_link_to_json(&l), &once);
        FUZZ_CHECK(docs_link_from_json(again, &l) == ERR_OK);
        check_same(docs_link_to_json(&l), &once);
        json_free(again);
    }
    if (docs_pending_from_json(j, &p) == ERR_OK) {
        FUZZ_CHECK(!record_is_tombstone(&p.record) && (p.state == DOCS_WAITING) == !*p.by);
        again = printed(docs_pending_to_json(&p), &once);
        FUZZ_CHECK(docs_pending_from_json(again, &p2) == ERR_OK);
        check_same(docs_pending_to_json(&p2), &once);
        json_free(again);
        docs_pending_release(&p);
        docs_pending_release(&p2);
    }
}

static void check_cluster(const struct json *j)
{
    struct docs_settings s;
    struct docs_join t;
    struct buf once;
    struct json *again;
    if (docs_settings_from_json(j, &s) == ERR_OK) {
        FUZZ_CHECK(s.n_proxies <= DOCS_PROXIES_MAX && s.session_idle_s <= s.session_end_s);
        again = printed(docs_settings_to_json(&s), &once);
        FUZZ_CHECK(docs_settings_from_json(again, &s) == ERR_OK);
        check_same(docs_settings_to_json(&s), &once);
        json_free(again);
    }
    if (docs_join_from_json(j, &t) == ERR_OK) {
        FUZZ_CHECK(ring_name_ok(t.node) && (t.used_at_ms != 0) == (*t.used_by != '\0'));
        again = printed(docs_join_to_json(&t), &once);
        FUZZ_CHECK(docs_join_from_json(again, &t) == ERR_OK);
        check_same(docs_join_to_json(&t), &once);
        json_free(again);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json *j = NULL;
    struct docs_settings untouched;
    docs_settings_default(&untouched);
    j = docs_settings_to_json(&untouched);
    check_cluster(j);
    json_free(j);
    j = NULL;
    if (json_parse((const char *)data, size, &j) != ERR_OK)
        return 0;
    check_people(j);
    check_shared(j);
    check_cluster(j);
    json_free(j);
    return 0;
}
