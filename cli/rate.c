#include "cli/rate.h"

#include "lib/base/num.h"

#include <stdio.h>
#include <string.h>

#define DIGITS_MAX 20

enum err rate_parse(const char *text, uint64_t *bytes_per_s)
{
    static const struct {
        char letter;
        uint64_t factor;
    } units[] = {{'k', 1000}, {'K', 1000}, {'M', 1000000}, {'G', 1000000000}};
    char digits[DIGITS_MAX + 1];
    size_t len = strlen(text);
    uint64_t factor = 1, n;
    enum err e;

    for (size_t i = 0; len > 0 && i < sizeof units / sizeof units[0]; i++) {
        if (text[len - 1] == units[i].letter)
            factor = units[i].factor;
    }
    len -= factor > 1;
    if (len == 0 || len > DIGITS_MAX)
        return ERR_SYNTAX;
    memcpy(digits, text, len);
    digits[len] = '\0';
    e = num_parse_u64(digits, RATE_MAX, &n);
    if (e)
        return e;
    if (n > RATE_MAX / factor || n * factor < RATE_MIN)
        return ERR_INVALID;
    *bytes_per_s = n * factor;
    return ERR_OK;
}
