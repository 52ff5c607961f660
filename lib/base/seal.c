#include "lib/base/seal.h"

#include "lib/base/id.h"

#include <openssl/evp.h>
#include <string.h>

#define NONCE_SIZE 12
#define TAG_SIZE 16

/* Room for n bytes at the end of b, of which none counts yet. */
static enum err make_room(struct buf *b, size_t n, uint8_t **out)
{
    enum err e = n > SEAL_MAX + SEAL_EXTRA ? ERR_TOO_LARGE : buf_reserve(b, n ? n : 1);
    if (!e)
        *out = (uint8_t *)b->data + b->len;
    return e;
}

static int begin(EVP_CIPHER_CTX *c, int sealing, const uint8_t *key, const uint8_t *nonce, const char *purpose)
{
    int n;
    return EVP_CipherInit_ex(c, EVP_aes_256_gcm(), NULL, key, nonce, sealing) == 1 &&
           EVP_CipherUpdate(c, NULL, &n, (const unsigned char *)purpose, (int)strlen(purpose)) == 1;
}

enum err seal_close(const uint8_t key[SEAL_KEY_SIZE], const char *purpose, const void *text, size_t len, struct buf *out)
{
    uint8_t *to;
    int n = 0, rest = 0;
    enum err e = len > SEAL_MAX ? ERR_TOO_LARGE : make_room(out, len + SEAL_EXTRA, &to);
    if (e)
        return e;
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    id_random(to, NONCE_SIZE);
    int ok = c && begin(c, 1, key, to, purpose) && (len == 0 || EVP_CipherUpdate(c, to + NONCE_SIZE, &n, text, (int)len) == 1) &&
             EVP_CipherFinal_ex(c, to + NONCE_SIZE + n, &rest) == 1 &&
             EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, TAG_SIZE, to + NONCE_SIZE + len) == 1;
    EVP_CIPHER_CTX_free(c);
    if (!ok)
        return ERR_NOMEM;
    out->len += len + SEAL_EXTRA;
    out->data[out->len] = '\0';
    return ERR_OK;
}

enum err seal_open(const uint8_t key[SEAL_KEY_SIZE], const char *purpose, const void *sealed, size_t len, struct buf *out)
{
    const uint8_t *from = sealed;
    uint8_t tag[TAG_SIZE];
    uint8_t *to;
    int n = 0, rest = 0;
    if (len < SEAL_EXTRA)
        return ERR_AUTH;
    size_t text = len - SEAL_EXTRA;
    enum err e = make_room(out, text, &to);
    if (e)
        return e;
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    if (!c)
        return ERR_NOMEM;
    memcpy(tag, from + len - TAG_SIZE, TAG_SIZE);
    int ok = begin(c, 0, key, from, purpose) && (text == 0 || EVP_CipherUpdate(c, to, &n, from + NONCE_SIZE, (int)text) == 1) &&
             EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, TAG_SIZE, tag) == 1 && EVP_CipherFinal_ex(c, to + n, &rest) == 1;
    EVP_CIPHER_CTX_free(c);
    if (!ok) {
        /* What came out is not to be believed, so nobody sees it. */
        explicit_bzero(to, text);
        return ERR_AUTH;
    }
    out->len += text;
    out->data[out->len] = '\0';
    return ERR_OK;
}
