/* make sim: measures lookups, load and movement of the ring and fails when a figure is worse than promised.
 * usage: ring [--short | --docs FOLDER]     --short: fewer and smaller rings; --docs: writes ring.md and ring.svg there when all is well */
#include "tests/sim/ring_sim.h"

#include <math.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define LOADS_MAX 128

struct plan {
    uint64_t lookups;  /* about so many for each number of nodes */
    size_t each_up_to; /* every ring from 3 nodes up to this; */
    size_t larger[8];  /* then these; ends with 0 */
    unsigned joins;
};

static const struct plan full = {.lookups = 250000, .each_up_to = 100, .larger = {150, 200, 300, 500, 700, 1000}, .joins = 3};
static const struct plan brief = {.lookups = 20000, .each_up_to = 12, .larger = {40, 100, 1000}, .joins = 1};

static const size_t hops_nodes[] = {10, 100, 1000, 10000, 100000};
static const size_t zoned_nodes[] = {3, 4, 5, 6, 7, 9, 12, 30};

struct loads {
    const struct plan *plan;
    struct load_row rows[LOADS_MAX], zoned[COUNT(zoned_nodes)];
    size_t n;
};

/* A thread of its own: load and movement beside the lookups. */
static void *measure_loads(void *arg)
{
    struct loads *loads = arg;
    for (size_t n = 3; n <= loads->plan->each_up_to; n++)
        load_measure(n, 0, loads->plan->joins, &loads->rows[loads->n++]);
    for (const size_t *n = loads->plan->larger; *n; n++)
        load_measure(*n, 0, loads->plan->joins, &loads->rows[loads->n++]);
    for (size_t i = 0; i < COUNT(zoned_nodes); i++)
        load_measure(zoned_nodes[i], 3, loads->plan->joins, &loads->zoned[i]);
    return NULL;
}

struct verdict {
    unsigned checks, failed;
};

/* Counts a check; says what was wrong when it failed. */
__attribute__((format(printf, 3, 4))) static void expect(struct verdict *v, int ok, const char *format, ...)
{
    v->checks++;
    if (ok)
        return;
    v->failed++;
    va_list words;
    va_start(words, format);
    fputs("FAILED: ", stdout);
    vprintf(format, words);
    fputs("\n", stdout);
    va_end(words);
}

static void judge_hops(const struct hops_row *h, struct verdict *v)
{
    double bound = log2((double)h->n), half = bound / 2;
    expect(v, h->max <= bound, "a lookup among %zu nodes took %u hops, log2 is %.2f", h->n, h->max, bound);
    expect(v, fabs(h->mean - half) <= HOPS_MEAN_SLACK * half, "lookups among %zu nodes took %.3f hops in the mean, half of log2 is %.3f",
        h->n, h->mean, half);
    expect(v, h->strays == 0, "%llu of %llu courses among %zu nodes were not found at their host", (unsigned long long)h->strays,
        (unsigned long long)h->courses, h->n);
    expect(v, h->courses_max <= bound, "finding a course among %zu nodes took %u hops, log2 is %.2f", h->n, h->courses_max, bound);
}

static void judge_load(const struct load_row *l, struct verdict *v)
{
    if (l->n <= LOAD_NODES)
        expect(v, l->copies_max <= LOAD_MAX, "the fullest of %zu nodes has %.3f of the mean", l->n, l->copies_max);
    expect(v, l->moved_max <= MOVED_MAX, "a node that joined %zu moved %.3f of the ideal", l->n, l->moved_max);
}

static void judge_staying(const struct load_row *l, struct verdict *v)
{
    expect(v, l->staying_max == 0, "a node that joined %zu moved %.6f of all copies between others", l->n, l->staying_max);
}

static struct verdict judge(const struct results *r)
{
    struct verdict v = {0};
    for (size_t i = 0; i < r->n_hops; i++)
        judge_hops(&r->hops[i], &v);
    for (size_t i = 0; i < r->n_loads; i++) {
        judge_load(&r->loads[i], &v);
        judge_staying(&r->loads[i], &v);
    }
    for (size_t i = 0; i < r->n_zoned; i++)
        judge_staying(&r->zoned[i], &v);
    return v;
}

static int usage(void)
{
    fputs("usage: ring [--short | --docs FOLDER]\n", stderr);
    return 2;
}

int main(int argc, char **argv)
{
    const char *docs = NULL;
    int is_short = argc == 2 && strcmp(argv[1], "--short") == 0;
    if (argc == 3 && strcmp(argv[1], "--docs") == 0)
        docs = argv[2];
    if (argc > 1 && !is_short && !docs)
        return usage();
    struct loads loads = {.plan = is_short ? &brief : &full};
    struct hops_row hops[COUNT(hops_nodes)];
    pthread_t beside;
    if (pthread_create(&beside, NULL, measure_loads, &loads)) {
        fputs("ring: no second thread\n", stderr);
        return 1;
    }
    for (size_t i = 0; i < COUNT(hops_nodes); i++)
        hops_measure(hops_nodes[i], loads.plan->lookups, &hops[i]);
    pthread_join(beside, NULL);
    struct results results = {
        .hops = hops, .n_hops = COUNT(hops), .loads = loads.rows, .n_loads = loads.n, .zoned = loads.zoned, .n_zoned = COUNT(zoned_nodes)};
    report_tables(&results, stdout);
    struct verdict v = judge(&results);
    if (docs && v.failed == 0 && report_write(&results, docs))
        return 1;
    printf("\nring: %u passed, %u failed\n", v.checks - v.failed, v.failed);
    return v.failed ? 1 : 0;
}
