/* Signing in and out, and the settings. Documents are in memory, Redis is a real one. */
#include "tests/unit/fcgi/service/documents.h"

#include "fcgi/service/login.h"

#define GOOD "correct horse battery"

static void add_person(struct fixture *f, const char *name)
{
    struct docs_account a;
    const char *detail;
    struct accounts_new in = {
        .name = name, .shown = "", .role = ROLE_READER, .password = GOOD, .password_len = strlen(GOOD), .quota_bytes = DOCS_NO_LIMIT};
    assert_ok(accounts_create(&f->w, &in, "", &a, &detail));
}

static enum err sign_in(struct fixture *f, const char *name, const char *password, const char *address, struct login *out)
{
    return login_begin(&f->w, name, password, strlen(password), address, out);
}

static void a_session_says_who_it_is(void **state)
{
    struct fixture *f = *state;
    struct login l, seen;
    add_person(f, "ann");
    assert_ok(sign_in(f, "ann", GOOD, "10.0.0.1", &l));
    assert_true(secret_ok(l.secret));
    assert_int_equal(l.ends_at_ms - l.since_ms, UINT64_C(604800000));
    assert_ok(login_look(&f->w, l.secret, &seen));
    assert_string_equal(seen.account.name, "ann");
    assert_string_equal(seen.secret, "");
    assert_int_equal(seen.ends_at_ms, l.ends_at_ms);
    assert_ok(login_end(&f->w, l.secret));
    assert_err(ERR_AUTH, login_look(&f->w, l.secret, &seen));
    assert_ok(login_end(&f->w, l.secret));
    assert_ok(login_end(&f->w, "no secret at all"));
    assert_err(ERR_AUTH, login_look(&f->w, "no secret at all", &seen));
}

static void a_wrong_password_makes_no_session(void **state)
{
    struct fixture *f = *state;
    struct login l;
    add_person(f, "ann");
    assert_err(ERR_AUTH, sign_in(f, "ann", "wrong", "10.0.0.1", &l));
    assert_string_equal(l.secret, "");
    assert_string_equal(l.account.name, "");
    assert_err(ERR_AUTH, sign_in(f, "bob", "wrong", "10.0.0.1", &l));
}

static void too_many_tries_for_a_name_must_wait(void **state)
{
    struct fixture *f = *state;
    struct login l;
    char address[32];
    enum err e = ERR_AUTH;
    int tries = 0;
    add_person(f, "ann");
    add_person(f, "bob");
    for (; tries < 20 && e == ERR_AUTH; tries++) {
        snprintf(address, sizeof(address), "10.0.0.%d", tries); /* wherever they come from */
        e = sign_in(f, "ann", "wrong", address, &l);
    }
    assert_int_equal(e, ERR_RATE);
    assert_in_range(tries, 6, 8);
    assert_in_range(l.retry_after_s, 1, 11);
    assert_err(ERR_RATE, sign_in(f, "ann", GOOD, "10.0.1.1", &l));
    assert_ok(sign_in(f, "bob", GOOD, "10.0.0.1", &l));
    /* So it is for names that nobody has. */
    for (e = ERR_AUTH, tries = 0; tries < 20 && e == ERR_AUTH; tries++)
        e = sign_in(f, "nobody", "wrong", "10.0.2.1", &l);
    assert_int_equal(e, ERR_RATE);
}

/* Guessing at a name keeps nobody out who has signed in from where they are. */
static void a_known_address_is_not_kept_out_by_others(void **state)
{
    struct fixture *f = *state;
    struct login l;
    char address[32];
    add_person(f, "ann");
    assert_ok(sign_in(f, "ann", GOOD, "10.0.9.1", &l));
    for (int i = 0; i < 20; i++) {
        snprintf(address, sizeof(address), "10.0.8.%d", i);
        assert_int_not_equal(sign_in(f, "ann", "wrong", address, &l), ERR_OK);
    }
    assert_err(ERR_RATE, sign_in(f, "ann", GOOD, "10.0.9.2", &l));
    assert_ok(sign_in(f, "ann", GOOD, "10.0.9.1", &l));
    assert_err(ERR_RATE, sign_in(f, "ann", GOOD, "10.0.9.2", &l)); /* that was forgiven there only */
    /* And there too tries are few. */
    enum err e = ERR_AUTH;
    int tries = 0;
    for (; tries < 20 && e == ERR_AUTH; tries++)
        e = sign_in(f, "ann", "wrong", "10.0.9.1", &l);
    assert_int_equal(e, ERR_RATE);
    assert_in_range(tries, 6, 8);
}

