#include "tests/unit/unit.h"

#include "lib/auth/role.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OUR_KEY "csen317"
#define OTHER_KEY "math11"
#define US "amber"
#define THEM "birch"

/* Every kind of thing that a course's verdict can be about: the first look of the front, and then four corners. */
struct thing {
    const char *words, *key, *owner;
};
static const struct thing things[] = {
    {"not known yet", NULL, NULL},
    {"another's", OUR_KEY, THEM},
    {"own", OUR_KEY, US},
    {"another's, out of scope", OTHER_KEY, THEM},
    {"own, out of scope", OTHER_KEY, US},
};
#define THINGS (sizeof(things) / sizeof(things[0]))

static struct who somebody(enum role role, int scoped)
{
    struct who w = {.how = role == ROLE_NOBODY ? HOW_NOBODY : HOW_SESSION, .role = role};
    snprintf(w.name, sizeof(w.name), "%s", role == ROLE_NOBODY ? "" : US);
    if (scoped) {
        w.scopes.n = 1;
        snprintf(w.scopes.prefix[0], AUTH_SCOPE_SIZE, "csen");
    }
    return w;
}

static struct who with_token(struct who w, uint32_t acts, const char *scope)
{
    w.how = HOW_TOKEN;
    w.acts = acts;
    if (scope) {
        w.token_scopes.n = 1;
        snprintf(w.token_scopes.prefix[0], AUTH_SCOPE_SIZE, "%s", scope);
    }
    return w;
}

static struct rules settings(int i)
{
    return (struct rules){.public_read = i < 2, .public_upload = i % 2};
}

/* ---- the table in the README */

static const char *verdict_word(enum verdict v)
{
    static const char *const words[] = {[AUTH_ALLOWED] = "yes", [AUTH_SIGN_IN] = "401", [AUTH_FORBIDDEN] = "403", [AUTH_HIDDEN] = "404"};
    return words[v];
}

/* The four verdicts by settings, or the one that they all are. */
static void print_cell(FILE *f, const struct who *w, enum act act, const struct thing *t)
{
    const char *words[4];
    int same = 1;
    for (int i = 0; i < 4; i++) {
        struct rules rules = settings(i);
        words[i] = verdict_word(auth_may(w, act, &rules, t->key, t->owner));
        same = same && strcmp(words[i], words[0]) == 0;
    }
    if (same)
        fprintf(f, " %s |", words[0]);
    else
        fprintf(f, " %s %s %s %s |", words[0], words[1], words[2], words[3]);
}

static void print_row(FILE *f, enum act act, const struct thing *t, int scoped)
{
    fprintf(f, "| %s | %s |", act_name(act), t->words);
    for (int role = 0; role < ROLE_COUNT; role++) {
        struct who w = somebody((enum role)role, scoped);
        print_cell(f, &w, act, t);
    }
    fputc('\n', f);
}

static void print_table(FILE *f)
{
    fprintf(f, "| act | on what |");
    for (int role = 0; role < ROLE_COUNT; role++)
        fprintf(f, " %s |", role_name((enum role)role));
    fprintf(f, "\n|---|---|---|---|---|---|---|\n");
    for (int act = 0; act < ACT_COUNT; act++) {
        if (act == ACT_NONE || act == ACT_SELF) {
            print_row(f, (enum act)act, &(struct thing){"–", NULL, NULL}, 0);
        } else if (act == ACT_OPERATE || act == ACT_ACCOUNTS) {
            print_row(f, (enum act)act, &(struct thing){"–, the account has none", NULL, NULL}, 0);
            print_row(f, (enum act)act, &(struct thing){"–, the account has a scope", NULL, NULL}, 1);
        } else {
            for (size_t i = 0; i < THINGS; i++)
                print_row(f, (enum act)act, &things[i], 1);
        }
    }
}

static char *read_file(const char *path)
{
    FILE *f = fopen(path, "r");
    char *text = calloc(1, 1 << 16);
    assert_non_null(f);
    assert_non_null(text);
    assert_true(fread(text, 1, (1 << 16) - 1, f) > 0);
    fclose(f);
    return text;
}

