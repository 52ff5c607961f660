/* Join tokens (sys/join/<id>): each makes one new machine a node, once.
 *
 * A token's secret follows from the master key and the token's id (lib/sign/keys.h), so an api can tell it again while the document, which nodes keep, holds only its
 * digest. A joiner proves that it has the token; the first claim that does so is written into the document by compare and set, on a write quorum of its owners, before the
 * keys are told. So a token is good once, whatever becomes of Redis, of this api, or of the answer: the same claim gets the same answer again, any other is refused. */
#ifndef RB_FCGI_SERVICE_JOINS_H
#define RB_FCGI_SERVICE_JOINS_H

#include "fcgi/service/sysdoc.h"
#include "lib/auth/secret.h"

#define JOINS_SEALED_MAX 2048u /* bytes */
#define JOINS_CLAIM_DIGITS 64u

struct joins_new {
    const char *node, *zone; /* the name it will have; "" = no zone */
    uint64_t expires_at_ms;
};
/* Makes one. text: to be shown once, then wiped. ERR_INVALID: no fit name or zone (*detail: a sentence), and the errors of sysdoc_write(). */
enum err joins_make(struct worker *w, const struct joins_new *in, const char *by, struct docs_join *out, char text[SECRET_TOKEN_SIZE],
    const char **detail) MUST_CHECK;

/* What a joiner sends, all of it outside bytes: lower-case hexadecimal digits. */
struct joins_claim {
    const char *id;    /* of the token: 16 */
    const char *claim; /* 64, drawn by the joiner */
    const char *proof; /* 64: sign_join_proof() */
};
/* Lets the joiner in: appends what it needs, sealed for it, to `sealed` (born for JOINS_SEALED_MAX), and says in node (RING_ID_MAX) who it is now.
 * ERR_SYNTAX: not such digits; ERR_AUTH: the proof is wrong, or there is no such token (any more), or it has expired: one word for all, *detail too; ERR_CONFLICT: it was used by
 * another claim; ERR_UNAVAILABLE, ERR_TIMEOUT: it may not be known yet, asking again with the same claim is right; ERR_NOMEM. */
enum err joins_use(
    struct worker *w, const struct joins_claim *in, struct buf *sealed, char node[RING_ID_MAX], const char **detail) MUST_CHECK;

#endif
