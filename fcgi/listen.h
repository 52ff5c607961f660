/* The socket on which nginx finds this api. */
#ifndef RB_FCGI_LISTEN_H
#define RB_FCGI_LISTEN_H

#include "lib/base/err.h"

/* Opens "unix:PATH" (mode 0660; a socket that nobody listens on any more is replaced) or "ADDR:PORT" with a numeric address ("[::1]:9000" for IPv6).
 * ERR_SYNTAX: neither; ERR_CONFLICT: somebody listens there; ERR_IO. Each failure has its log line. */
enum err listen_open(const char *address, int *fd) MUST_CHECK;
/* Closes the socket and removes its file. */
void listen_close(const char *address, int fd);

#endif
