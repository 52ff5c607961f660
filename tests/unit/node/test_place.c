/* Where a node is, told without saying what the machine is called. */
#include "tests/unit/unit.h"

#include "lib/base/num.h"
#include "node/place.h"

#include <stdio.h>
#include <string.h>

static void one_file_system_is_one_place(void **state)
{
    char m1[MEMBER_PLACE_MAX], v1[MEMBER_PLACE_MAX], m2[MEMBER_PLACE_MAX], v2[MEMBER_PLACE_MAX];
    (void)state;
    place_find("/tmp", m1, v1);
    place_find("/tmp/.", m2, v2);
    assert_true(num_is_hex(m1, 64) && num_is_hex(v1, 64));
    assert_string_equal(m1, m2);
    assert_string_equal(v1, v2);
    assert_string_not_equal(m1, v1);
}

static void another_file_system_on_the_same_machine_is_another_volume(void **state)
{
    char m1[MEMBER_PLACE_MAX], v1[MEMBER_PLACE_MAX], m2[MEMBER_PLACE_MAX], v2[MEMBER_PLACE_MAX];
    (void)state;
    place_find("/tmp", m1, v1);
    place_find("/proc", m2, v2);
    assert_string_equal(m1, m2);
    assert_string_not_equal(v1, v2);
}

static void the_id_itself_is_not_told(void **state)
{
    char machine[MEMBER_PLACE_MAX], volume[MEMBER_PLACE_MAX], id[64] = "";
    (void)state;
    place_find("/tmp", machine, volume);
    FILE *f = fopen("/etc/machine-id", "r");
    if (!f)
        f = fopen("/proc/sys/kernel/random/boot_id", "r");
    assert_non_null(f);
    assert_non_null(fgets(id, sizeof(id), f));
    fclose(f);
    id[strcspn(id, "\n")] = '\0';
    assert_null(strstr(machine, id));
    assert_null(strstr(volume, id));
}

static void a_folder_that_is_not_there_has_no_volume(void **state)
{
    char machine[MEMBER_PLACE_MAX], volume[MEMBER_PLACE_MAX];
    (void)state;
    place_find("/nowhere/at/all", machine, volume);
    assert_true(num_is_hex(machine, 64));
    assert_string_equal(volume, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_file_system_is_one_place),
        cmocka_unit_test(another_file_system_on_the_same_machine_is_another_volume),
        cmocka_unit_test(the_id_itself_is_not_told),
        cmocka_unit_test(a_folder_that_is_not_there_has_no_volume),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
