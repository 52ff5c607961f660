/* What operators ask is handed to the leader as it is meant, and its answer back as the contract says. The leader is played here. */
#include "tests/unit/fcgi/memory.h"

#include "fcgi/handler/handlers.h"
#include "fcgi/service/admin.h"

#include <stdio.h>

static struct {
    enum err error;
    long status;
    const char *answer;
    unsigned calls;
    char verb[32], body[256];
} leader;

enum err admin_ask(struct worker *w, const char *verb, const struct json *body, struct admin_answer *out)
{
    struct buf text;
    (void)w;
    leader.calls++;
    snprintf(leader.verb, sizeof(leader.verb), "%s", verb);
    buf_init(&text, sizeof(leader.body) - 1);
    assert_ok(json_print(body, &text));
    snprintf(leader.body, sizeof(leader.body), "%s", buf_str(&text));
    buf_release(&text);
    if (leader.error)
        return leader.error;
    *out = (struct admin_answer){.status = leader.status};
    assert_ok(json_parse(leader.answer, strlen(leader.answer), &out->body));
    return ERR_OK;
}

int admin_is_node(const char *text)
{
    return strncmp(text, "node-", 5) == 0;
}

void admin_answer_release(struct admin_answer *a)
{
    json_free(a->body);
}

/* Serves one request with a leader that answers so; *answer is the whole text of it, for the caller to free. */
static char *serve(const char *method, const char *uri, const char *body, long status, const char *answer)
{
    struct memory m;
    char length[24];
    leader.status = status;
    leader.answer = answer;
    leader.calls = 0;
    memory_init(&m, method, uri);
    memory_sign_in(&m, ROLE_ADMIN);
    if (body) {
        m.body = body;
        m.body_len = strlen(body);
        snprintf(length, sizeof(length), "%zu", m.body_len);
        memory_set(&m, "CONTENT_LENGTH", length);
    }
    front_serve(&m.worker, &m.metrics, &m.transport);
    char *text = strdup(buf_str(&m.answer));
    memory_release(&m);
    return text;
}

static void expect(char *text, const char *status, const char *part)
{
    if (strstr(text, status) != text + strlen("Status: ") || strstr(text, part) == NULL)
        fail_msg("not %s with %s: %s", status, part, text);
    free(text);
}

#define NODES "/api/v1/cluster/nodes/"

static void wishes_reach_the_leader_as_they_are_meant(void **state)
{
    (void)state;
    const char *yes = "{\"ring\":7}";
    const struct {
        const char *method, *uri, *body, *verb, *asked;
    } rows[] = {
        {"POST", NODES "node-2/drain", NULL, "drain", "{\"node\":\"node-2\"}"},
        {"POST", NODES "node-2/drain?force=1", NULL, "drain", "{\"node\":\"node-2\",\"force\":true}"},
        {"POST", NODES "node-2/drain?force=0&dry_run=0", NULL, "drain", "{\"node\":\"node-2\"}"},
        {"POST", NODES "node-2.00112233445566aa/undrain", NULL, "undrain", "{\"node\":\"node-2.00112233445566aa\"}"},
        {"POST", NODES "node-2/remove", NULL, "remove", "{\"node\":\"node-2\"}"},
        {"PUT", "/api/v1/cluster/replication", "{\"k\": 5}", "replication", "{\"k\":5}"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        expect(serve(rows[i].method, rows[i].uri, rows[i].body, 202, yes), "202", "{\"ring_epoch\":7}");
        assert_string_equal(leader.verb, rows[i].verb);
        assert_string_equal(leader.body, rows[i].asked);
    }
}

static void a_dry_run_tells_what_it_would_take(void **state)
{
    (void)state;
    expect(serve("POST", NODES "node-2/remove?dry_run=1", NULL, 200,
               "{\"copies\":9,\"bytes\":900,\"seconds\":3,\"to\":[{\"node\":\"node-1\",\"copies\":9}],\"at_risk\":[\"CSEN "
               "317\"],\"at_risk_count\":1,\"more\":1}"),
        "200",
        "{\"copies\":9,\"bytes\":900,\"seconds\":3,\"to\":[{\"node\":\"node-1\",\"copies\":9}],\"at_risk\":[\"CSEN "
        "317\"],\"at_risk_count\":1}");
    assert_string_equal(leader.body, "{\"node\":\"node-2\",\"dry_run\":true}");
}

static void refusals_are_problems(void **state)
{
    (void)state;
    expect(serve("POST", NODES "node-2/drain", NULL, 409,
               "{\"error\":\"conflict\",\"detail\":\"Three.\",\"at_risk\":[\"A\",\"B\"],\"at_risk_count\":3}"),
        "409", "\"detail\":\"Three.\",\"request_id\":\"abc123\",\"at_risk\":[\"A\",\"B\"],\"at_risk_count\":3}");
    expect(serve("POST", NODES "node-9/drain", NULL, 404, "{}"), "404", "No node has this name or id.");
    expect(serve("PUT", "/api/v1/cluster/replication", "{\"k\":16}", 400, "{\"detail\":\"No.\"}"), "400", "\"detail\":\"No.\"");
    leader.error = ERR_UNAVAILABLE;
    expect(serve("POST", NODES "node-2/drain", NULL, 0, ""), "503", "Retry-After: 2");
    leader.error = ERR_TIMEOUT;
    expect(serve("POST", NODES "node-2/drain", NULL, 0, ""), "503", "it is not known whether");
    leader.error = ERR_OK;
}

static void bad_wishes_never_reach_the_leader(void **state)
{
    (void)state;
    const struct {
        const char *method, *uri, *body, *status;
    } rows[] = {
        {"PUT", "/api/v1/cluster/replication", "{\"k\": 0}", "400"},
        {"PUT", "/api/v1/cluster/replication", "{\"k\": 17}", "400"},
        {"PUT", "/api/v1/cluster/replication", "{\"k\": 2.5}", "400"},
        {"PUT", "/api/v1/cluster/replication", "{\"k\": -1}", "400"},
        {"PUT", "/api/v1/cluster/replication", "{\"k\": 3, \"force\": true}", "400"},
        {"PUT", "/api/v1/cluster/replication", "{\"k\"", "400"},
        {"PUT", "/api/v1/cluster/replication", "[3]", "400"},
        {"PUT", "/api/v1/cluster/replication", "", "400"},
        {"PUT", "/api/v1/cluster/replication", NULL, "411"},
        {"PUT", "/api/v1/cluster/replication?k=3", "{\"k\":3}", "400"},
        {"POST", NODES "node-2/drain?dry_run=yes", NULL, "400"},
        {"POST", NODES "node-2/undrain?force=1", NULL, "400"},
        {"POST", NODES "No%20Name/drain", NULL, "404"},
        {"POST", NODES "/drain", NULL, "404"},
        {"GET", NODES "node-2/drain", NULL, "405"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        expect(serve(rows[i].method, rows[i].uri, rows[i].body, 202, "{\"ring\":7}"), rows[i].status, "urn:ringbinder:error:");
        if (leader.calls > 0)
            fail_msg("row %zu reached the leader", i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wishes_reach_the_leader_as_they_are_meant),
        cmocka_unit_test(a_dry_run_tells_what_it_would_take),
        cmocka_unit_test(refusals_are_problems),
        cmocka_unit_test(bad_wishes_never_reach_the_leader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
