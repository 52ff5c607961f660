/* The index of peers' files against a real Redis: what POST /files and heartbeats are answered, by a coordinator that leads when the test says so. */
#include "coordinator/files.h"
#include "coordinator/serve.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/store/call.h"
#include "lib/store/peers.h"
#include "tests/unit/coordinator/calls.h"
#include "tests/unit/coordinator/rings.h"
#include "tests/unit/lib/store/redis_server.h"

#include <stdlib.h>

#define WAIT_MS 20000u /* for something that is to come; much less on a quiet machine */
#define NONE ""

struct world {
    struct redis_server redis;
    struct coordinator_settings settings;
    struct coordinator *c;
    struct http_server *server;
    pthread_t thread;
    char url[64];
    unsigned number;                   /* of the peer that the test plays */
    struct shared_digest digest;       /* of the peer's list, as the test told it */
    char hex[SHARED_DIGEST_HEX_SIZE];  /* the same as text */
    char base[SHARED_DIGEST_HEX_SIZE]; /* of the next delta */
};

/* ---- the coordinator */

/* What the main thread and the threads beside it would do. */
static void set_leading(struct world *w, int leading)
{
    struct coordinator *c = w->c;
    pthread_mutex_lock(&c->lock);
    c->leading = c->leader_known = leading;
    c->leader = (struct lease){.name = "coordinator-1", .epoch = 5};
    c->term += (uint64_t)leading;
    c->valid_until_ms = leading ? UINT64_MAX : 0;
    pthread_mutex_unlock(&c->lock);
}

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    log_init("test", LOG_ERROR);
    *state = w;
    if (!redis_server_init(&w->redis) || peer_global_init() != ERR_OK)
        return -1;
    w->settings = (struct coordinator_settings){
        .name = "coordinator-1", .url = "http://127.0.0.1:1", .listen = "127.0.0.1:0", .redis = w->redis.address};
    struct coordinator *c = w->c = calloc(1, sizeof *w->c);
    c->settings = &w->settings;
    memset(c->key.bytes, 7, sizeof c->key.bytes);
    c->keys = sign_keys_master(&c->key, "coordinator:coordinator-1");
    pthread_mutex_init(&c->lock, NULL);
    c->ring = make_doc(1, 1, 3, 0, "");
    membership_init(&c->membership, 1000, clock_boot_ms(), &c->wishes.now);
    membership_new_ring(&c->membership, c->ring);
    c->membership.deaf_until_ms = 0; /* we have been there for long */
    files_init(&c->files);
    if (serve_start(c, &w->server) != ERR_OK || pthread_create(&w->thread, NULL, files_run, c) != 0)
        return -1;
    snprintf(w->url, sizeof w->url, "http://127.0.0.1:%u", http_port(w->server));
    shared_digest_hex(&w->digest, w->hex);
    w->number = 7;
    set_leading(w, 1);
    return 0;
}

static void stop_thread(struct world *w)
{
    pthread_mutex_lock(&w->c->lock);
    w->c->stopping = 1;
    pthread_cond_broadcast(&w->c->files.work);
    pthread_mutex_unlock(&w->c->lock);
    pthread_join(w->thread, NULL);
}

static int tear_down(void **state)
{
    struct world *w = *state;
    if (!w->c->stopping)
        stop_thread(w);
    http_stop(w->server);
    membership_release(&w->c->membership);
    files_release(&w->c->files);
    ringdoc_free(w->c->ring);
    pthread_mutex_destroy(&w->c->lock);
    sign_keys_free(w->c->keys);
    free(w->c);
    redis_server_release(&w->redis);
    free(w);
    return 0;
}

/* ---- the peer */

static struct member make_peer(const struct world *w)
{
    struct member m = make_member(w->number);
    m.stores = 0;
    m.shares = 1;
    memset(m.share_digest, '0', sizeof m.share_digest - 1);
    return m;
}

/* A heartbeat of the peer. *listed: "listed", or "null", or "-" without it. */
static void beat(struct world *w, int *leads, char listed[SHARED_DIGEST_HEX_SIZE])
{
    struct member m = make_peer(w);
    struct json *j;
    assert_int_equal(call_with_member(&w->c->key, w->url, m.id, "/heartbeat", &m, &j), 200);
    const struct json *value = json_get(j, "listed");
    const char *text = json_get_str(j, "listed");
    snprintf(listed, SHARED_DIGEST_HEX_SIZE, "%s", !value ? "-" : text ? text : "null");
    *leads = json_get_bool(j, "leads", -1);
    json_free(j);
}

