#include "tests/unit/unit.h"

#include "lib/wire/json.h"

#include <stdlib.h>
#include <string.h>

#define S(text) text, sizeof(text) - 1

static int parses(const char *text, size_t len)
{
    struct json *j = NULL;
    /* Bytes that end where their memory ends, so that the sanitizers see one read too many. */
    char *exact = malloc(len ? len : 1);
    memcpy(exact, text, len);
    enum err e = json_parse(exact, len, &j);
    free(exact);
    assert_true(e == ERR_OK || e == ERR_SYNTAX);
    assert_true((j != NULL) == (e == ERR_OK));
    json_free(j);
    return e == ERR_OK;
}

static void assert_prints(const struct json *j, const char *wanted)
{
    struct buf b;
    buf_init(&b, 10000);
    assert_ok(json_print(j, &b));
    assert_string_equal(buf_str(&b), wanted);
    buf_release(&b);
}

static void assert_reprints(const char *text, const char *wanted)
{
    struct json *j = NULL;
    assert_ok(json_parse(text, strlen(text), &j));
    assert_prints(j, wanted);
    json_free(j);
}

static void values_of_every_type_are_read_and_printed(void **state)
{
    (void)state;
    assert_reprints(
        " { \"a\" : [ 1 , -2.5 , true , false , null , \"x\" , { } , [ ] ] }\r\n\t", "{\"a\":[1,-2.5,true,false,null,\"x\",{},[]]}");
    assert_reprints("\"\"", "\"\"");
    assert_reprints("0", "0");
    assert_reprints("null", "null");
    assert_reprints("{\"\":1,\"A\":2,\"a\":3}", "{\"\":1,\"A\":2,\"a\":3}");
}

static void strings_keep_every_character(void **state)
{
    (void)state;
    assert_reprints("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\\"\\\\/\\u0008\\u000c\\n\\r\\t\"");
    assert_reprints("\"\\u00e9\\u20AC\\ud83d\\ude00\\u0001\"", "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\\u0001\"");
    assert_reprints("\"\xc3\xa9\xf0\x9f\x98\x80\x7f\"", "\"\xc3\xa9\xf0\x9f\x98\x80\\u007f\"");
}

static void integers_are_exact_up_to_their_bound(void **state)
{
    (void)state;
    static const char *const rows[] = {"999999999999999", "1000000000000001", "9007199254740991", "9007199254740992", "-9007199254740992",
        "9007199254740989", "4503599627370497"};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_reprints(rows[i], rows[i]);
}

static void fractions_read_back_as_themselves(void **state)
{
    (void)state;
    assert_reprints("0.1", "0.1");
    assert_reprints("1.0", "1");
    assert_reprints("1e3", "1000");
    assert_reprints("0.30000000000000004", "0.30000000000000004");
    assert_reprints("-1.5E-7", "-1.5e-07");
    assert_reprints("1e-300", "1e-300");
}

