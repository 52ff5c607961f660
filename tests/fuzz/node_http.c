/* Whole requests to a node's own handlers, over a real database and folder: whatever is asked, and by whom, there is one answer that is none of our own
 * faults, and who is nobody learns and changes nothing. Input: requests as in fakes/http.h. Each 2,000 inputs the node begins anew. */
#include "tests/fuzz/fakes/http.h"

#include "lib/base/clock.h"
#include "lib/base/fs.h"
#include "lib/base/log.h"
#include "lib/wire/ringdoc.h"
#include "node/identity.h"
#include "node/keys.h"
#include "node/node.h"

#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#define INPUTS_A_LIFE 2000u
#define SELF "node-1.00000000000000aa"
#define OTHER "node-2.00000000000000bb"
#define NOBODY "http://127.0.0.1:1" /* where nobody listens */

static const struct http_fuzz asker = {.master = {"the key of the fuzz target, 32 b"}, .receiver = SELF, .node = OTHER, .epoch = 1};
static char folder[64];
static struct node node;
static int is_listed;

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st, (void)kind, (void)at;
    return remove(path);
}

static void remove_folder(void)
{
    if (*folder)
        nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static const char *at(const char *below)
{
    static char path[256];
    snprintf(path, sizeof(path), "%s/%s", folder, below);
    return path;
}

static void write_shared(const char *name, const char *text)
{
    FUZZ_CHECK(fs_replace_file(at(name), text, strlen(text), 0644) == ERR_OK);
}

/* A folder of its own in memory, with two shared files. */
static void make_folder(void)
{
    const struct ring_member self = {.id = SELF, .name = "node-1", .weight = 1};
    struct keys_given given;
    struct buf line;
    buf_init(&line, 4096);
    snprintf(folder, sizeof(folder), "/dev/shm/rb-fuzz-node-XXXXXX");
    FUZZ_CHECK(mkdtemp(folder));
    FUZZ_CHECK(mkdir(at("shared"), 0755) == 0);
    write_shared("shared/csen 317.txt", "Distributed systems, week by week.\n");
    write_shared("shared/empty.txt", "");
    FUZZ_CHECK(identity_take(at("data"), &self, &line) == ERR_OK);
    keys_derive(&asker.master, SELF, &given);
    FUZZ_CHECK(keys_give(at("data"), SELF, &given) == ERR_OK);
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
    snprintf(data, sizeof(data), "%s", at("data"));
    snprintf(shared, sizeof(shared), "%s", at("shared"));
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
        atexit(remove_folder);
    } else if (inputs % INPUTS_A_LIFE == 0) {
        node_close(&node);
        remove_folder();
    }
    if (inputs++ % INPUTS_A_LIFE == 0)
        begin();
    http_fuzz_play(&asker, data, size, check_nobody);
    return 0;
}
