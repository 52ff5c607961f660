/* usage: peers_index [NAMES [PEERS [wall | cpu]]]
 * Fills the index of what peers share with NAMES (1,000,000) names over PEERS (100) simulated peers in a private Redis, and prints how long deltas and searches
 * take, and how much memory a name does. Every eighth file is one that HOLDERS peers have, each once, and every fourth of the others has no hash yet. In the end one more
 * peer tells a list of ONE_LIST files.
 * With a third word: exit status 1 when searches or that list take longer than they may, by the clock on the wall, or by the processor time of client and Redis together, which other work on
 * the machine disturbs less. */
#include "lib/base/log.h"
#include "lib/store/call.h"
#include "lib/store/mark.h"
#include "lib/store/members.h"
#include "lib/store/peers.h"
#include "tests/bench/figures.h"
#include "tests/unit/lib/store/redis_server.h"

#include <inttypes.h>
#include <stdarg.h>
#include <time.h>

#define SEARCHES 1000u
#define BEAT_MS 500u
#define HOLDERS 25u
#define ONE_LIST 10000u
#define LIST_LIMIT_MS 5000.0

static const char *const subjects[] = {"Distributed Systems", "Operating Systems", "Linear Algebra", "Compilers", "Machine Learning",
    "Rhetoric", "Organic Chemistry", "Modern History", "Databases", "Networks", "Signals", "Statistics", "Ethics", "Graph Theory",
    "Microeconomics"};
static const char *const things[] = {
    "Lecture", "Syllabus", "Homework", "Solutions", "Midterm", "Reading", "Slides", "Notes", "Lab", "Project"};
static const char *const kinds[] = {"pdf", "docx", "txt", "pptx", "zip", "md"};
#define PICK(list, seed) (list)[(unsigned)rand_r(seed) % (sizeof(list) / sizeof *(list))]

__attribute__((format(printf, 1, 2))) _Noreturn static void fail(const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    vfprintf(stderr, format, ap);
    va_end(ap);
    fputc('\n', stderr);
    exit(1);
}

static void must(enum err e, const char *what)
{
    if (e)
        fail("%s: %s", what, err_text(e));
}

static double now_ms(void)
{
    return figures_now_s() * 1e3;
}

/* Three clocks, in ms: on the wall, the processor time of this process and Redis together, and of Redis alone. */
enum { WALL, CPU, REDIS, CLOCKS };
static const char *const clock_names[CLOCKS] = {"wall", "processor", "Redis alone"};
/* Of 99 in 100 searches of a kind. On a machine that does other things too the same takes up to half more processor time. */
static const double search_limits_ms[CLOCKS] = {10, 15, 15};

struct times {
    double at[CLOCKS];
};

static struct times read_times(pid_t redis)
{
    clockid_t clock;
    struct timespec mine, its = {0};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &mine);
    if (clock_getcpuclockid(redis, &clock) == 0)
        clock_gettime(clock, &its);
    double redis_ms = (double)its.tv_sec * 1e3 + (double)its.tv_nsec / 1e6;
    return (struct times){{now_ms(), (double)mine.tv_sec * 1e3 + (double)mine.tv_nsec / 1e6 + redis_ms, redis_ms}};
}

/* How long each of n things took. */
struct series {
    double *ms[CLOCKS];
    size_t n;
};

static void series_init(struct series *s, size_t most)
{
    s->n = 0;
    for (int c = 0; c < CLOCKS; c++)
        if (!(s->ms[c] = calloc(most, sizeof *s->ms[c])))
            fail("out of memory");
}

