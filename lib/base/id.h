/* Random identifiers from getrandom(2). */
#ifndef RB_LIB_BASE_ID_H
#define RB_LIB_BASE_ID_H

#include <stddef.h>
#include <stdint.h>

/* Fills n random bytes; aborts when the kernel has none (there is no sensible way on). */
void id_random(void *out, size_t n);
uint64_t id_random_u64(void);
/* 2 * bytes hex digits and NUL into out. */
void id_random_hex(char *out, size_t bytes);
/* A uniform number in [0, n), n > 0. */
uint64_t id_random_below(uint64_t n);

#endif
