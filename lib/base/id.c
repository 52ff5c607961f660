#include "lib/base/id.h"

#include "lib/base/num.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

void id_random(void *out, size_t n)
{
    uint8_t *p = out;
    while (n > 0) {
        ssize_t got = getrandom(p, n, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            abort();
        p += got;
        n -= (size_t)got;
    }
}

uint64_t id_random_u64(void)
{
    uint64_t v;
    id_random(&v, sizeof(v));
    return v;
}

void id_random_hex(char *out, size_t bytes)
{
    uint8_t piece[32];
    out[0] = '\0';
    while (bytes > 0) {
        size_t n = bytes < sizeof(piece) ? bytes : sizeof(piece);
        id_random(piece, n);
        num_hex(piece, n, out);
        out += 2 * n;
        bytes -= n;
    }
}

uint64_t id_random_below(uint64_t n)
{
    assert(n > 0);
    /* Values below the remainder of 2^64 / n would make the small results likelier: draw again. */
    uint64_t unfair = (UINT64_MAX - n + 1) % n;
    uint64_t v;
    do {
        v = id_random_u64();
    } while (v < unfair);
    return v % n;
}
