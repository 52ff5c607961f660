#include "fcgi/handler/conditional.h"

#include "lib/base/text.h"

#include <string.h>

/* True when the list names the tag, or is "*". A weak tag counts only where weak comparison is asked for (§8.8.3.2). */
static int names(const char *list, const char *tag, int weak_counts)
{
    size_t tag_len = strlen(tag);
    const char *at = list + strspn(list, " \t");
    if (*at == '*')
        return at[1 + strspn(at + 1, " \t")] == '\0';
    for (;;) {
        at += strspn(at, " \t,");
        int weak = strncmp(at, "W/", 2) == 0;
        if (weak)
            at += 2;
        if (*at != '"')
            return 0;
        const char *end = strchr(at + 1, '"');
        if (!end)
            return 0;
        if ((!weak || weak_counts) && (size_t)(end - at - 1) == tag_len && memcmp(at + 1, tag, tag_len) == 0)
            return 1;
        at = end + 1;
    }
}

enum conditional_result conditional_check(const struct conditional *c, const char *tag, uint64_t modified_unix_s)
{
    uint64_t since;
    if (c->if_match) {
        if (!names(c->if_match, tag, 0))
            return CONDITIONAL_FAILED;
    } else if (c->if_unmodified_since && text_http_date_parse(c->if_unmodified_since, &since) == ERR_OK && modified_unix_s > since) {
        return CONDITIONAL_FAILED;
    }
    if (c->if_none_match)
        return names(c->if_none_match, tag, 1) ? CONDITIONAL_NOT_MODIFIED : CONDITIONAL_SEND;
    if (c->if_modified_since && text_http_date_parse(c->if_modified_since, &since) == ERR_OK && modified_unix_s <= since)
        return CONDITIONAL_NOT_MODIFIED;
    return CONDITIONAL_SEND;
}
