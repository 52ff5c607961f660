/* Reading this api's own audit log, newest line first, and asking whether it is still what was written. Logs of other processes are on their machines: `ringbinder audit verify` reads them, and compares all with the heads that nodes keep. */
#ifndef RB_FCGI_SERVICE_AUDIT_VIEW_H
#define RB_FCGI_SERVICE_AUDIT_VIEW_H

#include "fcgi/service/app.h"
#include "lib/wire/json.h"

#define AUDIT_VIEW_CURSOR_SIZE 64
#define AUDIT_VIEW_VERIFY_BYTES (16u << 20) /* of the newest files, or the newest one alone: at most 64 MiB, a second of work */
#define AUDIT_VIEW_FINDINGS_MAX 20u         /* that are told one by one */

/* Appends lines that say that something happened (events, and how many are missing) to an array, as they stand in the log, newest first, at most `limit`. after: NULL = from the end; else the next
 * of an earlier call, and what is older comes. next: "" when nothing older is there. ERR_SYNTAX: not a `next` of ours; ERR_GONE: that file went for its age; ERR_IO, ERR_NOMEM. */
enum err audit_view_read(
    struct worker *w, const char *after, unsigned limit, struct json *items, char next[AUDIT_VIEW_CURSOR_SIZE]) MUST_CHECK;

/* Verifies the newest files under the key: {whole, all, files, lines, missing, findings: [{file, line, fault, text}], findings_all}. all: the log from its beginning was looked at. Heads are not asked for, so a
 * cut end and a log that was written anew with the master key are not seen. *out is new. ERR_UNAVAILABLE: a file went for its age meanwhile, ask again; ERR_IO, ERR_NOMEM. */
enum err audit_view_verify(struct worker *w, struct json **out) MUST_CHECK;

#endif
