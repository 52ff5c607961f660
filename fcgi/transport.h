/* What carries one request: libfcgi in the program (worker.c), memory in tests. The rest of the front sees only this. */
#ifndef RB_FCGI_TRANSPORT_H
#define RB_FCGI_TRANSPORT_H

#include "lib/base/err.h"

#include <stddef.h>

struct transport {
    /* A CGI variable ("REQUEST_URI", "HTTP_IF_MATCH"), NULL when absent; valid until the request ends. */
    const char *(*param)(void *ctx, const char *name);
    /* Up to n bytes of the body; 0 at its end, -1 when the connection broke. */
    long (*read)(void *ctx, void *into, size_t n);
    /* Writes n bytes of the answer. ERR_IO when nobody listens any more. */
    enum err (*write)(void *ctx, const void *data, size_t n);
    void *ctx;
};

#endif
