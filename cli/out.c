#include "cli/out.h"

#include "cli/out_clean.h"
#include "lib/base/text.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#define REPLACEMENT 0xfffdu
#define WIDTH_DEFAULT 80u
#define WIDTH_MIN 20u
#define LINE_MAX_BYTES 65536
#define JSON_MAX (256u << 20)

void out_init(struct out *o)
{
    *o = (struct out){.file = stdout, .errors = stderr, .terminal = isatty(STDOUT_FILENO)};
}

unsigned out_width(int fd)
{
    struct winsize size;

    if (ioctl(fd, TIOCGWINSZ, &size) || size.ws_col == 0)
        return WIDTH_DEFAULT;
    return size.ws_col < WIDTH_MIN ? WIDTH_MIN : size.ws_col;
}

size_t out_char(const char *s, uint32_t *point)
{
    unsigned char first = (unsigned char)*s;
    size_t len = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;

    if (strnlen(s, len) < len || !text_is_utf8(s, len)) {
        *point = REPLACEMENT;
        return 1;
    }
    *point = len == 1 ? first : first & (0xffu >> (len + 1));
    for (size_t i = 1; i < len; i++)
        *point = *point << 6 | ((unsigned char)s[i] & 0x3fu);
    return len;
}

size_t out_char_cells(uint32_t point)
{
    int cells = wcwidth((wchar_t)point);

    return cells < 0 ? 1 : (size_t)cells;
}

/* What could move the cursor, change the terminal's state, begin a line, or make a name read otherwise than it is. */
static int is_harmful(uint32_t point)
{
    return point < 0x20 || (point >= 0x7f && point <= 0x9f) || (point >= 0x2028 && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069);
}

enum err out_clean(struct buf *b, const char *text)
{
    size_t before = b->len;
    enum err e = ERR_OK;

    while (!e && *text) {
        uint32_t point;
        size_t len = out_char(text, &point);
        if (point == REPLACEMENT || is_harmful(point))
            e = buf_add_str(b, "\xef\xbf\xbd");
        else
            e = buf_add(b, text, len);
        text += len;
    }
    if (e)
        buf_truncate(b, before);
    return e;
}

size_t out_cells(const char *clean)
{
    size_t cells = 0;

    while (*clean) {
        uint32_t point;
        clean += out_char(clean, &point);
        cells += out_char_cells(point);
    }
    return cells;
}

/* One line, cleaned. A text that is too long is not shown by halves. */
static void put_line(FILE *file, const char *before, const char *fmt, va_list ap) __attribute__((format(printf, 3, 0)));
static void put_line(FILE *file, const char *before, const char *fmt, va_list ap)
{
    struct buf line;
    char *text = NULL;
    int lost;

    buf_init(&line, LINE_MAX_BYTES);
    if (vasprintf(&text, fmt, ap) < 0)
        text = NULL;
    lost = out_clean(&line, text ? text : fmt) != ERR_OK;
    fprintf(file, "%s%s\n", before, lost ? "(a line that is too long to be shown)" : buf_str(&line));
    fflush(file);
    free(text);
    buf_release(&line);
}

void out_say(const struct out *o, const char *fmt, ...)
{
    va_list ap;

    if (o->json)
        return;
    va_start(ap, fmt);
    put_line(o->file, "", fmt, ap);
    va_end(ap);
}

void out_note(const struct out *o, const char *fmt, ...)
{
    va_list ap;

    if (o->json || o->quiet)
        return;
    va_start(ap, fmt);
    put_line(o->errors, "", fmt, ap);
    va_end(ap);
}

static void put_json_error(const struct out *o, enum err e, const char *detail)
{
    struct json *j = json_object();
    struct buf text;

    buf_init(&text, LINE_MAX_BYTES);
    json_set_str(j, "error", err_code(e));
    json_set_str(j, "detail", detail);
    if (json_print(j, &text))
        fprintf(o->errors, "{\"error\":\"%s\"}\n", err_code(e));
    else
        fprintf(o->errors, "%s\n", buf_str(&text));
    fflush(o->errors);
    buf_release(&text);
    json_free(j);
}

enum err out_fail(const struct out *o, enum err e, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    if (o->json) {
        char *text = NULL;
        int n = vasprintf(&text, fmt, ap);
        put_json_error(o, e, n < 0 ? err_text(e) : text);
        if (n >= 0)
            free(text);
    } else {
        put_line(o->errors, "ringbinder: ", fmt, ap);
    }
    va_end(ap);
    return e;
}

enum err out_json(const struct out *o, const struct json *j)
{
    struct buf text;
    enum err e;

    if (!o->json)
        return ERR_OK;
    buf_init(&text, JSON_MAX);
    e = json_print(j, &text);
    if (e)
        out_fail(o, e, "%s", err_text(e));
    else
        fprintf(o->file, "%s\n", buf_str(&text));
    buf_release(&text);
    return e;
}
