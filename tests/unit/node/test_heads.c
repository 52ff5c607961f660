/* Heads of others' audit logs: the first word on a line stays. */
#include "tests/unit/node/courses.h"

#include "node/heads.h"

#define HOUR_MS 3600000ull
#define NOW_MS (COURSES_NOW_MS / HOUR_MS * HOUR_MS + 1000) /* early in an hour */

static struct audit_head make_head(const char *process, char chain, uint64_t n)
{
    struct audit_head h = {.start = 1, .k = 2, .n = n, .at_ms = NOW_MS};
    snprintf(h.process, sizeof h.process, "%s", process);
    memset(h.chain, chain, AUDIT_CHAIN_SIZE - 1);
    memset(h.h, (int)n, sizeof h.h);
    memset(h.mac, 0xee, sizeof h.mac);
    return h;
}

static void keep(struct heads *heads, const char *process, char chain, uint64_t n, uint64_t at_ms)
{
    struct audit_head h = make_head(process, chain, n);
    assert_ok(heads_keep(heads, &h, at_ms));
}

/* The numbers of all lines kept, in their order: "3 5 7". */
static const char *kept(struct heads *heads)
{
    static char text[512];
    struct json *list = json_array();
    uint64_t next = 0, n;
    size_t len = 0;
    do
        assert_ok(heads_list(heads, next, 2, list, &next));
    while (next);
    text[0] = '\0';
    for (const struct json *item = json_first(list); item; item = json_next(item)) {
        assert_ok(json_get_u64(item, "n", 1000, &n));
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%d", len ? " " : "", (int)n);
    }
    json_free(list);
    return text;
}

static void what_was_told_is_kept_through_a_restart(void **state)
{
    struct courses *c = *state;
    struct heads heads;
    heads_init(&heads, c->db);
    keep(&heads, "api:api-1", 'a', 3, NOW_MS);
    keep(&heads, "api:api-1", 'a', 5, NOW_MS + 1);
    keep(&heads, "node:node-2", 'b', 7, NOW_MS + 2);
    keep(&heads, "api:api-1", 'a', 5, NOW_MS + 3); /* again: nothing new */
    assert_string_equal(kept(&heads), "3 5 7");
    courses_reopen(c);
    heads_init(&heads, c->db);
    assert_string_equal(kept(&heads), "3 5 7");
    struct json *list = json_array();
    struct audit_head again, told = make_head("api:api-1", 'a', 3);
    uint64_t next;
    assert_ok(heads_list(&heads, 0, 1, list, &next));
    assert_ok(audit_head_from_json(json_first(list), &again));
    assert_memory_equal(again.h, told.h, sizeof told.h);
    assert_memory_equal(again.mac, told.mac, sizeof told.mac);
    assert_string_equal(again.process, told.process);
    assert_int_equal(again.k, told.k);
    json_free(list);
}

static void a_second_word_on_a_line_is_refused(void **state)
{
    struct courses *c = *state;
    struct heads heads;
    heads_init(&heads, c->db);
    keep(&heads, "api:api-1", 'a', 3, NOW_MS);
    struct audit_head h = make_head("api:api-1", 'a', 3);
    h.h[0] ^= 1;
    assert_err(ERR_CONFLICT, heads_keep(&heads, &h, NOW_MS));
    assert_string_equal(kept(&heads), "3");
    keep(&heads, "api:api-2", 'a', 3, NOW_MS); /* another process's */
    keep(&heads, "api:api-1", 'b', 3, NOW_MS); /* another start's */
    assert_string_equal(kept(&heads), "3 3 3");
}

static void of_an_hour_that_is_over_the_last_one_of_each_chain_stays(void **state)
{
    struct courses *c = *state;
    struct heads heads;
    heads_init(&heads, c->db);
    keep(&heads, "api:api-1", 'a', 3, NOW_MS);
    keep(&heads, "api:api-1", 'a', 5, NOW_MS + 1);
    keep(&heads, "api:api-1", 'b', 6, NOW_MS + 2);
    keep(&heads, "api:api-1", 'a', 7, NOW_MS + HOUR_MS);
    assert_string_equal(kept(&heads), "5 6 7");
    keep(&heads, "api:api-1", 'a', 8, NOW_MS + HOUR_MS + 1); /* within its hour all stay */
    assert_string_equal(kept(&heads), "5 6 7 8");
}

static void what_is_too_old_goes(void **state)
{
    struct courses *c = *state;
    struct heads heads;
    heads_init(&heads, c->db);
    keep(&heads, "api:api-1", 'a', 3, NOW_MS);
    keep(&heads, "api:api-1", 'a', 4, NOW_MS + 24 * HOUR_MS);
    keep(&heads, "api:api-1", 'a', 5, NOW_MS + HEADS_KEEP_MS + HOUR_MS);
    assert_string_equal(kept(&heads), "4 5");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, courses_setup, courses_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_told_is_kept_through_a_restart),
        TEST(a_second_word_on_a_line_is_refused),
        TEST(of_an_hour_that_is_over_the_last_one_of_each_chain_stays),
        TEST(what_is_too_old_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