static void the_table_in_the_readme_is_what_the_code_does(void **state)
{
    (void)state;
    char *table = NULL, *readme = read_file("lib/auth/README.md");
    size_t len = 0;
    FILE *f = open_memstream(&table, &len);
    print_table(f);
    fclose(f);
    if (!strstr(readme, table))
        fprintf(stderr, "This table belongs into lib/auth/README.md:\n\n%s\n", table);
    assert_non_null(strstr(readme, table));
    free(table);
    free(readme);
}

/* ---- what is promised, cell by cell. The first character is the default, public_upload on, public_read off, off and on: y, 1 (401), 3 (403), 4 (404). */

struct cell {
    enum act act;
    enum role role;
    int thing; /* in things */
    const char *verdicts;
};

static void the_cells_that_people_were_promised(void **state)
{
    (void)state;
    static const struct cell cells[] = {
        {ACT_READ, ROLE_NOBODY, 1, "yy11"},
        {ACT_READ, ROLE_READER, 1, "yyyy"},
        {ACT_READ, ROLE_READER, 3, "yy44"},
        {ACT_READ, ROLE_ADMIN, 3, "yy44"},
        {ACT_UPLOAD, ROLE_NOBODY, 0, "1y1y"},
        {ACT_UPLOAD, ROLE_READER, 1, "3y3y"},
        {ACT_UPLOAD, ROLE_CONTRIBUTOR, 1, "yyyy"},
        {ACT_UPLOAD, ROLE_CONTRIBUTOR, 3, "3y4y"},
        {ACT_ALTER, ROLE_NOBODY, 1, "1111"},
        {ACT_ALTER, ROLE_READER, 1, "3333"},
        {ACT_ALTER, ROLE_READER, 2, "3y3y"},
        {ACT_ALTER, ROLE_CONTRIBUTOR, 1, "3333"},
        {ACT_ALTER, ROLE_CONTRIBUTOR, 2, "yyyy"},
        {ACT_ALTER, ROLE_CONTRIBUTOR, 4, "3y4y"},
        {ACT_ALTER, ROLE_MAINTAINER, 1, "yyyy"},
        {ACT_ALTER, ROLE_MAINTAINER, 3, "3344"},
        {ACT_LINK, ROLE_CONTRIBUTOR, 2, "yyyy"},
        {ACT_LINK, ROLE_CONTRIBUTOR, 1, "3333"},
        {ACT_LINK, ROLE_CONTRIBUTOR, 4, "3344"},
        {ACT_LINK, ROLE_MAINTAINER, 1, "yyyy"},
        {ACT_MODERATE, ROLE_CONTRIBUTOR, 2, "3333"},
        {ACT_MODERATE, ROLE_MAINTAINER, 2, "yyyy"},
        {ACT_MODERATE, ROLE_MAINTAINER, 3, "3344"},
        {ACT_OPERATE, ROLE_MAINTAINER, 0, "3333"},
        {ACT_OPERATE, ROLE_NOBODY, 0, "1111"},
        {ACT_ACCOUNTS, ROLE_MAINTAINER, 0, "3333"},
        {ACT_ACCOUNTS, ROLE_ADMIN, 0, "3333"}, /* this admin has a scope */
        {ACT_SELF, ROLE_NOBODY, 0, "1111"},
        {ACT_SELF, ROLE_READER, 0, "yyyy"},
        {ACT_NONE, ROLE_NOBODY, 0, "yyyy"},
    };
    for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++) {
        struct who w = somebody(cells[i].role, 1);
        const struct thing *t = &things[cells[i].thing];
        char got[5] = "";
        for (int s = 0; s < 4; s++) {
            struct rules rules = settings(s);
            got[s] = "y134"[auth_may(&w, cells[i].act, &rules, t->key, t->owner)];
        }
        if (strcmp(got, cells[i].verdicts) != 0)
            fail_msg("%s, %s, %s: %s", act_name(cells[i].act), role_name(cells[i].role), t->words, got);
    }
}

