#include "lib/sign/internal.h"

#include "lib/base/num.h"

#include <string.h>

enum err field_read(const char **at, const char *name, int last, char *out, size_t size)
{
    const char *p = *at;
    size_t name_len = strlen(name);
    size_t n;

    if (strncmp(p, name, name_len) != 0 || p[name_len] != '=')
        return ERR_AUTH;
    p += name_len + 1;
    n = strcspn(p, ",");
    if (n == 0 || n >= size)
        return ERR_AUTH;
    if (last ? p[n] != '\0' : strncmp(p + n, ", ", 2) != 0)
        return ERR_AUTH;
    memcpy(out, p, n);
    out[n] = '\0';
    *at = p + n + (last ? 0 : 2);
    return ERR_OK;
}

enum err field_read_u64(const char **at, const char *name, int last, uint64_t *out)
{
    char digits[24];

    if (field_read(at, name, last, digits, sizeof digits) || num_parse_u64(digits, UINT64_MAX, out))
        return ERR_AUTH;
    return ERR_OK;
}

enum err field_read_mac(const char **at, const char *name, int last, uint8_t out[HASH_SIZE])
{
    char hex[HASH_HEX_SIZE];

    if (field_read(at, name, last, hex, sizeof hex) || num_unhex(hex, out, HASH_SIZE))
        return ERR_AUTH;
    return ERR_OK;
}
