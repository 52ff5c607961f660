/* The life of one request: read its target, find its route, let the handler answer, count it. Also the inside of struct request, for this folder and tests only. */
#ifndef RB_FCGI_FRONT_H
#define RB_FCGI_FRONT_H

#include "fcgi/metrics.h"
#include "fcgi/request.h"
#include "fcgi/routes.h"
#include "fcgi/transport.h"
#include "fcgi/who.h"

#define FRONT_ID_SIZE 65        /* a request's number with NUL */
#define FRONT_HEADERS_MAX 16384 /* bytes of an answer's header section */

struct request {
    struct worker *worker;
    struct metrics *metrics;
    const struct transport *transport;
    struct target target;
    struct routes_match match;
    struct asker asker; /* nobody on routes that are open to all, until their handler asks */
    char id[FRONT_ID_SIZE];
    uint64_t body_left; /* of the Content-Length, 0 when there is none */
    struct buf headers; /* "Name: value\r\n" lines so far */
    int retry_after_set;
    int answered;          /* the status that was sent, 0 before */
    const char *note_who;  /* for the audit log: who asks, NULL: nobody signed in */
    char note_detail[128]; /* what a handler adds: the id of the record that was made */
};

/* Serves one request to its end. The worker's arena is reset. */
void front_serve(struct worker *w, struct metrics *m, const struct transport *t);

/* The two ends of a request, for tests of request.c and response.c; front_serve() calls them. */
void request_init(struct request *r, struct worker *w, struct metrics *m, const struct transport *t);
void request_release(struct request *r);

#endif
