/* The event stream in Redis (rb:events, XADD MAXLEN ~ 100,000): what happened, for the portal and for followers. */
#ifndef RB_LIB_STORE_EVENTS_H
#define RB_LIB_STORE_EVENTS_H

#include "lib/store/conn.h"

#define EVENTS_KEY "rb:events"
#define EVENTS_MAX 100000u

/* Adds {kind, course, key, node, at}; NULL fields are left out. */
enum err events_add(
    struct store *s, const char *kind, const char *course, const char *key, const char *node, uint64_t at_unix_ms) MUST_CHECK;

#endif