static void too_many_wrong_tries_from_one_address_must_wait(void **state)
{
    struct fixture *f = *state;
    struct login l;
    char name[32];
    enum err e = ERR_AUTH;
    int tries = 0;
    add_person(f, "ann");
    for (; tries < 60 && e == ERR_AUTH; tries++) {
        snprintf(name, sizeof(name), "user%d", tries);
        e = sign_in(f, name, "wrong", "10.0.0.1", &l);
    }
    assert_int_equal(e, ERR_RATE);
    assert_in_range(tries, 21, 45);
    assert_ok(sign_in(f, "ann", GOOD, "10.0.0.2", &l));
}

/* A class behind one address signs in. */
static void good_tries_count_for_nothing(void **state)
{
    struct fixture *f = *state;
    struct login l;
    add_person(f, "ann");
    for (int i = 0; i < 40; i++)
        assert_ok(sign_in(f, "ann", GOOD, "10.0.0.1", &l));
}

static void an_account_counts_as_it_is_now(void **state)
{
    struct fixture *f = *state;
    struct login l, seen;
    struct docs_account a;
    const char *detail;
    add_person(f, "ann");
    assert_ok(sign_in(f, "ann", GOOD, "10.0.0.1", &l));
    assert_ok(accounts_change(
        &f->w, "ann", &(struct accounts_change){.what = ACCOUNTS_ROLE, .role = ROLE_MAINTAINER}, NULL, "", &a, NULL, &detail));
    assert_ok(login_look(&f->w, l.secret, &seen));
    assert_int_equal(seen.account.role, ROLE_MAINTAINER);
    documents.redis_up = 0; /* so that the session itself stays */
    assert_ok(
        accounts_change(&f->w, "ann", &(struct accounts_change){.what = ACCOUNTS_DISABLED, .disabled = 1}, NULL, "", &a, NULL, &detail));
    documents.redis_up = 1;
    assert_err(ERR_AUTH, login_look(&f->w, l.secret, &seen));
    assert_ok(sysdoc_remove(&f->w, "sys/user/ann", NULL, ""));
    assert_err(ERR_AUTH, login_look(&f->w, l.secret, &seen));
}

static void all_sessions_end_at_once(void **state)
{
    struct fixture *f = *state;
    struct login one, two, seen;
    uint64_t n = 0;
    add_person(f, "ann");
    assert_ok(sign_in(f, "ann", GOOD, "10.0.0.1", &one));
    assert_ok(sign_in(f, "ann", GOOD, "10.0.0.1", &two));
    assert_ok(login_end_all(&f->w, "ann", two.secret, &n));
    assert_int_equal(n, 1);
    assert_err(ERR_AUTH, login_look(&f->w, one.secret, &seen));
    assert_ok(login_look(&f->w, two.secret, &seen));
    assert_ok(login_end_all(&f->w, "ann", NULL, &n));
    assert_err(ERR_AUTH, login_look(&f->w, two.secret, &seen));
}

static void without_redis_nobody_signs_in(void **state)
{
    struct fixture *f = *state;
    struct login l;
    add_person(f, "ann");
    documents.firm_reads = 0;
    documents.redis_up = 0;
    assert_err(ERR_UNAVAILABLE, sign_in(f, "ann", GOOD, "10.0.0.1", &l));
    assert_true(l.retry_after_s > 0);
    assert_int_equal(documents.firm_reads, 0); /* no work was done for it */
    char secret[SECRET_SIZE];
    secret_new(secret);
    assert_err(ERR_UNAVAILABLE, login_look(&f->w, secret, &l));
}

