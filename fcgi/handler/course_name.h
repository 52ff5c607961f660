/* The course that a request is about. */
#ifndef RB_FCGI_HANDLER_COURSE_NAME_H
#define RB_FCGI_HANDLER_COURSE_NAME_H

#include "fcgi/request.h"

/* As shown and as a key; both in the request's arena. */
struct course_name {
    const char *shown, *key;
};

/* Reads the route's first capture. The key of an adopted file (fcgi/service/adopt.h) is no course's. After an error the problem is answered already. */
enum err course_name_read(struct request *r, struct course_name *out) MUST_CHECK;

#endif
