#include "fcgi/service/budget.h"

#include "fcgi/service/hasher.h"

#include <limits.h>

#define MIB ((uint64_t)1 << 20)

#define THREADS_MIN 2u
/* What the process has open whoever asks: standard streams, its socket, the audit log, the signal; and those threads that are no worker's, each with libcurl's wake-up pair and its connections. */
#define BASE_DESCRIPTORS 28u
/* And each worker besides its connections to nodes: the request, Redis, libcurl's wake-up pair, a file for a form. */
#define WORKER_DESCRIPTORS 5u
#define KEPT_MIN 3u /* to the owners of one course */
#define KEPT_MAX 64u

#define BASE_BYTES (16 * MIB)  /* libraries, tables, stacks of threads that are no worker's */
#define HASH_BYTES (20 * MIB)  /* argon2id's and what goes with it */
#define WORKER_BYTES (2 * MIB) /* a stack, a piece of a body, libcurl's buffers for the owners */
#define TWO_HASHES_FROM (128 * MIB)
#define TWO_HASHES_PROCESSORS 4u /* with fewer, guesses from everywhere would take every other turn of all of them, however nice */
#define PART_MAX (16 * MIB)

static uint64_t clamp(uint64_t value, uint64_t least, uint64_t most)
{
    return value < least ? least : value > most ? most : value;
}

static uint64_t minus(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

struct budget budget_make(const struct limits *l, unsigned threads, size_t small_max_bytes)
{
    struct budget b = {.hashes = l->processors < TWO_HASHES_PROCESSORS || l->memory_bytes < TWO_HASHES_FROM ? 1 : HASHER_THREADS};
    b.room_bytes = (size_t)clamp(l->memory_bytes / 8, small_max_bytes, PART_MAX);
    b.document_bytes = (size_t)clamp(l->memory_bytes / 16, MIB, PART_MAX);
    b.arena_bytes = (size_t)clamp(l->memory_bytes / 8, 4 * MIB, PART_MAX);
    const struct limits_cost base = {BASE_DESCRIPTORS, BASE_BYTES + b.hashes * HASH_BYTES + b.room_bytes + b.document_bytes};
    const struct limits_cost worker = {WORKER_DESCRIPTORS + KEPT_MIN, WORKER_BYTES};
    b.threads = (unsigned)clamp(limits_fit(l, base, worker, threads), THREADS_MIN, UINT_MAX);
    b.kept = (unsigned)clamp(minus(minus(l->descriptors, BASE_DESCRIPTORS) / b.threads, WORKER_DESCRIPTORS), KEPT_MIN, KEPT_MAX);
    b.hash_line = (unsigned)clamp(b.threads / 4, 1, HASHER_WAITING_MAX);
    return b;
}
