/* Certificates of tests, in a folder of their own: a CA, and what it signs. */
#ifndef RB_TESTS_UNIT_LIB_TLS_CERTS_H
#define RB_TESTS_UNIT_LIB_TLS_CERTS_H

#include "lib/tls/ca.h"
#include "lib/tls/tls.h"
#include "tests/unit/unit.h"

#include "lib/base/clock.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CERTS_DAY_S INT64_C(86400)

/* Paths of one process's three files. */
struct certs {
    char folder[64], ca[96], cert[96], key[96];
};

static inline int64_t certs_now_s(void)
{
    return (int64_t)(clock_unix_ms() / 1000);
}

static inline void certs_write(const char *path, const void *text, size_t len, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

    assert_true(fd >= 0);
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(write(fd, text, len), (ssize_t)len);
    close(fd);
}

/* Ten days old, so that what has expired can be issued by it. */
static inline void certs_new_ca(struct ca_pair *ca)
{
    ca_pair_init(ca);
    assert_ok(ca_make(certs_now_s() - 10 * CERTS_DAY_S, ca));
}

/* Files for somebody at these addresses, signed at `at_s` for so many days. */
static inline void certs_issue(struct certs *c, const struct ca_pair *ca, const char *address, int64_t at_s, uint64_t days)
{
    struct ca_wish wish = {.name = "tester", .addresses = &address, .n_addresses = 1, .days = days};
    struct ca_pair pair;

    strcpy(c->folder, "/tmp/rb-certs-XXXXXX");
    assert_non_null(mkdtemp(c->folder));
    snprintf(c->ca, sizeof c->ca, "%s/ca.crt", c->folder);
    snprintf(c->cert, sizeof c->cert, "%s/own.crt", c->folder);
    snprintf(c->key, sizeof c->key, "%s/own.key", c->folder);
    ca_pair_init(&pair);
    assert_ok(ca_issue(ca, &wish, at_s, &pair, NULL));
    certs_write(c->ca, ca->cert.data, ca->cert.len, 0644);
    certs_write(c->cert, pair.cert.data, pair.cert.len, 0644);
    certs_write(c->key, pair.key.data, pair.key.len, 0600);
    ca_pair_release(&pair);
}

static inline struct tls_files certs_files(const struct certs *c)
{
    return (struct tls_files){.ca = c->ca, .cert = c->cert, .key = c->key};
}

static inline void certs_remove(const struct certs *c)
{
    unlink(c->ca);
    unlink(c->cert);
    unlink(c->key);
    rmdir(c->folder);
}

#endif
