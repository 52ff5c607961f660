/* The grammar of JSON (RFC 8259), checked before cJSON sees a text: cJSON takes much that is no JSON. Private to lib/wire. */
#ifndef RB_LIB_WIRE_JSON_CHECK_H
#define RB_LIB_WIRE_JSON_CHECK_H

#include <stddef.h>

/* True when text is exactly one JSON value in strict grammar, with the limits of json.h on depth, numbers, values and \u0000. It does not look for
 * duplicate keys. Works for any bytes. */
int json_check(const char *text, size_t len);

#endif
