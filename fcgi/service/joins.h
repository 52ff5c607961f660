/* Join tokens (sys/join/<id>): each lets one new machine in, once. Coordinators check them; here they are made. */
#ifndef RB_FCGI_SERVICE_JOINS_H
#define RB_FCGI_SERVICE_JOINS_H

#include "fcgi/service/sysdoc.h"
#include "lib/auth/secret.h"

struct joins_new {
    const char *node, *zone; /* the name it will have; "" = no zone */
    uint64_t expires_at_ms;
};
/* Makes one. text: to be shown once, then wiped. ERR_INVALID: no fit name or zone (*detail: a sentence), and the errors of sysdoc_write(). */
enum err joins_make(struct worker *w, const struct joins_new *in, const char *by, struct docs_join *out, char text[SECRET_TOKEN_SIZE],
    const char **detail) MUST_CHECK;

#endif
