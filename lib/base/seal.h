/* Sealed bytes: AES-256-GCM (NIST SP 800-38D, OpenSSL EVP). Whoever has the key can read them and knows that somebody with the key wrote them, for this purpose.
 *
 * Form: 12 random bytes (the nonce), the ciphertext, 16 bytes (the tag). A key may seal 2^32 times before random nonces are likely enough to meet. */
#ifndef RB_LIB_BASE_SEAL_H
#define RB_LIB_BASE_SEAL_H

#include "lib/base/buf.h"
#include "lib/base/hash.h"

#define SEAL_KEY_SIZE HASH_SIZE
#define SEAL_EXTRA 28u       /* bytes that sealing adds */
#define SEAL_MAX (64u << 20) /* bytes that are sealed at once */

/* Appends len bytes of text, sealed, to out. purpose is not in it, and the same is needed to open it. ERR_NOMEM (also beyond out's maximum), ERR_TOO_LARGE. */
enum err seal_close(const uint8_t key[SEAL_KEY_SIZE], const char *purpose, const void *text, size_t len, struct buf *out) MUST_CHECK;
/* Appends what was sealed to out. ERR_AUTH: another key, another purpose, or changed on the way; then nothing was appended. ERR_NOMEM, ERR_TOO_LARGE. */
enum err seal_open(const uint8_t key[SEAL_KEY_SIZE], const char *purpose, const void *sealed, size_t len, struct buf *out) MUST_CHECK;

#endif
