/* What the bench programs share: a clock and the JSON line they end with. */
#ifndef RB_TESTS_BENCH_FIGURES_H
#define RB_TESTS_BENCH_FIGURES_H

#include <stddef.h>
#include <stdint.h>

/* Seconds of CLOCK_MONOTONIC. */
double figures_now_s(void);

/* Sorts latency_ms (n > 0 of them) and prints {"requests","errors","seconds","per_s","p50_ms","p99_ms","mb_s"} for n requests of size bytes. */
void figures_print(double *latency_ms, uint64_t n, uint64_t errors, double seconds, size_t size);

#endif
