/* Accounts: made, changed, their passwords, the last admin, the admin file. Documents are in memory, Redis is a real one. */
#include "tests/unit/fcgi/service/documents.h"

#include "fcgi/service/accounts_inside.h"
#include "fcgi/service/tokens.h"
#include "lib/store/sessions.h"

#define GOOD "correct horse battery"
#define OTHER "staple rides again"
#define DIGEST_1 "1111111111111111111111111111111111111111111111111111111111111111"
#define DIGEST_2 "2222222222222222222222222222222222222222222222222222222222222222"

static void add_with_password(struct fixture *f, const char *name, const char *password)
{
    struct docs_account a;
    const char *detail;
    struct accounts_new in = {.name = name,
        .shown = "Ann",
        .role = ROLE_CONTRIBUTOR,
        .password = password,
        .password_len = strlen(password),
        .quota_bytes = DOCS_NO_LIMIT};
    assert_ok(accounts_create(&f->w, &in, "root", &a, &detail));
}

static enum err verify(struct fixture *f, const char *name, const char *password)
{
    struct docs_account a;
    return accounts_verify(&f->w, name, password, strlen(password), &a);
}

static void an_account_is_made_once(void **state)
{
    struct fixture *f = *state;
    struct docs_account a;
    struct stamp record;
    const char *detail = NULL;
    struct accounts_new in = {.name = "ann", .shown = "Ann Example", .role = ROLE_READER, .quota_bytes = 5, .known = 1};
    assert_err(ERR_NOT_FOUND, accounts_read(&f->w, "ann", &a, NULL));
    assert_ok(accounts_create(&f->w, &in, "root", &a, &detail));
    memset(&a, 0, sizeof(a));
    assert_ok(accounts_read(&f->w, "ann", &a, &record));
    assert_string_equal(a.shown, "Ann Example");
    assert_int_equal(a.role, ROLE_READER);
    assert_int_equal(a.quota_bytes, 5);
    assert_true(a.known);
    assert_string_equal(a.password, "");
    assert_err(ERR_CONFLICT, accounts_create(&f->w, &in, "root", &a, &detail));
    assert_non_null(detail);
    in.role = ROLE_NOBODY;
    in.name = "bob";
    assert_err(ERR_INVALID, accounts_create(&f->w, &in, "root", &a, &detail));
    in.role = ROLE_READER;
    in.name = "../settings";
    assert_err(ERR_INVALID, accounts_create(&f->w, &in, "root", &a, &detail));
    in.name = "bob";
    in.shown = "two\nlines";
    assert_err(ERR_INVALID, accounts_create(&f->w, &in, "root", &a, &detail));
    in.shown = "";
    in.password = "12345678";
    in.password_len = 8;
    assert_err(ERR_INVALID, accounts_create(&f->w, &in, "root", &a, &detail));
    assert_non_null(detail);
    assert_err(ERR_NOT_FOUND, accounts_read(&f->w, "bob", &a, NULL));
    assert_err(ERR_NOT_FOUND, accounts_read(&f->w, "../settings", &a, NULL));
}

static void accounts_are_listed_by_name(void **state)
{
    struct fixture *f = *state;
    struct accounts_page p;
    add_account(f, "carl", ROLE_READER);
    add_account(f, "ann", ROLE_ADMIN);
    add_account(f, "bob", ROLE_READER);
    assert_ok(accounts_list(&f->w, "", 2, &p));
    assert_int_equal(p.n, 2);
    assert_string_equal(p.items[0].name, "ann");
    assert_string_equal(p.next, "bob");
    assert_ok(accounts_list(&f->w, p.next, 2, &p));
    assert_int_equal(p.n, 1);
    assert_string_equal(p.items[0].name, "carl");
    assert_null(p.next);
    documents.redis_up = 0;
    assert_err(ERR_UNAVAILABLE, accounts_list(&f->w, "", 2, &p));
}

static void only_what_is_named_changes(void **state)
{
    struct fixture *f = *state;
    struct docs_account a;
    struct stamp record, now;
    const char *detail;
    add_with_password(f, "ann", GOOD);
    assert_ok(accounts_read(&f->w, "ann", &a, &record));
    struct accounts_change c = {.what = ACCOUNTS_ROLE | ACCOUNTS_QUOTA, .role = ROLE_MAINTAINER, .quota_bytes = 77, .shown = "not this"};
    assert_ok(accounts_change(&f->w, "ann", &c, &record, "root", &a, &now, &detail));
    assert_int_equal(a.role, ROLE_MAINTAINER);
    assert_int_equal(a.quota_bytes, 77);
    assert_string_equal(a.shown, "Ann");
    assert_ok(verify(f, "ann", GOOD));
    assert_err(ERR_PRECONDITION, accounts_change(&f->w, "ann", &c, &record, "root", &a, NULL, &detail));
    assert_ok(accounts_change(&f->w, "ann", &c, &now, "root", &a, NULL, &detail));
    assert_err(ERR_NOT_FOUND, accounts_change(&f->w, "bob", &c, NULL, "root", &a, NULL, &detail));
    c = (struct accounts_change){.what = ACCOUNTS_ROLE, .role = ROLE_NOBODY};
    assert_err(ERR_INVALID, accounts_change(&f->w, "ann", &c, NULL, "root", &a, NULL, &detail));
    assert_non_null(detail);
}

