/* JSON from outside and to outside, strictly. The only home of cJSON. */
#ifndef RB_LIB_WIRE_JSON_H
#define RB_LIB_WIRE_JSON_H

#include "lib/base/buf.h"
#include "lib/base/stamp.h"

#include <stdint.h>

struct json; /* a value; a tree owns its children */

#define JSON_DEPTH_MAX 32
#define JSON_VALUES_MAX (1u << 21)         /* values in one text: each costs some 90 bytes of memory, however few it has in the text */
#define JSON_EXACT_MAX 9007199254740992ull /* 2^53: larger numbers are refused, so that none is rounded */

/* Parses exactly one value that fills all len bytes (white space around it is fine). Refuses with ERR_SYNTAX: trailing bytes, invalid UTF-8,
 * \u0000, duplicate keys, numbers that are not finite, an integer beyond 2^53 or longer than 63 characters, depth above JSON_DEPTH_MAX, more than JSON_VALUES_MAX values.
 * ERR_NOMEM. *out is the caller's: json_free. */
enum err json_parse(const char *text, size_t len, struct json **out) MUST_CHECK;
/* NULL is fine. Only for roots. */
void json_free(struct json *j);
/* Appends compact text; *out is unchanged on failure. Bytes of a string that are not UTF-8 become U+FFFD. ERR_NOMEM. */
enum err json_print(const struct json *j, struct buf *out) MUST_CHECK;

/* Builders. They return NULL / do nothing when out of memory and remember it in the root: json_print() of a tree that lost something gives ERR_NOMEM,
 * so that the straight line of building needs one check. A NULL object or NULL child is accepted and counts as lost. */
struct json *json_object(void);
struct json *json_array(void);
struct json *json_string(const char *s);
/* A text that is JSON already and was printed by us, taken over as it stands: for what lies printed on the disk and need not be read to be sent on. Copied. It cannot be asked for anything. */
struct json *json_raw(const char *text);
struct json *json_boolean(int value);
struct json *json_null(void);
/* Setting a key again replaces its value. */
void json_set_str(struct json *object, const char *key, const char *value); /* NULL value: null */
void json_set_u64(struct json *object, const char *key, uint64_t value);    /* above 2^53: written as a string */
void json_set_double(struct json *object, const char *key, double value);
void json_set_bool(struct json *object, const char *key, int value);
void json_set_stamp(struct json *object, const char *key, struct stamp value); /* 32 hex digits; the zero stamp: null */
void json_set_null(struct json *object, const char *key);
void json_set(struct json *object, const char *key, struct json *child); /* takes child */
void json_append(struct json *array, struct json *child);                /* takes child */

/* Readers; keys are case-sensitive. NULL / ERR_SYNTAX when missing or of another type. Strings are borrowed from the tree. */
const struct json *json_get(const struct json *object, const char *key);
const char *json_get_str(const struct json *object, const char *key); /* NULL when missing or not a string */
/* Copies a string of at most size - 1 bytes with its NUL; out is untouched on failure. ERR_SYNTAX also when it is longer. */
enum err json_copy_str(const struct json *object, const char *key, char *out, size_t size) MUST_CHECK;
/* Reads what json_set_u64 writes: a number, or a string of digits when above 2^53. ERR_INVALID above max. */
enum err json_get_u64(const struct json *object, const char *key, uint64_t max, uint64_t *out) MUST_CHECK;
/* Any finite number. */
enum err json_get_double(const struct json *object, const char *key, double *out) MUST_CHECK;
/* Reads what json_set_stamp writes; zeroes in digits are refused, null gives the zero stamp. */
enum err json_get_stamp(const struct json *object, const char *key, struct stamp *out) MUST_CHECK;
int json_get_bool(const struct json *object, const char *key, int otherwise);
int json_is_object(const struct json *j);
int json_is_array(const struct json *j);
int json_is_null(const struct json *j); /* also true for NULL (missing) */
const char *json_as_str(const struct json *j);
int json_as_bool(const struct json *j, int otherwise);
/* Iteration over an array's values or an object's members. */
const struct json *json_first(const struct json *j);
const struct json *json_next(const struct json *item);
const char *json_name(const struct json *item); /* a member's key */
size_t json_count(const struct json *j);

#endif
