#include "lib/tls/ca.h"

#include "lib/base/id.h"

#include <arpa/inet.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define DAY_S INT64_C(86400)
#define EARLIER_S INT64_C(3600)
#define SERIAL_BYTES 20
#define SAN_MAX (CA_ADDRESSES_MAX * (2 * INET6_ADDRSTRLEN + 16))

void ca_pair_init(struct ca_pair *p)
{
    buf_init(&p->cert, CA_PEM_MAX);
    buf_init(&p->key, CA_PEM_MAX);
}

void ca_pair_release(struct ca_pair *p)
{
    if (p->key.data)
        explicit_bzero(p->key.data, p->key.cap);
    buf_release(&p->key);
    buf_release(&p->cert);
}

/* 158 random bits: positive, and nobody can guess the next one. */
static int set_serial(X509 *cert)
{
    uint8_t bytes[SERIAL_BYTES];
    id_random(bytes, sizeof bytes);
    bytes[0] = (uint8_t)((bytes[0] & 0x7f) | 0x40);
    BIGNUM *number = BN_bin2bn(bytes, sizeof bytes, NULL);
    int ok = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert));
    BN_free(number);
    return ok;
}

static int add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    X509V3_set_ctx_nodb(&ctx);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    int ok = extension && X509_add_ext(cert, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return ok;
}

/* What all certificates have: version 3, a serial number, a subject, a time and the key. */
static X509 *begin(EVP_PKEY *key, const char *name, int64_t from_s, int64_t to_s)
{
    X509 *cert = X509_new();
    X509_NAME *subject = cert ? X509_get_subject_name(cert) : NULL;
    if (subject && X509_set_version(cert, X509_VERSION_3) == 1 && set_serial(cert) &&
        X509_NAME_add_entry_by_txt(subject, "O", MBSTRING_ASC, (const unsigned char *)"Ringbinder", -1, -1, 0) == 1 &&
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0) == 1 &&
        ASN1_TIME_set(X509_getm_notBefore(cert), (time_t)from_s) && ASN1_TIME_set(X509_getm_notAfter(cert), (time_t)to_s) &&
        X509_set_pubkey(cert, key) == 1)
        return cert;
    X509_free(cert);
    return NULL;
}

static enum err take(BIO *from, struct buf *to)
{
    char *data;
    long n = BIO_get_mem_data(from, &data);
    return n > 0 ? buf_add(to, data, (size_t)n) : ERR_NOMEM;
}

static enum err print_cert(X509 *cert, struct buf *to)
{
    BIO *text = BIO_new(BIO_s_mem());
    enum err e = text && PEM_write_bio_X509(text, cert) == 1 ? take(text, to) : ERR_NOMEM;
    BIO_free(text);
    return e;
}

/* Reserved whole, so that no copy of the key is left behind when the buffer grows. */
static enum err print_key(EVP_PKEY *key, struct buf *to)
{
    BIO *text = BIO_new(BIO_s_secmem());
    enum err e = buf_reserve(to, CA_PEM_MAX);
    if (!e)
        e = text && PEM_write_bio_PrivateKey(text, key, NULL, NULL, 0, NULL, NULL) == 1 ? take(text, to) : ERR_NOMEM;
    BIO_free(text);
    return e;
}

static enum err print(X509 *cert, EVP_PKEY *key, struct ca_pair *out)
{
    enum err e = print_cert(cert, &out->cert);
    return e ? e : print_key(key, &out->key);
}

