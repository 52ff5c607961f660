/* What this api counts about itself, as Prometheus text. Counters are atomics that only grow; every thread adds to the same ones. */
#ifndef RB_FCGI_METRICS_H
#define RB_FCGI_METRICS_H

#include "fcgi/routes.h"
#include "lib/base/buf.h"

#include <stdatomic.h>
#include <stdint.h>

#define METRICS_ROUTES_MAX 64 /* rows of the route table, and one for requests that fit none */
#define METRICS_STATUSES 24   /* status codes told apart; the last slot is "other" */
#define METRICS_BUCKETS 12    /* of the latency histogram, without +Inf */

struct metrics {
    _Atomic uint64_t requests[METRICS_ROUTES_MAX][METRICS_STATUSES];
    _Atomic uint64_t latency[METRICS_ROUTES_MAX][METRICS_BUCKETS + 1]; /* not cumulative; the last is +Inf */
    _Atomic uint64_t latency_us[METRICS_ROUTES_MAX];
    _Atomic uint64_t in_flight;
    _Atomic uint64_t upload_bytes;    /* of uploads that made a version */
    _Atomic uint64_t quorum_failures; /* changes that ended in 503 */
    _Atomic uint64_t threads;
};

/* All zero. */
void metrics_init(struct metrics *m);

/* A request begins / ends. begin gives the time to hand to end. route: NULL when none was found. */
uint64_t metrics_begin(struct metrics *m);
void metrics_end(struct metrics *m, const struct route *route, int status, uint64_t started_us);

/* Moments that are not counters: read by the caller when they are asked for. */
struct metrics_gauges {
    double view_age_s;      /* since the picture of the cluster was taken */
    uint64_t clock_rebases; /* how often owners said that our clock is too far ahead */
    double clock_skew_s;    /* how far the nodes' clocks are ahead of ours; 0: not known to differ */
    uint64_t index_retries; /* records that wait for the index */
    int index_ready;        /* lists can be had */
    uint64_t hedges;        /* readers sent to another owner than the first, because that one was slower */
    int counted;            /* the next three are known; else they are left out */
    uint64_t copies_missing, courses_below_k, courses_unreadable;
    uint64_t bytes_to_move, moves; /* of the ring change under way, and the pairs of nodes it goes between */
    uint64_t resident_bytes;
    uint64_t audit_lines, audit_lost; /* of this start's audit log */
    uint64_t audit_head_waits_s;      /* since when too few nodes took its newest line */
};

/* Appends the whole page (text exposition format 0.0.4). */
enum err metrics_print(const struct metrics *m, const struct metrics_gauges *now, struct buf *out) MUST_CHECK;

#endif
