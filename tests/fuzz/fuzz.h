/* What fuzz targets share. A target is given bytes by libFuzzer and holds a parser to its promises: what was taken is printed and read again, and must be
 * the same. FUZZ_CHECK reports a broken promise as a crash. */
#ifndef RB_TESTS_FUZZ_FUZZ_H
#define RB_TESTS_FUZZ_FUZZ_H

#include "lib/base/buf.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FUZZ_CHECK(what)                                                       \
    do {                                                                       \
        if (!(what)) {                                                         \
            fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #what); \
            abort();                                                           \
        }                                                                      \
    } while (0)

/* Called by libFuzzer. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The bytes up to the first NUL as a string of just that size, so that AddressSanitizer sees a read past its end. free() it. */
static inline char *fuzz_string(const void *data, size_t size)
{
    char *s = strndup((const char *)data, size);
    FUZZ_CHECK(s);
    return s;
}

/* Cuts the input at the first line break: returns the first line as a string to free() and leaves the rest. */
static inline char *fuzz_line(const uint8_t **data, size_t *size)
{
    const uint8_t *end = memchr(*data, '\n', *size);
    size_t len = end ? (size_t)(end - *data) : *size;
    char *line = fuzz_string(*data, len);
    *data += len + (end != NULL);
    *size -= len + (end != NULL);
    return line;
}

#endif
