/* Handing out the bytes of one version, for every address that does. */
#ifndef RB_FCGI_HANDLER_BYTES_H
#define RB_FCGI_HANDLER_BYTES_H

#include "fcgi/request.h"
#include "fcgi/service/read.h"

/* Answers with the bytes, conditions and ranges as the request has them. attachment: never shown in place. After ERR_OK it is answered; else nothing is: the errors of
 * read_bytes(). */
enum err bytes_serve(struct request *r, const struct read_target *target, int attachment) MUST_CHECK;

#endif
