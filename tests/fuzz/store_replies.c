/* Replies of Redis, which a foreign program, an older version or an operator's hand may have made: every reader of lib/store takes them apart or says that they
 * cannot be, and what it takes is within its bounds. hiredis' calls stand in for the network; its own reader reads.
 *
 * Input, in lines: what is asked; then a reply each. A reply is JSON: a text, a number, null, a list of such, {"error": text}, {"status": text}; in texts ^ and two hex
 * digits are a byte. Or, when it begins with + - : $ or *, RESP as it came. INFO and SCRIPT LOAD are answered well, unless the first reply is {"info": text}. */
#include "tests/fuzz/fuzz.h"

#include "lib/base/log.h"
#include "lib/store/downloads.h"
#include "lib/store/index.h"
#include "lib/store/lock.h"
#include "lib/store/mark.h"
#include "lib/store/members.h"
#include "lib/store/peers.h"
#include "lib/store/plain.h"
#include "lib/store/rate.h"
#include "lib/store/sessions.h"
#include "lib/store/sys.h"
#include "lib/wire/json.h"

#include <hiredis/hiredis.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define SHA "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define RUN_ID "0123456789abcdef0123456789abcdef01234567"

static const uint8_t *rest;
static size_t left;
static char *info; /* what INFO says, when the input has a word in it */
static int asked_auth, asked_info;

/* ---- replies */

static void add(struct buf *out, const void *data, size_t n)
{
    FUZZ_CHECK(buf_add(out, data, n) == ERR_OK);
}

/* The value of a lower-case hexadecimal digit, or -1. */
static int digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* "^0a" is a line feed. */
static void write_text(const char *s, struct buf *out)
{
    struct buf bytes;
    buf_init(&bytes, 1u << 20);
    for (; *s; s++) {
        int high = s[0] == '^' ? digit(s[1]) : -1, low = high >= 0 ? digit(s[2]) : -1;
        if (low >= 0) {
            char c = (char)(high << 4 | low);
            add(&bytes, &c, 1);
            s += 2;
        } else {
            add(&bytes, s, 1);
        }
    }
    FUZZ_CHECK(buf_addf(out, "$%zu\r\n", bytes.len) == ERR_OK);
    add(out, buf_str(&bytes), bytes.len);
    add(out, "\r\n", 2);
    buf_release(&bytes);
}

/* What was parsed has a bounded depth. NOLINTNEXTLINE(misc-no-recursion) */
static void write_reply(const struct json *j, struct buf *out)
{
    const char *text = json_as_str(j), *error = json_is_object(j) ? json_get_str(j, "error") : NULL;
    const char *status = json_is_object(j) ? json_get_str(j, "status") : NULL;
    if (text) {
        write_text(text, out);
    } else if (json_is_array(j)) {
        FUZZ_CHECK(buf_addf(out, "*%zu\r\n", json_count(j)) == ERR_OK);
        for (const struct json *item = json_first(j); item; item = json_next(item))
            write_reply(item, out);
    } else if (error || status) {
        const char *line = error ? error : status;
        FUZZ_CHECK(buf_addf(out, "%c%.*s\r\n", error ? '-' : '+', (int)strcspn(line, "\r\n"), line) == ERR_OK);
    } else if (json_is_null(j) || json_is_object(j)) {
        add(out, "$-1\r\n", 5);
    } else {
        struct buf number;
        buf_init(&number, 64);
        FUZZ_CHECK(json_print(j, &number) == ERR_OK);
        FUZZ_CHECK(buf_addf(out, ":%.*s\r\n", (int)strcspn(number.data, ".eE"), number.data) == ERR_OK);
        buf_release(&number);
    }
}

static redisReply *read_resp(const void *data, size_t n)
{
    void *reply = NULL;
    redisReader *reader = redisReaderCreate();
    FUZZ_CHECK(reader);
    if (redisReaderFeed(reader, data, n) != REDIS_OK || redisReaderGetReply(reader, &reply) != REDIS_OK)
        reply = NULL;
    redisReaderFree(reader);
    return reply;
}