static void series_add(struct series *s, const struct times *from, const struct times *to)
{
    for (int c = 0; c < CLOCKS; c++)
        s->ms[c][s->n] = to->at[c] - from->at[c];
    s->n++;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Prints it and frees it. p99 gets the 99th of 100 by each clock. */
static void series_print(struct series *s, const char *what, double p99[CLOCKS])
{
    for (int c = 0; c < CLOCKS; c++) {
        double *ms = s->ms[c];
        qsort(ms, s->n, sizeof *ms, compare);
        p99[c] = ms[s->n * 99 / 100];
        printf("%-28s %-12s p50 %7.2f ms  p99 %7.2f ms  max %7.2f ms  (%zu)\n", c ? "" : what, clock_names[c], ms[s->n / 2], p99[c],
            ms[s->n - 1], s->n);
        free(ms);
    }
    fflush(stdout);
}

static void peer_of(size_t i, struct member *m)
{
    *m = (struct member){.weight = 1, .shares = 1};
    snprintf(m->name, sizeof m->name, "peer-%zu", i);
    snprintf(m->id, sizeof m->id, "peer-%zu.0123456789abcdef", i);
    snprintf(m->url, sizeof m->url, "http://127.0.0.1:%zu", 10000 + i);
    memset(m->share_digest, '0', sizeof m->share_digest - 1);
}

/* Everybody stays here. */
static void beat_all(struct store *s, size_t peers)
{
    static double beaten_at;
    struct member m;
    if (now_ms() - beaten_at < BEAT_MS)
        return;
    for (size_t i = 0; i < peers; i++) {
        peer_of(i, &m);
        must(members_heartbeat(s, &m, clock_unix_ms()), "heartbeat");
    }
    beaten_at = now_ms();
}

/* The i-th name of all; its numbers make it one of a kind. */
static void make_name(size_t i, unsigned *seed, char out[200])
{
    snprintf(out, 200, "20%02u %s/CSEN %u %s/%s %02u - %s_%zu.%s", 10 + rand_r(seed) % 17, rand_r(seed) % 2 ? "Fall" : "Spring",
        100 + rand_r(seed) % 400, PICK(subjects, seed), PICK(things, seed), rand_r(seed) % 40, PICK(subjects, seed), i, PICK(kinds, seed));
}

/* The i-th file of a peer. */
static void make_file(size_t i, size_t peer, size_t peers, struct shared_file *f, char name[200])
{
    int is_shared = i % 8 == 0;
    size_t content = i * peers + (is_shared ? peer / HOLDERS * HOLDERS : peer);
    unsigned seed = (unsigned)content;
    make_name(content, &seed, name);
    *f = (struct shared_file){.name = name, .size = 1000 + content, .mtime_ms = 1790000000000};
    if (is_shared || i % 4 != 1)
        hash_sha256_hex(name, strlen(name), f->sha256);
}

static uint64_t used_memory(struct store *s)
{
    struct call c;
    redisReply *r;
    call_init(&c, "INFO");
    call_str(&c, "memory");
    must(call_send(s, &c, REDIS_REPLY_STRING, REDIS_REPLY_STRING, &r), "INFO");
    const char *at = strstr(r->str, "used_memory:");
    uint64_t bytes = at ? strtoull(at + strlen("used_memory:"), NULL, 10) : 0;
    freeReplyObject(r);
    return bytes;
}

/* How many files are listed. */
static uint64_t listed(struct store *s)
{
    struct peers_list *lists;
    size_t n;
    uint64_t files = 0;
    must(peers_lists(s, &lists, &n), "peers_lists");
    for (size_t i = 0; i < n; i++)
        files += lists[i].files;
    free(lists);
    return files;
}

/* A peer tells its files from `first` on, at most SHARED_DELTA_FILES and below `end`. */
static void tell(struct store *s, pid_t redis, size_t peer, size_t peers, size_t first, size_t end, char digest[SHARED_DIGEST_HEX_SIZE],
    struct series *took)
{
    struct shared_delta d;
    struct member m;
    peer_of(peer, &m);
    shared_delta_init(&d);
    memcpy(d.base, digest, sizeof d.base);
    snprintf(d.digest, sizeof d.digest, "%032zx", first + 1);
    for (size_t i = first; i < end && i < first + SHARED_DELTA_FILES; i++) {
        struct shared_file f;
        char name[200];
        make_file(i, peer, peers, &f, name);
        must(shared_delta_add(&d, &f), "a delta");
    }
    struct times from = read_times(redis);
    must(peers_apply(s, m.id, &d, digest), "peers_apply");
    struct times to = read_times(redis);
    series_add(took, &from, &to);
    shared_delta_release(&d);
}

/* Each peer tells its files in deltas of SHARED_DELTA_FILES, all peers in turn. */
static void fill(struct store *s, pid_t redis, size_t names, size_t peers)
{
    size_t of_one = names / peers;
    struct series took;
    double begun = now_ms(), p99[CLOCKS];
    char(*digests)[SHARED_DIGEST_HEX_SIZE] = calloc(peers, sizeof *digests);
    series_init(&took, (of_one / SHARED_DELTA_FILES + 1) * peers);
    if (!digests)
        fail("out of memory");
    for (size_t first = 0; first < of_one; first += SHARED_DELTA_FILES)
        for (size_t p = 0; p < peers; p++)
            tell(s, redis, p, peers, first, of_one, digests[p], &took);
    double ms = now_ms() - begun;
    printf("%zu names of %zu peers in %.1f s: %.0f names/s\n", of_one * peers, peers, ms / 1e3, (double)(of_one * peers) / ms * 1e3);
    series_print(&took, "a delta", p99);
    if (listed(s) != of_one * peers)
        fail("%" PRIu64 " names are listed", listed(s));
    free(digests);
}

/* One more peer comes with ONE_LIST files. 1 when that takes too long by the clock that counts. */
static int measure_list(struct store *s, pid_t redis, size_t peers, int counts)
{
    struct series took;
    char digest[SHARED_DIGEST_HEX_SIZE] = "";
    double p99[CLOCKS];
    series_init(&took, ONE_LIST / SHARED_DELTA_FILES + 1);
    struct times from = read_times(redis);
    for (size_t first = 0; first < ONE_LIST; first += SHARED_DELTA_FILES)
        tell(s, redis, peers, peers + 1, first, ONE_LIST, digest, &took);
    struct times to = read_times(redis);
    series_print(&took, "a delta of one more list", p99);
    printf("%-28s %u files of one peer: wall %.0f ms, processor %.0f ms, Redis alone %.0f ms\n", "", ONE_LIST, to.at[WALL] - from.at[WALL],
        to.at[CPU] - from.at[CPU], to.at[REDIS] - from.at[REDIS]);
    return counts < CLOCKS && to.at[counts] - from.at[counts] > LIST_LIMIT_MS;
}

/* A query of a kind: "prefix" of one word, "begin" of a name, "two" words, "exact" name. */
static void make_query(const char *kind, size_t names, size_t peers, unsigned *seed, char out[200])
{
    struct shared_file f;
    char name[200];
    size_t of_one = names / peers;
    make_file((size_t)rand_r(seed) % of_one, (size_t)rand_r(seed) % peers, peers, &f, name);
    if (strcmp(kind, "exact") == 0) {
        snprintf(out, 200, "%s", name);
    } else if (strcmp(kind, "begin") == 0) {
        snprintf(out, 200, "%.*s", (int)(1 + (size_t)rand_r(seed) % strlen(name)), name);
    } else if (strcmp(kind, "two") == 0) {
        snprintf(out, 200, "%.*s %.*s", 2 + rand_r(seed) % 4, PICK(subjects, seed), 2 + rand_r(seed) % 4, PICK(things, seed));
    } else {
        const char *word = name;
        for (int skip = rand_r(seed) % 8; skip > 0 && strpbrk(word, " /_."); skip--)
            word = strpbrk(word, " /_.") + 1;
        size_t len = strcspn(word, " /_.");
        snprintf(out, 200, "%.*s", (int)(1 + (len ? (size_t)rand_r(seed) % len : 0)), word);
    }
}

/* Searches as a page of 50 asks. 1 when they take too long by the clock that counts. */
static int measure(struct store *s, pid_t redis, const char *what, const char *kind, size_t names, size_t peers, int counts)
{
    struct series took;
    size_t rows = 0, none = 0, go_on = 0, void_pages = 0;
    unsigned seed = 7;
    double p99[CLOCKS];
    series_init(&took, SEARCHES);
    for (size_t i = 0; i < SEARCHES; i++) {
        char q[200];
        struct peers_page page;
        make_query(kind, names, peers, &seed, q);
        beat_all(s, peers + 1);
        struct times from = read_times(redis);
        must(peers_search(s, q, NULL, NULL, 50, &page), q);
        struct times to = read_times(redis);
        series_add(&took, &from, &to);
        rows += page.n;
        none += page.n == 0 && !page.next;
        go_on += page.n < 50 && page.next;
        void_pages += page.n == 0 && page.next;
        peers_page_release(&page);
    }
    series_print(&took, what, p99);
    printf("%-28s %.1f rows a search; %zu without any, %zu short and not at the end, of them %zu empty\n", "", (double)rows / SEARCHES,
        none, go_on, void_pages);
    return counts < CLOCKS && p99[counts] > search_limits_ms[counts];
}

static int measure_all(struct store *s, pid_t redis, size_t names, size_t peers, int counts)
{
    uint64_t before = used_memory(s);
    fill(s, redis, names, peers);
    uint64_t bytes = used_memory(s) - before, files = listed(s);
    printf("memory: %.0f bytes a name, %.0f MiB in all\n", (double)bytes / (double)files, (double)bytes / 1048576.0);
    int slow = measure(s, redis, "the beginning of one word", "prefix", names, peers, counts);
    slow += measure(s, redis, "the beginning of a name", "begin", names, peers, counts);
    slow += measure(s, redis, "a whole name", "exact", names, peers, counts);
    slow += measure(s, redis, "the beginnings of two words", "two", names, peers, counts);
    slow += measure_list(s, redis, peers, counts);
    if (counts < CLOCKS)
        printf("%d of 5 measurements are above their limits (%s)\n", slow, clock_names[counts]);
    return slow;
}

/* Which clock counts; CLOCKS: none. */
static int which_clock(const char *word)
{
    if (!word)
        return CLOCKS;
    return strcmp(word, "wall") == 0 ? WALL : strcmp(word, "cpu") == 0 ? CPU : -1;
}

int main(int argc, char **argv)
{
    size_t names = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000, peers = argc > 2 ? strtoul(argv[2], NULL, 10) : 100;
    int counts = which_clock(argc > 3 ? argv[3] : NULL);
    struct redis_server redis;
    struct mark_hold hold;
    if (names < 1000 || peers < 1 || peers > 999 || names / peers < 1 || counts < 0)
        fail("usage: peers_index [NAMES (1000 or more) [PEERS (1 to 999) [wall | cpu]]]");
    log_init("peers_index", LOG_ERROR);
    if (!redis_server_init(&redis))
        fail("redis-server does not start");
    struct store *s = store_new(&(struct store_config){.address = redis.address, .timeout_ms = 20000});
    if (!s)
        fail("out of memory");
    must(mark_begin(s, &hold), "mark_begin");
    must(mark_finish(s, &hold, 0), "mark_finish");
    int slow = measure_all(s, redis.pid, names, peers, counts);
    store_free(s);
    redis_server_release(&redis);
    return slow > 0;
}
