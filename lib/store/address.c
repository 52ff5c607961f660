#include "lib/store/address.h"

#include "lib/base/num.h"

#include <string.h>

#define SENTINEL_PREFIX "sentinel:"
#define UNIX_PREFIX "unix:"
#define PORT_DIGITS_MAX 5

static int starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* Copies n bytes that must be there and must fit. */
static enum err copy(const char *text, size_t n, char *out, size_t size)
{
    if (n == 0 || n >= size)
        return ERR_SYNTAX;
    memcpy(out, text, n);
    out[n] = '\0';
    return ERR_OK;
}

static enum err parse_port(const char *text, size_t n, uint16_t *out)
{
    char digits[PORT_DIGITS_MAX + 1];
    uint64_t port = 0;
    enum err e = copy(text, n, digits, sizeof digits);
    if (e == ERR_OK)
        e = num_parse_u64(digits, UINT16_MAX, &port);
    if (e != ERR_OK || port == 0)
        return ERR_SYNTAX;
    *out = (uint16_t)port;
    return ERR_OK;
}

/* HOST:PORT in n bytes. The last colon is the one: an IPv6 address has others. */
static enum err parse_place(const char *text, size_t n, struct address_place *out)
{
    const char *colon = memrchr(text, ':', n);
    if (!colon)
        return ERR_SYNTAX;
    size_t host_len = (size_t)(colon - text);
    enum err e = parse_port(colon + 1, n - host_len - 1, &out->port);
    if (e != ERR_OK)
        return e;
    if (host_len > 2 && text[0] == '[' && colon[-1] == ']') {
        e = copy(text + 1, host_len - 2, out->host, sizeof out->host);
        return e == ERR_OK && (strpbrk(out->host, "[]/") || !strchr(out->host, ':')) ? ERR_SYNTAX : e;
    }
    e = copy(text, host_len, out->host, sizeof out->host);
    return e == ERR_OK && strpbrk(out->host, "[]:/") ? ERR_SYNTAX : e;
}

static enum err parse_sentinels(const char *text, struct address *out)
{
    const char *slash = strrchr(text, '/');
    if (!slash)
        return ERR_SYNTAX;
    enum err e = copy(slash + 1, strlen(slash + 1), out->master, sizeof out->master);
    while (e == ERR_OK && text <= slash) {
        const char *end = memchr(text, ',', (size_t)(slash - text));
        if (!end)
            end = slash;
        if (out->n_places == ADDRESS_SENTINELS_MAX)
            return ERR_SYNTAX;
        e = parse_place(text, (size_t)(end - text), &out->places[out->n_places++]);
        text = end + 1;
    }
    return e;
}

enum err address_parse(const char *text, struct address *out)
{
    struct address a = {.kind = ADDRESS_TCP};
    enum err e;
    if (starts_with(text, UNIX_PREFIX)) {
        a.kind = ADDRESS_UNIX;
        text += strlen(UNIX_PREFIX);
        e = copy(text, strlen(text), a.path, sizeof a.path);
    } else if (starts_with(text, SENTINEL_PREFIX)) {
        a.kind = ADDRESS_SENTINEL;
        e = parse_sentinels(text + strlen(SENTINEL_PREFIX), &a);
    } else {
        a.n_places = 1;
        e = parse_place(text, strlen(text), &a.places[0]);
    }
    if (e == ERR_OK)
        *out = a;
    return e;
}

int address_place_equal(const struct address_place *a, const struct address_place *b)
{
    return a->port == b->port && strcmp(a->host, b->host) == 0;
}
