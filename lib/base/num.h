/* Strict numbers and hexadecimal. */
#ifndef RB_LIB_BASE_NUM_H
#define RB_LIB_BASE_NUM_H

#include "lib/base/err.h"

#include <stddef.h>
#include <stdint.h>

/* Digits only, exact end, value ≤ max; no sign, no space, no leading zero before other digits. ERR_SYNTAX malformed, ERR_INVALID above max
 * (also when it does not fit 64 bits). *out untouched on failure. */
enum err num_parse_u64(const char *s, uint64_t max, uint64_t *out) MUST_CHECK;

/* Lower-case hex of n bytes into out (2n + 1 bytes, NUL-terminated). */
void num_hex(const void *bytes, size_t n, char *out);
/* Exactly 2n lower-case hex digits, exact end. ERR_SYNTAX otherwise. */
enum err num_unhex(const char *hex, void *bytes, size_t n) MUST_CHECK;
/* True when s is exactly n lower-case hex digits and then ends. */
int num_is_hex(const char *s, size_t n);

/* Big-endian 64-bit load and store. */
uint64_t num_load_be64(const void *p);
void num_store_be64(void *p, uint64_t v);
uint32_t num_load_be32(const void *p);
void num_store_be32(void *p, uint32_t v);

/* Standard base64 with padding (RFC 4648 §4) into out (4*((n+2)/3) + 1 bytes). */
void num_base64(const void *bytes, size_t n, char *out);
/* Decodes exactly n bytes; strict alphabet, padding and end. ERR_SYNTAX otherwise. */
enum err num_unbase64(const char *text, size_t text_len, void *bytes, size_t n) MUST_CHECK;

#endif