static redisReply *text_reply(const char *text)
{
    struct buf b;
    buf_init(&b, 1u << 16);
    FUZZ_CHECK(buf_addf(&b, "$%zu\r\n%s\r\n", strlen(text), text) == ERR_OK);
    redisReply *r = read_resp(b.data, b.len);
    buf_release(&b);
    return r;
}

/* The next line as a reply; NULL: the connection is gone. */
static redisReply *next_reply(void)
{
    struct json *j = NULL;
    struct buf b;
    redisReply *r = NULL;
    if (left == 0)
        return NULL;
    char *line = fuzz_line(&rest, &left);
    buf_init(&b, 1u << 20);
    if (*line && strchr("+-:$*", *line)) {
        FUZZ_CHECK(buf_addf(&b, "%s\r\n", line) == ERR_OK);
        r = read_resp(b.data, b.len);
    } else if (json_parse(line, strlen(line), &j) == ERR_OK) {
        write_reply(j, &b);
        r = read_resp(b.data, b.len);
    }
    json_free(j);
    buf_release(&b);
    free(line);
    return r;
}

/* ---- hiredis, as lib/store calls it */

static redisContext *connect_nowhere(void)
{
    redisContext *c = calloc(1, sizeof(*c));
    FUZZ_CHECK(c);
    c->fd = eventfd(0, EFD_CLOEXEC); /* never readable: no answer comes unasked */
    FUZZ_CHECK(c->fd >= 0);
    return c;
}

redisContext *redisConnectUnixWithTimeout(const char *path, const struct timeval tv)
{
    (void)path, (void)tv;
    return connect_nowhere();
}

redisContext *redisConnectWithTimeout(const char *ip, int port, const struct timeval tv)
{
    FUZZ_CHECK(*ip && port > 0 && port <= 65535);
    (void)tv;
    return connect_nowhere();
}

void redisFree(redisContext *c)
{
    close(c->fd);
    free(c);
}

int redisSetTimeout(redisContext *c, const struct timeval tv)
{
    (void)c, (void)tv;
    return REDIS_OK;
}

int redisAppendCommand(redisContext *c, const char *format, ...)
{
    (void)c;
    FUZZ_CHECK(strcmp(format, "INFO") == 0);
    asked_info = 1;
    return REDIS_OK;
}

int redisAppendCommandArgv(redisContext *c, int argc, const char **argv, const size_t *argvlen)
{
    (void)c, (void)argvlen;
    FUZZ_CHECK(argc > 0 && argv[0]);
    asked_auth = strcmp(argv[0], "AUTH") == 0;
    return REDIS_OK;
}

int redisGetReply(redisContext *c, void **reply)
{
    int is_info = asked_info && !asked_auth;
    *reply = is_info ? text_reply(info ? info : "# Server\r\nrun_id:" RUN_ID "\r\nloading:0\r\nrole:master\r\n") : next_reply();
    asked_info &= !is_info;
    asked_auth = 0;
    if (*reply)
        return REDIS_OK;
    c->err = REDIS_ERR_EOF;
    snprintf(c->errstr, sizeof(c->errstr), "gone");
    return REDIS_ERR;
}

void *redisCommandArgv(redisContext *c, int argc, const char **argv, const size_t *argvlen)
{
    void *r = NULL;
    FUZZ_CHECK(argc > 0 && argvlen && argv[0]);
    if (strcmp(argv[0], "SCRIPT") == 0)
        return text_reply(RUN_ID);
    return redisGetReply(c, &r) == REDIS_OK ? r : NULL;
}

/* ---- what is asked */

static void ask_members(struct store *s)
{
    struct members m;
    if (members_read(s, &m))
        return;
    FUZZ_CHECK(m.n_coordinators <= MEMBERS_COORDINATORS_MAX && m.wishes.n <= MEMBERS_WISHES_MAX);
    for (size_t i = 0; i < m.n_nodes; i++)
        FUZZ_CHECK(ring_id_ok(m.nodes[i].id));
    for (size_t i = 0; i < m.n_coordinators; i++)
        FUZZ_CHECK(strlen(m.coordinators[i].name) < sizeof(m.coordinators[i].name));
    members_release(&m);
}

static void ask_lease(struct store *s)
{
    struct lease l;
    if (lease_read(s, &l) == ERR_OK)
        FUZZ_CHECK(strlen(l.name) < sizeof(l.name) && strlen(l.token) < sizeof(l.token));
}

