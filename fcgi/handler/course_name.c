#include "fcgi/handler/course_name.h"

#include "lib/name/name.h"
#include "lib/name/reserved.h"

#include <string.h>

enum err course_name_read(struct request *r, struct course_name *out)
{
    size_t len;
    const char *typed = request_capture(r, 0, &len);
    struct buf shown, key;
    buf_init(&shown, NAME_BYTES_MAX);
    buf_init(&key, NAME_KEY_BYTES_MAX);
    enum err e = name_course(typed, len, &shown, &key);
    if (!e) {
        out->shown = arena_strdup(request_arena(r), buf_str(&shown));
        out->key = arena_strdup(request_arena(r), buf_str(&key));
        e = out->shown && out->key ? ERR_OK : ERR_NOMEM;
    }
    buf_release(&shown);
    buf_release(&key);
    if (!e && name_is_reserved(out->key, strlen(out->key))) {
        e = ERR_SYNTAX;
        response_problem(r, e,
            "No course can have this name: what the system keeps for itself, and files of peers that the ring has adopted, are kept under "
            "it.");
    } else if (e == ERR_SYNTAX)
        response_problem(
            r, e, "A course name has 1 to 128 characters, no control characters, and more than white space, “-”, “_” and “.”.");
    else if (e)
        response_problem(r, e, NULL);
    return e;
}