/* Beats until that is what it is told. */
static void expect_listed(struct world *w, const char *listed)
{
    char now[SHARED_DIGEST_HEX_SIZE];
    int leads;
    uint64_t until_ms = clock_boot_ms() + WAIT_MS;
    for (beat(w, &leads, now); strcmp(now, listed) != 0 && clock_boot_ms() < until_ms; beat(w, &leads, now))
        clock_sleep_ms(10);
    assert_string_equal(now, listed);
    assert_int_equal(leads, 1);
}

/* A delta of files <prefix>0 to <prefix>n-1 on top of the list as it is. */
static long post(struct world *w, const char *prefix, unsigned n, struct json **answer)
{
    struct shared_delta d;
    struct buf text;
    shared_delta_init(&d);
    for (unsigned i = 0; i < n; i++) {
        char name[64];
        struct shared_file f = {.name = name, .size = i, .mtime_ms = 1795269723004};
        snprintf(name, sizeof name, "%s%u.txt", prefix, i);
        assert_ok(shared_delta_add(&d, &f));
        shared_digest_toggle(&w->digest, &f);
    }
    shared_digest_hex(&w->digest, w->hex);
    memcpy(d.base, w->base, sizeof d.base);
    memcpy(d.digest, w->hex, sizeof d.digest);
    buf_init(&text, SHARED_DELTA_BYTES);
    assert_ok(shared_delta_print(&d, &text));
    long status = call_as(&w->c->key, w->url, make_peer(w).id, "POST", "/files", buf_str(&text), answer);
    buf_release(&text);
    shared_delta_release(&d);
    return status;
}

static void tell(struct world *w, const char *prefix, unsigned n)
{
    struct json *j;
    assert_int_equal(post(w, prefix, n, &j), 200);
    assert_string_equal(json_get_str(j, "listed"), w->hex);
    json_free(j);
    memcpy(w->base, w->hex, sizeof w->base);
}

static struct store *open_store(const struct world *w)
{
    struct store *s = store_new(&(struct store_config){.address = w->redis.address});
    assert_non_null(s);
    return s;
}

static void flush_all(struct world *w)
{
    struct store *s = open_store(w);
    struct call c;
    redisReply *r;
    call_init(&c, "FLUSHALL");
    assert_ok(call_send(s, &c, REDIS_REPLY_STATUS, REDIS_REPLY_STATUS, &r));
    freeReplyObject(r);
    store_free(s);
}

/* How many lists Redis has; *files of the first one. */
static size_t count_lists(struct world *w, uint64_t *files)
{
    struct store *s = open_store(w);
    struct peers_list *lists;
    size_t n;
    assert_ok(peers_lists(s, &lists, &n));
    *files = n ? lists[0].files : 0;
    free(lists);
    store_free(s);
    return n;
}

/* The peer's next delta begins anew. */
static void begin_anew(struct world *w)
{
    w->digest = (struct shared_digest){.bytes = {0}};
    w->base[0] = '\0';
}

/* ---- the tests */

static void a_list_is_told_and_listed(void **state)
{
    struct world *w = *state;
    struct json *j;
    expect_listed(w, NONE);
    tell(w, "a", 3);
    expect_listed(w, w->hex);
    tell(w, "b", 2); /* on top of it */
    expect_listed(w, w->hex);

    struct world wrong = *w;
    memset(wrong.base, 'f', sizeof wrong.base - 1);
    assert_int_equal(post(&wrong, "c", 1, &j), 409);
    assert_string_equal(json_get_str(j, "error"), "conflict");
    assert_string_equal(json_get_str(j, "listed"), w->hex);
    json_free(j);
    tell(w, "c", 1);
    expect_listed(w, w->hex);
}

/* In steps, between which others have their turn; nothing of the old list stays. */
static void a_long_list_begins_anew(void **state)
{
    struct world *w = *state;
    uint64_t files;
    expect_listed(w, NONE);
    tell(w, "a", SHARED_DELTA_FILES);
    tell(w, "b", SHARED_DELTA_FILES);
    tell(w, "c", SHARED_DELTA_FILES / 2);
    assert_int_equal(count_lists(w, &files), 1);
    assert_int_equal(files, SHARED_DELTA_FILES * 5 / 2);
    begin_anew(w);
    tell(w, "a", 2);
    expect_listed(w, w->hex);
    assert_int_equal(count_lists(w, &files), 1);
    assert_int_equal(files, 2);
    begin_anew(w);
    tell(w, "", 0); /* the folder is empty: a list like any other */
    expect_listed(w, w->hex);
}

