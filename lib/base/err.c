#include "lib/base/err.h"

#include <stddef.h>
#include <string.h>

struct row {
    const char *code;
    int http_status;
    const char *text;
};

static const struct row table[ERR_COUNT] = {
    [ERR_OK] = {"ok", 200, "All is well"},
    [ERR_NOMEM] = {"no-memory", 500, "Out of memory"},
    [ERR_IO] = {"io", 500, "A disk or a descriptor failed"},
    [ERR_INTERNAL] = {"internal", 500, "Something happened that should not"},
    [ERR_CORRUPT] = {"corrupt", 500, "What is stored is not what was written"},
    [ERR_SYNTAX] = {"syntax", 400, "The request is malformed"},
    [ERR_AUTH] = {"auth", 401, "The request is not signed, or not rightly"},
    [ERR_CLOCK] = {"clock", 401, "The clocks of sender and receiver are too far apart"},
    [ERR_DENIED] = {"denied", 403, "That is not allowed"},
    [ERR_NOT_FOUND] = {"not-found", 404, "There is no such thing here"},
    [ERR_METHOD] = {"method", 405, "This address does not take that method"},
    [ERR_CONFLICT] = {"conflict", 409, "That clashes with what is there"},
    [ERR_FENCED] = {"fenced", 409, "Somebody newer was here first"},
    [ERR_STALE_RING] = {"stale-ring", 409, "The request was made under an older ring"},
    [ERR_GONE] = {"gone", 410, "It was deleted"},
    [ERR_LENGTH_REQUIRED] = {"length-required", 411, "The request must say how long its body is"},
    [ERR_PRECONDITION] = {"precondition", 412, "The current version is not the expected one"},
    [ERR_TOO_LARGE] = {"too-large", 413, "The body is too large"},
    [ERR_URI_TOO_LONG] = {"uri-too-long", 414, "The address is too long"},
    [ERR_TYPE] = {"type", 415, "The bytes are not what they are said to be"},
    [ERR_RANGE] = {"range", 416, "The range lies outside of the bytes"},
    [ERR_MISDIRECTED] = {"misdirected", 421, "The request is meant for another node"},
    [ERR_INVALID] = {"invalid", 422, "A value is out of bounds"},
    [ERR_RATE] = {"rate", 429, "Too many requests"},
    [ERR_UNAVAILABLE] = {"unavailable", 503, "Too few machines answer; try again"},
    [ERR_TIMEOUT] = {"timeout", 503, "No answer in time, so it is not known whether it happened; ask again"},
    [ERR_STALE_INDEX] = {"stale-index", 503, "The index is being rebuilt; try again"},
    [ERR_FULL] = {"full", 507, "There is no space left"},
};

static const struct row *find(enum err e)
{
    size_t i = (size_t)e;
    return i < ERR_COUNT ? &table[i] : &table[ERR_INTERNAL];
}

const char *err_code(enum err e)
{
    return find(e)->code;
}

int err_http_status(enum err e)
{
    return find(e)->http_status;
}

const char *err_text(enum err e)
{
    return find(e)->text;
}

enum err err_from_code(const char *code)
{
    for (size_t i = 0; code && i < ERR_COUNT; i++) {
        if (strcmp(code, table[i].code) == 0)
            return (enum err)i;
    }
    return ERR_INTERNAL;
}
