/* Where a node is, and what lets somebody else read one thing from it. */
#ifndef RB_FCGI_SERVICE_CAPABILITY_H
#define RB_FCGI_SERVICE_CAPABILITY_H

#include "fcgi/service/view.h"

#define CAPABILITY_SIZE 160        /* bytes of a capability with NUL */
#define CAPABILITY_ADDRESS_SIZE 64 /* bytes of host:port with NUL */

/* The host:port of a node's url. ERR_INVALID: not of the form http://NUMERIC-ADDRESS:PORT, with tls https://, or an address that is no machine's, so that neither nginx nor a header can be
 * led astray by it. Pure. */
enum err capability_address(const struct tls *tls, const char *url, char out[CAPABILITY_ADDRESS_SIZE]) MUST_CHECK;

/* A capability to read `what` ("blob:<sha256>", "file:<name>") from a node, made by that node's clock as far as it is known. ERR_INVALID: `what` is too long; ERR_NOMEM. */
enum err capability_make(
    const struct app *a, const struct view *v, const char *node, const char *what, char out[CAPABILITY_SIZE]) MUST_CHECK;

#endif
