/* Reading this api's own audit log, from its end or from where somebody left off. What it says is not verified here: `ringbinder audit verify` does that. */
#ifndef RB_FCGI_SERVICE_AUDIT_VIEW_H
#define RB_FCGI_SERVICE_AUDIT_VIEW_H

#include "fcgi/service/app.h"
#include "lib/wire/json.h"

#define AUDIT_VIEW_CURSOR_SIZE 64

/* Appends lines that say that something happened (events, and how many are missing) to an array, as they stand in the log, oldest first, at most `limit`. after: NULL = the newest ones; else the next
 * of an earlier call. next: where to go on, now or when there is more. ERR_SYNTAX: not a `next` of ours; ERR_GONE: that file went for its age; ERR_IO, ERR_NOMEM. */
enum err audit_view_read(
    struct worker *w, const char *after, unsigned limit, struct json *items, char next[AUDIT_VIEW_CURSOR_SIZE]) MUST_CHECK;

#endif