static void a_change_that_lost_a_race_is_tried_again(void **state)
{
    struct fixture *f = *state;
    struct docs_account a;
    const char *detail;
    struct accounts_change c = {.what = ACCOUNTS_KNOWN, .known = 1};
    add_account(f, "ann", ROLE_READER);
    documents.conflicts = 2;
    assert_ok(accounts_change(&f->w, "ann", &c, NULL, "root", &a, NULL, &detail));
    documents.conflicts = 100;
    assert_err(ERR_CONFLICT, accounts_change(&f->w, "ann", &c, NULL, "root", &a, NULL, &detail));
    assert_non_null(detail);
}

static void the_last_admin_stays(void **state)
{
    struct fixture *f = *state;
    struct docs_account a;
    const char *detail;
    const struct accounts_change ways[] = {{.what = ACCOUNTS_ROLE, .role = ROLE_MAINTAINER}, {.what = ACCOUNTS_DISABLED, .disabled = 1},
        {.what = ACCOUNTS_SCOPES, .scopes = {1, {"csen"}}}};
    add_account(f, "root", ROLE_ADMIN);
    add_account(f, "ann", ROLE_MAINTAINER);
    for (size_t i = 0; i < 3; i++) {
        assert_err(ERR_CONFLICT, accounts_change(&f->w, "root", &ways[i], NULL, "root", &a, NULL, &detail));
        assert_non_null(detail);
    }
    assert_err(ERR_CONFLICT, accounts_remove(&f->w, "root", "root", &detail));
    assert_non_null(detail);
    /* One who may do everything only in a part is none. */
    struct accounts_change half = {.what = ACCOUNTS_ROLE | ACCOUNTS_SCOPES, .role = ROLE_ADMIN, .scopes = {1, {"csen"}}};
    assert_ok(accounts_change(&f->w, "ann", &half, NULL, "root", &a, NULL, &detail));
    assert_err(ERR_CONFLICT, accounts_remove(&f->w, "root", "root", &detail));
    add_account(f, "second", ROLE_ADMIN);
    for (size_t i = 0; i < 3; i++) {
        struct accounts_change back = {.what = ACCOUNTS_ROLE | ACCOUNTS_DISABLED | ACCOUNTS_SCOPES, .role = ROLE_ADMIN};
        assert_ok(accounts_change(&f->w, "root", &ways[i], NULL, "root", &a, NULL, &detail));
        assert_ok(accounts_change(&f->w, "root", &back, NULL, "second", &a, NULL, &detail));
    }
    assert_ok(accounts_remove(&f->w, "root", "second", &detail));
    /* Without the index nobody knows whether there is another. */
    documents.redis_up = 0;
    assert_err(ERR_UNAVAILABLE, accounts_remove(&f->w, "second", "second", &detail));
}

static void signing_in_takes_the_right_password(void **state)
{
    struct fixture *f = *state;
    struct docs_account a;
    const char *detail;
    add_with_password(f, "ann", GOOD);
    add_account(f, "bob", ROLE_READER);
    assert_ok(verify(f, "ann", GOOD));
    assert_err(ERR_AUTH, verify(f, "ann", OTHER));
    assert_err(ERR_AUTH, verify(f, "ann", ""));
    assert_err(ERR_AUTH, verify(f, "bob", ""));
    assert_err(ERR_AUTH, verify(f, "nobody", GOOD));
    assert_err(ERR_AUTH, verify(f, "Not a name!", GOOD));
    struct accounts_change c = {.what = ACCOUNTS_DISABLED, .disabled = 1};
    assert_ok(accounts_change(&f->w, "ann", &c, NULL, "root", &a, NULL, &detail));
    assert_err(ERR_AUTH, verify(f, "ann", GOOD));
    documents.away = ERR_UNAVAILABLE;
    assert_err(ERR_UNAVAILABLE, verify(f, "ann", GOOD));
}

