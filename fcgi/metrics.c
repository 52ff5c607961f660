#include "fcgi/metrics.h"

#include <assert.h>
#include <inttypes.h>
#include <time.h>

static const int statuses[METRICS_STATUSES - 1] = {
    200, 201, 202, 204, 304, 400, 401, 403, 404, 405, 409, 410, 411, 412, 413, 414, 415, 416, 422, 429, 500, 503, 507};
static const uint64_t bounds_us[METRICS_BUCKETS] = {500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000};

void metrics_init(struct metrics *m)
{
    size_t n;
    routes_all(&n);
    assert(n < METRICS_ROUTES_MAX);
    *m = (struct metrics){0};
}

static uint64_t monotonic_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

uint64_t metrics_begin(struct metrics *m)
{
    atomic_fetch_add_explicit(&m->in_flight, 1, memory_order_relaxed);
    return monotonic_us();
}

static size_t status_slot(int status)
{
    size_t i = 0;
    while (i < METRICS_STATUSES - 1 && statuses[i] != status)
        i++;
    return i;
}

static size_t bucket_slot(uint64_t us)
{
    size_t i = 0;
    while (i < METRICS_BUCKETS && us > bounds_us[i])
        i++;
    return i;
}

void metrics_end(struct metrics *m, const struct route *route, int status, uint64_t started_us)
{
    size_t n;
    const struct route *table = routes_all(&n);
    size_t row = route ? (size_t)(route - table) : n;
    uint64_t us = monotonic_us() - started_us;
    atomic_fetch_add_explicit(&m->requests[row][status_slot(status)], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&m->latency[row][bucket_slot(us)], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&m->latency_us[row], us, memory_order_relaxed);
    atomic_fetch_sub_explicit(&m->in_flight, 1, memory_order_relaxed);
}

static uint64_t get(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static enum err print_requests(const struct metrics *m, const char *method, const char *pattern, size_t row, struct buf *out)
{
    for (size_t s = 0; s < METRICS_STATUSES; s++) {
        uint64_t count = get(&m->requests[row][s]);
        if (count == 0)
            continue;
        int status = s < METRICS_STATUSES - 1 ? statuses[s] : 0;
        enum err e = buf_addf(
            out, "ringbinder_api_requests_total{method=\"%s\",route=\"%s\",status=\"%d\"} %" PRIu64 "\n", method, pattern, status, count);
        if (e)
            return e;
    }
    return ERR_OK;
}

static enum err print_latency(const struct metrics *m, const char *method, const char *pattern, size_t row, struct buf *out)
{
    uint64_t total = 0;
    for (size_t b = 0; b <= METRICS_BUCKETS; b++)
        total += get(&m->latency[row][b]);
    if (total == 0)
        return ERR_OK;
    uint64_t below = 0;
    enum err e = ERR_OK;
    for (size_t b = 0; b < METRICS_BUCKETS && !e; b++) {
        below += get(&m->latency[row][b]);
        e = buf_addf(out, "ringbinder_api_request_seconds_bucket{method=\"%s\",route=\"%s\",le=\"%g\"} %" PRIu64 "\n", method, pattern,
            (double)bounds_us[b] / 1e6, below < total ? below : total);
    }
    if (e)
        return e;
    return buf_addf(out,
        "ringbinder_api_request_seconds_bucket{method=\"%s\",route=\"%s\",le=\"+Inf\"} %" PRIu64 "\n"
        "ringbinder_api_request_seconds_sum{method=\"%s\",route=\"%s\"} %.6f\n"
        "ringbinder_api_request_seconds_count{method=\"%s\",route=\"%s\"} %" PRIu64 "\n",
        method, pattern, total, method, pattern, (double)get(&m->latency_us[row]) / 1e6, method, pattern, total);
}

/* One family for every row of the route table and the row of requests that fitted none. */
static enum err print_rows(const struct metrics *m, struct buf *out,
    enum err (*print)(const struct metrics *m, const char *method, const char *pattern, size_t row, struct buf *out))
{
    size_t n;
    const struct route *table = routes_all(&n);
    enum err e = ERR_OK;
    for (size_t i = 0; i < n && !e; i++)
        e = print(m, table[i].method, table[i].pattern, i, out);
    return e ? e : print(m, "", "none", n, out);
}

enum err metrics_print(const struct metrics *m, const struct metrics_gauges *now, struct buf *out)
{
    const struct {
        const char *name, *type, *help;
        double value;
        int unknown;
    } singles[] = {
        {"requests_in_flight", "gauge", "Requests being served now.", (double)get(&m->in_flight), 0},
        {"threads", "gauge", "Threads that serve requests.", (double)get(&m->threads), 0},
        {"upload_bytes_total", "counter", "Bytes of uploads that made a version.", (double)get(&m->upload_bytes), 0},
        {"quorum_failures_total", "counter", "Uploads, deletes and restores that ended in 503.", (double)get(&m->quorum_failures), 0},
        {"index_retries", "gauge", "Records that wait to be added to the index.", (double)now->index_retries, 0},
        {"view_age_seconds", "gauge", "Age of this api's picture of the cluster.", now->view_age_s, 0},
        {"clock_rebases_total", "counter", "How often owners said that this api's clock is too far ahead.", (double)now->clock_rebases, 0},
        {"clock_skew_seconds", "gauge", "How far the nodes' clocks are ahead of this api's.", now->clock_skew_s, 0},
        {"index_ready", "gauge", "1 while lists can be had from the index.", (double)now->index_ready, 0},
        {"hedges_total", "counter", "Readers sent to another owner because the first was slower.", (double)now->hedges, 0},
        {"copies_missing", "gauge", "Copies that owners lack, as far as nodes know.", (double)now->copies_missing, !now->counted},
        {"courses_below_k", "gauge", "Courses with at least one such copy.", (double)now->courses_below_k, !now->counted},
        {"courses_unreadable", "gauge", "Courses whose current version no living owner has.", (double)now->courses_unreadable,
            !now->counted},
        {"bytes_to_move", "gauge", "Bytes the ring change under way has still to move.", (double)now->bytes_to_move, 0},
        {"moves", "gauge", "Pairs of nodes that copies are on their way between.", (double)now->moves, 0},
        {"audit_lines_total", "counter", "Lines of the audit log.", (double)now->audit_lines, 0},
        {"audit_lost_total", "counter", "Lines for which the audit log had no room: it has a hole.", (double)now->audit_lost, 0},
        {"audit_head_waits_seconds", "gauge", "For how long too few nodes have taken the newest line of the audit log.",
            (double)now->audit_head_waits_s, 0},
        {"resident_memory_bytes", "gauge", "Resident memory of this process.", (double)now->resident_bytes, 0},
    };
    enum err e = buf_add_str(
        out, "# HELP ringbinder_api_requests_total Requests by route and status.\n# TYPE ringbinder_api_requests_total counter\n");
    if (!e)
        e = print_rows(m, out, print_requests);
    if (!e)
        e = buf_add_str(
            out, "# HELP ringbinder_api_request_seconds Time to answer, by route.\n# TYPE ringbinder_api_request_seconds histogram\n");
    if (!e)
        e = print_rows(m, out, print_latency);
    for (size_t i = 0; i < sizeof(singles) / sizeof(singles[0]) && !e; i++) {
        const char *name = singles[i].name;
        if (singles[i].unknown)
            continue;
        e = buf_addf(out, "# HELP ringbinder_api_%s %s\n# TYPE ringbinder_api_%s %s\nringbinder_api_%s %.17g\n", name, singles[i].help,
            name, singles[i].type, name, singles[i].value);
    }
    return e;
}
