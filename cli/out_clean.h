/* One character of text from elsewhere, for cli/out*.c. */
#ifndef RB_CLI_OUT_CLEAN_H
#define RB_CLI_OUT_CLEAN_H

#include <stddef.h>
#include <stdint.h>

/* Reads the character at s (not its end): its code point and, returned, its bytes. A byte that begins no UTF-8 character gives U+FFFD and 1. */
size_t out_char(const char *s, uint32_t *point);
/* Terminal cells of a character: 0, 1 or 2. The locale's LC_CTYPE must be a UTF-8 one. */
size_t out_char_cells(uint32_t point);

#endif