/* What an attacker can measure is the same work: one firm reading and one hash. */
static void an_unknown_name_costs_what_a_known_one_does(void **state)
{
    struct fixture *f = *state;
    uint64_t took[2] = {0, 0};
    add_with_password(f, "ann", GOOD);
    documents.firm_reads = documents.reads = 0;
    for (int i = 0; i < 10; i++) {
        uint64_t at = clock_boot_ms();
        assert_err(ERR_AUTH, verify(f, "ann", OTHER));
        took[0] += clock_boot_ms() - at;
        at = clock_boot_ms();
        assert_err(ERR_AUTH, verify(f, "nobody", OTHER));
        took[1] += clock_boot_ms() - at;
    }
    assert_int_equal(documents.firm_reads, 20);
    assert_int_equal(documents.reads, 0);
    assert_true(took[1] > 50); /* a hash was worked out each time */
    assert_err(ERR_AUTH, verify(f, "Not a name!", OTHER));
    assert_int_equal(documents.firm_reads, 21);
    assert_in_range(took[1], took[0] / 3, took[0] * 3 + 50);
}

static void a_password_is_changed_by_who_knows_the_old_one(void **state)
{
    struct fixture *f = *state;
    const char *detail;
    add_with_password(f, "ann", GOOD);
    struct accounts_password p = {.name = "ann", .old = "wrong one!", .old_len = 10, .fresh = OTHER, .fresh_len = strlen(OTHER)};
    assert_err(ERR_AUTH, accounts_set_password(&f->w, &p, "ann", &detail));
    assert_ok(verify(f, "ann", GOOD));
    p.old = GOOD;
    p.old_len = strlen(GOOD);
    assert_ok(accounts_set_password(&f->w, &p, "ann", &detail));
    assert_ok(verify(f, "ann", OTHER));
    assert_err(ERR_AUTH, verify(f, "ann", GOOD));
    p.old = NULL; /* an admin */
    p.fresh = "short";
    p.fresh_len = 5;
    assert_err(ERR_INVALID, accounts_set_password(&f->w, &p, "root", &detail));
    assert_non_null(detail);
    p.fresh_len = 0; /* none at all */
    assert_ok(accounts_set_password(&f->w, &p, "root", &detail));
    assert_err(ERR_AUTH, verify(f, "ann", OTHER));
    assert_err(ERR_AUTH, verify(f, "ann", ""));
    p.name = "nobody";
    assert_err(ERR_NOT_FOUND, accounts_set_password(&f->w, &p, "root", &detail));
}

static void guessing_the_old_password_is_limited(void **state)
{
    struct fixture *f = *state;
    const char *detail;
    enum err e = ERR_AUTH;
    add_with_password(f, "ann", GOOD);
    struct accounts_password p = {.name = "ann", .old = "wrong one!", .old_len = 10, .fresh = OTHER, .fresh_len = strlen(OTHER)};
    for (int i = 0; i < 10 && e == ERR_AUTH; i++)
        e = accounts_set_password(&f->w, &p, "ann", &detail);
    assert_int_equal(e, ERR_RATE);
    assert_non_null(detail);
}

static void a_new_password_ends_the_other_sessions(void **state)
{
    struct fixture *f = *state;
    struct session s;
    const char *detail;
    add_with_password(f, "ann", GOOD);
    assert_ok(sessions_begin(f->w.store, DIGEST_1, "ann", 0, 100, 100, &s));
    assert_ok(sessions_begin(f->w.store, DIGEST_2, "ann", 0, 100, 100, &s));
    struct accounts_password p = {.name = "ann", .fresh = OTHER, .fresh_len = strlen(OTHER), .keep = DIGEST_2};
    assert_ok(accounts_set_password(&f->w, &p, "ann", &detail));
    assert_err(ERR_NOT_FOUND, sessions_look(f->w.store, DIGEST_1, &s));
    assert_ok(sessions_look(f->w.store, DIGEST_2, &s));
    struct docs_account a;
    assert_ok(accounts_read(&f->w, "ann", &a, NULL));
    assert_int_equal(a.endings, 1);
    assert_int_equal(s.endings, 1);
    struct accounts_change c = {.what = ACCOUNTS_DISABLED, .disabled = 1};
    assert_ok(accounts_change(&f->w, "ann", &c, NULL, "root", &a, NULL, &detail));
    assert_err(ERR_NOT_FOUND, sessions_look(f->w.store, DIGEST_2, &s));
    assert_int_equal(a.endings, 2);
    c.disabled = 1; /* it was before: nothing ends twice */
    assert_ok(accounts_change(&f->w, "ann", &c, NULL, "root", &a, NULL, &detail));
    c.disabled = 0;
    assert_ok(accounts_change(&f->w, "ann", &c, NULL, "root", &a, NULL, &detail));
    assert_int_equal(a.endings, 2);
}