/* Redis keeps what it was not told to forget, and may come back with an old copy: what ended meanwhile is over all the same. */
static void what_ended_without_redis_is_over_when_it_is_back(void **state)
{
    struct fixture *f = *state;
    struct login one, two, three, seen;
    struct docs_account a;
    const char *detail;
    uint64_t n = 9;
    add_person(f, "ann");
    assert_ok(sign_in(f, "ann", GOOD, "10.0.0.1", &one));
    documents.redis_up = 0;
    assert_ok(login_end_all(&f->w, "ann", NULL, &n));
    assert_int_equal(n, 0);
    documents.redis_up = 1;
    assert_err(ERR_AUTH, login_look(&f->w, one.secret, &seen));
    assert_ok(sign_in(f, "ann", GOOD, "10.0.0.1", &two));
    assert_ok(login_look(&f->w, two.secret, &seen));
    documents.redis_up = 0;
    struct accounts_password p = {.name = "ann", .fresh = "another horse battery", .fresh_len = 21};
    assert_ok(accounts_set_password(&f->w, &p, "root", &detail));
    documents.redis_up = 1;
    assert_err(ERR_AUTH, login_look(&f->w, two.secret, &seen));
    assert_ok(sign_in(f, "ann", "another horse battery", "10.0.0.1", &three));
    documents.redis_up = 0;
    for (int disabled = 1; disabled >= 0; disabled--) {
        struct accounts_change c = {.what = ACCOUNTS_DISABLED, .disabled = disabled};
        assert_ok(accounts_change(&f->w, "ann", &c, NULL, "root", &a, NULL, &detail));
    }
    documents.redis_up = 1;
    assert_err(ERR_AUTH, login_look(&f->w, three.secret, &seen));
}

/* ---- the settings */

static void settings_are_as_installed_until_somebody_changes_them(void **state)
{
    struct fixture *f = *state;
    struct docs_settings s;
    struct stamp record = {1, 1};
    assert_ok(rules_read(&f->w, &s));
    assert_true(s.rules.public_read);
    assert_false(s.rules.public_upload);
    assert_ok(rules_read_now(&f->w, &s, &record));
    assert_true(stamp_is_zero(record));
    s.rules.public_read = 0;
    struct stamp written;
    assert_ok(rules_write(&f->w, &s, record, "root", &written));
    assert_ok(rules_read(&f->w, &s)); /* at once in this process */
    assert_false(s.rules.public_read);
    assert_err(ERR_CONFLICT, rules_write(&f->w, &s, record, "root", &written));
    assert_ok(rules_read_now(&f->w, &s, &record));
    assert_int_equal(stamp_cmp(record, written), 0);
    s.session_idle_s = 1;
    assert_err(ERR_INVALID, rules_write(&f->w, &s, record, "root", &written));
}

static void settings_are_asked_for_once_a_second(void **state)
{
    struct fixture *f = *state;
    struct docs_settings s;
    for (int i = 0; i < 1000; i++)
        assert_ok(rules_read(&f->w, &s));
    assert_in_range(documents.reads, 1, 3);
    clock_sleep_ms(RULES_FRESH_MS + 50);
    assert_ok(rules_read(&f->w, &s));
    assert_in_range(documents.reads, 2, 5);
}

static void settings_that_nobody_tells_are_the_last_that_were_known(void **state)
{
    struct fixture *f = *state;
    struct docs_settings s;
    documents.away = ERR_UNAVAILABLE;
    assert_err(ERR_UNAVAILABLE, rules_read(&f->w, &s)); /* never "as installed" for want of an answer */
    documents.away = ERR_OK;
    docs_settings_default(&s);
    s.rules.public_read = 0;
    struct stamp record;
    assert_ok(rules_write(&f->w, &s, STAMP_ZERO, "root", &record));
    documents.away = ERR_UNAVAILABLE;
    clock_sleep_ms(RULES_FRESH_MS + 50);
    s.rules.public_read = 1;
    assert_ok(rules_read(&f->w, &s));
    assert_false(s.rules.public_read);
    assert_err(ERR_UNAVAILABLE, rules_read_now(&f->w, &s, &record));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(a_session_says_who_it_is),
        CASE(a_wrong_password_makes_no_session),
        CASE(a_known_address_is_not_kept_out_by_others),
        CASE(too_many_tries_for_a_name_must_wait),
        CASE(too_many_wrong_tries_from_one_address_must_wait),
        CASE(good_tries_count_for_nothing),
        CASE(an_account_counts_as_it_is_now),
        CASE(all_sessions_end_at_once),
        CASE(without_redis_nobody_signs_in),
        CASE(what_ended_without_redis_is_over_when_it_is_back),
        CASE(settings_are_as_installed_until_somebody_changes_them),
        CASE(settings_are_asked_for_once_a_second),
        CASE(settings_that_nobody_tells_are_the_last_that_were_known),
    };
    return cmocka_run_group_tests(tests, documents_start, documents_stop);
}
