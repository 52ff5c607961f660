#include "fcgi/handler/media.h"

#include <string.h>

/* A shown file may stand in a frame of our own pages; it runs nothing and loads nothing. */
#define SHOWN "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'self'"
#define SAVED "default-src 'none'; sandbox; frame-ancestors 'none'"

struct row {
    const char *record_type, *type;
    int may_inline;
};

/* Text is said to be UTF-8, so that no browser guesses UTF-7 or worse. Whatever is not in this table is bytes to be saved. */
static const struct row table[] = {
    {"application/pdf", "application/pdf", 1},
    {"image/png", "image/png", 1},
    {"text/plain", "text/plain; charset=utf-8", 1},
    {"text/markdown", "text/markdown; charset=utf-8", 0},
    {"text/csv", "text/csv; charset=utf-8", 0},
    {"text/rtf", "text/rtf; charset=utf-8", 0},
    {"text/calendar", "text/calendar; charset=utf-8", 0},
    {"application/rtf", "application/rtf", 0},
    {"image/jpeg", "image/jpeg", 0},
    {"image/gif", "image/gif", 0},
    {"image/webp", "image/webp", 0},
    {"application/zip", "application/zip", 0},
    {"application/gzip", "application/gzip", 0},
    {"application/json", "application/json", 0},
    {"application/epub+zip", "application/epub+zip", 0},
    {"application/msword", "application/msword", 0},
    {"application/vnd.ms-excel", "application/vnd.ms-excel", 0},
    {"application/vnd.ms-powerpoint", "application/vnd.ms-powerpoint", 0},
    {"application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document", 0},
    {"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", 0},
    {"application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation", 0},
    {"application/vnd.oasis.opendocument.text", "application/vnd.oasis.opendocument.text", 0},
    {"application/vnd.oasis.opendocument.spreadsheet", "application/vnd.oasis.opendocument.spreadsheet", 0},
    {"application/vnd.oasis.opendocument.presentation", "application/vnd.oasis.opendocument.presentation", 0},
};

struct media media_of(const char *record_type)
{
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (strcmp(table[i].record_type, record_type) == 0)
            return (struct media){table[i].type, table[i].may_inline, table[i].may_inline ? SHOWN : SAVED};
    }
    return (struct media){"application/octet-stream", 0, SAVED};
}