static void an_admin_without_scope_may_everything(void **state)
{
    (void)state;
    struct who admin = somebody(ROLE_ADMIN, 0);
    for (int act = 0; act < ACT_COUNT; act++)
        for (size_t t = 0; t < THINGS; t++)
            for (int s = 0; s < 4; s++) {
                struct rules rules = settings(s);
                assert_int_equal(auth_may(&admin, (enum act)act, &rules, things[t].key, things[t].owner), AUTH_ALLOWED);
            }
}

/* ---- what holds for every cell */

struct asked {
    enum act act;
    int role, scoped;
    struct rules rules;
    const struct thing *thing;
    enum verdict verdict;
};

static enum verdict ask(const struct who *w, const struct asked *a)
{
    return auth_may(w, a->act, &a->rules, a->thing->key, a->thing->owner);
}

static void each_cell(void (*check)(const struct asked *))
{
    for (int act = 0; act < ACT_COUNT; act++)
        for (int role = 0; role < ROLE_COUNT; role++)
            for (int scoped = 0; scoped < 2; scoped++)
                for (int s = 0; s < 4; s++)
                    for (size_t t = 0; t < THINGS; t++) {
                        struct asked a = {(enum act)act, role, scoped, settings(s), &things[t], AUTH_FORBIDDEN};
                        struct who w = somebody((enum role)role, scoped);
                        a.verdict = ask(&w, &a);
                        check(&a);
                    }
}

static void check_higher_role(const struct asked *a)
{
    if (a->verdict != AUTH_ALLOWED || a->role + 1 == ROLE_COUNT)
        return;
    struct who higher = somebody((enum role)(a->role + 1), a->scoped);
    assert_int_equal(ask(&higher, a), AUTH_ALLOWED);
}

static void a_higher_role_may_no_less(void **state)
{
    (void)state;
    each_cell(check_higher_role);
}

static void check_opening(const struct asked *a)
{
    struct who w = somebody((enum role)a->role, a->scoped);
    struct asked open = *a;
    open.rules.public_read = open.rules.public_upload = 1;
    if (a->verdict == AUTH_ALLOWED)
        assert_int_equal(ask(&w, &open), AUTH_ALLOWED);
}

static void opening_up_takes_nothing_away(void **state)
{
    (void)state;
    each_cell(check_opening);
}

static void check_first_look(const struct asked *a)
{
    struct who w = somebody((enum role)a->role, a->scoped);
    enum verdict first = auth_may(&w, a->act, &a->rules, NULL, NULL);
    assert_int_not_equal(first, AUTH_HIDDEN);
    if (first != AUTH_ALLOWED)
        assert_int_not_equal(a->verdict, AUTH_ALLOWED);
    /* Without a key the owner means nothing. */
    assert_int_equal(auth_may(&w, a->act, &a->rules, NULL, THEM), first);
}

static void the_first_look_refuses_only_what_is_refused_in_the_end(void **state)
{
    (void)state;
    each_cell(check_first_look);
}

static void check_sign_in(const struct asked *a)
{
    if (a->role == ROLE_NOBODY)
        assert_true(a->verdict == AUTH_ALLOWED || a->verdict == AUTH_SIGN_IN);
    else
        assert_int_not_equal(a->verdict, AUTH_SIGN_IN);
}

static void only_nobody_is_told_to_sign_in(void **state)
{
    (void)state;
    each_cell(check_sign_in);
}

static void check_hidden(const struct asked *a)
{
    struct who w = somebody((enum role)a->role, a->scoped);
    if (a->verdict == AUTH_HIDDEN) {
        assert_false(a->rules.public_read);
        assert_int_not_equal(auth_may(&w, ACT_READ, &a->rules, a->thing->key, a->thing->owner), AUTH_ALLOWED);
    }
    /* And the other way round: no 403 says that there is something they may not see. */
    if (a->verdict == AUTH_FORBIDDEN && a->thing->key && a->act != ACT_OPERATE && a->act != ACT_ACCOUNTS)
        assert_int_equal(auth_may(&w, ACT_READ, &a->rules, a->thing->key, a->thing->owner), AUTH_ALLOWED);
}

