#include "tests/unit/unit.h"

#include "lib/wire/member.h"

#include <string.h>

#define YOUNG "{\"id\":\"a.1\",\"name\":\"a\",\"url\":\"\",\"zone\":\"\",\"weight\":1}"
#define WHOLE                                                                                                                      \
    "{\"id\":\"node-1.aa\",\"name\":\"node-1\",\"url\":\"http://127.0.0.1:7001\",\"zone\":\"east\",\"weight\":2,\"stores\":false," \
    "\"files\":3,\"bytes\":9007199254740992,\"capacity_bytes\":100,\"free_bytes\":99,\"ring\":7,\"load\":5,\"quarantined\":2,"     \
    "\"machine\":\"ab12\",\"volume\":\"cd34\","                                                                                    \
    "\"move\":{\"epoch\":8,\"order\":2,\"complete\":true,\"copies_done\":40,\"copies_total\":41,\"bytes_done\":1000,"              \
    "\"bytes_total\":1001,\"pairs\":[{\"from\":\"node-2\",\"to\":\"node-1\",\"done\":3,\"total\":4},"                              \
    "{\"from\":\"\",\"to\":\"node-1\",\"done\":0,\"total\":1}]},"                                                                  \
    "\"census\":{\"courses\":10,\"missing\":3,\"below_k\":2,\"unreadable\":1},"                                                    \
    "\"share\":{\"digest\":\"00112233445566778899aabbccddeeff\",\"files\":1000000,\"obtain_port\":65535},\"heartbeat_at\":1795269723004}"

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
    assert_int_equal(m.load, 5);
    assert_int_equal(m.quarantined, 2);
    assert_string_equal(m.machine, "ab12");
    assert_string_equal(m.volume, "cd34");
    struct json *j = member_to_json(&m);
    buf_init(&b, 2000);
    assert_ok(json_print(j, &b));
    assert_string_equal(buf_str(&b), WHOLE);
    buf_release(&b);
    json_free(j);
}

static void how_far_a_move_is_goes_there(void **state)
{
    (void)state;
    struct member m;
    assert_ok(parse(WHOLE, &m));
    assert_int_equal(m.move.epoch, 8);
    assert_int_equal(m.move.order, 2);
    assert_int_equal(m.move.complete, 1);
    assert_int_equal(m.move.copies_done, 40);
    assert_int_equal(m.move.copies_total, 41);
    assert_int_equal(m.move.bytes_done, 1000);
    assert_int_equal(m.move.bytes_total, 1001);
    assert_int_equal(m.move.n_pairs, 2);
    assert_string_equal(m.move.pairs[0].from, "node-2");
    assert_string_equal(m.move.pairs[0].to, "node-1");
    assert_int_equal(m.move.pairs[0].done, 3);
    assert_int_equal(m.move.pairs[0].total, 4);
    assert_string_equal(m.move.pairs[1].from, "");
    assert_int_equal(m.census.known, 1);
    assert_int_equal(m.census.courses, 10);
    assert_int_equal(m.census.missing, 3);
    assert_int_equal(m.census.below_k, 2);
    assert_int_equal(m.census.unreadable, 1);
}

static void what_a_peer_shares_goes_there(void **state)
{
    (void)state;
    struct member m;
    assert_ok(parse(WHOLE, &m));
    assert_int_equal(m.shares, 1);
    assert_int_equal(m.shared_files, MEMBER_SHARED_MAX);
    assert_string_equal(m.share_digest, "00112233445566778899aabbccddeeff");
    assert_int_equal(m.obtain_port, 65535);
}

static void who_shares_nothing_does_not_speak_of_it(void **state)
{
    (void)state;
    struct member m;
    assert_ok(parse(YOUNG, &m));
    m.shared_files = 7;
    m.obtain_port = 7;
    struct json *j = member_to_json(&m);
    assert_null(json_get(j, "share"));
    json_free(j);
}

static void the_most_that_a_node_can_tell_fits(void **state)
{
    (void)state;
    struct member m, out;
    assert_ok(parse(WHOLE, &m));
    memset(m.machine, 'f', sizeof m.machine - 1);
    memset(m.volume, '~', sizeof m.volume - 1);
    m.move.n_pairs = MEMBER_PAIRS_MAX;
    for (size_t i = 0; i < MEMBER_PAIRS_MAX; i++) {
        memset(m.move.pairs[i].from, 'n', RING_NAME_MAX - 1);
        memset(m.move.pairs[i].to, 'n', RING_NAME_MAX - 1);
        m.move.pairs[i].from[RING_NAME_MAX - 1] = m.move.pairs[i].to[RING_NAME_MAX - 1] = '\0';
        m.move.pairs[i].done = m.move.pairs[i].total = JSON_EXACT_MAX;
    }
    struct json *j = member_to_json(&m);
    assert_ok(member_from_json(j, &out));
    json_free(j);
    assert_int_equal(out.move.n_pairs, MEMBER_PAIRS_MAX);
    assert_string_equal(out.move.pairs[MEMBER_PAIRS_MAX - 1].to, m.move.pairs[0].to);
    assert_string_equal(out.machine, m.machine);
    assert_string_equal(out.volume, m.volume);
}

