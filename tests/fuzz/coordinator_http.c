/* Whole requests to a coordinator's own handlers, which begin anew with each input: there is one answer, that is none of our own faults, whoever asks; who is
 * nobody learns and changes nothing; and the members stay sound. Input: the line "leads" for one that governs, then requests as in fakes/http.h. */
#include "tests/fuzz/fakes/http.h"

#include "coordinator/coordinator.h"
#include "coordinator/holdings.h"
#include "coordinator/serve.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/url.h"
#include "lib/wire/json.h"

#define NODE_ID "node-1.00000000000000aa"
#define TERM 3u

static const struct http_fuzz asker = {.master = {"the key of the fuzz target, 32 b"}, .receiver = NULL, .node = NODE_ID, .epoch = 1};
static const struct coordinator_settings settings = {
    .name = "coordinator-1", .listen = "127.0.0.1:0", .url = "http://127.0.0.1:7101", .out_after_s = 300, .move_bytes_per_s = 1u << 26};
static struct coordinator *c;

/* In place of asking the nodes over the network: every node that lives has all of one course, and a part of another. */
enum err holdings_survey(struct peer *peer, const struct holdings_node *nodes, size_t n, uint64_t epoch, struct survey *s, size_t *which)
{
    struct survey_holding whole[3];
    size_t count = n < 3 ? n : 3;
    (void)peer, (void)epoch;
    *which = 0;
    for (size_t i = 0; i < count; i++)
        whole[i] = (struct survey_holding){.id = nodes[i].id, .bytes = 1000, .complete = 1};
    const struct survey_holding part = {.id = n > 0 ? nodes[0].id : "", .bytes = 10};
    enum err e = survey_course(s, "csen317", "CSEN 317", whole, count);
    return e || count == 0 ? e : survey_course(s, "math11", "MATH 11", &part, 1);
}

/* A ring of three, of which one is away already. */
static struct ringdoc *found(void)
{
    static const char text[] =
        "{\"epoch\":7,\"k\":2,\"state\":\"stable\",\"ballot\":{\"counter\":9,\"coordinator\":\"coordinator-1\",\"start\":77},"
        "\"prev\":[\"" NODE_ID "\",\"node-2.00000000000000bb\",\"node-3.00000000000000cc\"],\"members\":["
        "{\"id\":\"" NODE_ID "\",\"name\":\"node-1\",\"zone\":\"east\",\"weight\":1},"
        "{\"id\":\"node-2.00000000000000bb\",\"name\":\"node-2\",\"zone\":\"\",\"weight\":2},"
        "{\"id\":\"node-3.00000000000000cc\",\"name\":\"node-3\",\"zone\":\"\",\"weight\":1}],\"away\":[\"node-9.0000000000000099\"]}";
    struct ringdoc *doc = NULL;
    FUZZ_CHECK(ringdoc_parse(text, sizeof(text) - 1, &doc) == ERR_OK);
    return doc;
}

static void begin(int leads)
{
    static struct ringdoc *ring;
    if (!ring)
        ring = found(); /* slow to make, and nothing of what is asked replaces it */
    c->ring = ring;
    membership_init(&c->membership, 300000, clock_boot_ms(), &c->wishes.now);
    membership_new_ring(&c->membership, c->ring);
    files_init(&c->files);
    c->wishes = (struct wishes){.now = {.n = 0}};
    c->stopping = 1; /* nobody waits for Redis, which is not there */
    c->leading = c->leader_known = leads;
    c->term = c->led_term = TERM;
    c->led_epoch = leads ? 7 : 0;
    c->valid_until_ms = UINT64_MAX;
    c->leader = (struct lease){.epoch = 7};
    memcpy(c->leader.name, settings.name, strlen(settings.name) + 1);
    c->n_events = c->first_event = 0;
}

static void end(void)
{
    membership_release(&c->membership);
    files_release(&c->files);
}

/* Whoever was let in has a name of its own, and an address that we may call. */
static void check_members(void)
{
    const struct membership *m = &c->membership;
    FUZZ_CHECK(m->n <= MEMBERSHIP_MAX && c->wishes.now.n <= MEMBERS_WISHES_MAX);
    for (size_t i = 0; i < m->n; i++) {
        const struct member *one = &m->nodes[i].member;
        FUZZ_CHECK(ring_id_ok(one->id) && (one->url[0] == '\0' || url_ok(one->url)));
        for (size_t k = 0; k < i; k++)
            FUZZ_CHECK(strcmp(one->id, m->nodes[k].member.id) != 0);
    }
}

static void check_nobody(const char *line, const struct http_answer *answer)
{
    FUZZ_CHECK(answer->is_signed || answer->status == 0 || answer->status >= 400 || strstr(line, " /healthz"));
    check_members();
}

static void start_once(void)
{
    static struct http_server *server;
    if (c)
        return;
    log_init("fuzz", LOG_ERROR);
    FUZZ_CHECK(peer_global_init() == ERR_OK);
    c = calloc(1, sizeof(*c));
    FUZZ_CHECK(c);
    c->settings = &settings;
    c->key = asker.master;
    c->keys = sign_keys_master(&c->key, "coordinator:coordinator-1");
    FUZZ_CHECK(c->keys && pthread_mutex_init(&c->lock, NULL) == 0 && pthread_cond_init(&c->changed, NULL) == 0);
    FUZZ_CHECK(serve_start(c, &server) == ERR_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char leads[] = "leads\n";
    int is_leader = size >= sizeof(leads) - 1 && memcmp(data, leads, sizeof(leads) - 1) == 0;
    size_t skip = is_leader ? sizeof(leads) - 1 : 0;
    start_once();
    begin(is_leader);
    http_fuzz_play(&asker, data + skip, size - skip, check_nobody);
    end();
    return 0;
}
