/* The HTTP server that nodes and coordinators speak with inside the cluster: a route table, bounded bodies, signatures, answers in pieces.
 * Thread per connection behind a connection limit. The only home of libmicrohttpd. */
#ifndef RB_LIB_HTTP_HTTP_H
#define RB_LIB_HTTP_HTTP_H

#include "lib/base/buf.h"
#include "lib/sign/keys.h"
#include "lib/tls/tls.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct http_request; /* lives for one request, in one thread */
struct http_server;

#define HTTP_SEGMENTS_MAX 8
#define HTTP_CAPTURES_MAX 4
#define HTTP_PATH_MAX 8192

enum http_auth {
    HTTP_AUTH_SIGNED,  /* Authorization: RB1 …; the whole body's hash must match (or `stream` for streamed routes) */
    HTTP_AUTH_HANDLER, /* the handler checks a capability or a signature itself (http_check_signature) */
    HTTP_AUTH_NONE     /* /healthz */
};

/* A route. Pattern segments: a word, or "{}" = one percent-decoded segment, captured. A handler answers exactly once with http_reply*. */
struct http_route {
    const char *method;  /* "GET" also serves HEAD */
    const char *pattern; /* "/records/{}/store": {} captures */
    enum http_auth auth;
    unsigned from;   /* enum sign_role of those whose signature counts here; others are 403. None: only for HTTP_AUTH_NONE */
    size_t body_max; /* buffered bodies: larger ones are 413 */
    void (*handle)(struct http_request *r, void *ctx);
    /* Streamed routes set these three and leave handle for the end: begin when the headers are in (may refuse by an error or by http_reply*, or set *state),
     * piece for each part of the body (an error refuses the rest and answers it), drop when it ends without handle: the client went away, the body was refused
     * or is not what was signed, or begin set *state and refused. Once handle is called the state is the handler's. body_max 0 is no limit here. */
    enum err (*begin)(struct http_request *r, void *ctx, void **state);
    enum err (*piece)(void *state, const void *data, size_t n);
    void (*drop)(void *state);
};

struct http_config {
    const char *address;             /* numeric */
    uint16_t port;                   /* 0: any; see http_port() */
    unsigned connections_max;        /* default 512 */
    unsigned connections_per_ip_max; /* 0 = no limit */
    unsigned timeout_s;              /* idle time-out of a connection */
    size_t memory_per_connection;    /* header and read buffer bytes; request line and headers must fit into half of it */
    const struct http_route *routes;
    size_t n_routes;
    const struct sign_keys *keys; /* borrowed, outlive the server */
    const struct tls *tls; /* borrowed, outlives it too: serves TLS 1.3, to clients with a certificate of its CA alone. NULL: plain http */
    void *ctx;             /* handed to handlers */
    const char *self; /* borrowed; a request whose RB-To names another id is refused with 421 before its body is read; NULL = none is */
    uint64_t (*epoch)(void *ctx); /* smallest epoch a signed request may name; NULL = 0 */
    /* Called once for each answer with its status, before it leaves, in the connection's thread: for logs. NULL = nobody. */
    void (*answered)(void *ctx, const struct http_request *r, int status);
};

/* Starts serving; 0 in a limit of config means its default (512 connections, any number of them per address, 30 s, 64 KiB). routes are borrowed like the keys.
 * ERR_IO when the port is taken; ERR_INVALID: the address is not numeric, or there are signatures to check and no keys, or a route that
 * checks them and names nobody; ERR_NOMEM. */
enum err http_start(const struct http_config *config, struct http_server **out) MUST_CHECK;
/* Stops taking connections, ends those that are open, joins all threads (so it waits for handlers that are running). NULL is fine. */
void http_stop(struct http_server *s);
uint16_t http_port(const struct http_server *s);
/* How many requests it is serving now. */
unsigned http_load(const struct http_server *s);

/* The request; strings are borrowed until the answer was given. */
const char *http_method(const struct http_request *r); /* "HEAD" stays "HEAD" */
const char *http_path(const struct http_request *r);   /* raw, with query */
const char *http_capture(
    const struct http_request *r, size_t i); /* decoded; never holds NUL or '/' unless it was %2F; NULL past the last */
const char *http_query(const struct http_request *r, const char *name);  /* decoded, or NULL */
const char *http_header(const struct http_request *r, const char *name); /* any case, or NULL */
const void *http_body(const struct http_request *r, size_t *len);
uint64_t http_content_length(const struct http_request *r, int *known);
void *http_state(const struct http_request *r);                    /* what begin set */
const struct sign_claim *http_claim(const struct http_request *r); /* who signed; NULL when nobody had to */
/* For logs: the route (NULL: none was found), the sender's numeric address, and who the sender says to be ("": nobody; not proven while http_claim() is NULL). */
#define HTTP_PEER_SIZE 46
const struct http_route *http_found_route(const struct http_request *r);
void http_peer(const struct http_request *r, char out[HTTP_PEER_SIZE]);
const char *http_claimed_sender(const struct http_request *r);
/* For HTTP_AUTH_HANDLER: checks the Authorization header as a signature. In a streamed route's begin the body's hash is still to come: it is compared before handle.
 * ERR_AUTH, ERR_DENIED (not from such a sender), ERR_CLOCK, ERR_STALE_RING, ERR_UNAVAILABLE: for http_reply_problem, which tells our time with ERR_CLOCK. */
enum err http_check_signature(struct http_request *r) MUST_CHECK;

/* Answers. Headers are added before the reply; names and values with CR or LF are dropped and logged. */
void http_add_header(struct http_request *r, const char *name, const char *value);
void http_reply(struct http_request *r, int status, const char *type, const void *body, size_t len); /* body copied */
void http_reply_json(struct http_request *r, int status, struct buf *body);                          /* takes body's memory */
void http_reply_problem(struct http_request *r, enum err e, const char *detail);                     /* RFC 9457 */

/* Where the bytes of a streamed answer come from. Both are called in the connection's own thread and may wait: nobody else waits with them. */
struct http_source {
    /* Puts 1 to max of the bytes that are still due into `to`. An error breaks the connection, so that what was sent so far cannot be taken for the whole. */
    enum err (*read)(void *state, void *to, size_t max, size_t *n);
    void (*drop)(void *state); /* once, when no more is asked for, however it ended */
    void *state;
};
/* `len` bytes of a source, asked for in pieces of at most HTTP_PIECE_MAX as the client takes them; takes source->state. HEAD, and a length of 0, read nothing. */
#define HTTP_PIECE_MAX 65536u
void http_reply_stream(struct http_request *r, int status, const char *type, uint64_t len, const struct http_source *source);

/* Range and conditions of RFC 9110 for a body of `size` bytes with a strong ETag (with its quotes) and a time (0 = none). */
enum http_range_result { HTTP_RANGE_WHOLE, HTTP_RANGE_PART, HTTP_RANGE_UNSATISFIABLE, HTTP_RANGE_NOT_MODIFIED };
struct http_conditions {
    const char *range, *if_range, *if_none_match, *if_modified_since;
};
/* One range only: several are answered as the whole. *first and *last (inclusive) are set for PART. Malformed ones are ignored, as the RFC says. Pure; fuzzed. */
enum http_range_result http_range(
    const struct http_conditions *c, uint64_t size, const char *etag, uint64_t modified_unix_s, uint64_t *first, uint64_t *last);

#endif
