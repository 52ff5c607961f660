/* multipart/form-data (RFC 7578, RFC 2046 §5.1) as it streams in: bounded, push by push. A parser of outside bytes: fuzzed. */
#ifndef RB_FCGI_MULTIPART_H
#define RB_FCGI_MULTIPART_H

#include "lib/base/err.h"

#include <stddef.h>

#define MULTIPART_BOUNDARY_MAX 70 /* RFC 2046 */
#define MULTIPART_PARTS_MAX 16
#define MULTIPART_HEADERS_MAX 8192 /* bytes of one part's header section */
#define MULTIPART_NAME_MAX 128     /* bytes of a field's name */
#define MULTIPART_FILENAME_MAX 2048
#define MULTIPART_TYPE_MAX 256
#define MULTIPART_WINDOW 16384 /* bytes looked at together; holds a whole header section and a delimiter */

/* What a part's headers say; strings live until its end. They are UTF-8 without control characters. */
struct multipart_part {
    char name[MULTIPART_NAME_MAX + 1];
    int has_filename;
    char filename[MULTIPART_FILENAME_MAX + 1];
    char type[MULTIPART_TYPE_MAX + 1]; /* Content-Type as sent, "" when none */
};

/* What is done with the parts. Any error stops the parser, which then gives that error. *detail may be set to a sentence. */
struct multipart_sink {
    enum err (*begin)(void *ctx, const struct multipart_part *part, const char **detail);
    enum err (*data)(void *ctx, const void *data, size_t n, const char **detail);
    enum err (*end)(void *ctx, const char **detail);
    void *ctx;
};

struct multipart {
    const struct multipart_sink *sink;
    int state;
    unsigned parts;
    const char *detail;                         /* after an error: a sentence for people, or NULL */
    char delimiter[MULTIPART_BOUNDARY_MAX + 5]; /* CRLF, two dashes, boundary */
    size_t delimiter_len;
    struct multipart_part part;
    size_t len; /* bytes in window */
    char window[MULTIPART_WINDOW];
};

/* The boundary of a Content-Type value. ERR_TYPE: not multipart/form-data; ERR_SYNTAX: no boundary, or one that RFC 2046 does not allow. */
enum err multipart_boundary(const char *content_type, char out[MULTIPART_BOUNDARY_MAX + 1]) MUST_CHECK;

/* Starts a parser (about 19 KiB; no allocation). The sink is borrowed. */
void multipart_init(struct multipart *m, const char *boundary, const struct multipart_sink *sink);
/* The next n bytes of the body. ERR_SYNTAX: malformed; ERR_TOO_LARGE: a bound above; or what the sink said. */
enum err multipart_push(struct multipart *m, const void *data, size_t n) MUST_CHECK;
/* The body has ended. ERR_SYNTAX when the closing delimiter has not come. */
enum err multipart_finish(struct multipart *m) MUST_CHECK;

#endif
