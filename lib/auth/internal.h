/* What the files of lib/auth share, and nobody else: above all how documents are read. */
#ifndef RB_LIB_AUTH_INTERNAL_H
#define RB_LIB_AUTH_INTERNAL_H

#include "lib/auth/docs.h"

/* ASCII letters in lower case, everything else as it is; len bytes, no NUL. */
void auth_lower(const char *s, size_t len, char *out);

/* Reads a document member after member in a straight line; the first fault stays, and nothing is read after it. A member that is missing or of another type is
 * ERR_SYNTAX, a value out of bounds ERR_INVALID. After a fault what was asked for is of no use. */
struct docs_reader {
    const struct json *j;
    enum err e;
};

/* Begins with an object of a version that we can read. */
struct docs_reader docs_begin(const struct json *j);
/* Remembers ERR_INVALID unless `holds`. */
void docs_expect(struct docs_reader *r, int holds);

void docs_read_bool(struct docs_reader *r, const char *key, int *out);
/* A number of at most max. */
void docs_read_u64(struct docs_reader *r, const char *key, uint64_t max, uint64_t *out);
/* The same, or null, which gives `none`. */
void docs_read_u64_or(struct docs_reader *r, const char *key, uint64_t max, uint64_t none, uint64_t *out);
/* A time in unix milliseconds, not zero; and one that may be null, which gives zero. */
void docs_read_time(struct docs_reader *r, const char *key, uint64_t *out);
void docs_read_time_or_null(struct docs_reader *r, const char *key, uint64_t *out);
/* A string of at most size - 1 bytes and chars_max characters without control characters; it may be empty. */
void docs_read_text(struct docs_reader *r, const char *key, size_t chars_max, char *out, size_t size);
/* The same, or null, which gives "". A string must not be empty then. */
void docs_read_text_or_null(struct docs_reader *r, const char *key, char *out, size_t size);
/* Exactly n lower-case hex digits. */
void docs_read_hex(struct docs_reader *r, const char *key, size_t n, char *out);
/* An account's name; and one that may be null, which gives "". */
void docs_read_name(struct docs_reader *r, const char *key, char out[AUTH_NAME_SIZE]);
void docs_read_name_or_null(struct docs_reader *r, const char *key, char out[AUTH_NAME_SIZE]);
/* The hash of a password, or null, which gives "". */
void docs_read_password(struct docs_reader *r, const char *key, char out[PASSWORD_HASH_SIZE]);
/* The member "scopes": distinct prefixes. */
void docs_read_scopes(struct docs_reader *r, struct auth_scopes *out);

/* A new object with its version. NULL when out of memory, which all builders of JSON take. */
struct json *docs_object(void);
void docs_set_u64_or(struct json *j, const char *key, uint64_t value, uint64_t none);
void docs_set_text_or_null(struct json *j, const char *key, const char *text);
void docs_set_scopes(struct json *j, const struct auth_scopes *scopes);

#endif