/* The list is in Redis: whoever leads next finds it there. */
static void a_new_leader_needs_no_list(void **state)
{
    struct world *w = *state;
    char listed[SHARED_DIGEST_HEX_SIZE];
    int leads;
    expect_listed(w, NONE);
    tell(w, "a", 3);
    set_leading(w, 0);
    beat(w, &leads, listed);
    assert_int_equal(leads, 0);
    assert_string_equal(listed, "-");
    set_leading(w, 1);
    beat(w, &leads, listed);
    if (strcmp(listed, w->hex) != 0)
        assert_string_equal(listed, "null"); /* never the word for "none" before Redis was asked */
    expect_listed(w, w->hex);
}

static void after_flushall_lists_are_asked_for(void **state)
{
    struct world *w = *state;
    struct json *j;
    expect_listed(w, NONE);
    tell(w, "a", 3);
    flush_all(w);
    expect_listed(w, NONE);
    assert_int_equal(post(w, "b", 1, &j), 409);
    assert_string_equal(json_get_str(j, "listed"), NONE);
    json_free(j);
    begin_anew(w);
    tell(w, "a", 3);
    expect_listed(w, w->hex);
}

static void while_redis_is_away_nobody_is_told_anything(void **state)
{
    struct world *w = *state;
    struct json *j;
    expect_listed(w, NONE);
    tell(w, "a", 3);
    redis_server_kill(&w->redis);
    expect_listed(w, "null");
    assert_int_equal(post(w, "b", 1, &j), 503);
    assert_non_null(json_get_str(j, "detail"));
    json_free(j);
    assert_true(redis_server_start(&w->redis)); /* empty */
    expect_listed(w, NONE);
}

static void who_does_not_lead_says_who_does(void **state)
{
    struct world *w = *state;
    struct json *j;
    expect_listed(w, NONE);
    set_leading(w, 0);
    assert_int_equal(post(w, "a", 1, &j), 409);
    assert_true(json_is_null(json_get(j, "leader")));
    json_free(j);
    pthread_mutex_lock(&w->c->lock);
    w->c->leader_known = 1;
    w->c->leader = (struct lease){.name = "coordinator-2", .epoch = 9};
    w->c->n_living = 1;
    strcpy(w->c->living[0], "coordinator-2");
    strcpy(w->c->living_urls[0], "http://127.0.0.1:2");
    pthread_mutex_unlock(&w->c->lock);
    assert_int_equal(post(w, "a", 1, &j), 409);
    const struct json *leader = json_get(j, "leader");
    assert_string_equal(json_get_str(leader, "name"), "coordinator-2");
    assert_string_equal(json_get_str(leader, "url"), "http://127.0.0.1:2");
    json_free(j);
}

/* Nobody but a peer that was heard, and says that it shares, has a list. */
static void strangers_are_refused(void **state)
{
    struct world *w = *state;
    struct member m = make_peer(w);
    struct json *j;
    assert_int_equal(post(w, "a", 1, &j), 403);
    json_free(j);
    m.shares = 0;
    assert_int_equal(call_with_member(&w->c->key, w->url, m.id, "/join", &m, &j), 200);
    assert_null(json_get(j, "listed"));
    json_free(j);
    assert_int_equal(post(w, "a", 1, &j), 403);
    json_free(j);
}

static void what_is_no_delta_is_refused(void **state)
{
    struct world *w = *state;
    static const char *const bodies[] = {"", "{", "[]", "{}", "{\"base\":\"\",\"digest\":\"\",\"add\":[],\"remove\":[]}",
        "{\"base\":\"\",\"digest\":\"00000000000000000000000000000001\",\"add\":[{\"name\":\"../"
        "x\",\"size\":1,\"mtime\":1,\"sha256\":null}],"
        "\"remove\":[]}"};
    struct json *j;
    expect_listed(w, NONE);
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        assert_int_equal(call_as(&w->c->key, w->url, make_peer(w).id, "POST", "/files", bodies[i], &j), 400);
        json_free(j);
    }
    char *large = malloc(FILES_BODY_MAX + 2);
    memset(large, ' ', FILES_BODY_MAX + 1);
    large[FILES_BODY_MAX + 1] = '\0';
    assert_int_equal(call_as(&w->c->key, w->url, make_peer(w).id, "POST", "/files", large, &j), 413);
    json_free(j);
    free(large);
    expect_listed(w, NONE);
}

static void set_waiting(struct world *w, size_t n)
{
    pthread_mutex_lock(&w->c->lock);
    w->c->files.n_jobs = n;
    pthread_mutex_unlock(&w->c->lock);
}

static void the_queue_has_an_end(void **state)
{
    struct world *w = *state;
    struct json *j;
    expect_listed(w, NONE);
    set_waiting(w, FILES_WAITING_MAX);
    assert_int_equal(post(w, "a", 1, &j), 503);
    json_free(j);
    set_waiting(w, 0);
    begin_anew(w);
    tell(w, "a", 1);
}

