/* usage: peers_index [NAMES [PEERS]]
 * Fills the index of what peers share with NAMES (1,000,000) names over PEERS (100) simulated peers in a private Redis, and prints how long deltas and searches
 * take, and how much memory a name does. Every eighth file is one that other peers have too, and every fourth has no hash yet. */
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

/* Processor time of this process and Redis together. */
static double busy_ms(pid_t redis)
{
    clockid_t clock;
    struct timespec mine, its = {0};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &mine);
    if (clock_getcpuclockid(redis, &clock) == 0)
        clock_gettime(clock, &its);
    return (double)(mine.tv_sec + its.tv_sec) * 1e3 + (double)(mine.tv_nsec + its.tv_nsec) / 1e6;
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

static void make_file(size_t i, size_t peers, struct shared_file *f, char name[200])
{
    size_t content = i % 8 == 0 ? i / (8 * peers) * 8 : i; /* every eighth is on many peers */
    unsigned seed = (unsigned)content;
    make_name(content, &seed, name);
    *f = (struct shared_file){.name = name, .size = 1000 + content, .mtime_ms = 1790000000000};
    if (i % 4 != 1)
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

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void print_times(const char *what, const char *of, double *ms, size_t n)
{
    qsort(ms, n, sizeof *ms, compare);
    printf("%-28s %-15s p50 %7.2f ms  p99 %7.2f ms  max %7.2f ms  (%zu)\n", what, of, ms[n / 2], ms[n * 99 / 100], ms[n - 1], n);
    fflush(stdout);
}

/* Each peer tells its files in deltas of SHARED_DELTA_FILES, all peers in turn. */
static void fill(struct store *s, pid_t redis, size_t names, size_t peers)
{
    size_t of_one = names / peers, deltas = 0, most = (of_one / SHARED_DELTA_FILES + 1) * peers;
    double *ms = calloc(most, sizeof *ms), *busy = calloc(most, sizeof *busy), begun = now_ms();
    char(*digests)[SHARED_DIGEST_HEX_SIZE] = calloc(peers, sizeof *digests);
    if (!ms || !busy || !digests)
        fail("out of memory");
    for (size_t first = 0; first < of_one; first += SHARED_DELTA_FILES) {
        for (size_t p = 0; p < peers; p++) {
            struct shared_delta d;
            struct member m;
            peer_of(p, &m);
            shared_delta_init(&d);
            memcpy(d.base, digests[p], sizeof d.base);
            snprintf(d.digest, sizeof d.digest, "%032zx", first + 1);
            for (size_t i = first; i < of_one && i < first + SHARED_DELTA_FILES; i++) {
                struct shared_file f;
                char name[200];
                make_file(i * peers + p, peers, &f, name);
                must(shared_delta_add(&d, &f), "a delta");
            }
            double at = now_ms(), busy_at = busy_ms(redis);
            must(peers_apply(s, m.id, &d, digests[p]), "peers_apply");
            busy[deltas] = busy_ms(redis) - busy_at;
            ms[deltas++] = now_ms() - at;
            shared_delta_release(&d);
        }
    }
    double took = now_ms() - begun;
    printf("%zu names of %zu peers in %.1f s: %.0f names/s\n", of_one * peers, peers, took / 1e3, (double)(of_one * peers) / took * 1e3);
    print_times("a delta", "", ms, deltas);
    print_times("", "processor time", busy, deltas);
    free(busy);
    free(ms);
    free(digests);
}

/* A query of a kind: "prefix" of one word, "begin" of a name, "two" words, "exact" name. */
static void make_query(const char *kind, size_t names, size_t peers, unsigned *seed, char out[200])
{
    struct shared_file f;
    char name[200];
    make_file((size_t)rand_r(seed) % names, peers, &f, name);
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

static void measure(struct store *s, pid_t redis, const char *what, const char *kind, size_t names, size_t peers)
{
    static double ms[SEARCHES], busy[SEARCHES];
    size_t rows = 0, empty = 0;
    unsigned seed = 7;
    for (size_t i = 0; i < SEARCHES; i++) {
        char q[200];
        struct peers_page page;
        make_query(kind, names, peers, &seed, q);
        beat_all(s, peers);
        double at = now_ms(), busy_at = busy_ms(redis);
        must(peers_search(s, q, NULL, NULL, 50, &page), q);
        busy[i] = busy_ms(redis) - busy_at;
        ms[i] = now_ms() - at;
        rows += page.n;
        empty += page.n == 0 && !page.next;
        peers_page_release(&page);
    }
    print_times(what, "", ms, SEARCHES);
    print_times("", "processor time", busy, SEARCHES);
    printf("%-28s %.1f rows a search, %zu without any\n", "", (double)rows / SEARCHES, empty);
}

int main(int argc, char **argv)
{
    size_t names = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000, peers = argc > 2 ? strtoul(argv[2], NULL, 10) : 100;
    struct redis_server redis;
    struct mark_hold hold;
    if (names < 1000 || peers < 1 || peers > 1000)
        fail("usage: peers_index [NAMES (1000 or more) [PEERS (1 to 1000)]]");
    log_init("peers_index", LOG_ERROR);
    if (!redis_server_init(&redis))
        fail("redis-server does not start");
    struct store *s = store_new(&(struct store_config){.address = redis.address, .timeout_ms = 20000});
    if (!s)
        fail("out of memory");
    must(mark_begin(s, &hold), "mark_begin");
    must(mark_finish(s, &hold, 0), "mark_finish");
    uint64_t before = used_memory(s);
    fill(s, redis.pid, names, peers);
    uint64_t bytes = used_memory(s) - before;
    printf("memory: %.0f bytes a name, %.0f MiB in all\n", (double)bytes / (double)names, (double)bytes / 1048576.0);
    measure(s, redis.pid, "the beginning of one word", "prefix", names, peers);
    measure(s, redis.pid, "the beginning of a name", "begin", names, peers);
    measure(s, redis.pid, "a whole name", "exact", names, peers);
    measure(s, redis.pid, "the beginnings of two words", "two", names, peers);
    store_free(s);
    redis_server_release(&redis);
    return 0;
}