static void hidden_is_what_must_not_be_seen_and_nothing_else(void **state)
{
    (void)state;
    each_cell(check_hidden);
}

static void check_tokens(const struct asked *a)
{
    static const char *const scopes[] = {NULL, "csen", "math", "csen317x"};
    struct who w = somebody((enum role)a->role, a->scoped);
    if (a->role == ROLE_NOBODY)
        return;
    for (uint32_t acts = 1; acts < ACT_BIT(ACT_COUNT); acts++)
        for (size_t i = 0; i < sizeof(scopes) / sizeof(scopes[0]); i++) {
            struct who token = with_token(w, acts, scopes[i]);
            enum verdict v = ask(&token, a);
            int has_act = a->act == ACT_NONE || acts & ACT_BIT(a->act);
            int on_course = a->act == ACT_READ || (a->act >= ACT_UPLOAD && a->act <= ACT_MODERATE);
            int reaches = !on_course || !a->thing->key || auth_in_scope(&token.token_scopes, a->thing->key);
            if (a->act == ACT_OPERATE || a->act == ACT_ACCOUNTS)
                reaches = !scopes[i];
            assert_int_equal(v == AUTH_ALLOWED, a->verdict == AUTH_ALLOWED && has_act && reaches);
        }
}

static void a_token_may_what_its_account_may_within_its_acts_and_scopes(void **state)
{
    (void)state;
    each_cell(check_tokens);
}

/* ---- odd ones */

static void all_zeroes_are_nobody(void **state)
{
    (void)state;
    struct who w = {0};
    struct rules closed = {0};
    assert_int_equal(auth_may(&w, ACT_READ, &closed, OUR_KEY, ""), AUTH_SIGN_IN);
    w.role = ROLE_ADMIN; /* nobody said how */
    assert_int_equal(auth_may(&w, ACT_READ, &closed, OUR_KEY, ""), AUTH_SIGN_IN);
    w = somebody(ROLE_READER, 0);
    w.role = ROLE_NOBODY;
    assert_int_equal(auth_may(&w, ACT_SELF, &closed, NULL, NULL), AUTH_SIGN_IN);
}

static void what_nobody_owns_is_nobodys_own(void **state)
{
    (void)state;
    struct rules rules = {.public_read = 1};
    struct who w = somebody(ROLE_CONTRIBUTOR, 0);
    assert_int_equal(auth_may(&w, ACT_ALTER, &rules, OUR_KEY, NULL), AUTH_FORBIDDEN);
    assert_int_equal(auth_may(&w, ACT_ALTER, &rules, OUR_KEY, ""), AUTH_FORBIDDEN);
    w.name[0] = '\0';
    assert_int_equal(auth_may(&w, ACT_ALTER, &rules, OUR_KEY, ""), AUTH_FORBIDDEN);
    assert_int_equal(auth_may(&w, ACT_ALTER, &rules, OUR_KEY, "Amber"), AUTH_FORBIDDEN);
}

static void a_link_opens_its_course_and_nothing_else(void **state)
{
    (void)state;
    struct rules closed = {0};
    struct who w = {.how = HOW_LINK, .link_key = OUR_KEY};
    assert_int_equal(auth_may(&w, ACT_READ, &closed, OUR_KEY, THEM), AUTH_ALLOWED);
    assert_int_equal(auth_may(&w, ACT_READ, &closed, NULL, NULL), AUTH_ALLOWED);
    assert_int_equal(auth_may(&w, ACT_READ, &closed, OUR_KEY "a", THEM), AUTH_SIGN_IN);
    assert_int_equal(auth_may(&w, ACT_READ, &closed, "csen", THEM), AUTH_SIGN_IN);
    for (int act = ACT_UPLOAD; act < ACT_COUNT; act++)
        assert_int_equal(auth_may(&w, (enum act)act, &closed, OUR_KEY, NULL), AUTH_SIGN_IN);
    w.role = ROLE_ADMIN; /* a link has no role, whatever stands there */
    assert_int_equal(auth_may(&w, ACT_ALTER, &closed, OUR_KEY, NULL), AUTH_SIGN_IN);
    w.link_key = NULL;
    assert_int_equal(auth_may(&w, ACT_READ, &closed, OUR_KEY, NULL), AUTH_SIGN_IN);
}

