#include "fcgi/handler/course_name.h"

#include "fcgi/service/adopt.h"
#include "lib/name/name.h"

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
    if (!e && adopt_is_key(out->key)) {
        e = ERR_SYNTAX;
        response_problem(r, e, "No course can have this name: files of peers that the ring has adopted are kept under it.");
    } else if (e == ERR_SYNTAX)
        response_problem(
            r, e, "A course name has 1 to 128 characters, no control characters, and more than white space, “-”, “_” and “.”.");
    else if (e)
        response_problem(r, e, NULL);
    return e;
}
