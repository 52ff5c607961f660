/* How often the bytes of one hash were downloaded lately: what decides whether a file that only peers hold is taken into the ring.
 *
 * rb:pd:<sha256>   number   downloads that were begun, by all apis together; forgotten DOWNLOADS_KEPT_S after the last one
 *
 * A count that Redis loses begins again at zero: nothing but the moment of an adoption depends on it. */
#ifndef RB_LIB_STORE_DOWNLOADS_H
#define RB_LIB_STORE_DOWNLOADS_H

#include "lib/store/conn.h"

#define DOWNLOADS_KEPT_S (7u * 86400u)

/* One more download; *count is what it comes to with this one. sha256: 64 hex digits. Errors as in conn.h. */
enum err downloads_count(struct store *s, const char *sha256, uint64_t *count) MUST_CHECK;

#endif
