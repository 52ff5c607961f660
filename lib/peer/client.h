/* Plain HTTP for programs that stand outside of the cluster: one unsigned request at a time, a body from memory or a file, an answer into memory or a file.
 * One struct client a thread; nothing in it is locked. peer_global_init() comes first. */
#ifndef RB_LIB_PEER_CLIENT_H
#define RB_LIB_PEER_CLIENT_H

#include "lib/base/buf.h"
#include "lib/base/hash.h"
#include "lib/tls/tls.h"

#include <stddef.h>
#include <stdint.h>

#define CLIENT_URL_MAX 16384       /* bytes of a URL with NUL */
#define CLIENT_HEADERS_MAX 32768   /* bytes of an answer's header lines */
#define CLIENT_HEADERS_SENT_MAX 16 /* header lines of a request */
#define CLIENT_LINE_MAX 4096       /* bytes of one of them with NUL */

struct client;

/* A client with no connection yet; its kept connections are used again by the requests that follow. NULL when out of memory. */
struct client *client_new(void);
void client_free(struct client *c);

/* How far a request is. Totals are 0 while they are not known. */
struct client_progress {
    uint64_t sent, send_total;        /* bytes of the request's body */
    uint64_t received, receive_total; /* bytes of the answer's body, of a range only what was asked for */
};

/* One request. Everything is borrowed until client_do returns. What is left zero has the meaning said. */
struct client_request {
    const char *method;         /* "GET", "HEAD", "PUT", "POST", "DELETE" */
    const char *url;            /* http:// or https://, percent-encoded; sent as it stands */
    const char *const *headers; /* whole lines, "If-Match: …", no CR or LF */
    size_t n_headers;
    int to_member; /* the url is of a process of the cluster: by tls, or without it over plain http, and to no address that is nobody's (dial.h) */
    const struct tls *tls; /* with to_member; or NULL */

    const void *body; /* body_len bytes from memory; or, when NULL and body_len > 0 or body_is_file, that many from body_fd */
    uint64_t body_len;
    int body_is_file; /* the body is body_fd from offset 0, by pread: its file offset does not matter and does not change */
    int body_fd;

    /* Range: bytes=from-(from+len-1); len 0: to the end. from = 0 and len = 0: no range. With a range only a 206 that begins at `from` is given to the
     * receiver below; any other 2xx answer ends the request with ERR_RANGE. if_range: an entity tag with its quotes, or NULL. */
    uint64_t range_from, range_len;
    const char *if_range;

    /* Where the body of a 2xx answer goes: out_fd (from its current offset, by write) when out_is_file, else the answer's `body`. Bodies of other answers always go
     * to `body`, which holds at most answer_max bytes. hash (or NULL) is fed with each byte that goes to out_fd. */
    int out_is_file;
    int out_fd;
    uint64_t out_max; /* bytes that out_fd may get; more end the request with ERR_TOO_LARGE. 0: no maximum */
    struct hash_ctx *hash;
    size_t answer_max;

    unsigned connect_timeout_ms; /* 0: 10 s */
    unsigned stall_ms;           /* no byte in either direction for so long: ERR_TIMEOUT. 0: 60 s */

    /* Called about every 100 ms and after each piece. An error ends the request at once, and client_do returns it: how a caller cancels. NULL: nobody watches. */
    enum err (*watch)(const struct client_progress *progress, void *ctx);
    void *ctx;
};

struct client_answer {
    long status;        /* 0 when no answer came */
    struct buf body;    /* in memory; see above */
    struct buf headers; /* the last answer's header lines as they came */
    uint64_t received;  /* bytes of body that went to out_fd */
    char why[256];      /* a sentence about a failure, from libcurl; "" after success */
};

/* Does it. ERR_OK: an HTTP answer came whole, whatever its status. ERR_UNAVAILABLE: nobody there (name, connection, TLS) or the connection broke; ERR_TIMEOUT: nothing
 * moved for stall_ms; ERR_TOO_LARGE: the answer passed answer_max or out_max; ERR_RANGE: see range_from; ERR_FULL, ERR_IO: out_fd; ERR_INVALID: url, headers, or a
 * body_fd that is shorter than body_len; ERR_NOMEM; or what `watch` returned. No redirect is followed and no proxy is used: a token goes to the host that is
 * named and nowhere else. *a is filled in every case and is the caller's: client_answer_release. */
enum err client_do(struct client *c, const struct client_request *q, struct client_answer *a) MUST_CHECK;
void client_answer_release(struct client_answer *a);

/* Copies the value of a header (name without case, outer white space trimmed). ERR_NOT_FOUND, ERR_TOO_LARGE (size bytes with NUL are too few): out is untouched. */
enum err client_header(const struct client_answer *a, const char *name, char *out, size_t size) MUST_CHECK;

#endif
