#include "tests/unit/unit.h"

#include "lib/auth/role.h"

#include <string.h>

static void each_word_is_read_back(void **state)
{
    (void)state;
    for (int i = 0; i < ROLE_COUNT; i++) {
        enum role r = ROLE_COUNT;
        assert_ok(role_parse(role_name((enum role)i), &r));
        assert_int_equal(r, i);
    }
    for (int i = 0; i < ACT_COUNT; i++) {
        enum act a = ACT_NONE;
        assert_ok(act_parse(act_name((enum act)i), &a));
        assert_int_equal(a, i);
    }
    assert_string_equal(how_name(HOW_LINK), "link");
    assert_string_equal(how_name((enum how)99), "unknown");
    assert_string_equal(role_name((enum role)99), "unknown");
    assert_string_equal(act_name((enum act)99), "unknown");
}

static void other_words_are_refused(void **state)
{
    (void)state;
    static const char *const words[] = {"", "Admin", "ADMIN", "admin ", "root", "readers"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        enum role r = ROLE_READER;
        enum act a = ACT_LINK;
        assert_err(ERR_SYNTAX, role_parse(words[i], &r));
        assert_err(ERR_SYNTAX, act_parse(words[i], &a));
        assert_int_equal(r, ROLE_READER);
        assert_int_equal(a, ACT_LINK);
    }
}

static void all_acts_are_all_but_none(void **state)
{
    (void)state;
    uint32_t acts = 0;
    for (int i = ACT_READ; i < ACT_COUNT; i++)
        acts |= ACT_BIT(i);
    assert_int_equal(acts, ACTS_ALL);
}

#define NAME64 "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz01"

static void names_of_accounts_are_plain(void **state)
{
    (void)state;
    static const char *const good[][2] = {
        {"admin", "admin"}, {"A.Amer@scu.EDU", "a.amer@scu.edu"}, {"0", "0"}, {"x+y_z-1", "x+y_z-1"}, {NAME64, NAME64}};
    static const char *const bad[] = {
        "", ".x", "-x", "@x", "a b", "a/b", "../x", "a\tb", "caf\xc3\xa9", "a:b", "a%62", NAME64 "x", "a\x7f"};
    char name[AUTH_NAME_SIZE] = "before";
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_err(ERR_SYNTAX, auth_name(bad[i], strlen(bad[i]), name));
        assert_false(auth_name_ok(bad[i]));
    }
    assert_err(ERR_SYNTAX, auth_name("a\0b", 3, name));
    assert_string_equal(name, "before");
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_ok(auth_name(good[i][0], strlen(good[i][0]), name));
        assert_string_equal(name, good[i][1]);
        assert_true(auth_name_ok(name));
    }
    assert_false(auth_name_ok("Admin"));
    assert_ok(auth_name("abXX", 2, name)); /* only the bytes given */
    assert_string_equal(name, "ab");
}

static void scopes_are_keys_of_what_was_typed(void **state)
{
    (void)state;
    struct auth_scopes s = {0};
    assert_true(auth_in_scope(&s, "anything"));
    assert_ok(auth_scope_add(&s, "CSEN", 4));
    assert_ok(auth_scope_add(&s, "c-s e.n", 7)); /* the same once more */
    assert_int_equal(s.n, 1);
    assert_true(auth_in_scope(&s, "csen317"));
    assert_true(auth_in_scope(&s, "csen"));
    assert_false(auth_in_scope(&s, "cse"));
    assert_false(auth_in_scope(&s, "xcsen317"));
    assert_ok(auth_scope_add(&s, "Math 1", 6));
    assert_true(auth_in_scope(&s, "math11"));
    assert_true(auth_in_scope(&s, "csen317"));
    assert_false(auth_in_scope(&s, "math2"));
}

static void scopes_have_bounds(void **state)
{
    (void)state;
    struct auth_scopes s = {0};
    char long_one[129];
    memset(long_one, 'x', sizeof(long_one));
    assert_err(ERR_SYNTAX, auth_scope_add(&s, "", 0));
    assert_err(ERR_SYNTAX, auth_scope_add(&s, "--", 2));
    assert_err(ERR_SYNTAX, auth_scope_add(&s, "\xff", 1));
    assert_err(ERR_SYNTAX, auth_scope_add(&s, long_one, 129)); /* no name of a course is as long */
    assert_err(ERR_INVALID,
        auth_scope_add(&s, "\xef\xb7\xba\xef\xb7\xba\xef\xb7\xba\xef\xb7\xba\xef\xb7\xba", 15)); /* short, but its key is not */
    assert_int_equal(s.n, 0);
    assert_ok(auth_scope_add(&s, long_one, 128));
    for (char c = 'a'; c < 'a' + AUTH_SCOPES_MAX - 1; c++)
        assert_ok(auth_scope_add(&s, &c, 1));
    assert_err(ERR_INVALID, auth_scope_add(&s, "z", 1));
    assert_ok(auth_scope_add(&s, "a", 1)); /* there already */
    assert_int_equal(s.n, AUTH_SCOPES_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_word_is_read_back),
        cmocka_unit_test(other_words_are_refused),
        cmocka_unit_test(all_acts_are_all_but_none),
        cmocka_unit_test(names_of_accounts_are_plain),
        cmocka_unit_test(scopes_are_keys_of_what_was_typed),
        cmocka_unit_test(scopes_have_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
