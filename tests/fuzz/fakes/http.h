/* Requests to a server of lib/http without a socket. A stand-in for libmicrohttpd, put in its place by the linker (microhttpd.c; requests.c reads what follows), hands them to the call-backs
 * that http_start() gave it, in the order in which libmicrohttpd would: line, headers, the body in pieces, its end. So all of lib/http runs, and a program's
 * real routes and handlers, in the caller's thread.
 *
 * The text of a request, which is what a seed holds:
 *
 *   ROLE METHOD TARGET        ROLE: api, tool, node, coordinator: signed as "ROLE:fuzz" (node: as the node named in http_fuzz.node);
 *                             node:ID as that one;
 *                             blob, file: a capability of the asked node for the target's last segment; none: nothing of the sort
 *   Header: value             any number
 *   <an empty line>
 *   the body, to the end or to a line "%%", behind which the next request begins
 *
 * METHOD "FRAME" is a POST whose body's first line becomes the head of a frame (lib/wire/frame.h) and the rest its bytes. Content-Length is added when no
 * header says it. "Cut: N" is no header: the client goes away after N bytes of the body. Nor is "Late: N": it was signed N ms ago. */
#ifndef RB_TESTS_FUZZ_FAKES_HTTP_H
#define RB_TESTS_FUZZ_FAKES_HTTP_H

#include "tests/fuzz/fuzz.h"

#include "lib/http/http.h"

/* Who asks whom. */
struct http_fuzz {
    struct sign_key master;
    const char *receiver; /* the asked node's id; NULL: a coordinator */
    const char *node;     /* the id of the node that asks as "node" */
    uint64_t epoch;
};

/* What came of one request. */
struct http_answer {
    int status; /* 0: the connection was broken off without one */
    int is_signed, wants_more;
    char type[64];
    struct buf body;
};

/* Plays all requests of a text to the one server that was started, at most HTTP_FUZZ_REQUESTS, and holds each answer to what every answer must be. `each` may
 * look at it besides; NULL is fine. With FUZZ_SHOW in the environment each answer is written to standard error. */
#define HTTP_FUZZ_REQUESTS 8
void http_fuzz_play(
    const struct http_fuzz *f, const uint8_t *data, size_t size, void (*each)(const char *line, const struct http_answer *answer));

#endif
