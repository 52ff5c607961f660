/* How much this process may have: descriptors and memory, as the system or its operator bounded them. Whoever hands out either decides by this how many it serves at once, so that a small
 * machine is slower and nothing fails half-way. */
#ifndef RB_LIB_BASE_LIMITS_H
#define RB_LIB_BASE_LIMITS_H

#include "lib/base/err.h"

#include <stddef.h>
#include <stdint.h>

#define LIMITS_NONE UINT64_MAX

struct limits {
    uint64_t descriptors; /* RLIMIT_NOFILE */
    uint64_t
        memory_bytes;    /* the smallest of RLIMIT_DATA, RLIMIT_AS and the memory limits of its control groups; LIMITS_NONE: none of them */
    unsigned processors; /* that it may run on; at least 1 */
};

/* Raises the soft limit of descriptors to the hard one and reads all. Before the jail: inside, neither can be done. What cannot be read bounds nothing. */
void limits_read(struct limits *out);

/* The same for files below another root, for tests: `group` is what /proc/self/cgroup holds, `root` stands for /sys/fs/cgroup. The smallest limit of the groups named in there and of those above
 * them, by version 2 (memory.max) and 1 (memory/…/memory.limit_in_bytes); LIMITS_NONE when there is none. */
uint64_t limits_group_memory(const char *group, const char *root);

/* What something takes. */
struct limits_cost {
    uint64_t descriptors, bytes;
};
/* How many of those that cost `each` fit beside `base`, and not more than `wanted`; each.descriptors and each.bytes are not 0. Pure. */
uint64_t limits_fit(const struct limits *l, struct limits_cost base, struct limits_cost each, uint64_t wanted);

/* What ThreadSanitizer keeps on each thread's stack before anything of ours: with less no thread starts. */
#if defined(__SANITIZE_THREAD__)
#define LIMITS_STACK_MORE (1u << 20)
#else
#define LIMITS_STACK_MORE 0u
#endif

/* Breaks glibc's habits of a process that is alone on a large machine. Threads that are started without attributes get stacks of so many bytes, not of what RLIMIT_STACK says (8 MiB as a rule: a dozen
 * would fill a small limit by themselves); there are two heaps, not eight for each processor that all keep what was once needed; buffers of 128 KiB and more are mapped, so that they go back when they
 * are freed. Before the first thread. */
void limits_tame_memory(size_t stack_bytes);

/* Gives the system what glibc kept of memory that was freed, in all its heaps: for after a rush. Some milliseconds. */
void limits_give_back(void);

/* The calling thread, and no other of the process, gives way to the rest of it: a tenth of the processor's time where both want it. For work in the background. */
void limits_give_way(void);

#endif