/* What cJSON would take and nobody else, each once. */
static void what_is_no_json_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t len;
    } rows[] = {{S("")}, {S(" ")}, {S("{} x")}, {S("{}{}")}, {S("{}\0")}, {S("1 2")}, {S("[1,]")}, {S("[,1]")}, {S("[1 2]")}, {S("{,}")},
        {S("{\"a\":1,}")}, {S("{\"a\"}")}, {S("{\"a\":}")}, {S("{a:1}")}, {S("{'a':1}")}, {S("{1:2}")}, {S("[")}, {S("{")}, {S("]")},
        {S("[1")}, {S("{\"a\":1")}, {S("{\"a\"")}, {S("\"")}, {S("\"a")}, {S("\"\\\"")}, {S("\"\\")}, {S("\"\\x\"")}, {S("\"\\u12\"")},
        {S("\"\\u12g4\"")}, {S("\"\\u\"")}, {S("\"\\U0041\"")}, {S("\"\\u0000\"")}, {S("\"a\0b\"")}, {S("{\"a\\u0000b\":1}")}, /* NUL */
        {S("\"\\ud800\"")}, {S("\"\\udc00\"")}, {S("\"\\ud800\\u0041\"")}, {S("\"\\ud800x\"")},
        {S("\"\\udc00\\ud800\"")}, /* half characters */
        {S("\"\xff\"")}, {S("\"\xc3\"")}, {S("\"\xed\xa0\x80\"")}, {S("\"\xc0\xaf\"")}, {S("\xff")},
        {S("\xef\xbb\xbf{}")}, /* not UTF-8; a mark before */
        {S("\"a\nb\"")}, {S("\"a\tb\"")}, {S("\"\x1f\"")}, {S("\v1")}, {S("\f1")},
        {S("\x01"
           "1")},
        {S("1\xc2\xa0")}, {S("01")}, {S("-")}, {S("+1")}, {S("1.")}, {S(".5")}, {S("1e")}, {S("1e+")}, {S("1.e1")}, {S("--1")}, {S("0x10")},
        {S("1-2")}, {S("1.2.3")}, {S("00")}, {S("1e999")}, {S("-1e999")}, {S("NaN")}, {S("Infinity")}, {S("-Infinity")}, {S("nan")},
        {S("9007199254740993")}, {S("-9007199254740993")}, {S("9007199254740992.0")}, {S("9007199254740993e0")},
        {S("18446744073709551615")}, {S("1e16")}, {S("{\"a\":1,\"a\":1}")}, {S("{\"a\":1,\"b\":2,\"\\u0061\":3}")},
        {S("[[{\"x\":{\"\":1,\"\":2}}]]")}, /* duplicate keys */
        {S("tru")}, {S("truex")}, {S("True")}, {S("nul")}, {S("null0")}, {S("//\n1")}, {S("/**/1")}, {S("undefined")}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (parses(rows[i].text, rows[i].len))
            fail_msg("was taken: %.*s", (int)rows[i].len, rows[i].text);
    }
}

static void a_number_longer_than_the_parser_reads_is_refused(void **state)
{
    (void)state;
    char text[80] = "0.";
    memset(text + 2, '1', 77);
    assert_true(parses(text, 63));
    assert_false(parses(text, 64));
}

static void depth_is_bounded(void **state)
{
    (void)state;
    char text[2 * (JSON_DEPTH_MAX + 1)];
    for (int depth = 1; depth <= JSON_DEPTH_MAX + 1; depth++) {
        memset(text, '[', (size_t)depth);
        memset(text + depth, ']', (size_t)depth);
        assert_int_equal(parses(text, 2 * (size_t)depth), depth <= JSON_DEPTH_MAX);
    }
    size_t many = 1000000;
    char *deep = malloc(many);
    memset(deep, '[', many);
    assert_false(parses(deep, many));
    free(deep);
}

static void the_number_of_values_is_bounded(void **state)
{
    (void)state;
    size_t n = JSON_VALUES_MAX; /* with the array itself one too many */
    char *text = malloc(2 * n + 2);
    char *p = text;
    *p++ = '[';
    for (size_t i = 0; i < n; i++) {
        *p++ = '1';
        *p++ = ',';
    }
    p[-1] = ']';
    assert_false(parses(text, (size_t)(p - text)));
    free(text);
}

static void a_large_object_is_searched_for_duplicates_quickly(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 10000000);
    assert_ok(buf_add_str(&b, "{\"0\":0"));
    for (int i = 1; i < 100000; i++)
        assert_ok(buf_addf(&b, ",\"%d\":0", i));
    assert_ok(buf_add_str(&b, "}"));
    assert_true(parses(b.data, b.len));
    buf_truncate(&b, b.len - 1);
    assert_ok(buf_add_str(&b, ",\"0\":0}"));
    assert_false(parses(b.data, b.len));
    buf_release(&b);
}

static void a_tree_is_built_in_a_straight_line(void **state)
{
    (void)state;
    struct json *j = json_object(), *list = json_array();
    json_set_str(j, "s", "x\"y");
    json_set_str(j, "none", NULL);
    json_set_u64(j, "n", 42);
    json_set_u64(j, "exact", JSON_EXACT_MAX);
    json_set_u64(j, "big", UINT64_MAX);
    json_set_double(j, "d", 0.5);
    json_set_bool(j, "t", 7);
    json_set_bool(j, "f", 0);
    json_set_null(j, "z");
    json_set_stamp(j, "stamp", (struct stamp){1, 2});
    json_set_stamp(j, "zero", STAMP_ZERO);
    json_append(list, json_string("a"));
    json_append(list, json_object());
    json_set(j, "list", list);
    assert_prints(j, "{\"s\":\"x\\\"y\",\"none\":null,\"n\":42,\"exact\":9007199254740992,\"big\":\"18446744073709551615\",\"d\":0.5,\"t\":"
                     "true,\"f\":false,"
                     "\"z\":null,\"stamp\":\"00000000000000010000000000000002\",\"zero\":null,\"list\":[\"a\",{}]}");
    json_free(j);
    json_free(NULL);
}