static void ask_history(struct store *s)
{
    struct history h;
    history_init(&h);
    if (index_history(s, "csen317", &h) != ERR_OK)
        FUZZ_CHECK(h.n == 0);
    for (size_t i = 1; i < h.n; i++)
        FUZZ_CHECK(stamp_cmp(h.entries[i - 1].record.id, h.entries[i].record.id) < 0);
    history_release(&h);
}

static void ask_current(struct store *s)
{
    struct record r;
    uint64_t n = 0;
    if (index_current(s, "csen317", &r, &n) == ERR_OK)
        record_release(&r);
    if (index_version(s, "csen317", (struct stamp){.clock = 26, .process = 1}, &n) == ERR_OK)
        FUZZ_CHECK(n > 0 || n == 0);
}

static void ask_list(struct store *s)
{
    struct index_page page = {.n = 0};
    uint64_t n = 0;
    if (index_list(s, "csen", "2026 Fall", INDEX_BY_NAME, NULL, 5, &page) == ERR_OK) {
        for (size_t i = 0; i < page.n; i++)
            FUZZ_CHECK(*page.items[i].current.key);
        /* Our own cursor is taken. */
        char *next = page.next ? strdup(page.next) : NULL;
        index_page_release(&page);
        enum err e = next ? index_list(s, "csen", "2026 Fall", INDEX_BY_NAME, next, 5, &page) : ERR_NOT_FOUND;
        FUZZ_CHECK(e != ERR_SYNTAX);
        if (!e)
            index_page_release(&page);
        free(next);
    }
    if (index_count(s, &n) == ERR_OK)
        FUZZ_CHECK(n <= INT64_MAX);
}

static void ask_mark(struct store *s)
{
    struct mark m;
    struct mark_hold hold;
    if (mark_read(s, &m) == ERR_OK) {
        (void)mark_is_ready(s, &m);
        (void)mark_is_settled(s, &m, 1000);
    }
    if (mark_join(s, &hold) == ERR_OK && mark_progress(s, &hold, 3) == ERR_OK && mark_finish(s, &hold, 3) == ERR_OK)
        FUZZ_CHECK(*hold.token);
}

static void ask_sessions(struct store *s)
{
    struct session one, some[4];
    size_t n = 0;
    uint64_t ended;
    if (sessions_look(s, SHA, &one) == ERR_OK)
        FUZZ_CHECK(strlen(one.user) < sizeof(one.user) && strcmp(one.digest, SHA) == 0);
    if (sessions_begin(s, SHA, "ada", 1, 60, 600, &one) == ERR_OK)
        FUZZ_CHECK(strcmp(one.digest, SHA) == 0);
    if (sessions_list(s, "ada", some, 4, &n) == ERR_OK)
        FUZZ_CHECK(n <= 4);
    if (sessions_end_all(s, "ada", NULL, 2, &ended) == ERR_OK && sessions_end(s, SHA) == ERR_OK)
        FUZZ_CHECK(n <= 4);
}

static void ask_sys(struct store *s)
{
    struct sys_page page;
    struct sys_places places;
    struct sys_bytes bytes;
    char whose = 0;
    if (sys_list(s, "sys/user/", "", 3, &page) == ERR_OK) {
        FUZZ_CHECK(page.n <= 3);
        sys_page_release(&page);
    }
    if (sys_by(s, "ada", "", "", STAMP_ZERO, 3, &places) == ERR_OK) {
        FUZZ_CHECK(places.n <= 3);
        for (size_t i = 0; i < places.n; i++)
            FUZZ_CHECK(places.items[i].key);
        sys_places_release(&places);
    }
    if (sys_bytes(s, "ada", &bytes) == ERR_OK)
        FUZZ_CHECK(bytes.user <= UINT64_MAX);
    enum err e = sys_flight_begin(s, "f1", "ada", 5, 10, 20, 60, &whose);
    FUZZ_CHECK(e != ERR_FULL || whose);
}

