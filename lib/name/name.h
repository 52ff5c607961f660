/* Course names: what a person types, its key, and the bounds of both. The only home of utf8proc. */
#ifndef RB_LIB_NAME_NAME_H
#define RB_LIB_NAME_NAME_H

#include "lib/base/buf.h"

#define NAME_CHARS_MAX 128      /* code points, after trimming */
#define NAME_BYTES_MAX 512      /* 128 code points of at most 4 bytes */
#define NAME_KEY_BYTES_MAX 2304 /* NFKC can make one code point into eighteen */

/* Checks a course name as typed (not yet trimmed) and appends the trimmed name to `name` and its key to `key`: the NFKC case-folded
 * name without white space and "-_.". ERR_SYNTAX: not UTF-8, control characters, empty, too long, or an empty key. */
enum err name_course(const char *typed, size_t len, struct buf *name, struct buf *key) MUST_CHECK;

/* Appends the key of any text (search words): as above but an empty result is fine. ERR_SYNTAX for invalid UTF-8. */
enum err name_key(const char *text, size_t len, struct buf *key) MUST_CHECK;

/* Calls each(word, len, ctx) for the NFKC case-folded words of a text, with marks (accents) removed, split at everything that is neither
 * letter nor digit. Stops early when each returns non-zero and returns that. -1 for invalid UTF-8. Words are cut at 64 bytes. */
int name_words(const char *text, size_t len, int (*each)(const char *word, size_t len, void *ctx), void *ctx);

#endif
