#include "tests/bench/figures.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

double figures_now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void figures_print(double *latency_ms, uint64_t n, uint64_t errors, double seconds, size_t size)
{
    qsort(latency_ms, n, sizeof *latency_ms, by_value);
    printf("{\"requests\":%llu,\"errors\":%llu,\"seconds\":%.4f,\"per_s\":%.1f,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"mb_s\":%.1f}\n",
        (unsigned long long)n, (unsigned long long)errors, seconds, (double)n / seconds, latency_ms[n / 2], latency_ms[(n - 1) * 99 / 100],
        (double)n * (double)size / seconds / 1e6);
}