static void who_is_removed_leaves_no_way_in(void **state)
{
    struct fixture *f = *state;
    struct session s;
    struct docs_token t;
    struct docs_account a;
    const char *detail;
    char text[SECRET_TOKEN_SIZE];
    add_with_password(f, "ann", GOOD);
    assert_ok(sessions_begin(f->w.store, DIGEST_1, "ann", 0, 100, 100, &s));
    assert_ok(tokens_make(&f->w, &(struct tokens_new){.user = "ann", .label = "x", .acts = ACT_BIT(ACT_READ)}, "ann", &t, text, &detail));
    assert_ok(accounts_remove(&f->w, "ann", "root", &detail));
    assert_err(ERR_NOT_FOUND, accounts_read(&f->w, "ann", &a, NULL));
    assert_err(ERR_AUTH, verify(f, "ann", GOOD));
    assert_err(ERR_NOT_FOUND, sessions_look(f->w.store, DIGEST_1, &s));
    assert_err(ERR_AUTH, tokens_use(&f->w, text, strlen(text), &t, &a));
    add_with_password(f, "ann", OTHER); /* another person of that name */
    assert_err(ERR_AUTH, tokens_use(&f->w, text, strlen(text), &t, &a));
    assert_err(ERR_NOT_FOUND, accounts_remove(&f->w, "bob", "root", &detail));
}

/* ---- the admin file */

static void the_admin_file_is_read_strictly(void **state)
{
    struct accounts_admin a;
    char id[AUTH_ID_SIZE], token[SECRET_TOKEN_SIZE], text[200];
    static const char *const bad[] = {"", "admin", "admin\n", "admin\n\n", "Admin\npassword1\n", "a/b\npassword1\n",
        "admin\r\npassword1\r\n", "admin\npassword1\nno token\n", "admin\npassword1\n\n"};
    (void)state;
    assert_ok(accounts_admin_parse("admin\nsome password\n", 20, &a));
    assert_string_equal(a.name, "admin");
    assert_string_equal(a.password, "some password");
    assert_string_equal(a.token, "");
    assert_ok(accounts_admin_parse("admin\nx", 7, &a));
    secret_token_new(SECRET_API, id, token);
    snprintf(text, sizeof(text), "admin\nx\n%s\n", token);
    assert_ok(accounts_admin_parse(text, strlen(text), &a));
    assert_string_equal(a.token, token);
    strcat(text, "more");
    assert_err(ERR_SYNTAX, accounts_admin_parse(text, strlen(text), &a));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_err(ERR_SYNTAX, accounts_admin_parse(bad[i], strlen(bad[i]), &a));
    assert_err(ERR_SYNTAX, accounts_admin_parse("ad\0min\nx\n", 9, &a));
}

static void the_first_admin_is_made_once(void **state)
{
    struct fixture *f = *state;
    struct accounts_admin in = {.name = "admin", .password = GOOD};
    struct docs_account a;
    struct docs_token t;
    char id[AUTH_ID_SIZE];
    const char *detail;
    secret_token_new(SECRET_API, id, in.token);
    documents.away = ERR_UNAVAILABLE;
    assert_err(ERR_UNAVAILABLE, accounts_bootstrap(&f->w, &in));
    documents.away = ERR_OK;
    assert_ok(accounts_bootstrap(&f->w, &in));
    assert_ok(verify(f, "admin", GOOD));
    assert_ok(tokens_use(&f->w, in.token, strlen(in.token), &t, &a));
    assert_int_equal(a.role, ROLE_ADMIN);
    assert_int_equal(t.acts, ACTS_ALL);
    /* Again, with another password: the account stays as it is, and what was revoked stays so. */
    assert_ok(tokens_revoke(&f->w, id, NULL, "admin"));
    strcpy(in.password, OTHER);
    assert_ok(accounts_bootstrap(&f->w, &in));
    assert_ok(verify(f, "admin", GOOD));
    assert_err(ERR_AUTH, verify(f, "admin", OTHER));
    assert_err(ERR_AUTH, tokens_use(&f->w, in.token, strlen(in.token), &t, &a));
    assert_err(ERR_CONFLICT, accounts_remove(&f->w, "admin", "", &detail));
    strcpy(in.name, "second");
    strcpy(in.password, "password");
    assert_err(ERR_INVALID, accounts_bootstrap(&f->w, &in));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(an_account_is_made_once),
        CASE(accounts_are_listed_by_name),
        CASE(only_what_is_named_changes),
        CASE(a_change_that_lost_a_race_is_tried_again),
        CASE(the_last_admin_stays),
        CASE(signing_in_takes_the_right_password),
        CASE(an_unknown_name_costs_what_a_known_one_does),
        CASE(a_password_is_changed_by_who_knows_the_old_one),
        CASE(guessing_the_old_password_is_limited),
        CASE(a_new_password_ends_the_other_sessions),
        CASE(who_is_removed_leaves_no_way_in),
        CASE(the_admin_file_is_read_strictly),
        CASE(the_first_admin_is_made_once),
    };
    return cmocka_run_group_tests(tests, documents_start, documents_stop);
}
