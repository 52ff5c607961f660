/* Which addresses a node may give as its own: others will call them. */
#ifndef RB_COORDINATOR_URL_H
#define RB_COORDINATOR_URL_H

/* True for http:// or https://, a numeric address, a colon, a port, and nothing else: no name to look up, no user information, no path. Refused are
 * addresses that are nobody's own: unspecified, multicast, broadcast, link-local (169.254.169.254 among them), and IPv4 in IPv6 disguise. */
int url_ok(const char *url);

#endif
