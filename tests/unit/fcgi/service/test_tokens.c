/* API tokens: made, used, listed, revoked. Documents are in memory, Redis is a real one. */
#include "tests/unit/fcgi/service/documents.h"

#include "fcgi/service/tokens.h"

struct made {
    struct docs_token token;
    char text[SECRET_TOKEN_SIZE];
};

static struct made make(struct fixture *f, const char *user, uint64_t expires_at_ms)
{
    struct made m;
    const char *detail;
    struct tokens_new in = {.user = user, .label = "script", .acts = ACT_BIT(ACT_READ), .expires_at_ms = expires_at_ms};
    assert_ok(tokens_make(&f->w, &in, "root", &m.token, m.text, &detail));
    return m;
}

static enum err use(struct fixture *f, const char *text)
{
    struct docs_token t;
    struct docs_account a;
    return tokens_use(&f->w, text, strlen(text), &t, &a);
}

static void a_token_opens_what_its_account_may(void **state)
{
    struct fixture *f = *state;
    struct docs_token t;
    struct docs_account a;
    add_account(f, "ann", ROLE_CONTRIBUTOR);
    struct made m = make(f, "ann", 0);
    assert_ok(tokens_use(&f->w, m.text, strlen(m.text), &t, &a));
    assert_string_equal(a.name, "ann");
    assert_string_equal(t.id, m.token.id);
    assert_string_equal(t.label, "script");
    assert_int_equal(t.acts, ACT_BIT(ACT_READ));
    assert_null(strstr(documents.all[1].text, m.text)); /* its secret is kept nowhere */
    assert_null(strstr(documents.all[1].text, m.text + 20));
    documents.redis_up = 0;
    assert_ok(use(f, m.text));
}

static void any_other_text_opens_nothing(void **state)
{
    struct fixture *f = *state;
    char text[SECRET_TOKEN_SIZE], id[AUTH_ID_SIZE];
    add_account(f, "ann", ROLE_CONTRIBUTOR);
    struct made m = make(f, "ann", 0);
    memcpy(text, m.text, sizeof(text));
    text[30] = text[30] == 'A' ? 'B' : 'A';
    assert_err(ERR_AUTH, use(f, text));
    secret_token_new(SECRET_API, id, text);
    assert_err(ERR_AUTH, use(f, text));
    assert_err(ERR_AUTH, use(f, ""));
    secret_token_new(SECRET_JOIN, id, text);
    assert_err(ERR_AUTH, use(f, text));
    documents.away = ERR_UNAVAILABLE;
    assert_err(ERR_UNAVAILABLE, use(f, m.text));
}

static void tokens_end(void **state)
{
    struct fixture *f = *state;
    struct docs_account a;
    const char *detail;
    add_account(f, "ann", ROLE_CONTRIBUTOR);
    struct made soon = make(f, "ann", clock_unix_ms() + 100), m = make(f, "ann", 0);
    assert_ok(use(f, soon.text));
    clock_sleep_ms(120);
    assert_err(ERR_AUTH, use(f, soon.text));
    assert_err(ERR_NOT_FOUND, tokens_revoke(&f->w, m.token.id, "bob", "bob"));
    assert_ok(use(f, m.text));
    assert_ok(tokens_revoke(&f->w, m.token.id, "ann", "ann"));
    assert_err(ERR_AUTH, use(f, m.text));
    assert_ok(tokens_revoke(&f->w, m.token.id, NULL, "root"));
    assert_err(ERR_NOT_FOUND, tokens_revoke(&f->w, "0123456789abcdef", NULL, "root"));
    struct made other = make(f, "ann", 0);
    assert_ok(accounts_change(
        &f->w, "ann", &(struct accounts_change){.what = ACCOUNTS_DISABLED, .disabled = 1}, NULL, "root", &a, NULL, &detail));
    assert_err(ERR_AUTH, use(f, other.text));
}

static void strange_tokens_are_not_made(void **state)
{
    struct fixture *f = *state;
    struct docs_token t;
    char text[SECRET_TOKEN_SIZE];
    const char *detail;
    add_account(f, "ann", ROLE_CONTRIBUTOR);
    const struct tokens_new bad[] = {{.user = "ann", .label = "x", .acts = 0}, {.user = "ann", .label = "x", .acts = 1, .expires_at_ms = 5},
        {.user = "ann", .label = "two\nlines", .acts = ACT_BIT(ACT_READ)}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_err(ERR_INVALID, tokens_make(&f->w, &bad[i], "ann", &t, text, &detail));
        assert_non_null(detail);
    }
    assert_err(ERR_NOT_FOUND,
        tokens_make(&f->w, &(struct tokens_new){.user = "bob", .label = "x", .acts = ACT_BIT(ACT_READ)}, "ann", &t, text, &detail));
}

static void nobody_has_more_than_so_many(void **state)
{
    struct fixture *f = *state;
    struct docs_token t;
    char text[SECRET_TOKEN_SIZE];
    const char *detail;
    struct made first = {.text = ""};
    add_account(f, "ann", ROLE_CONTRIBUTOR);
    for (unsigned i = 0; i < TOKENS_PER_USER_MAX; i++) {
        struct made m = make(f, "ann", 0);
        first = i == 0 ? m : first;
    }
    struct tokens_new in = {.user = "ann", .label = "x", .acts = ACT_BIT(ACT_READ)};
    assert_err(ERR_CONFLICT, tokens_make(&f->w, &in, "ann", &t, text, &detail));
    assert_non_null(detail);
    assert_ok(tokens_revoke(&f->w, first.token.id, "ann", "ann"));
    assert_ok(tokens_make(&f->w, &in, "ann", &t, text, &detail));
}

static void tokens_are_listed_with_their_last_use(void **state)
{
    struct fixture *f = *state;
    struct tokens_page p;
    size_t used = 0, n = 0;
    const char *after = "";
    add_account(f, "ann", ROLE_CONTRIBUTOR);
    add_account(f, "bob", ROLE_CONTRIBUTOR);
    struct made one = make(f, "ann", 0);
    make(f, "ann", 0);
    make(f, "bob", 0);
    assert_ok(use(f, one.text));
    do {
        assert_ok(tokens_list(&f->w, "ann", after, 1, &p));
        for (size_t i = 0; i < p.n; i++, n++) {
            assert_string_equal(p.items[i].token.user, "ann");
            used += p.items[i].used_at_ms + 10000 > clock_unix_ms();
            assert_true(strcmp(p.items[i].token.id, one.token.id) != 0 || p.items[i].used_at_ms > 0);
        }
        after = p.next;
    } while (after != NULL);
    assert_int_equal(n, 2);
    assert_int_equal(used, 1);
    assert_ok(tokens_list(&f->w, NULL, "", 200, &p));
    assert_int_equal(p.n, 3);
    assert_ok(tokens_revoke_all(&f->w, "ann", "root"));
    assert_err(ERR_AUTH, use(f, one.text));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(a_token_opens_what_its_account_may),
        CASE(any_other_text_opens_nothing),
        CASE(tokens_end),
        CASE(strange_tokens_are_not_made),
        CASE(nobody_has_more_than_so_many),
        CASE(tokens_are_listed_with_their_last_use),
    };
    return cmocka_run_group_tests(tests, documents_start, documents_stop);
}
