/* The three values that peers of the old index system send as Python pickles: a text, a number, a list of two numbers. Pure.
 *
 * A pickle is a program for a stack machine, and running one from outside runs the sender's code. So nothing is run here: a message is compared with the one
 * spelling that Python's pickler of protocol 4 gives to such a value, and any other byte is refused.
 *
 *   message = 80 04 frame value 2e                     PROTO 4 … STOP
 *   frame   = 95 u64le                                 FRAME: the bytes from here through STOP, there when these are at least four
 *   value   = text | number | list
 *   text    = 8c u8 UTF-8 94 | 58 u32le UTF-8 94       up to 255 bytes, above 255 bytes; MEMOIZE
 *   number  = 4b u8 | 4d u16le | 4a i32le              the first of the three that can hold it
 *   list    = 5d 94 28 number number 65                an empty list, MEMOIZE, MARK … APPENDS
 */
#ifndef RB_LIB_PLAIN_PICKLE_H
#define RB_LIB_PLAIN_PICKLE_H

#include "lib/base/buf.h"

#include <stdint.h>

#define PICKLE_FIRST 0x80u                       /* the first byte of every pickle, and of no UTF-8 text */
#define PICKLE_TEXT_MAX 4096u                    /* bytes of a text */
#define PICKLE_BYTES_MAX (PICKLE_TEXT_MAX + 18u) /* of a whole message: 2 + 9 + 1 + 4 before the text, 2 behind */

enum pickle_kind { PICKLE_TEXT, PICKLE_NUMBER, PICKLE_PAIR };

struct pickle {
    enum pickle_kind kind;
    const char *text; /* PICKLE_TEXT: borrowed from the bytes, not NUL-terminated, valid UTF-8 (so no NUL inside either) */
    size_t text_len;
    int32_t number[2]; /* PICKLE_NUMBER: the first; PICKLE_PAIR: both */
};

/* Takes the message at the start of bytes. *used: its length; 0 when it is not all there yet, and then *out is untouched. A byte that no message can have is refused as
 * soon as it is there. ERR_SYNTAX; ERR_TOO_LARGE: a text above PICKLE_TEXT_MAX. */
enum err pickle_decode(const void *bytes, size_t len, struct pickle *out, size_t *used) MUST_CHECK;

/* Append a value as Python would pickle it. ERR_NOMEM: out is unchanged; pickle_text also ERR_TOO_LARGE above PICKLE_TEXT_MAX. That the text is UTF-8 is the caller's affair. */
enum err pickle_text(struct buf *out, const char *text, size_t len) MUST_CHECK;
enum err pickle_number(struct buf *out, int32_t number) MUST_CHECK;
enum err pickle_pair(struct buf *out, int32_t first, int32_t second) MUST_CHECK;

#endif
