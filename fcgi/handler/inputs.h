/* Header fields and parameters, read strictly into domain words. Parsers of outside bytes: on failure *detail is a static sentence that says what was expected. */
#ifndef RB_FCGI_HANDLER_INPUTS_H
#define RB_FCGI_HANDLER_INPUTS_H

#include "fcgi/service/upload.h"

#define INPUTS_IDEMPOTENCY_KEY_MAX 128

/* What a change is conditional on. */
struct inputs_condition {
    enum upload_match match;
    struct stamp record;
    char sha256[HASH_HEX_SIZE];
};
/* If-Match: "<record id>" or "<sha256>" (the quotes may be missing); If-None-Match: *. NULL = not sent. ERR_SYNTAX for lists, weak tags, `If-Match: *`, other
 * tags, and both at once. */
enum err inputs_condition(const char *if_match, const char *if_none_match, struct inputs_condition *out, const char **detail) MUST_CHECK;

/* 1 … 128 visible ASCII characters; NULL is fine. */
enum err inputs_idempotency_key(const char *value, const char **detail) MUST_CHECK;

/* Content-Digest (RFC 9530 §2): the sha-256 member; other algorithms are ignored, as the RFC says. *has tells whether there was one. NULL is fine. */
enum err inputs_content_digest(const char *value, int *has, uint8_t digest[HASH_SIZE], const char **detail) MUST_CHECK;

/* A Content-Type's media type in lower case, without parameters; "" for NULL. */
enum err inputs_media_type(const char *value, char out[RECORD_TYPE_MAX + 1], const char **detail) MUST_CHECK;

/* A parameter that is 0 or 1; NULL = 0. */
enum err inputs_flag(const char *value, int *on, const char **detail) MUST_CHECK;

/* limit=: items a page, from 1 to 200; NULL = 50. */
#define INPUTS_LIMIT_MAX 200u
enum err inputs_limit(const char *value, unsigned *out, const char **detail) MUST_CHECK;

/* A SHA-256 in a path: 64 lower-case hexadecimal digits. */
enum err inputs_sha256(const char *value, const char **detail) MUST_CHECK;

/* True when a Range header, or none (NULL), asks for a file from its first byte on: then a download begins. */
int inputs_range_begins(const char *value);

/* version=: a number from 1 on, or a record id; NULL is fine. */
enum err inputs_version(const char *value, const char **detail) MUST_CHECK;

#endif