static void setting_a_key_again_replaces_it(void **state)
{
    (void)state;
    struct json *j = json_object();
    json_set_u64(j, "a", 1);
    json_set_u64(j, "A", 2);
    json_set_str(j, "a", "new");
    assert_prints(j, "{\"A\":2,\"a\":\"new\"}");
    json_free(j);
}

static void a_printed_text_is_taken_over_as_it_stands(void **state)
{
    (void)state;
    struct json *j = json_object(), *list = json_array();
    json_append(list, json_raw("{\"b\":[1,2]}"));
    json_append(list, json_raw("null"));
    json_set(j, "a", list);
    assert_prints(j, "{\"a\":[{\"b\":[1,2]},null]}");
    assert_null(json_get(json_first(json_get(j, "a")), "b"));
    assert_null(json_as_str(json_first(json_get(j, "a"))));
    json_free(j);
}

static void a_tree_that_lost_something_is_not_printed(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1000);
    assert_ok(buf_add_str(&b, "before"));
    struct json *j = json_object(), *list = json_array();
    json_set_u64(j, "a", 1);
    json_append(list, NULL); /* as json_string() gives when there is no memory */
    json_set(j, "list", list);
    assert_err(ERR_NOMEM, json_print(j, &b));
    json_free(j);
    j = json_object();
    json_set(j, "x", NULL);
    assert_err(ERR_NOMEM, json_print(j, &b));
    json_free(j);
    json_set_u64(NULL, "a", 1);
    json_set(NULL, "x", json_object());
    json_append(NULL, json_string("a"));
    assert_err(ERR_NOMEM, json_print(NULL, &b));
    assert_string_equal(buf_str(&b), "before");
    buf_release(&b);
}

static void what_does_not_fit_is_not_printed_in_part(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 12);
    assert_ok(buf_add_str(&b, "abc"));
    struct json *j = json_object();
    json_set_str(j, "key", "value");
    assert_err(ERR_NOMEM, json_print(j, &b));
    assert_string_equal(buf_str(&b), "abc");
    buf_release(&b);
    json_free(j);
}

static void bytes_that_are_no_text_are_replaced_in_print(void **state)
{
    (void)state;
    struct json *j = json_string("a\xff"
                                 "b\xc3");
    assert_prints(j, "\"a\xef\xbf\xbd"
                     "b\xef\xbf\xbd\"");
    json_free(j);
}

static void members_are_read_by_exact_name_and_type(void **state)
{
    (void)state;
    struct json *j = NULL;
    uint64_t v = 77;
    assert_ok(json_parse(S("{\"s\":\"x\",\"n\":5,\"b\":true,\"z\":null,\"l\":[1,2,3],\"o\":{}}"), &j));
    assert_string_equal(json_get_str(j, "s"), "x");
    assert_null(json_get_str(j, "S"));
    assert_null(json_get_str(j, "n"));
    assert_null(json_get_str(j, "missing"));
    assert_ok(json_get_u64(j, "n", 5, &v));
    assert_int_equal(v, 5);
    assert_int_equal(json_get_bool(j, "b", 0), 1);
    assert_int_equal(json_get_bool(j, "n", -1), -1);
    assert_int_equal(json_get_bool(j, "missing", 1), 1);
    assert_true(json_is_null(json_get(j, "z")));
    assert_true(json_is_null(json_get(j, "missing")));
    assert_false(json_is_null(json_get(j, "n")));
    assert_true(json_is_array(json_get(j, "l")) && !json_is_object(json_get(j, "l")));
    assert_true(json_is_object(json_get(j, "o")) && !json_is_array(json_get(j, "o")));
    assert_null(json_get(json_get(j, "l"), "s"));
    assert_null(json_get(NULL, "s"));
    json_free(j);
}

static void any_number_is_read_as_a_double(void **state)
{
    (void)state;
    struct json *j = NULL;
    double v = 77;
    assert_ok(json_parse(S("{\"a\":-1.5,\"b\":3,\"c\":\"3\"}"), &j));
    assert_err(ERR_SYNTAX, json_get_double(j, "c", &v));
    assert_err(ERR_SYNTAX, json_get_double(j, "missing", &v));
    assert_true(v == 77);
    assert_ok(json_get_double(j, "a", &v));
    assert_true(v == -1.5);
    assert_ok(json_get_double(j, "b", &v));
    assert_true(v == 3);
    json_free(j);
}

