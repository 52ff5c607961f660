/* What each unit test needs: cmocka with the headers that it wants before itself. */
#ifndef RB_TESTS_UNIT_UNIT_H
#define RB_TESTS_UNIT_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* The call succeeds, or fails with just this error. */
#define assert_ok(call) assert_int_equal((call), ERR_OK)
#define assert_err(e, call) assert_int_equal((call), (e))

#endif
