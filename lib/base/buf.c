#include "lib/base/buf.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAP 64

void buf_init(struct buf *b, size_t max)
{
    assert(max < SIZE_MAX); /* one more byte is needed for the NUL */
    *b = (struct buf){.max = max};
}

void buf_release(struct buf *b)
{
    free(b->data);
    buf_init(b, b->max);
}

void buf_reset(struct buf *b)
{
    buf_truncate(b, 0);
}

void buf_truncate(struct buf *b, size_t len)
{
    assert(len <= b->len);
    b->len = len;
    if (b->data)
        b->data[len] = '\0';
}

enum err buf_reserve(struct buf *b, size_t n)
{
    assert(b->len <= b->max);
    if (n > b->max - b->len)
        return ERR_NOMEM;
    size_t need = b->len + n;
    if (b->data && need <= b->cap)
        return ERR_OK;

    /* Doubling keeps appending linear; the maximum caps the last step. */
    size_t cap = b->cap ? b->cap : FIRST_CAP;
    while (cap < need)
        cap = cap > b->max / 2 ? b->max : cap * 2;
    if (cap > b->max)
        cap = b->max;
    char *data = realloc(b->data, cap + 1);
    if (!data)
        return ERR_NOMEM;
    b->data = data;
    b->cap = cap;
    b->data[b->len] = '\0';
    return ERR_OK;
}

enum err buf_add(struct buf *b, const void *data, size_t n)
{
    enum err e = buf_reserve(b, n);
    if (e)
        return e;
    if (n > 0)
        memcpy(b->data + b->len, data, n);
    b->len += n;
    b->data[b->len] = '\0';
    return ERR_OK;
}

enum err buf_add_str(struct buf *b, const char *s)
{
    return buf_add(b, s, strlen(s));
}

enum err buf_vaddf(struct buf *b, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    if (n < 0)
        return ERR_NOMEM;
    enum err e = buf_reserve(b, (size_t)n);
    if (e)
        return e;
    int written = vsnprintf(b->data + b->len, (size_t)n + 1, fmt, ap);
    assert(written == n);
    b->len += (size_t)n;
    return ERR_OK;
}

enum err buf_addf(struct buf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    enum err e = buf_vaddf(b, fmt, ap);
    va_end(ap);
    return e;
}

char *buf_take(struct buf *b)
{
    if (buf_reserve(b, 0))
        return NULL;
    char *data = b->data;
    buf_init(b, b->max);
    return data;
}

const char *buf_str(const struct buf *b)
{
    return b->data ? b->data : "";
}
