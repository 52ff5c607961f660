/* Parts of files from several holders at once: many range requests under way, each into memory of its asker, with one limit of speed over all of them.
 * It judges that a part is the part that was asked for; whether its bytes are right is for the caller, who knows their hash. One struct blocks a thread;
 * peer_global_init() comes first. */
#ifndef RB_LIB_PEER_BLOCKS_H
#define RB_LIB_PEER_BLOCKS_H

#include "lib/base/err.h"
#include "lib/tls/tls.h"

#include <stddef.h>
#include <stdint.h>

#define BLOCKS_AT_ONCE_MAX 128
#define BLOCKS_URL_MAX 8192   /* bytes of a URL with NUL */
#define BLOCKS_LINE_MAX 1024  /* bytes of a header line with NUL */
#define BLOCKS_LIMIT_MIN 1024 /* bytes a second: less than that makes no sense beside time-outs */

struct blocks;

/* One part on its way. The caller fills the upper half; all of it is borrowed until the part has ended or was stopped. */
struct block_fetch {
    const char *url; /* http:// or https://, percent-encoded; no redirect is followed and no proxy is used */
    int to_member;   /* it is a holder's own address: by tls, or without it over plain http, and to no address that is nobody's (dial.h) */
    const struct tls *tls;     /* with to_member; or NULL */
    const char *authorization; /* the value of that header, or NULL */
    const char *etag;          /* with its quotes: a holder whose file has another one is ERR_CONFLICT; NULL: not asked */
    uint64_t file_size;        /* of the whole file */
    uint64_t offset;
    size_t len; /* at least 1; offset + len <= file_size */
    void *to;   /* len bytes */
    void *ctx;  /* the caller's own */

    size_t got;  /* bytes that came so far */
    long status; /* of the answer, 0 when none came */
    /* ERR_OK: all len bytes of exactly that part of a file of that size. ERR_CONFLICT: the file there is another one by now (size, ETag, 200, 416). ERR_NOT_FOUND (404,
     * 410). ERR_AUTH (401). ERR_DENIED (403). ERR_TIMEOUT: not a byte for stall_ms. ERR_UNAVAILABLE: not reached, broken off, or any other answer. */
    enum err error;
};

/* Nothing under way. stall_ms is for the connection, too. ERR_NOMEM. *out is the caller's: blocks_free. */
enum err blocks_new(unsigned stall_ms, struct blocks **out) MUST_CHECK;
/* Stops what is under way. NULL is fine. */
void blocks_free(struct blocks *b);

/* Bytes a second of all parts together, from now on; 0: no limit; less than BLOCKS_LIMIT_MIN counts as that. Bursts are at most a tenth of a second's. */
void blocks_limit(struct blocks *b, uint64_t bytes_per_s);

/* Begins a part; f stays where it is until it has ended or was stopped. ERR_FULL: BLOCKS_AT_ONCE_MAX are under way. ERR_INVALID: url, header line, or part. ERR_NOMEM. */
enum err blocks_start(struct blocks *b, struct block_fetch *f) MUST_CHECK;
/* Cuts it: not a byte is written to its memory any more, and blocks_wait will not name it. Fine for one that has ended or was never begun. */
void blocks_stop(struct blocks *b, struct block_fetch *f);
/* Moves all parts until one has ended, at most for wait_ms (0: only what can be done at once). The part that ended, once; NULL: none did. */
struct block_fetch *blocks_wait(struct blocks *b, unsigned wait_ms);

/* Bytes of parts that came since blocks_new, also of those that were stopped or failed later. */
uint64_t blocks_received(const struct blocks *b);

#endif
