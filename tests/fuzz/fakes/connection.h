/* What the two halves of the stand-in for libmicrohttpd share: one request, and the connection that it comes over. microhttpd.c is the library, requests.c the
 * client. */
#ifndef RB_TESTS_FUZZ_FAKES_CONNECTION_H
#define RB_TESTS_FUZZ_FAKES_CONNECTION_H

#include "tests/fuzz/fakes/http.h"

#include <microhttpd.h>
#include <netinet/in.h>

#define HEADERS_MAX 16
#define BODY_MAX (64u << 10) /* of an answer that is looked at */

struct header {
    char *name, *value;
};

struct MHD_Connection {
    struct header headers[HEADERS_MAX];
    size_t n_headers;
    int socket[2]; /* made when somebody asks for it */
    struct sockaddr_in peer;
    union MHD_ConnectionInfo info;
    struct MHD_Response *response;
    unsigned status;
};

struct fake_request {
    const char *method, *target;
    const char *body;
    size_t len, piece, cut; /* cut: bytes after which the client goes away */
    uint64_t late_ms;       /* signed so long ago */
};

/* The call-backs in libmicrohttpd's order. Returns when the request is over; the connection keeps its response. */
void connection_serve(struct MHD_Connection *c, const struct fake_request *q, struct http_answer *out);

#endif