enum err ca_make(int64_t now_s, struct ca_pair *out)
{
    char name[32], mark[9];
    id_random_hex(mark, 4); /* two CAs of one operator are told apart by it */
    snprintf(name, sizeof name, "Ringbinder CA %s", mark);
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = key ? begin(key, name, now_s - EARLIER_S, now_s + CA_DAYS * DAY_S) : NULL;
    enum err e = ERR_INTERNAL;
    if (cert && X509_set_issuer_name(cert, X509_get_subject_name(cert)) == 1 &&
        add_extension(cert, cert, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
        add_extension(cert, cert, NID_key_usage, "critical,keyCertSign,cRLSign") &&
        add_extension(cert, cert, NID_subject_key_identifier, "hash") && X509_sign(cert, key, EVP_sha256()) > 0)
        e = print(cert, key, out);
    X509_free(cert);
    EVP_PKEY_free(key);
    return e;
}

int ca_address_ok(const char *address)
{
    unsigned char bytes[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, address, bytes) == 1 || inet_pton(AF_INET6, address, bytes) == 1;
}

/* Each address as what it is, and once more as a name: nginx compares only those (X509_check_host), with brackets around IPv6 as in its proxy_pass. */
static enum err make_names(const struct ca_wish *wish, struct buf *out)
{
    enum err e = wish->n_addresses == 0 || wish->n_addresses > CA_ADDRESSES_MAX ? ERR_INVALID : ERR_OK;
    for (size_t i = 0; i < wish->n_addresses && !e; i++) {
        unsigned char bytes[sizeof(struct in6_addr)];
        char host[INET6_ADDRSTRLEN];
        if (!ca_address_ok(wish->addresses[i]))
            return ERR_INVALID;
        int family = inet_pton(AF_INET, wish->addresses[i], bytes) == 1 ? AF_INET : AF_INET6;
        if (family == AF_INET6)
            inet_pton(AF_INET6, wish->addresses[i], bytes);
        inet_ntop(family, bytes, host, sizeof host);
        e = buf_addf(out, family == AF_INET ? "%sIP:%s,DNS:%s" : "%sIP:%s,DNS:[%s]", i > 0 ? "," : "", host, host);
    }
    return e;
}

struct signer {
    X509 *cert;
    EVP_PKEY *key;
};

static enum err read_signer(const struct ca_pair *ca, struct signer *out)
{
    BIO *cert = BIO_new_mem_buf(buf_str(&ca->cert), (int)ca->cert.len), *key = BIO_new_mem_buf(buf_str(&ca->key), (int)ca->key.len);
    out->cert = cert ? PEM_read_bio_X509(cert, NULL, NULL, NULL) : NULL;
    out->key = key ? PEM_read_bio_PrivateKey(key, NULL, NULL, (void *)(uintptr_t) "") : NULL;
    BIO_free(cert);
    BIO_free(key);
    if (!out->cert || !out->key)
        return ERR_SYNTAX;
    return X509_check_private_key(out->cert, out->key) == 1 ? ERR_OK : ERR_INVALID;
}

static void release_signer(struct signer *s)
{
    X509_free(s->cert);
    EVP_PKEY_free(s->key);
}

static enum err issue(const struct signer *ca, const struct ca_wish *wish, int64_t now_s, int64_t to_s, struct ca_pair *out)
{
    struct buf names;
    buf_init(&names, SAN_MAX);
    enum err e = make_names(wish, &names);
    EVP_PKEY *key = e ? NULL : EVP_EC_gen("P-256");
    X509 *cert = key ? begin(key, wish->name, now_s - EARLIER_S, to_s) : NULL;
    if (!e)
        e = ERR_INTERNAL;
    if (cert && X509_set_issuer_name(cert, X509_get_subject_name(ca->cert)) == 1 &&
        add_extension(cert, ca->cert, NID_basic_constraints, "critical,CA:FALSE") &&
        add_extension(cert, ca->cert, NID_key_usage, "critical,digitalSignature") &&
        add_extension(cert, ca->cert, NID_ext_key_usage, "serverAuth,clientAuth") &&
        add_extension(cert, ca->cert, NID_subject_key_identifier, "hash") &&
        add_extension(cert, ca->cert, NID_authority_key_identifier, "keyid") &&
        add_extension(cert, ca->cert, NID_subject_alt_name, buf_str(&names)) && X509_sign(cert, ca->key, EVP_sha256()) > 0)
        e = print(cert, key, out);
    X509_free(cert);
    EVP_PKEY_free(key);
    buf_release(&names);
    return e;
}

enum err ca_issue(const struct ca_pair *ca, const struct ca_wish *wish, int64_t now_s, struct ca_pair *out, int64_t *ends_s)
{
    struct signer signer = {0};
    struct tm tm = {0};
    int64_t to_s = now_s + (int64_t)wish->days * DAY_S;
    enum err e = read_signer(ca, &signer);
    if (!e && ASN1_TIME_to_tm(X509_get0_notAfter(signer.cert), &tm) != 1)
        e = ERR_SYNTAX;
    int64_t last_s = (int64_t)timegm(&tm);
    if (!e && last_s <= now_s)
        e = ERR_GONE;
    if (to_s > last_s)
        to_s = last_s;
    if (!e)
        e = issue(&signer, wish, now_s, to_s, out);
    if (!e && ends_s)
        *ends_s = to_s;
    release_signer(&signer);
    return e;
}
