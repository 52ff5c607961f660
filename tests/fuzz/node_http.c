/* Whole requests to a node's own handlers, over a real database and folder: whatever is asked, and by whom, there is one answer that is none of our own
 * faults, and who is nobody learns and changes nothing. Input: requests as in fakes/http.h. Each 1,000 inputs the node begins anew. */
#include "tests/fuzz/fakes/http.h"
#include "tests/fuzz/folder.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/wire/ringdoc.h"
#include "node/identity.h"
#include "node/keys.h"
#include "node/node.h"

#define INPUTS_A_LIFE 1000u
#define SELF "node-1.00000000000000aa"
#define OTHER "node-2.00000000000000bb"
#define NOBODY "http://127.0.0.1:1" /* where nobody listens */

static const struct http_fuzz asker = {.master = {"the key of the fuzz target, 32 b"}, .receiver = SELF, .node = OTHER, .epoch = 1};
static struct node node;
static int is_listed;

/* A folder of its own in memory, with two shared files. */
static void make_folder(void)
{
    const struct ring_member self = {.id = SELF, .name = "node-1", .weight = 1};
    static const char week[] = "Distributed systems, week by week.\n";
    struct keys_given given;
    struct buf line;
    buf_init(&line, 4096);
    FUZZ_CHECK(mkdir(fuzz_path("shared"), 0755) == 0);
    fuzz_write("shared/csen 317.txt", week, strlen(week), 0644);
    fuzz_write("shared/empty.txt", "", 0, 0644);
    FUZZ_CHECK(identity_take(fuzz_path("data"), &self, &line) == ERR_OK);
    keys_derive(&asker.master, SELF, &given);
    FUZZ_CHECK(keys_give(fuzz_path("data"), SELF, &given) == ERR_OK);
    buf_release(&line);
}

/* What a coordinator would tell: a ring of two, and an address where nobody is. */
static void introduce(void)
{
    const struct ring_member members[] = {{.id = SELF, .name = "node-1", .weight = 1}, {.id = OTHER, .name = "node-2", .weight = 1}};
    const struct ballot first = {.counter = 0};
    struct ringdoc *doc;
    struct buf text;
    buf_init(&text, 1u << 16);
    FUZZ_CHECK(ringdoc_new(members, 2, 2, 1, &first, &doc) == ERR_OK);
    FUZZ_CHECK(buf_addf(&text,
                   "{\"ring\": %s, \"view\": 1, \"nodes\": [{\"id\": \"" SELF "\", \"url\": \"" NOBODY "\"}, {\"id\": \"" OTHER
                   "\", \"url\": \"" NOBODY "\"}], \"leader\": null}",
                   doc->text) == ERR_OK);
    FUZZ_CHECK(cluster_learn(node.cluster, text.data, text.len) == ERR_OK);
    ringdoc_free(doc);
    buf_release(&text);
}

static void look_whether_listed(const char *line, const struct http_answer *answer)
{
    (void)line;
    is_listed = strstr(buf_str(&answer->body), "csen 317.txt") && strstr(buf_str(&answer->body), "empty.txt") &&
                !strstr(buf_str(&answer->body), "\"sha256\":null");
}

static void begin(void)
{
    static char data[256], shared[256];
    static const char ask[] = "tool GET /files\n\n";
    make_folder();
    snprintf(data, sizeof(data), "%s", fuzz_path("data"));
    snprintf(shared, sizeof(shared), "%s", fuzz_path("shared"));
    const struct node_settings s = {.data = data,
        .listen = "127.0.0.1:0",
        .url = NOBODY,
        .coordinators = NOBODY,
        .capacity_bytes = 16u << 20,
        .purge_after_h = 720,
        .share = shared};
    FUZZ_CHECK(node_open(&node, &s) == 0);
    introduce();
    for (is_listed = 0; !is_listed;) {
        http_fuzz_play(&asker, (const uint8_t *)ask, sizeof(ask) - 1, look_whether_listed);
        if (!is_listed)
            clock_sleep_ms(20);
    }
}

/* Its threads must not outlive what the libraries below them take down at an exit, so this is registered after their use. */
static void end(void)
{
    node_close(&node);
}

/* Nobody is asked whether it lives, and nothing else. */
static void check_nobody(const char *line, const struct http_answer *answer)
{
    FUZZ_CHECK(answer->is_signed || answer->status == 0 || answer->status >= 400 || strstr(line, " /healthz"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static unsigned inputs;
    if (inputs == 0) {
        log_init("fuzz", LOG_ERROR);
        FUZZ_CHECK(peer_global_init() == ERR_OK);
    } else if (inputs % INPUTS_A_LIFE == 0) {
        node_close(&node);
        fuzz_folder_remove();
    }
    if (inputs % INPUTS_A_LIFE == 0)
        begin();
    if (inputs++ == 0)
        atexit(end);
    http_fuzz_play(&asker, data, size, check_nobody);
    return 0;
}
