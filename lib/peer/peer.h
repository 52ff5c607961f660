/* The client of nodes and coordinators: signed requests to several of them at once over kept connections. The only home of libcurl.
 * One struct peer a thread: nothing here is shared between threads but the keys. */
#ifndef RB_LIB_PEER_PEER_H
#define RB_LIB_PEER_PEER_H

#include "lib/base/buf.h"
#include "lib/sign/keys.h"
#include "lib/tls/tls.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct peer;

/* Calls libcurl's global init; once per process, before threads. */
enum err peer_global_init(void) MUST_CHECK;

/* A client that signs as the process whose keys these are, and calls others over TLS with tls, over plain http without it (NULL). Both are borrowed and outlive it. NULL when out of
 * memory. */
struct peer *peer_new(struct sign_keys *keys, const struct tls *tls);
void peer_free(struct peer *p);
/* Keeps at most n connections for the next calls (64 without being told). */
void peer_keep(struct peer *p, unsigned n);
/* Gives back all that it keeps for the next calls: connections, descriptors, memory. Only between calls. */
void peer_rest(struct peer *p);

#define PEER_CALLS_MAX 64

/* One request of a round. Filled by the caller; the lower part by the round. */
struct peer_call {
    const char *base_url; /* "http://127.0.0.1:4711": numeric address; https with tls. Any other is nobody there */
    const char *method;   /* "GET", "POST", "PUT" */
    const char *path;     /* with query, percent-encoded */
    const char *
        to; /* id of the node meant, by whose key it is signed; a node that is another one answers 421, which counts as nobody there, and so does a node
                     * for which we have no key. NULL: a coordinator */
    uint64_t epoch;
    const void *head;
    size_t head_len; /* the body is head followed by body; both borrowed */
    const void *body;
    size_t body_len;
    size_t answer_max; /* bytes */

    enum err error; /* ERR_OK: an HTTP answer came (see status); ERR_UNAVAILABLE: nobody there, or it surely got no whole request;
                                 * ERR_TIMEOUT: not known whether it happened; ERR_TOO_LARGE: the answer passed answer_max (it did happen) */
    int done;       /* 0: it was still under way when the round ended: not known */
    long status;
    struct buf answer; /* born by the round; the caller releases (peer_calls_release) */
};

struct peer_round {
    unsigned timeout_ms; /* for each call */
    unsigned connect_timeout_ms;
    /* No body byte leaves before it says that the calls with there[i] suffice: those that have a connection. When it says no to all that still may have one, all are
     * given up: nothing was sent (ERR_UNAVAILABLE, done). A call that is answered before the gate opens, on its header alone, does not count. NULL = no gate. */
    int (*gate)(const unsigned char *there, size_t n, void *ctx);
    /* Called after each finished call; returns non-zero to say "enough": the round goes on for linger_ms more and then ends. NULL: wait for all. */
    int (*enough)(const struct peer_call *calls, size_t n, void *ctx);
    void *ctx; /* of both */
    unsigned linger_ms;
};

/* Does all calls at once. A signature refused for the clock is signed once more with the receiver's time. A stale kept connection is retried once.
 * Always returns ERR_OK unless the arguments or the memory are bad; each call tells its own end. */
enum err peer_round(struct peer *p, const struct peer_round *round, struct peer_call *calls, size_t n) MUST_CHECK;
void peer_calls_release(struct peer_call *calls, size_t n);

/* One call alone; timeout_ms is for its connection too. As peer_round. */
enum err peer_call(struct peer *p, struct peer_call *c, unsigned timeout_ms) MUST_CHECK;

/* A body streamed to several receivers at once (PUT, signed with body=stream): the caller pushes pieces as they arrive; each piece goes out before push returns.
 * A receiver that fails, or takes nothing for stall_ms, is left behind; the others go on. */
struct peer_stream;
struct peer_stream_target {
    const char *base_url;
    const char *path;
    const char *to; /* as in struct peer_call */
    enum err error;
    long status;
};
/* Starts it. targets are the caller's and stay until close or abort; total is the whole body's size. ERR_INVALID, ERR_NOMEM. */
enum err peer_stream_open(struct peer *p, struct peer_stream_target *targets, size_t n, uint64_t total, uint64_t epoch, unsigned stall_ms,
    struct peer_stream **out) MUST_CHECK;
/* Returns once every receiver that is left took all n bytes (the last few KiB may still be in libcurl's buffer). ERR_UNAVAILABLE when fewer than `need`
 * receivers are left; the stream goes on all the same, until close or abort. ERR_INVALID past total. */
enum err peer_stream_push(struct peer_stream *s, const void *data, size_t n, size_t need) MUST_CHECK;
/* Waits for the answers, each at most stall_ms, and fills targets[].error and .status (ERR_OK + 2xx = taken; ERR_OK + another status = refused, maybe before the
 * body was whole). Always frees the stream. ERR_INVALID when less than total was pushed: then it was an abort. */
enum err peer_stream_close(struct peer_stream *s) MUST_CHECK;
/* Gives up: connections are cut, nothing is committed. Frees. */
void peer_stream_abort(struct peer_stream *s);

/* Fetches a blob of the node `to` into fd (from its current offset), at most size bytes, hashing while it comes. ERR_CORRUPT when the hash
 * differs or more than size bytes come, ERR_NOT_FOUND, ERR_AUTH, ERR_UNAVAILABLE, ERR_TIMEOUT (nothing came for stall_ms), ERR_FULL, ERR_IO, ERR_INVALID (base_url, sha256).
 * sha256 is 64 hex digits. After a failure the file holds rubbish. */
struct peer_blob {
    const char *base_url, *to, *sha256;
    uint64_t size; /* at most */
};
enum err peer_fetch_blob(struct peer *p, const struct peer_blob *blob, uint64_t epoch, int fd, unsigned stall_ms) MUST_CHECK;

/* How far a receiver's clock is from ours, in ms (its minus ours), learnt from signed refusals; 0 when unknown. */
int64_t peer_clock_offset_ms(const struct peer *p, const char *base_url);

#endif
