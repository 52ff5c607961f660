#include "lib/base/log.h"

#include "lib/base/clock.h"
#include "lib/base/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PROCESS_MAX 63
#define TEXT_MAX 2000
/* A byte becomes at most six, and so do the 63 of the process's name; the rest is room for the time, the level and the event. */
#define LINE_MAX_BYTES (6 * (TEXT_MAX + PROCESS_MAX) + 256)
#define EVENT_MAX 64

static struct {
    char process[PROCESS_MAX + 1];
    enum log_level min;
} settings = {.process = "?", .min = LOG_INFO};

static const char *const level_names[] = {[LOG_DEBUG] = "debug", [LOG_INFO] = "info", [LOG_WARN] = "warn", [LOG_ERROR] = "error"};
#define LEVELS (sizeof(level_names) / sizeof(level_names[0]))

struct line {
    char bytes[LINE_MAX_BYTES];
    size_t len;
};

void log_init(const char *process, enum log_level min)
{
    snprintf(settings.process, sizeof(settings.process), "%s", process);
    settings.min = min;
}

/* Appends s as the inside of a JSON string. */
static void add_escaped(struct line *line, const char *s, size_t len)
{
    while (len > 0) {
        char one[TEXT_JSON_CHAR_SIZE];
        size_t taken = text_json_char(s, len, one);
        size_t n = strlen(one);
        if (n > sizeof(line->bytes) - line->len)
            return;
        memcpy(line->bytes + line->len, one, n);
        line->len += n;
        s += taken;
        len -= taken;
    }
}

static void add(struct line *line, const char *s)
{
    size_t n = strlen(s);
    if (n > sizeof(line->bytes) - line->len)
        return;
    memcpy(line->bytes + line->len, s, n);
    line->len += n;
}

/* The length at which text is cut, so that no character is halved. */
static size_t cut(const char *text, size_t len)
{
    if (len <= TEXT_MAX)
        return len;
    len = TEXT_MAX;
    while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
        len--;
    return len;
}

void log_write(enum log_level level, const char *event, const char *fmt, ...)
{
    if (level < settings.min || (size_t)level >= LEVELS)
        return;
    int saved = errno;
    char at[TEXT_TIME_SIZE];
    char text[TEXT_MAX + 5] = ""; /* room to see the whole of the character at the cut */
    struct line line = {.len = 0};

    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    text_time_rfc3339(clock_unix_ms(), at);
    add(&line, "{\"at\":\"");
    add(&line, at);
    add(&line, "\",\"level\":\"");
    add(&line, level_names[level]);
    add(&line, "\",\"process\":\"");
    add_escaped(&line, settings.process, strlen(settings.process));
    add(&line, "\",\"event\":\"");
    add_escaped(&line, event, strnlen(event, EVENT_MAX));
    add(&line, "\",\"text\":\"");
    add_escaped(&line, text, cut(text, strlen(text)));
    add(&line, "\"}\n");

    /* One call a line keeps lines of many threads apart. A log that cannot be written has nobody to tell. */
    ssize_t ignored;
    do {
        ignored = write(STDERR_FILENO, line.bytes, line.len);
    } while (ignored < 0 && errno == EINTR);
    errno = saved;
}

int log_level_parse(const char *word)
{
    for (size_t i = 0; word && i < LEVELS; i++) {
        if (strcmp(word, level_names[i]) == 0)
            return (int)i;
    }
    return -1;
}
