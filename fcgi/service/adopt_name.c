/* What an adopted file is called. */
#include "fcgi/service/adopt.h"

#include "lib/base/num.h"
#include "lib/wire/record.h"

#include <stdio.h>
#include <string.h>

void adopt_key(const char *sha256, char out[ADOPT_KEY_SIZE])
{
    snprintf(out, ADOPT_KEY_SIZE, PEERS_KEY_PREFIX "%.64s", sha256);
}

int adopt_is_key(const char *key)
{
    size_t n = strlen(PEERS_KEY_PREFIX);
    return strncmp(key, PEERS_KEY_PREFIX, n) == 0 && num_is_hex(key + n, 2 * HASH_SIZE);
}

const char *adopt_filename(const char *name)
{
    const char *slash = strrchr(name, '/');
    const char *last = slash == NULL ? name : slash + 1;
    size_t chars = 0;
    for (const char *c = last + strlen(last); c > last; c--) {
        chars += ((unsigned char)c[-1] & 0xc0) != 0x80; /* the first byte of a character */
        if (chars == RECORD_FIELD_CHARS_MAX)
            return c - 1;
    }
    return last;
}