static void *post_in_vain(void *arg)
{
    struct json *j;
    assert_int_equal(post(arg, "a", 1, &j), 503);
    json_free(j);
    return NULL;
}

/* Redis takes the delta and never answers; the coordinator stops meanwhile, and the peer hears of it. */
static void a_stop_answers_who_waits(void **state)
{
    struct world *w = *state;
    pthread_t thread;
    size_t waiting = 0;
    expect_listed(w, NONE);
    kill(w->redis.pid, SIGSTOP);
    assert_int_equal(pthread_create(&thread, NULL, post_in_vain, w), 0);
    for (uint64_t until_ms = clock_boot_ms() + WAIT_MS; !waiting && clock_boot_ms() < until_ms; clock_sleep_ms(5)) {
        pthread_mutex_lock(&w->c->lock);
        waiting = w->c->files.n_jobs;
        pthread_mutex_unlock(&w->c->lock);
    }
    assert_int_equal(waiting, 1);
    stop_thread(w);
    pthread_join(thread, NULL);
    post_in_vain(w); /* nobody takes it any more */
}

#define MANY 12u

static void *tell_much(void *arg)
{
    struct world *w = arg;
    expect_listed(w, NONE);
    tell(w, "a", SHARED_DELTA_FILES);
    tell(w, "b", SHARED_DELTA_FILES);
    begin_anew(w);
    tell(w, "c", SHARED_DELTA_FILES - w->number);
    return NULL;
}

/* Each of them ends with its own list, whoever's turn it was in between. */
static void many_peers_at_once(void **state)
{
    struct world *w = *state, worlds[MANY];
    pthread_t threads[MANY];
    struct store *s = open_store(w);
    struct peers_list *lists;
    size_t n;
    for (unsigned i = 0; i < MANY; i++) {
        worlds[i] = *w;
        worlds[i].number = 10 + i;
        assert_int_equal(pthread_create(&threads[i], NULL, tell_much, &worlds[i]), 0);
    }
    for (unsigned i = 0; i < MANY; i++)
        pthread_join(threads[i], NULL);
    assert_ok(peers_lists(s, &lists, &n));
    assert_int_equal(n, MANY);
    for (size_t i = 0; i < n; i++) {
        unsigned number = 0;
        assert_int_equal(sscanf(lists[i].id, "node-%u.", &number), 1);
        assert_string_equal(lists[i].digest, worlds[number - 10].hex);
        assert_int_equal(lists[i].files, SHARED_DELTA_FILES - number);
    }
    free(lists);
    store_free(s);
}

/* So much time passes for the lists, as far as silence goes. */
static void let_pass(struct world *w, uint64_t ms)
{
    pthread_mutex_lock(&w->c->lock);
    for (size_t i = 0; i < w->c->files.lists.n; i++)
        w->c->files.lists.at[i].silent_ms += ms;
    pthread_mutex_unlock(&w->c->lock);
}

static void the_list_of_a_silent_peer_is_forgotten(void **state)
{
    struct world *w = *state;
    struct json *j;
    uint64_t files;
    expect_listed(w, NONE);
    tell(w, "a", 3);
    let_pass(w, LISTS_FORGET_MS); /* it lives: nothing happens */
    clock_sleep_ms(FILES_READ_EVERY_MS + 300);
    assert_int_equal(count_lists(w, &files), 1);
    expect_listed(w, w->hex);
    assert_int_equal(call_as(&w->c->key, w->url, make_peer(w).id, "POST", "/leave", "{\"id\":\"node-7.0000000000000007\"}", &j), 200);
    json_free(j);
    clock_sleep_ms(FILES_READ_EVERY_MS + 300);
    assert_int_equal(count_lists(w, &files), 1); /* it may come back any moment, and need not tell anything then */
    for (uint64_t until_ms = clock_boot_ms() + WAIT_MS; count_lists(w, &files) > 0 && clock_boot_ms() < until_ms; clock_sleep_ms(50))
        let_pass(w, LISTS_FORGET_MS / 4);
    assert_int_equal(count_lists(w, &files), 0);
    expect_listed(w, NONE);
    begin_anew(w);
    tell(w, "a", 3);
    assert_int_equal(count_lists(w, &files), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_list_is_told_and_listed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_long_list_begins_anew, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_new_leader_needs_no_list, set_up, tear_down),
        cmocka_unit_test_setup_teardown(after_flushall_lists_are_asked_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(while_redis_is_away_nobody_is_told_anything, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_does_not_lead_says_who_does, set_up, tear_down),
        cmocka_unit_test_setup_teardown(strangers_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_delta_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_queue_has_an_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_stop_answers_who_waits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_peers_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_list_of_a_silent_peer_is_forgotten, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
