/* Lists that are told page by page: {"courses": [{"key", …}…], "next": key or null}, asked for with "after" the next of the page before. */
#ifndef RB_LIB_WIRE_PAGE_H
#define RB_LIB_WIRE_PAGE_H

#include "lib/wire/json.h"

/* Whether a page can be what was asked for: its keys rise strictly, from the place asked for (NULL or "": the beginning) up to the place to go on from (NULL: it was the
 * last). Whoever follows pages relies on it: nobody can lead them in a circle then, or show a course twice. An item without a key is no such page. */
int page_is_in_order(const struct json *list, const char *after, const char *next);

#endif
