#include "tests/unit/unit.h"

#include "lib/wire/member.h"

#include <string.h>

#define WHOLE                                                                                                                      \
    "{\"id\":\"node-1.aa\",\"name\":\"node-1\",\"url\":\"http://127.0.0.1:7001\",\"zone\":\"east\",\"weight\":2,\"stores\":false," \
    "\"files\":3,\"bytes\":9007199254740992,\"capacity_bytes\":100,\"free_bytes\":99,\"ring\":7,\"heartbeat_at\":1795269723004}"

static enum err parse(const char *text, struct member *out)
{
    struct json *j = NULL;
    assert_ok(json_parse(text, strlen(text), &j));
    enum err e = member_from_json(j, out);
    json_free(j);
    return e;
}

static void a_member_goes_there_and_back(void **state)
{
    (void)state;
    struct member m = {.alive = 1};
    struct buf b;
    assert_ok(parse(WHOLE, &m));
    assert_string_equal(m.id, "node-1.aa");
    assert_int_equal(m.weight, 2);
    assert_int_equal(m.stores, 0);
    assert_int_equal(m.ring_epoch, 7);
    assert_int_equal(m.alive, 0);
    assert_int_equal(m.state, MEMBER_JOINING);
    struct json *j = member_to_json(&m);
    buf_init(&b, 1000);
    assert_ok(json_print(j, &b));
    assert_string_equal(buf_str(&b), WHOLE);
    buf_release(&b);
    json_free(j);
}

static void what_a_young_node_does_not_know_may_be_missing(void **state)
{
    (void)state;
    struct member m;
    assert_ok(parse("{\"id\":\"a.1\",\"name\":\"a\",\"url\":\"\",\"zone\":\"\",\"weight\":1}", &m));
    assert_int_equal(m.stores, 1);
    assert_int_equal(m.files, 0);
    assert_int_equal(m.heartbeat_at_ms, 0);
}

static void malformed_members_are_refused(void **state)
{
    (void)state;
    static const char *const rows[][2] = {{"{\"id\"", "[1,{\"id\""}, {"\"id\":\"node-1.aa\"", "\"id\":\"node-2.aa\""},
        {"node-1.aa", "node-1"}, {"\"name\":\"node-1\"", "\"name\":\"Node-1\""}, {"\"url\":\"http", "\"uri\":\"http"},
        {"\"zone\":\"east\"", "\"zone\":7"}, {"\"weight\":2", "\"weight\":0"}, {"\"weight\":2", "\"weight\":17"}, {"\"weight\":2,", ""},
        {"\"files\":3", "\"files\":-3"}, {"\"files\":3", "\"files\":\"3\""}, {"\"ring\":7", "\"ring\":null"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *whole = WHOLE, *at = strstr(whole, rows[i][0]);
        struct buf b;
        struct member m = {.weight = 99};
        assert_non_null(at);
        buf_init(&b, 1000);
        assert_ok(buf_addf(&b, "%.*s%s%s%s", (int)(at - whole), whole, rows[i][1], at + strlen(rows[i][0]), i == 0 ? "]" : ""));
        assert_err(ERR_SYNTAX, parse(b.data, &m));
        assert_int_equal(m.weight, 99);
        buf_release(&b);
    }
}

static void a_text_that_does_not_fit_is_refused(void **state)
{
    (void)state;
    struct member m = {.weight = 1};
    strcpy(m.id, "a.1");
    strcpy(m.name, "a");
    memset(m.url, 'u', MEMBERS_URL_MAX - 1);
    for (int longer = 0; longer <= 1; longer++) {
        char url[MEMBERS_URL_MAX + 1] = "";
        struct member out;
        memset(url, 'u', MEMBERS_URL_MAX - 1 + (size_t)longer);
        struct json *j = member_to_json(&m);
        json_set_str(j, "url", url);
        assert_err(longer ? ERR_SYNTAX : ERR_OK, member_from_json(j, &out));
        json_free(j);
    }
}

static void every_state_has_a_word_of_its_own(void **state)
{
    (void)state;
    for (int i = MEMBER_JOINING; i <= MEMBER_GONE; i++) {
        assert_string_not_equal(member_state_name((enum member_state)i), "unknown");
        for (int j = MEMBER_JOINING; j < i; j++)
            assert_string_not_equal(member_state_name((enum member_state)i), member_state_name((enum member_state)j));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_member_goes_there_and_back),
        cmocka_unit_test(what_a_young_node_does_not_know_may_be_missing),
        cmocka_unit_test(malformed_members_are_refused),
        cmocka_unit_test(a_text_that_does_not_fit_is_refused),
        cmocka_unit_test(every_state_has_a_word_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