static void a_pair_too_many_is_refused(void **state)
{
    (void)state;
    struct member out;
    struct buf b;
    for (unsigned pairs = MEMBER_PAIRS_MAX; pairs <= MEMBER_PAIRS_MAX + 1; pairs++) {
        buf_init(&b, 4000);
        assert_ok(buf_addf(&b, "{\"id\":\"a.1\",\"name\":\"a\",\"url\":\"\",\"zone\":\"\",\"weight\":1,\"move\":{\"epoch\":1,\"pairs\":["));
        for (unsigned i = 0; i < pairs; i++)
            assert_ok(buf_addf(&b, "%s{\"from\":\"a\",\"to\":\"b\",\"done\":0,\"total\":1}", i ? "," : ""));
        assert_ok(buf_addf(&b, "]}}"));
        assert_err(pairs > MEMBER_PAIRS_MAX ? ERR_SYNTAX : ERR_OK, parse(buf_str(&b), &out));
        buf_release(&b);
    }
}

static void what_a_young_node_does_not_know_may_be_missing(void **state)
{
    (void)state;
    struct member m;
    assert_ok(parse(YOUNG, &m));
    assert_int_equal(m.stores, 1);
    assert_int_equal(m.files, 0);
    assert_int_equal(m.heartbeat_at_ms, 0);
    assert_int_equal(m.move.epoch, 0);
    assert_int_equal(m.census.known, 0);
    assert_int_equal(m.shares, 0);
    assert_string_equal(m.share_digest, "");
    assert_int_equal(m.obtain_port, 0);
    assert_string_equal(m.machine, "");
    assert_string_equal(m.volume, "");
}

static void malformed_members_are_refused(void **state)
{
    (void)state;
    static const char *const rows[][2] = {{"{\"id\"", "[1,{\"id\""}, {"\"id\":\"node-1.aa\"", "\"id\":\"node-2.aa\""},
        {"node-1.aa", "node-1"}, {"\"name\":\"node-1\"", "\"name\":\"Node-1\""}, {"\"url\":\"http", "\"uri\":\"http"},
        {"\"zone\":\"east\"", "\"zone\":7"}, {"\"weight\":2", "\"weight\":0"}, {"\"weight\":2", "\"weight\":17"}, {"\"weight\":2,", ""},
        {"\"files\":3", "\"files\":-3"}, {"\"files\":3", "\"files\":\"3\""}, {"\"ring\":7", "\"ring\":null"}, {"\"load\":5", "\"load\":-5"},
        {"\"quarantined\":2", "\"quarantined\":\"2\""}, {"\"machine\":\"ab12\"", "\"machine\":\"a b\""},
        {"\"machine\":\"ab12\"", "\"machine\":12"}, {"\"volume\":\"cd34\"", "\"volume\":\"cd\\u00e4\""}, {"\"epoch\":8", "\"epoch\":8.5"},
        {"\"pairs\":[", "\"pears\":["}, {"\"from\":\"node-2\"", "\"from\":\"Node 2\""}, {"\"to\":\"node-1\"", "\"to\":null"},
        {"\"done\":3", "\"done\":-3"}, {"\"total\":4", "\"sum\":4"}, {"\"courses\":10", "\"courses\":\"10\""},
        {"\"below_k\":2", "\"below_k\":-2"}, {"\"share\":{", "\"share\":7,\"x\":{"}, {"aabbcc", "AABBCC"}, {"aabbcc", "aabbc"},
        {"aabbcc", "aabbccd"}, {"aabbcc", "aabbcg"}, {"\"digest\":", "\"digits\":"}, {"\"files\":1000000", "\"files\":1000001"},
        {"\"files\":1000000", "\"files\":null"}, {"\"obtain_port\":65535", "\"obtain_port\":65536"},
        {"\"obtain_port\":65535", "\"obtain\":65535"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *whole = WHOLE, *at = strstr(whole, rows[i][0]);
        struct buf b;
        struct member m = {.weight = 99};
        assert_non_null(at);
        buf_init(&b, 2000);
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
        cmocka_unit_test(how_far_a_move_is_goes_there),
        cmocka_unit_test(what_a_peer_shares_goes_there),
        cmocka_unit_test(who_shares_nothing_does_not_speak_of_it),
        cmocka_unit_test(the_most_that_a_node_can_tell_fits),
        cmocka_unit_test(a_pair_too_many_is_refused),
        cmocka_unit_test(what_a_young_node_does_not_know_may_be_missing),
        cmocka_unit_test(malformed_members_are_refused),
        cmocka_unit_test(a_text_that_does_not_fit_is_refused),
        cmocka_unit_test(every_state_has_a_word_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
