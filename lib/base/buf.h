/* A growing byte buffer that is born with its maximum. */
#ifndef RB_LIB_BASE_BUF_H
#define RB_LIB_BASE_BUF_H

#include "lib/base/err.h"

#include <stdarg.h>
#include <stddef.h>

struct buf {
    char *data; /* NUL-terminated whenever it is not NULL, for convenience; the NUL is not counted */
    size_t len; /* bytes in use */
    size_t cap; /* bytes allocated, without the NUL */
    size_t max; /* never grows past this */
};

/* An empty buffer that may hold up to max bytes. Allocates nothing yet. */
void buf_init(struct buf *b, size_t max);

/* Frees what it holds; the buffer is empty and usable again with the same maximum. */
void buf_release(struct buf *b);

/* Forgets the contents and keeps the memory. */
void buf_reset(struct buf *b);

/* Forgets all past the first len bytes (len ≤ b->len): how a failed series of appends is taken back. */
void buf_truncate(struct buf *b, size_t len);

/* Makes room for n more bytes (at data + len), so that a reader can fill them. ERR_NOMEM past the maximum: unchanged. */
enum err buf_reserve(struct buf *b, size_t n) MUST_CHECK;

/* Appends n bytes / a C string / printf text. ERR_NOMEM past the maximum, and then the buffer is unchanged. */
enum err buf_add(struct buf *b, const void *data, size_t n) MUST_CHECK;
enum err buf_add_str(struct buf *b, const char *s) MUST_CHECK;
enum err buf_addf(struct buf *b, const char *fmt, ...) MUST_CHECK __attribute__((format(printf, 2, 3)));
enum err buf_vaddf(struct buf *b, const char *fmt, va_list ap) MUST_CHECK __attribute__((format(printf, 2, 0)));

/* The contents as the caller's own NUL-terminated heap string (free()); the buffer is empty afterwards. NULL when out of memory. */
char *buf_take(struct buf *b);

/* The contents as a C string, "" when nothing was added; borrowed until the next change. */
const char *buf_str(const struct buf *b);

#endif
