/* Stamps: a record's place in its course's order, its id, and a ballot, all at once (protocol.md, "Stamp"). */
#ifndef RB_LIB_BASE_STAMP_H
#define RB_LIB_BASE_STAMP_H

#include "lib/base/err.h"

#include <stdint.h>

struct stamp {
    uint64_t clock;   /* hybrid clock, see clock.h */
    uint64_t process; /* random id of the process that drew it */
};

#define STAMP_HEX_SIZE 33 /* 16 + 16 lower-case hex digits and NUL; sorts like the stamp; this is the record id */
#define STAMP_BYTES 16    /* big-endian, sorts like the stamp with memcmp */

/* The zero stamp is smaller than every real one. */
#define STAMP_ZERO ((struct stamp){0, 0})

/* <0, 0, >0, comparing (clock, process) as unsigned numbers. The only place where stamps are compared. */
int stamp_cmp(struct stamp a, struct stamp b);
int stamp_is_zero(struct stamp s);
void stamp_hex(struct stamp s, char out[STAMP_HEX_SIZE]);
/* Exactly 32 lower-case hex digits. ERR_SYNTAX otherwise; *out untouched. */
enum err stamp_parse(const char *hex, struct stamp *out) MUST_CHECK;
void stamp_bytes(struct stamp s, uint8_t out[STAMP_BYTES]);
struct stamp stamp_from_bytes(const uint8_t in[STAMP_BYTES]);

#endif
