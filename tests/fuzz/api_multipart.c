/* Forms come out the same whether they are pushed whole, byte by byte or in odd pieces, and no part is longer than the body. Input: a line with the
 * Content-Type, then the body. */
#include "tests/fuzz/fuzz.h"

#include "fcgi/multipart.h"
#include "lib/base/text.h"

/* What the sink saw, as text. */
struct seen {
    struct buf log;
    size_t data;
    int open;
};

static enum err begin(void *ctx, const struct multipart_part *part, const char **detail)
{
    struct seen *s = ctx;
    (void)detail;
    FUZZ_CHECK(!s->open);
    s->open = 1;
    FUZZ_CHECK(*part->name && text_is_utf8(part->name, strlen(part->name)) && !text_has_control(part->name, strlen(part->name)));
    FUZZ_CHECK(text_is_utf8(part->filename, strlen(part->filename)) && !text_has_control(part->filename, strlen(part->filename)));
    FUZZ_CHECK(!text_has_control(part->type, strlen(part->type)));
    return buf_addf(&s->log, "<%s|%d|%s|%s>", part->name, part->has_filename, part->filename, part->type);
}

static enum err data_came(void *ctx, const void *data, size_t n, const char **detail)
{
    struct seen *s = ctx;
    (void)detail;
    FUZZ_CHECK(s->open && n > 0);
    s->data += n;
    return buf_add(&s->log, data, n);
}

static enum err end(void *ctx, const char **detail)
{
    struct seen *s = ctx;
    (void)detail;
    FUZZ_CHECK(s->open);
    s->open = 0;
    return buf_add_str(&s->log, "</>");
}

static enum err run(const char *boundary, const uint8_t *body, size_t size, size_t piece, struct seen *s)
{
    struct multipart_sink sink = {.begin = begin, .data = data_came, .end = end, .ctx = s};
    struct multipart m;
    enum err e = ERR_OK;
    *s = (struct seen){.data = 0};
    buf_init(&s->log, 8u << 20);
    multipart_init(&m, boundary, &sink);
    for (size_t at = 0; !e && at < size; at += piece) {
        size_t n = size - at < piece ? size - at : piece;
        uint8_t *exact = malloc(n);
        memcpy(exact, body + at, n);
        e = multipart_push(&m, exact, n);
        free(exact);
    }
    if (!e)
        e = multipart_finish(&m);
    FUZZ_CHECK(e || !s->open);
    FUZZ_CHECK(s->data <= size);
    return e;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *content_type = fuzz_line(&data, &size);
    char boundary[MULTIPART_BOUNDARY_MAX + 1];
    if (multipart_boundary(content_type, boundary) == ERR_OK) {
        static const size_t pieces[] = {1, 3, 61};
        struct seen whole, parts;
        FUZZ_CHECK(*boundary && strlen(boundary) <= MULTIPART_BOUNDARY_MAX);
        enum err e = run(boundary, data, size, size ? size : 1, &whole);
        for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
            FUZZ_CHECK(run(boundary, data, size, pieces[i], &parts) == e);
            FUZZ_CHECK(e || (whole.log.len == parts.log.len && memcmp(buf_str(&whole.log), buf_str(&parts.log), whole.log.len) == 0));
            buf_release(&parts.log);
        }
        buf_release(&whole.log);
    }
    free(content_type);
    return 0;
}
