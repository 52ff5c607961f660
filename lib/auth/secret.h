/* Secrets that we draw ourselves: 256 bits, given away as text once, kept as SHA-256. Guessing is hopeless, so their hash needs no salt and no cost.
 *
 * A bare secret (a session's id) is 43 characters of base64url (RFC 4648 §5, no padding). A token names its document as well:
 *   rb_<16 hex digits>_<43 characters>     of a program          (sys/token/<16 hex digits>)
 *   rbj_<16 hex digits>_<43 characters>    that lets a node join (sys/join/<16 hex digits>) */
#ifndef RB_LIB_AUTH_SECRET_H
#define RB_LIB_AUTH_SECRET_H

#include "lib/auth/role.h"
#include "lib/base/hash.h"

#define SECRET_BYTES 32
#define SECRET_SIZE 44       /* 43 characters and NUL */
#define SECRET_TOKEN_SIZE 66 /* "rbj_", 16, "_", 43, NUL */

enum secret_kind { SECRET_API, SECRET_JOIN };

/* Draws one. The caller wipes it when it was given away: secret_wipe. */
void secret_new(char out[SECRET_SIZE]);
/* True when the text is exactly one secret in its one spelling. */
int secret_ok(const char *text);
/* What is kept of a secret or of a whole token: SHA-256 of its text, in hex. */
void secret_digest(const char *text, char out[HASH_HEX_SIZE]);
/* True when the digest is this text's; in constant time for digests of the right form. False for any other. */
int secret_matches(const char *text, const char *digest);
/* Draws a token: its id, and the text to be shown once. */
void secret_token_new(enum secret_kind kind, char id[AUTH_ID_SIZE], char text[SECRET_TOKEN_SIZE]);
/* Finds the id in a token's text of len bytes, which need not end with NUL. ERR_AUTH for anything but the exact form of this kind. */
enum err secret_token_parse(enum secret_kind kind, const char *text, size_t len, char id[AUTH_ID_SIZE]) MUST_CHECK;
/* Overwrites n bytes with zeroes, whatever the compiler thinks of it. */
void secret_wipe(void *p, size_t n);

/* 32 bytes ⇄ 43 characters of base64url. ERR_SYNTAX for any other spelling; text need not end with NUL. */
void secret_text(const unsigned char bytes[SECRET_BYTES], char out[SECRET_SIZE]);
enum err secret_bytes(const char *text, size_t len, unsigned char out[SECRET_BYTES]) MUST_CHECK;

#endif
