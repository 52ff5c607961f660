/* What the files of lib/http share: the server and one request on its way through it. */
#ifndef RB_LIB_HTTP_INTERNAL_H
#define RB_LIB_HTTP_INTERNAL_H

#include "lib/base/arena.h"
#include "lib/base/hash.h"
#include "lib/http/http.h"

#include <stdatomic.h>
#include <microhttpd.h>

#define HTTP_PARAMS_MAX 32         /* of a query */
#define HTTP_HEADERS_MAX 32        /* a handler may add to its answer */
#define HTTP_ARENA_MAX (64u << 10) /* bytes of all strings of one request */

struct crowd; /* crowd.c */
struct crowd_place;

struct http_server {
    struct http_config config;
    struct crowd *crowd; /* its own lock */
    struct MHD_Daemon *daemon;
    struct sign_nonces *nonces; /* its own lock */
    uint64_t started_ms;        /* unix; nonces used before are not remembered, so signatures made before are refused */
    uint16_t port;
    atomic_uint under_way; /* requests whose headers came and whose answer is not out */
};

struct http_pair {
    const char *name, *value;
};

enum stage {
    STAGE_HEADERS, /* nothing but the request line and the headers is known */
    STAGE_BODY,    /* the body is coming in, or is known to be empty */
    STAGE_END      /* the answer was handed to libmicrohttpd */
};

/* One request. Made when its request line is in, used by its connection's thread only, freed when libmicrohttpd says that it is over. */
struct http_request {
    struct http_server *server;
    struct MHD_Connection *connection;
    struct crowd_place *place; /* its connection's; NULL when there was no memory for it */
    struct arena arena;        /* owns all strings below */
    enum stage stage;

    const char *method; /* libmicrohttpd's, valid until the answer was given */
    const char *target; /* raw path and query; NULL when it was too long to keep */
    const struct http_route *route;
    const char *captures[HTTP_CAPTURES_MAX];
    size_t n_captures;
    struct http_pair params[HTTP_PARAMS_MAX];
    size_t n_params;

    uint64_t length; /* Content-Length; 0 when missing */
    int has_length;
    uint64_t received;             /* body bytes so far */
    uint64_t body_started_ms;      /* boot clock */
    struct buf body;               /* buffered routes */
    struct hash_ctx *hash;         /* of the body so far; NULL when nobody will ask, or nothing came yet */
    char body_hash[HASH_HEX_SIZE]; /* of the whole body, once it was asked for */
    int whole;                     /* the body is complete */
    void *state;                   /* streamed routes; ours to drop until handed */
    int handed;                    /* to handle, which owns the state from then on */

    struct sign_claim claim;
    struct sign_key key; /* of messages from its sender to us */
    int has_claim;       /* the signature is good, but for the body's hash */
    int was_checked;     /* by http_check_signature, and what came of it */
    enum err check_error;
    int clock_refused; /* the mac is good and the time is not: the answer carries ours */

    struct http_pair added[HTTP_HEADERS_MAX];
    size_t n_added;
    int answered; /* http_reply* was called */
    unsigned status;
    struct MHD_Response *response; /* NULL before the answer, after it was queued, and when memory ran out */
    int framing_lost;              /* where the body ends is not known: the connection cannot go on */
    int cut;                       /* answered before the body was read: linger, then the connection closes */
};

/* request.c: the request's life, in order. request_new returns NULL when out of memory. */
struct http_request *request_new(struct http_server *s, struct MHD_Connection *c, const char *target);
void request_free(struct http_request *r);
/* The headers are in: finds the route, checks framing and signature, lets a streamed route begin. May answer. */
void request_begin(struct http_request *r, const char *method);
/* A part of the body. ERR_OK, or why the rest is refused (then not yet answered). */
enum err request_piece(struct http_request *r, const void *data, size_t n) MUST_CHECK;
/* The body is whole: compares its hash and calls the handler. There is an answer afterwards. */
void request_end(struct http_request *r);
/* Gives what a streamed route's begin left to its drop, once. */
void request_drop_state(struct http_request *r);

/* crowd.c. Thread-safe. Of so many places this part, one at least, is for those who are leaving: who comes when only these are left makes one leave: who has been idle the
 * longest, else who has been reading one answer for very long. */
#define CROWD_REST_PART 4
/* reading_ms: an answer for which somebody takes longer may be cut. NULL when out of memory. */
struct crowd *crowd_new(unsigned places, unsigned reading_ms);
void crowd_free(struct crowd *c); /* when everybody has left; NULL is fine */
/* A connection was taken: it is idle. NULL when out of memory: then it is in nobody's way. */
struct crowd_place *crowd_enter(struct crowd *c, int fd);
/* Just before its socket is closed. NULL is fine, here and below. 1: a rush is over, three of four who were here at once have left, who were CROWD_RUSH or more. */
#define CROWD_RUSH 64u
int crowd_leave(struct crowd_place *p);
/* The headers of a request are whole; its answer goes out; its answer is out. */
void crowd_is_busy(struct crowd_place *p);
void crowd_is_reading(struct crowd_place *p);
void crowd_is_idle(struct crowd_place *p);
/* How long to wait before the next one is let in, so that those who are leaving have gone: without a place for it libmicrohttpd would turn it away. */
unsigned crowd_pause_ms(struct crowd *c);
/* There is no descriptor for the next connection: one leaves, unless somebody is leaving already. */
void crowd_thin(struct crowd *c);

/* path.c. Splits r->target, checks it and finds r->route, with captures and query. ERR_SYNTAX, ERR_URI_TOO_LONG, ERR_NOT_FOUND, ERR_METHOD (an Allow header
 * is added then), ERR_NOMEM. */
enum err path_match(struct http_request *r) MUST_CHECK;

/* auth.c. Checks the Authorization header of r but for the body's hash, and whether the route takes such a sender; sets the claim. ERR_AUTH, ERR_DENIED, ERR_CLOCK,
 * ERR_STALE_RING, ERR_UNAVAILABLE. */
enum err auth_check_header(struct http_request *r) MUST_CHECK;
/* Once the body is whole: ERR_AUTH when it is not what was signed. Fine when nothing was signed. */
enum err auth_check_body(struct http_request *r) MUST_CHECK;
/* True when the signer named no hash ("stream"). */
int auth_is_stream(const struct http_request *r);

/* secure.c. At a connection's begin: with TLS, nobody gets through the handshake without a certificate of our CA. */
void secure_on_connection(const struct http_server *s, struct MHD_Connection *connection);
/* Whether the connection may ask at all: it is plain and that is what we serve, or its client proved to be of the CA. */
int secure_is_proven(const struct http_server *s, struct MHD_Connection *connection);
/* send(2) past libmicrohttpd, under TLS where the connection is. Does not wait for room. */
ssize_t secure_send(struct MHD_Connection *connection, int fd, const void *data, size_t n);

/* reply.c. Notes the one answer of a request. `response` is NULL when memory ran out: the connection is closed then. */
void reply_set(struct http_request *r, int status, const char *type, struct MHD_Response *response);
/* Hands the answer to libmicrohttpd. */
enum MHD_Result reply_queue(struct http_request *r) MUST_CHECK;
/* Refuses in the middle of a body, where libmicrohttpd can take no answer: writes a problem straight to the socket. The connection must close next. */
void reply_cut(struct http_request *r, enum err e);
/* After an answer that came before the whole body: reads on for a moment, because a close with unread bytes resets the connection
 * and takes the answer away from the client. */
void reply_linger(struct http_request *r);

#endif
