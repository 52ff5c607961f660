/* The first account, without which nobody could make any: told by a file (fcgi/service/accounts.h says what is in it), made as soon as there are nodes to keep it, and then the file goes. */
#ifndef RB_FCGI_FIRST_ADMIN_H
#define RB_FCGI_FIRST_ADMIN_H

#include "fcgi/service/accounts.h"

struct first_admin; /* a thread that tries until the account is there */

/* Reads the file, before the process is confined. ERR_NOT_FOUND: there is none (any more), which is fine; ERR_DENIED: others can read it; ERR_SYNTAX, ERR_TOO_LARGE, ERR_IO. */
enum err first_admin_read(const char *path, struct accounts_admin *out) MUST_CHECK;
/* Starts trying, each second. path: of the file, borrowed until the stop, removed when it is done. `in` is copied; the caller wipes theirs. */
enum err first_admin_start(struct app *a, const char *path, const struct accounts_admin *in, struct first_admin **out) MUST_CHECK;
/* Stops trying. NULL is fine. */
void first_admin_stop(struct first_admin *f);

#endif
