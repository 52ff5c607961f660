#include "fcgi/service/fields.h"

#include "lib/base/text.h"
#include "lib/wire/record.h"

#include <string.h>

enum err fields_check(const char *value)
{
    if (value == NULL)
        return ERR_OK;
    size_t len = strlen(value);
    if (!text_is_utf8(value, len) || text_has_control(value, len))
        return ERR_SYNTAX;
    if (text_length(value, len) > RECORD_FIELD_CHARS_MAX)
        return ERR_INVALID;
    return ERR_OK;
}

enum err fields_filename(const char *sent, struct buf *out)
{
    enum err e = fields_check(sent);
    if (e != ERR_OK || sent == NULL)
        return e;
    const char *last = sent;
    for (const char *c = sent; *c != '\0'; c++)
        if (*c == '/' || *c == '\\')
            last = c + 1;
    size_t len = strlen(last);
    last = text_trim(last, &len);
    if ((len == 1 && last[0] == '.') || (len == 2 && memcmp(last, "..", 2) == 0))
        return ERR_OK;
    return buf_add(out, last, len);
}

enum err fields_default_filename(const char *course, const char *extension, struct buf *out)
{
    enum err e = ERR_OK;
    for (const char *c = course; *c != '\0' && e == ERR_OK; c++)
        e = buf_add(out, *c == '/' || *c == '\\' ? "-" : c, 1);
    return e == ERR_OK ? buf_add_str(out, extension) : e;
}