static void verdicts_are_statuses(void **state)
{
    (void)state;
    assert_int_equal(err_http_status(auth_verdict_err(AUTH_ALLOWED)), 200);
    assert_int_equal(err_http_status(auth_verdict_err(AUTH_SIGN_IN)), 401);
    assert_int_equal(err_http_status(auth_verdict_err(AUTH_FORBIDDEN)), 403);
    assert_int_equal(err_http_status(auth_verdict_err(AUTH_HIDDEN)), 404);
    assert_int_equal(auth_verdict_err((enum verdict)99), ERR_DENIED);
}

static void uploads_of_people_not_known_wait(void **state)
{
    (void)state;
    struct rules off = {.public_upload = 1}, on = {.public_upload = 1, .moderate = 1};
    for (int role = 0; role < ROLE_COUNT; role++) {
        struct who w = somebody((enum role)role, 1);
        assert_false(auth_upload_waits(&w, &off, OUR_KEY));
        assert_int_equal(auth_upload_waits(&w, &on, OUR_KEY), role < ROLE_MAINTAINER);
        assert_true(auth_upload_waits(&w, &on, OTHER_KEY));
        w.known = 1;
        assert_int_equal(auth_upload_waits(&w, &on, OTHER_KEY), role == ROLE_NOBODY);
    }
}

static void nobody_makes_a_token_stronger_than_their_own(void **state)
{
    (void)state;
    struct who session = somebody(ROLE_READER, 0), nobody = {0};
    struct auth_scopes all = {0}, csen = {1, {"csen"}}, csen3 = {2, {"csen3", "csen1"}}, both = {2, {"csen", "math"}};
    assert_true(auth_covers(&session, ACTS_ALL, &all)); /* bounded by the account whenever it is used */
    assert_false(auth_covers(&nobody, ACT_BIT(ACT_READ), &all));
    struct who token = with_token(session, ACT_BIT(ACT_SELF) | ACT_BIT(ACT_READ), NULL);
    assert_true(auth_covers(&token, ACT_BIT(ACT_READ), &all));
    assert_true(auth_covers(&token, ACT_BIT(ACT_READ), &csen));
    assert_false(auth_covers(&token, ACT_BIT(ACT_READ) | ACT_BIT(ACT_UPLOAD), &csen));
    token = with_token(session, ACTS_ALL, "csen");
    assert_true(auth_covers(&token, ACTS_ALL, &csen));
    assert_true(auth_covers(&token, ACTS_ALL, &csen3));
    assert_false(auth_covers(&token, ACTS_ALL, &both));
    assert_false(auth_covers(&token, ACTS_ALL, &all));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_in_the_readme_is_what_the_code_does),
        cmocka_unit_test(the_cells_that_people_were_promised),
        cmocka_unit_test(an_admin_without_scope_may_everything),
        cmocka_unit_test(a_higher_role_may_no_less),
        cmocka_unit_test(opening_up_takes_nothing_away),
        cmocka_unit_test(the_first_look_refuses_only_what_is_refused_in_the_end),
        cmocka_unit_test(only_nobody_is_told_to_sign_in),
        cmocka_unit_test(hidden_is_what_must_not_be_seen_and_nothing_else),
        cmocka_unit_test(a_token_may_what_its_account_may_within_its_acts_and_scopes),
        cmocka_unit_test(all_zeroes_are_nobody),
        cmocka_unit_test(what_nobody_owns_is_nobodys_own),
        cmocka_unit_test(a_link_opens_its_course_and_nothing_else),
        cmocka_unit_test(verdicts_are_statuses),
        cmocka_unit_test(uploads_of_people_not_known_wait),
        cmocka_unit_test(nobody_makes_a_token_stronger_than_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
