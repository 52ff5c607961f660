#include "lib/tls/tls.h"

#include "lib/base/buf.h"
#include "lib/base/fs.h"
#include "lib/base/url.h"

#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct tls {
    struct buf ca, cert, key;
    X509 *own;
};

__attribute__((format(printf, 3, 4))) static enum err fail(char why[TLS_WHY_SIZE], enum err e, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(why, TLS_WHY_SIZE, fmt, ap);
    va_end(ap);
    return e;
}

static int is_given(const char *path)
{
    return path && *path;
}

static enum err read_file(const char *path, struct buf *out, char why[TLS_WHY_SIZE])
{
    buf_init(out, TLS_PEM_MAX);
    enum err e = fs_read_file(path, out);
    return e ? fail(why, e, "%s cannot be read: %s", path, err_text(e)) : ERR_OK;
}

static enum err read_key_file(const char *path, struct buf *out, char why[TLS_WHY_SIZE])
{
    buf_init(out, TLS_PEM_MAX);
    enum err e = fs_read_private(path, out);
    if (e == ERR_DENIED)
        return fail(why, e, "%s can be read by others, or not by us: a private key is for its owner only (chmod 600)", path);
    return e ? fail(why, e, "%s cannot be read: %s", path, err_text(e)) : ERR_OK;
}

/* The first certificate in b. NULL: there is none. */
static X509 *parse_cert(const struct buf *b)
{
    BIO *in = BIO_new_mem_buf(buf_str(b), (int)b->len);
    X509 *cert = in ? PEM_read_bio_X509(in, NULL, NULL, NULL) : NULL;
    BIO_free(in);
    return cert;
}

/* A key that asks for a passphrase is none: there is nobody to ask. */
/* NOLINTNEXTLINE(readability-non-const-parameter): pem_password_cb of OpenSSL */
static int no_passphrase(char *to, int size, int writing, void *ctx)
{
    (void)to;
    (void)size;
    (void)writing;
    (void)ctx;
    return -1;
}

static EVP_PKEY *parse_key(const struct buf *b)
{
    BIO *in = BIO_new_mem_buf(buf_str(b), (int)b->len);
    EVP_PKEY *key = in ? PEM_read_bio_PrivateKey(in, NULL, no_passphrase, NULL) : NULL;
    BIO_free(in);
    return key;
}

/* As the other end will check it: issued by that CA alone, good at now_s, for this end of a connection. */
static enum err check_purpose(X509 *ca, X509 *own, int purpose, int64_t now_s, const char *path, char why[TLS_WHY_SIZE])
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    enum err e = ERR_NOMEM;
    if (store && ctx && X509_STORE_add_cert(store, ca) == 1 && X509_STORE_CTX_init(ctx, store, own, NULL) == 1) {
        X509_STORE_CTX_set_time(ctx, 0, (time_t)now_s);
        X509_STORE_CTX_set_purpose(ctx, purpose);
        e = X509_verify_cert(ctx) == 1
                ? ERR_OK
                : fail(why, ERR_INVALID, "%s is not good here: %s", path, X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)));
    }
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    return e;
}

static enum err check_key(const struct tls *t, const struct tls_files *files, char why[TLS_WHY_SIZE])
{
    EVP_PKEY *key = parse_key(&t->key);
    enum err e = ERR_OK;
    if (!key)
        e = fail(why, ERR_SYNTAX, "%s holds no private key in PEM without a passphrase", files->key);
    else if (X509_check_private_key(t->own, key) != 1)
        e = fail(why, ERR_INVALID, "the key in %s is not that of the certificate in %s", files->key, files->cert);
    EVP_PKEY_free(key);
    return e;
}

static enum err check(struct tls *t, const struct tls_files *files, int64_t now_s, char why[TLS_WHY_SIZE])
{
    X509 *ca = parse_cert(&t->ca);
    enum err e = ERR_OK;
    t->own = parse_cert(&t->cert);
    if (!ca || !t->own)
        e = fail(why, ERR_SYNTAX, "%s holds no certificate in PEM", ca ? files->cert : files->ca);
    if (!e)
        e = check_key(t, files, why);
    if (!e)
        e = check_purpose(ca, t->own, X509_PURPOSE_SSL_SERVER, now_s, files->cert, why);
    if (!e)
        e = check_purpose(ca, t->own, X509_PURPOSE_SSL_CLIENT, now_s, files->cert, why);
    X509_free(ca);
    return e;
}

enum err tls_read(const struct tls_files *files, int64_t now_s, struct tls **out, char why[TLS_WHY_SIZE])
{
    int given = is_given(files->ca) + is_given(files->cert) + is_given(files->key);
    if (given == 0) {
        *out = NULL;
        return ERR_OK;
    }
    if (given < 3)
        return fail(why, ERR_INVALID, "TLS needs --tls-ca, --tls-cert and --tls-key, all three");
    struct tls *t = calloc(1, sizeof *t);
    if (!t)
        return fail(why, ERR_NOMEM, "out of memory");
    enum err e = read_file(files->ca, &t->ca, why);
    if (!e)
        e = read_file(files->cert, &t->cert, why);
    if (!e)
        e = read_key_file(files->key, &t->key, why);
    if (!e)
        e = check(t, files, now_s, why);
    if (e == ERR_NOMEM)
        e = fail(why, e, "out of memory, or a file that is too long");
    if (e)
        tls_free(t);
    else
        *out = t;
    return e;
}

void tls_free(struct tls *t)
{
    if (!t)
        return;
    if (t->key.data)
        explicit_bzero(t->key.data, t->key.cap);
    buf_release(&t->ca);
    buf_release(&t->cert);
    buf_release(&t->key);
    X509_free(t->own);
    free(t);
}

static const char *text(const struct buf *b, size_t *len)
{
    if (len)
        *len = b->len;
    return buf_str(b);
}

const char *tls_ca(const struct tls *t, size_t *len)
{
    return text(&t->ca, len);
}

const char *tls_cert(const struct tls *t, size_t *len)
{
    return text(&t->cert, len);
}

const char *tls_key(const struct tls *t, size_t *len)
{
    return text(&t->key, len);
}

int64_t tls_ends_s(const struct tls *t)
{
    struct tm tm = {0};
    return ASN1_TIME_to_tm(X509_get0_notAfter(t->own), &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

int tls_is_for(const struct tls *t, const union url_at *at)
{
    char host[URL_HOST_SIZE];
    url_host(at, host);
    return X509_check_ip_asc(t->own, host, 0) == 1;
}

const char *tls_scheme(const struct tls *t)
{
    return t ? "https://" : "http://";
}

int tls_url_ok(const struct tls *t, const char *url_text)
{
    return url_ok(url_text) && strncmp(url_text, tls_scheme(t), strlen(tls_scheme(t))) == 0;
}
