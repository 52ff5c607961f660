/* What nodes answer to a coordinator, which any of them may have made up: a survey of what they hold ends, whatever they say, and counts nothing twice; pages of
 * courses for the index come apart and stay in order. Input: an answer a line; behind the last one all is silent. */
#include "tests/fuzz/fuzz.h"

#include "coordinator/holdings.h"
#include "coordinator/scan.h"
#include "lib/base/log.h"

#define CALLS_MAX 1000 /* more than an input has lines: somebody asks in a circle */

static const uint8_t *rest;
static size_t left;
static int calls;

/* In place of the network: the next line, or nothing. */
enum err peer_call(struct peer *p, struct peer_call *c, unsigned timeout_ms)
{
    (void)p, (void)timeout_ms;
    FUZZ_CHECK(++calls < CALLS_MAX && c->path[0] == '/' && c->to);
    buf_init(&c->answer, 1u << 20);
    c->done = 1;
    c->error = left > 0 ? ERR_OK : ERR_UNAVAILABLE;
    c->status = 200;
    if (left > 0) {
        char *line = fuzz_line(&rest, &left);
        FUZZ_CHECK(buf_add_str(&c->answer, line) == ERR_OK);
        free(line);
    }
    return ERR_OK;
}

void peer_calls_release(struct peer_call *c, size_t n)
{
    for (size_t i = 0; i < n; i++)
        buf_release(&c[i].answer);
}

/* Made once: that is slow. */
static const struct ringdoc *read_ring(const char *text, struct ringdoc **kept)
{
    if (!*kept)
        FUZZ_CHECK(ringdoc_parse(text, strlen(text), kept) == ERR_OK);
    return *kept;
}

/* Two nodes, of which one is to go. */
static void check_survey(const uint8_t *data, size_t size)
{
    static const char joint[] =
        "{\"epoch\":8,\"k\":1,\"state\":\"joint\",\"ballot\":{\"counter\":9,\"coordinator\":\"coordinator-1\",\"start\":77},\"prev_k\":1,"
        "\"prev\":[{\"id\":\"node-1.a1\",\"name\":\"node-1\",\"zone\":\"\",\"weight\":1},{\"id\":\"node-2.a2\",\"name\":\"node-2\","
        "\"zone\":\"\","
        "\"weight\":1}],\"members\":[{\"id\":\"node-2.a2\",\"name\":\"node-2\",\"zone\":\"\",\"weight\":1}],\"away\":[\"node-1.a1\"]}";
    const struct holdings_node nodes[] = {
        {.id = "node-1.a1", .url = "http://127.0.0.1:1"}, {.id = "node-2.a2", .url = "http://127.0.0.1:2"}};
    static struct ringdoc *kept;
    const struct ringdoc *sketch = read_ring(joint, &kept);
    struct survey s;
    size_t which = 9;
    rest = data;
    left = size;
    calls = 0;
    FUZZ_CHECK(survey_init(&s, sketch, "node-1.a1") == ERR_OK);
    enum err e = holdings_survey(NULL, nodes, 2, 7, &s, &which);
    FUZZ_CHECK(e == ERR_OK || (e == ERR_UNAVAILABLE && which < 2));
    FUZZ_CHECK(s.at_risk_count <= s.courses && s.n_at_risk <= SURVEY_NAMES_MAX && s.copies <= s.courses * RING_K_MAX);
    survey_release(&s);
}

/* The same lines as pages of the two nodes, in turn, for the index. */
static void check_scan(const uint8_t *data, size_t size)
{
    static const char stable[] =
        "{\"epoch\":7,\"k\":2,\"state\":\"stable\",\"ballot\":{\"counter\":9,\"coordinator\":\"coordinator-1\",\"start\":77},"
        "\"prev\":[\"node-1.a1\",\"node-2.a2\"],\"members\":[{\"id\":\"node-1.a1\",\"name\":\"node-1\",\"zone\":\"\",\"weight\":1},"
        "{\"id\":\"node-2.a2\",\"name\":\"node-2\",\"zone\":\"\",\"weight\":1}]}";
    static const char *const ids[] = {"node-1.a1", "node-2.a2"};
    static struct ringdoc *kept;
    const struct ringdoc *doc = read_ring(stable, &kept);
    struct scan s;
    struct scan_found f;
    char last[4096] = "";
    enum err e = ERR_OK;
    FUZZ_CHECK(scan_init(&s, doc, ids, 2) == ERR_OK);
    while (!e) {
        for (size_t i = 0; i < 2; i++) {
            while (scan_wants(&s, i)) {
                struct scan_page page;
                char *line = size > 0 ? fuzz_line(&data, &size) : NULL;
                if (line && scan_page_parse(line, strlen(line), &page) == ERR_OK)
                    FUZZ_CHECK(scan_give(&s, i, &page) == ERR_OK);
                else
                    scan_fail(&s, i);
                free(line);
            }
        }
        e = scan_next(&s, &f);
        if (!e) {
            FUZZ_CHECK(strcmp(f.key, last) > 0); /* each course once, in order */
            snprintf(last, sizeof(last), "%s", f.key);
            scan_found_release(&f);
        }
    }
    FUZZ_CHECK(e == ERR_NOT_FOUND || e == ERR_TOO_LARGE);
    (void)scan_is_complete(&s);
    scan_release(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_survey(data, size);
    check_scan(data, size);
    return 0;
}
