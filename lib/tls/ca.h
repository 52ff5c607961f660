/* A certificate authority for one cluster: a key that signs the certificates of its processes, and of nobody else. Makes PEM texts; where they are kept is the caller's
 * matter. ECDSA with P-256 and SHA-256, serial numbers of 158 random bits (RFC 5280 §4.1.2.2). No clock is read: callers pass the time in. */
#ifndef RB_LIB_TLS_CA_H
#define RB_LIB_TLS_CA_H

#include "lib/base/buf.h"

#include <stddef.h>
#include <stdint.h>

#define CA_DAYS 3650u           /* of the CA itself */
#define CA_ISSUE_DAYS 365u      /* of a certificate, unless the operator says otherwise */
#define CA_ISSUE_DAYS_MAX 3650u /* and at most; never longer than the CA's own */
#define CA_ADDRESSES_MAX 16
#define CA_NAME_MAX 64 /* bytes of a name with NUL */
#define CA_PEM_MAX 16384u

/* A key and its certificate as PEM. */
struct ca_pair {
    struct buf cert, key;
};

/* Empty. */
void ca_pair_init(struct ca_pair *p);
void ca_pair_release(struct ca_pair *p); /* wipes the key */

/* A new CA, good from an hour before now_s (clocks differ) for CA_DAYS. Fills the empty pair. ERR_NOMEM, ERR_INTERNAL. */
enum err ca_make(int64_t now_s, struct ca_pair *out) MUST_CHECK;

/* Whether an address can stand in a certificate: IPv4 or IPv6 in numbers, without brackets. */
int ca_address_ok(const char *address);

/* What a process is to get. */
struct ca_wish {
    const char *name;             /* for people who look at the certificate; shorter than CA_NAME_MAX, printable ASCII */
    const char *const *addresses; /* numeric, each under which the process is called; 1 to CA_ADDRESSES_MAX */
    size_t n_addresses;
    uint64_t days;
};

/* A key, and a certificate that `ca` signs for it: for both ends of a connection, from an hour before now_s for so many days, but not longer than the CA. *ends_s (may be
 * NULL) is when it ends. ERR_INVALID: the CA's key is not its certificate's, or an address is not numeric; ERR_GONE: the CA has ended; ERR_SYNTAX: the pair is not PEM;
 * ERR_NOMEM. */
enum err ca_issue(const struct ca_pair *ca, const struct ca_wish *wish, int64_t now_s, struct ca_pair *out, int64_t *ends_s) MUST_CHECK;

#endif
