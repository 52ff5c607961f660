/* Whom a libcurl handle may call, and how: said here for every handle there is, once. Private to lib/peer. */
#ifndef RB_LIB_PEER_DIAL_H
#define RB_LIB_PEER_DIAL_H

#include "lib/tls/tls.h"

#include <curl/curl.h>

/* For all: http and https alone, no redirect, no proxy, the path as it stands, no signals. */
void dial_anybody(CURL *c);
/* dial_anybody(), and only processes of the cluster: with tls only https to who proves to be of its CA and to have that address, showing our own certificate; without
 * only http. Every address is looked at once more when the connection is made (url_is_machine), however it was found. tls is borrowed while c has it. */
void dial_member(CURL *c, const struct tls *tls);

#endif
