/* What the files of moderation share. */
#ifndef RB_FCGI_SERVICE_PENDING_INSIDE_H
#define RB_FCGI_SERVICE_PENDING_INSIDE_H

#include "fcgi/service/pending.h"

/* Takes a decision, or finds the same one taken: *out is the caller's then. ERR_CONFLICT: the other one was taken; ERR_INVALID: a bad reason; errors of sysdoc_write(). */
enum err pending_decide(
    struct worker *w, const char *id, enum docs_state state, const char *by, const char *reason, struct pending *out) MUST_CHECK;
/* Erases the bytes under the pending key; failing that is logged. */
void pending_drop_bytes(struct worker *w, const struct pending *p, const char *by);

#endif
