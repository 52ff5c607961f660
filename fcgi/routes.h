/* The route table: a URL leads to a row, a row leads to a file in handler/. */
#ifndef RB_FCGI_ROUTES_H
#define RB_FCGI_ROUTES_H

#include "fcgi/target.h"
#include "lib/auth/role.h"

struct request;

#define ROUTES_CAPTURES_MAX 2
#define ROUTES_ALLOW_SIZE 64 /* bytes of an Allow header's value with NUL */

struct route {
    const char *method;  /* "GET" also serves HEAD */
    const char *pattern; /* "/api/v1/courses/{}": {} captures one segment */
    const char *params;  /* the query parameters it knows, one space between them; "" = none */
    enum act act;        /* what is asked for: the front refuses who may not at all, the handler who may not here */
    void (*handle)(struct request *r);
};

/* The table and its length. */
const struct route *routes_all(size_t *n);

struct routes_match {
    const struct route *route;
    const struct target_text *captures[ROUTES_CAPTURES_MAX]; /* borrowed from the target */
    size_t n_captures;
    char allow[ROUTES_ALLOW_SIZE]; /* after ERR_METHOD: "GET, HEAD, PUT" */
};

/* Finds the row. ERR_NOT_FOUND: no pattern fits; ERR_METHOD: one fits with other methods, see allow. */
enum err routes_find(const struct target *t, const char *method, struct routes_match *out) MUST_CHECK;

/* The first parameter of the target that the row does not know, or NULL. */
const char *routes_unknown_param(const struct route *route, const struct target *t);

#endif
