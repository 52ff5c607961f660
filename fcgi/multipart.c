#include "fcgi/multipart.h"

#include "fcgi/multipart_header.h"

#include <assert.h>
#include <string.h>

#define PADDING_MAX 128u /* blanks behind a boundary; nobody sends any */

/* The window always starts with what has not been decided yet. A virtual CRLF stands before the body, so that the first delimiter looks like the others. */
enum state { STATE_PREAMBLE, STATE_DELIMITER_END, STATE_HEADERS, STATE_DATA, STATE_EPILOGUE };

/* What one look at the window came to. */
enum step { STEP_AGAIN, STEP_MORE };

static enum err fail(struct multipart *m, enum err e, const char *detail)
{
    m->detail = detail;
    return e;
}

void multipart_init(struct multipart *m, const char *boundary, const struct multipart_sink *sink)
{
    size_t n = strlen(boundary);
    assert(n > 0 && n <= MULTIPART_BOUNDARY_MAX);
    m->sink = sink;
    m->state = STATE_PREAMBLE;
    m->parts = 0;
    m->detail = NULL;
    memcpy(m->delimiter, "\r\n--", 4);
    memcpy(m->delimiter + 4, boundary, n + 1);
    m->delimiter_len = n + 4;
    memcpy(m->window, "\r\n", 2);
    m->len = 2;
}

static void drop(struct multipart *m, size_t n)
{
    assert(n <= m->len);
    m->len -= n;
    memmove(m->window, m->window + n, m->len);
}

/* Bytes at the start of the window that cannot be part of a delimiter; *found: the delimiter follows them. */
static size_t before_delimiter(const struct multipart *m, int *found)
{
    const char *at = memmem(m->window, m->len, m->delimiter, m->delimiter_len);
    *found = at != NULL;
    if (at)
        return (size_t)(at - m->window);
    return m->len >= m->delimiter_len ? m->len - m->delimiter_len + 1 : 0;
}

static enum err step_preamble(struct multipart *m, enum step *step)
{
    int found;
    size_t n = before_delimiter(m, &found);
    drop(m, found ? n + m->delimiter_len : n);
    *step = found ? STEP_AGAIN : STEP_MORE;
    if (found)
        m->state = STATE_DELIMITER_END;
    return ERR_OK;
}

/* Behind a delimiter: "--" ends the body; else white space (RFC 2046: transport padding) and a CRLF, which stays as the start of the headers. */
static enum err step_delimiter_end(struct multipart *m, enum step *step)
{
    size_t pad = 0;
    *step = STEP_MORE;
    if (m->len >= 2 && memcmp(m->window, "--", 2) == 0) {
        m->state = STATE_EPILOGUE;
        m->len = 0;
        return ERR_OK;
    }
    while (pad < m->len && pad < PADDING_MAX && (m->window[pad] == ' ' || m->window[pad] == '\t'))
        pad++;
    if (m->len < pad + 2)
        return ERR_OK;
    if (memcmp(m->window + pad, "\r\n", 2) != 0)
        return fail(m, ERR_SYNTAX, "A line of the form's boundary goes on where it should end.");
    if (m->parts == MULTIPART_PARTS_MAX)
        return fail(m, ERR_TOO_LARGE, "The form has more than 16 parts.");
    m->parts++;
    drop(m, pad);
    m->state = STATE_HEADERS;
    *step = STEP_AGAIN;
    return ERR_OK;
}

static enum err step_headers(struct multipart *m, enum step *step)
{
    const char *end = memmem(m->window, m->len, "\r\n\r\n", 4);
    *step = STEP_MORE;
    if (!end && m->len <= MULTIPART_HEADERS_MAX)
        return ERR_OK;
    size_t n = end ? (size_t)(end - m->window) : m->len;
    if (n > MULTIPART_HEADERS_MAX)
        return fail(m, ERR_TOO_LARGE, "The headers of a part of the form are longer than 8 KiB.");
    enum err e = multipart_header_parse(m->window, n, &m->part, &m->detail);
    if (!e)
        e = m->sink->begin(m->sink->ctx, &m->part, &m->detail);
    if (e)
        return e;
    drop(m, n + 4);
    m->state = STATE_DATA;
    *step = STEP_AGAIN;
    return ERR_OK;
}

static enum err step_data(struct multipart *m, enum step *step)
{
    int found;
    size_t n = before_delimiter(m, &found);
    enum err e = n > 0 ? m->sink->data(m->sink->ctx, m->window, n, &m->detail) : ERR_OK;
    if (!e && found)
        e = m->sink->end(m->sink->ctx, &m->detail);
    if (e)
        return e;
    drop(m, found ? n + m->delimiter_len : n);
    *step = found ? STEP_AGAIN : STEP_MORE;
    if (found)
        m->state = STATE_DELIMITER_END;
    return ERR_OK;
}

static enum err step_epilogue(struct multipart *m, enum step *step)
{
    m->len = 0; /* RFC 2046: ignored */
    *step = STEP_MORE;
    return ERR_OK;
}

static enum err consume(struct multipart *m)
{
    static enum err (*const steps[])(struct multipart * m, enum step * step) = {
        [STATE_PREAMBLE] = step_preamble,
        [STATE_DELIMITER_END] = step_delimiter_end,
        [STATE_HEADERS] = step_headers,
        [STATE_DATA] = step_data,
        [STATE_EPILOGUE] = step_epilogue,
    };
    enum step step = STEP_AGAIN;
    enum err e = ERR_OK;
    while (!e && step == STEP_AGAIN)
        e = steps[m->state](m, &step);
    return e;
}

enum err multipart_push(struct multipart *m, const void *data, size_t n)
{
    const char *at = data;
    while (n > 0) {
        size_t part = sizeof(m->window) - m->len;
        if (part > n)
            part = n;
        assert(part > 0); /* every step leaves less than a header section and a delimiter behind */
        memcpy(m->window + m->len, at, part);
        m->len += part;
        at += part;
        n -= part;
        enum err e = consume(m);
        if (e)
            return e;
    }
    return ERR_OK;
}

enum err multipart_finish(struct multipart *m)
{
    if (m->state != STATE_EPILOGUE)
        return fail(m, ERR_SYNTAX, "The form ends before its last boundary.");
    return ERR_OK;
}
