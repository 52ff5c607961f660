/* Speeds as people write them. */
#ifndef RB_CLI_RATE_H
#define RB_CLI_RATE_H

#include "lib/base/err.h"

#include <stdint.h>

#define RATE_MIN 1024ull /* bytes a second */
#define RATE_MAX (1ull << 40)

/* "20000000", "20M", "512k", "1G" (powers of ten): bytes a second, RATE_MIN to RATE_MAX. ERR_SYNTAX, ERR_INVALID: out of bounds. */
enum err rate_parse(const char *text, uint64_t *bytes_per_s) MUST_CHECK;

#endif