static void numbers_have_one_spelling(void **state)
{
    (void)state;
    struct json *j = NULL;
    uint64_t v = 77;
    assert_ok(json_parse(S("{\"a\":-1,\"b\":1.5,\"c\":\"5\",\"d\":\"9007199254740993\",\"e\":\"9007199254740992\",\"f\":"
                           "\"09007199254740993\",\"g\":true,\"h\":10,"
                           "\"i\":\"18446744073709551616\"}"),
        &j));
    static const char *const malformed[] = {"a", "b", "c", "e", "f", "g", "i", "missing"};
    for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++)
        assert_err(ERR_SYNTAX, json_get_u64(j, malformed[i], UINT64_MAX, &v));
    assert_err(ERR_INVALID, json_get_u64(j, "h", 9, &v));
    assert_err(ERR_INVALID, json_get_u64(j, "d", JSON_EXACT_MAX, &v));
    assert_int_equal(v, 77);
    assert_ok(json_get_u64(j, "d", UINT64_MAX, &v));
    assert_true(v == 9007199254740993u);
    json_free(j);
}

static void stamps_are_digits_or_null(void **state)
{
    (void)state;
    struct json *j = NULL;
    struct stamp s = {7, 7};
    assert_ok(json_parse(
        S("{\"a\":\"00000000000000010000000000000002\",\"b\":null,\"c\":\"00000000000000000000000000000000\",\"d\":\"1\",\"e\":1}"), &j));
    assert_err(ERR_SYNTAX, json_get_stamp(j, "c", &s));
    assert_err(ERR_SYNTAX, json_get_stamp(j, "d", &s));
    assert_err(ERR_SYNTAX, json_get_stamp(j, "e", &s));
    assert_err(ERR_SYNTAX, json_get_stamp(j, "missing", &s));
    assert_int_equal(s.clock, 7);
    assert_ok(json_get_stamp(j, "a", &s));
    assert_int_equal(stamp_cmp(s, (struct stamp){1, 2}), 0);
    assert_ok(json_get_stamp(j, "b", &s));
    assert_true(stamp_is_zero(s));
    json_free(j);
}

static void children_are_walked_in_order(void **state)
{
    (void)state;
    struct json *j = NULL;
    assert_ok(json_parse(S("{\"b\":\"1\",\"a\":\"2\"}"), &j));
    const struct json *item = json_first(j);
    assert_string_equal(json_name(item), "b");
    assert_string_equal(json_as_str(item), "1");
    item = json_next(item);
    assert_string_equal(json_name(item), "a");
    assert_null(json_next(item));
    assert_int_equal(json_count(j), 2);
    assert_int_equal(json_count(NULL), 0);
    assert_null(json_first(NULL));
    assert_null(json_as_str(NULL));
    json_free(j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_of_every_type_are_read_and_printed),
        cmocka_unit_test(strings_keep_every_character),
        cmocka_unit_test(integers_are_exact_up_to_their_bound),
        cmocka_unit_test(fractions_read_back_as_themselves),
        cmocka_unit_test(what_is_no_json_is_refused),
        cmocka_unit_test(a_number_longer_than_the_parser_reads_is_refused),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(the_number_of_values_is_bounded),
        cmocka_unit_test(a_large_object_is_searched_for_duplicates_quickly),
        cmocka_unit_test(a_tree_is_built_in_a_straight_line),
        cmocka_unit_test(setting_a_key_again_replaces_it),
        cmocka_unit_test(a_tree_that_lost_something_is_not_printed),
        cmocka_unit_test(what_does_not_fit_is_not_printed_in_part),
        cmocka_unit_test(bytes_that_are_no_text_are_replaced_in_print),
        cmocka_unit_test(a_printed_text_is_taken_over_as_it_stands),
        cmocka_unit_test(members_are_read_by_exact_name_and_type),
        cmocka_unit_test(any_number_is_read_as_a_double),
        cmocka_unit_test(numbers_have_one_spelling),
        cmocka_unit_test(stamps_are_digits_or_null),
        cmocka_unit_test(children_are_walked_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
