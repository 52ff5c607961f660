#include "lib/name/reserved.h"

#include <string.h>

#define HEX_DIGITS 64

static int begins(const char *key, size_t len, const char *prefix)
{
    size_t n = strlen(prefix);
    return len >= n && memcmp(key, prefix, n) == 0;
}

int name_is_reserved(const char *key, size_t len)
{
    const size_t peer = sizeof(RESERVED_PEER) - 1;
    if (begins(key, len, RESERVED_SYS))
        return 1;
    if (len != peer + HEX_DIGITS || !begins(key, len, RESERVED_PEER))
        return 0;
    for (size_t i = peer; i < len; i++)
        if (!key[i] || !strchr("0123456789abcdef", key[i]))
            return 0;
    return 1;
}
