/* Keys that no course from outside may have: what the system keeps in the same way as courses. */
#ifndef RB_LIB_NAME_RESERVED_H
#define RB_LIB_NAME_RESERVED_H

#include "lib/base/err.h"

#include <stddef.h>

#define RESERVED_SYS "sys/"   /* the system's documents */
#define RESERVED_PEER "peer/" /* and 64 hex digits: a file taken over from peers */

/* True for a course key (name_key()) that begins with RESERVED_SYS or is RESERVED_PEER and 64 hex digits. To be asked with the key: every spelling of a name has just one. */
int name_is_reserved(const char *key, size_t len);

#endif
