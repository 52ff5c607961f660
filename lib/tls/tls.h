/* What a process shows to the others of its cluster, and whom it believes, when they speak TLS: its certificate and key, and the cluster's own CA. Read once, when the
 * process starts; nothing else is trusted, least of all the CAs of the operating system. */
#ifndef RB_LIB_TLS_TLS_H
#define RB_LIB_TLS_TLS_H

#include "lib/base/err.h"

#include <stddef.h>
#include <stdint.h>

#define TLS_WHY_SIZE 512
#define TLS_PEM_MAX 65536u               /* bytes of one file */
#define TLS_WARN_S (INT64_C(30) * 86400) /* a certificate that ends sooner is worth a word */

/* Of the three settings, for tables of settings. */
#define TLS_CA_HELP                                                                                                                   \
    "file with the certificate of the cluster's CA: with it and the two below processes speak TLS with each other, and nothing else " \
    "(ringbinder ca)"
#define TLS_CERT_HELP "file with this process's certificate, for the address of its url"
#define TLS_KEY_HELP "file with its private key, mode 0600"
#define TLS_CA_ENV "RB_TLS_PEER_CA"
#define TLS_CERT_ENV "RB_TLS_PEER_CERT"
#define TLS_KEY_ENV "RB_TLS_PEER_KEY"

/* Paths; NULL or "": not given. */
struct tls_files {
    const char *ca, *cert, *key;
};

union url_at; /* lib/base/url.h */
struct tls;   /* read-only once it is made: threads may share it */

/* Reads and checks what was named at time now_s (unix). Nothing named: *out is NULL, and processes speak plain http. A part of it named, or anything that would only be
 * found out at the first call, is an error, with a sentence in `why`: ERR_INVALID: a part is missing, or they do not belong together, or the certificate is not (or not
 * any more, or not yet) good for both ends of a connection; ERR_DENIED: others can read the key; ERR_SYNTAX: no PEM; ERR_NOT_FOUND, ERR_IO, ERR_NOMEM. */
enum err tls_read(const struct tls_files *files, int64_t now_s, struct tls **out, char why[TLS_WHY_SIZE]) MUST_CHECK;
void tls_free(struct tls *t); /* NULL is fine; wipes the key */

/* The three as PEM text, NUL-terminated; *len may be NULL. Borrowed. */
const char *tls_ca(const struct tls *t, size_t *len);
const char *tls_cert(const struct tls *t, size_t *len);
const char *tls_key(const struct tls *t, size_t *len);
/* When the certificate ends, unix seconds. */
int64_t tls_ends_s(const struct tls *t);

/* Whether the certificate is for this address: only then will others that call it believe who answers. */
int tls_is_for(const struct tls *t, const union url_at *at);
/* What a process that speaks TLS, or does not (NULL), calls and is called by. */
const char *tls_scheme(const struct tls *t); /* "https://" or "http://" */
/* Whether text is the address of a process of this cluster: url_ok() and of that scheme. */
int tls_url_ok(const struct tls *t, const char *text);

#define TLS_PRIVATE_HELP \
    "nobody but this cluster is on the network of --listen, so that it need not speak TLS there; without, only loopback may be plain"
#define TLS_PRIVATE_ENV "RB_PRIVATE_NETWORK"

/* A program's settings that have to do with it. */
struct tls_settings {
    struct tls_files files;
    uint64_t private_network; /* --private-network */
    const char *listen;       /* ADDR:PORT or unix:PATH; NULL: nowhere */
    const char *url;          /* under which others call it; NULL: they do not */
    const char *others;       /* urls that it calls, with commas between; NULL: it is told them later */
};

/* tls_read(), and what a program must be before it serves: who listens at an address that is not loopback speaks TLS, or was told that the network is private; our own
 * certificate is for the address of `url`; and all urls are of the scheme that we speak. A certificate that soon ends is said in the log. Errors as tls_read(). Whether
 * `listen` makes sense is for whoever listens there. */
enum err tls_open(const struct tls_settings *s, int64_t now_s, struct tls **out, char why[TLS_WHY_SIZE]) MUST_CHECK;

#endif
