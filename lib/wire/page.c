#include "lib/wire/page.h"

#include <string.h>

int page_is_in_order(const struct json *list, const char *after, const char *next)
{
    const char *last = after ? after : "";
    if (!json_is_array(list))
        return 0;
    for (const struct json *item = json_first(list); item; item = json_next(item)) {
        const char *key = json_get_str(item, "key");
        if (!key || strcmp(key, last) <= 0)
            return 0;
        last = key;
    }
    /* The teller may have looked further than at what it tells; an empty page must have. */
    return !next || (json_first(list) ? strcmp(next, last) >= 0 : strcmp(next, last) > 0);
}
