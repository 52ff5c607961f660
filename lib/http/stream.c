/* Answers whose bytes come from a source, piece by piece. */
#include "lib/http/internal.h"

#include "lib/base/log.h"

#include <assert.h>
#include <stdlib.h>

/* Lives as long as libmicrohttpd's response. */
struct stream {
    struct http_source source;
    uint64_t left;
};

static ssize_t read_piece(void *cls, uint64_t at, char *to, size_t max)
{
    struct stream *s = cls;
    size_t n = 0;
    enum err e;

    (void)at;
    if (max > s->left)
        max = (size_t)s->left;
    if (max == 0)
        return MHD_CONTENT_READER_END_OF_STREAM;
    e = s->source.read(s->source.state, to, max, &n);
    if (e) {
        log_write(LOG_DEBUG, "http", "a streamed answer was broken off: %s", err_text(e));
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    assert(n > 0 && n <= max);
    s->left -= n;
    return (ssize_t)n;
}

static void end_stream(void *cls)
{
    struct stream *s = cls;

    s->source.drop(s->source.state);
    free(s);
}

void http_reply_stream(struct http_request *r, int status, const char *type, uint64_t len, const struct http_source *source)
{
    struct MHD_Response *response;
    struct stream *s;

    if (len == 0) {
        source->drop(source->state);
        http_reply(r, status, type, "", 0);
        return;
    }
    s = malloc(sizeof *s);
    if (!s) {
        source->drop(source->state);
        reply_set(r, status, type, NULL);
        return;
    }
    *s = (struct stream){*source, len};
    response = MHD_create_response_from_callback(len, HTTP_PIECE_MAX, read_piece, s, end_stream);
    if (!response)
        end_stream(s);
    reply_set(r, status, type, response);
}