static void ask_counts(struct store *s)
{
    static const struct rate_rule rule = {.name = "fuzz", .free = 2, .per_ms = 100, .wait_ms = 1000, .wait_max_ms = 4000};
    struct rate_table *t = rate_table_new();
    uint64_t n = 0;
    unsigned wait_ms = 0;
    int32_t number;
    char id[RING_ID_MAX];
    FUZZ_CHECK(t);
    const struct rate_claim claims[] = {{.rule = &rule, .subject = "192.0.2.1"}, {.rule = &rule, .subject = "ada"}};
    enum err e = rate_try(s, t, claims, 2, &wait_ms);
    FUZZ_CHECK(e == ERR_OK || e == ERR_RATE);
    rate_table_free(t);
    enum err counted[] = {sys_used(s, "x", &n), sys_count(s, "x", 3, 60, &n), sys_counted(s, "x", &n), downloads_count(s, SHA, &n)};
    for (size_t i = 0; i < sizeof(counted) / sizeof(counted[0]); i++)
        FUZZ_CHECK(counted[i] != ERR_NOT_FOUND && counted[i] != ERR_SYNTAX);
    if (plain_id(s, 7, id) == ERR_OK)
        FUZZ_CHECK(strlen(id) < sizeof(id));
    if (plain_number(s, "node-1.aa", &number) == ERR_OK && plain_draw(s, 1000, 1, &number) == ERR_OK)
        FUZZ_CHECK(number > 0);
}

static void check_row(const struct peers_row *r)
{
    FUZZ_CHECK(r->name && r->n_holders <= PEERS_HOLDERS_MAX);
    for (size_t i = 0; i < r->n_holders; i++)
        FUZZ_CHECK(r->holders[i].file && strlen(r->holders[i].url) < sizeof(r->holders[i].url));
}

static void ask_rows(struct store *s)
{
    struct peers_row row;
    enum peers_state state;
    if (peers_by_hash(s, SHA, &row) == ERR_OK) {
        check_row(&row);
        peers_row_release(&row);
    }
    if (peers_find(s, "lab.01", "a.pdf", &row, &state) == ERR_OK) {
        FUZZ_CHECK(*peers_state_name(state));
        check_row(&row);
        peers_row_release(&row);
    }
    if (peers_named(s, "a.pdf", NULL, &row) == ERR_OK) {
        check_row(&row);
        peers_row_release(&row);
    }
}

static void ask_peers(struct store *s)
{
    struct peers_peer *all;
    struct peers_list *lists;
    struct peers_page page;
    size_t n = 0;
    if (peers_all(s, &all, &n) == ERR_OK)
        free(all);
    if (peers_lists(s, &lists, &n) == ERR_OK)
        free(lists);
    if (peers_search(s, "plan", NULL, NULL, 3, &page) == ERR_OK) {
        FUZZ_CHECK(page.n <= 3);
        for (size_t i = 0; i < page.n; i++)
            check_row(&page.rows[i]);
        peers_page_release(&page);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct {
        const char *what;
        void (*ask)(struct store *s);
    } rows[] = {{"members", ask_members}, {"lease", ask_lease}, {"history", ask_history}, {"current", ask_current}, {"list", ask_list},
        {"mark", ask_mark}, {"sessions", ask_sessions}, {"sys", ask_sys}, {"counts", ask_counts}, {"rows", ask_rows}, {"peers", ask_peers},
        {"sentinel", ask_lease}};
    char *what = fuzz_line(&data, &size);
    int sentinel = strcmp(what, "sentinel") == 0;
    struct store_config config = {.address = sentinel ? "sentinel:127.0.0.1:26379/m" : "unix:/nowhere",
        .user = "u",
        .password = strcmp(what, "lease") == 0 ? "p" : NULL};
    log_init("fuzz", LOG_ERROR);
    rest = data;
    left = size;
    info = NULL;
    asked_auth = asked_info = 0;
    if (size > 9 && memcmp(data, "{\"info\":\"", 9) == 0) {
        struct json *j = NULL;
        char *line = fuzz_line(&rest, &left);
        if (json_parse(line, strlen(line), &j) == ERR_OK && json_get_str(j, "info"))
            info = strdup(json_get_str(j, "info"));
        json_free(j);
        free(line);
    }
    struct store *s = store_new(&config);
    FUZZ_CHECK(s);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (strcmp(rows[i].what, what) == 0)
            rows[i].ask(s);
    store_free(s);
    free(info);
    free(what);
    return 0;
}
