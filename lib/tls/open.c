/* What must be right before a program serves. */
#include "lib/tls/tls.h"

#include "lib/base/log.h"
#include "lib/base/url.h"

#include <stdio.h>
#include <string.h>

#define DAY_S INT64_C(86400)

static enum err check_listen(const struct tls *t, const struct tls_settings *s, char why[TLS_WHY_SIZE])
{
    union url_at at;
    if (t || s->private_network || !s->listen || url_read_listen(s->listen, &at) || url_is_loopback(&at.any))
        return ERR_OK;
    snprintf(why, TLS_WHY_SIZE,
        "--listen %s can be reached from other machines, which takes TLS: --tls-ca, --tls-cert and --tls-key (`ringbinder ca` makes them). "
        "On a "
        "network where nobody else is, say --private-network",
        s->listen);
    return ERR_INVALID;
}

static enum err check_scheme(const struct tls *t, const char *name, const char *url, char why[TLS_WHY_SIZE])
{
    const char *scheme = tls_scheme(t);
    if (strncmp(url, scheme, strlen(scheme)) == 0)
        return ERR_OK;
    snprintf(why, TLS_WHY_SIZE, "%s: %.*s must begin with %s: %s", name, (int)strcspn(url, ","), url, scheme,
        t ? "with TLS all processes of a cluster speak it" : "without --tls-ca, --tls-cert and --tls-key none speaks TLS");
    return ERR_INVALID;
}

static enum err check_url(const struct tls *t, const struct tls_settings *s, char why[TLS_WHY_SIZE])
{
    struct url url;
    enum err e = s->url ? check_scheme(t, "--url", s->url, why) : ERR_OK;
    if (e || !s->url || !t)
        return e;
    if (url_read(s->url, &url)) {
        snprintf(why, TLS_WHY_SIZE, "--url %s is no numeric address with a port", s->url);
        return ERR_INVALID;
    }
    if (tls_is_for(t, &url.at))
        return ERR_OK;
    snprintf(why, TLS_WHY_SIZE, "%s is not for the address of %s: issue one with --address", s->files.cert, s->url);
    return ERR_INVALID;
}

static enum err check_others(const struct tls *t, const struct tls_settings *s, char why[TLS_WHY_SIZE])
{
    enum err e = ERR_OK;
    for (const char *at = s->others; at && *at && !e; at += *at == ',') {
        e = check_scheme(t, "--coordinators", at, why);
        at += strcspn(at, ",");
    }
    return e;
}

enum err tls_open(const struct tls_settings *s, int64_t now_s, struct tls **out, char why[TLS_WHY_SIZE])
{
    struct tls *t;
    enum err e = tls_read(&s->files, now_s, &t, why);
    if (e)
        return e;
    e = check_listen(t, s, why);
    if (!e)
        e = check_url(t, s, why);
    if (!e)
        e = check_others(t, s, why);
    if (e) {
        tls_free(t);
        return e;
    }
    if (t && tls_ends_s(t) - now_s < TLS_WARN_S)
        log_write(LOG_WARN, "tls", "%s ends in %lld days: issue another one, and start anew", s->files.cert,
            (long long)((tls_ends_s(t) - now_s) / DAY_S));
    *out = t;
    return ERR_OK;
}
