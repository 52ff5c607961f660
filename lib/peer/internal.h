/* What the files of lib/peer share: the client, one signed request on its way, and the loop that moves all of them. */
#ifndef RB_LIB_PEER_INTERNAL_H
#define RB_LIB_PEER_INTERNAL_H

#include "lib/peer/peer.h"

#include <curl/curl.h>

#define PEER_URL_MAX 128    /* bytes of a base URL with NUL: a scheme, a numeric address and a port are shorter */
#define PEER_PATH_MAX 8192  /* bytes of a path with NUL */
#define PEER_TO_MAX 96      /* bytes of a node id with NUL */
#define PEER_CLOCKS_MAX 256 /* receivers whose clock is known to be off */
#define PEER_IDLE_MAX PEER_CALLS_MAX

struct clock_offset {
    char base_url[PEER_URL_MAX];
    int64_t offset_ms;
};

/* One thread's client. Nothing in it is locked. */
struct peer {
    struct sign_keys *keys;    /* borrowed */
    const struct tls *tls;     /* borrowed; NULL: plain http */
    CURLM *multi;              /* owns the kept connections; NULL after a rest for which there was no memory */
    unsigned kept_max;         /* connections */
    CURL *idle[PEER_IDLE_MAX]; /* easy handles to use again */
    size_t n_idle;
    struct clock_offset clocks[PEER_CLOCKS_MAX];
    size_t n_clocks;
    size_t next_clock; /* the one to forget when all are taken */
};

/* What a transfer's owner fills in; all pointers are borrowed until transfer_stop. */
struct transfer_request {
    const char *base_url, *method, *path;
    const char *to;        /* node id, or NULL: a coordinator */
    const char *body_hash; /* 64 hex digits or "stream" */
    uint64_t epoch;
    int has_body;
    uint64_t body_len;
    int ask_first;       /* Expect: 100-continue: a refusal comes before the body goes */
    unsigned timeout_ms; /* 0 = none: the owner watches progress */
    unsigned connect_timeout_ms;
    curl_read_callback read; /* with has_body */
    curl_seek_callback seek;
    curl_write_callback write;
    void *ctx; /* of the three call-backs */
};

/* One signed HTTP request, maybe sent again: with the receiver's clock, or on a new connection. */
struct transfer {
    struct peer *peer;
    struct transfer_request request;
    CURL *easy; /* NULL when not under way */
    struct curl_slist *headers;
    struct sign_key key; /* of our messages to that receiver */
    char nonce[SIGN_NONCE_HEX];
    char clock[SIGN_HEADER_MAX]; /* the answer's RB-Clock, "" when none came */
    int clock_tried;
    int fresh;       /* takes no kept connection any more */
    long local_port; /* of the connection that the body was last asked on; 0 = never asked */
    int finished;    /* result and status are there */
    CURLcode result;
    long status; /* of the last answer's header, 0 when none came */
};

/* transfer.c. Signs and starts t->request. ERR_NOMEM, ERR_INVALID (base URL or path). Nothing is under way after a failure. */
enum err transfer_start(struct transfer *t, struct peer *p) MUST_CHECK;
/* Ends it wherever it is; a request that is under way is cut. Fine when nothing is under way. */
void transfer_stop(struct transfer *t);
/* For read call-backs: true when the body is asked for on another connection than before, so that it must start again. libcurl calls seek for that only when it has
 * counted body bytes as sent; bytes that it had taken and could not send would be lost. */
int transfer_is_elsewhere(struct transfer *t);
/* For a finished one: 1 when it is worth one more try, and then the owner rewinds and calls transfer_start again: it was refused for the clock, genuinely and for the first
 * time (the offset is learnt here); or it could not be sent whole on a kept connection (the next one will be new). */
int transfer_try_again(struct transfer *t);
/* How a finished one ended: ERR_OK: an HTTP answer came, in `status`; ERR_UNAVAILABLE also when somebody else than the node meant answered (421): he did nothing. */
enum err transfer_end(const struct transfer *t, uint64_t handed);
/* True when the receiver may have got a whole request: `handed` bytes of the body were given to libcurl. */
int transfer_may_have_happened(const struct transfer *t, uint64_t handed);

/* peer.c. Makes what a rest gave back. 0: out of memory. */
int peer_open(struct peer *p) MUST_CHECK;
/* Moves everything that is under way and marks what has finished; waits up to wait_ms for something to happen. */
void peer_drive(struct peer *p, unsigned wait_ms);

/* clocks.c */
void clocks_learn(struct peer *p, const char *base_url, int64_t offset_ms);

#endif
