/* How much an api does at once, so that it stays within the descriptors and the memory it may have. A pure function of both: what does not fit waits in front, at nginx, instead of failing half-way. */
#ifndef RB_FCGI_SERVICE_BUDGET_H
#define RB_FCGI_SERVICE_BUDGET_H

#include "lib/base/limits.h"

struct budget {
    unsigned threads;      /* requests served at once */
    unsigned kept;         /* idle connections to nodes that each of them keeps */
    unsigned hashes;       /* passwords hashed at once */
    unsigned hash_line;    /* requests that wait for that */
    size_t room_bytes;     /* of upload bodies in memory, all together */
    size_t document_bytes; /* of documents that are remembered */
    size_t arena_bytes;    /* of one request's own memory */
};

/* threads: as many as are wanted. small_max_bytes: the largest body that is held in memory, for which there is always room. Some service goes on below any bound, then with two threads. */
struct budget budget_make(const struct limits *l, unsigned threads, size_t small_max_bytes);

#endif
