#include "tests/unit/unit.h"

#include "lib/name/name.h"
#include "lib/name/reserved.h"

#include <string.h>

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define HEX64_SPREAD "01234567-89ABCDEF 0123456789abcdef_0123456789abcdef.0123456789abcdef"

/* What the api does with a name that somebody typed. */
static int is_refused(const char *typed)
{
    struct buf name, key;
    buf_init(&name, NAME_BYTES_MAX);
    buf_init(&key, NAME_KEY_BYTES_MAX);
    enum err e = name_course(typed, strlen(typed), &name, &key);
    int refused = e != ERR_OK || name_is_reserved(key.data, key.len);
    buf_release(&name);
    buf_release(&key);
    return refused;
}

static void no_spelling_reaches_the_systems_documents(void **state)
{
    (void)state;
    static const char *const names[] = {"sys/", "sys/settings", "SYS/user/admin", "s-y.s/user/a_d", " sys / settings ",
        "\xef\xbd\x93\xef\xbd\x99\xef\xbd\x93\xef\xbc\x8fsettings" /* full width */, "s\xc2\xady\xc2\xads/settings" /* soft hyphens */,
        "\xc5\xbfys/x" /* long s */, "sys\xe2\x80\x8b/settings" /* zero width space */, "sy\xe2\x93\xa2/x" /* circled s */, "sys//",
        "sys/../courses", "peer/" HEX64, "PEER/" HEX64, "p e e r/" HEX64_SPREAD, "peer\xef\xbc\x8f" HEX64};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (!is_refused(names[i]))
            fail_msg("%s", names[i]);
}

static void other_courses_may_look_alike(void **state)
{
    (void)state;
    static const char *const names[] = {"SYS 300", "sys", "system/1", "xsys/1", "CRJU/SYS/1", "sys\\settings",
        "sys\xe2\x88\x95settings" /* another slash, which folds into none */, "peer/tutoring", "peer/", "peer", "peer/" HEX64 "0",
        "peer/g123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "s\xd1\x83s/x" /* a Cyrillic letter */};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (is_refused(names[i]))
            fail_msg("%s", names[i]);
}

static void only_the_bytes_given_are_looked_at(void **state)
{
    (void)state;
    assert_false(name_is_reserved("", 0));
    assert_false(name_is_reserved("sys/", 3));
    assert_true(name_is_reserved("sys/", 4));
    assert_false(name_is_reserved("peer/" HEX64, 68));
    assert_true(name_is_reserved("peer/" HEX64, 69));
    char key[69];
    memcpy(key, "peer/" HEX64, 69);
    key[40] = '\0';
    assert_false(name_is_reserved(key, 69));
    assert_true(name_is_reserved("sys/\0x", 6));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_spelling_reaches_the_systems_documents),
        cmocka_unit_test(other_courses_may_look_alike),
        cmocka_unit_test(only_the_bytes_given_are_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
