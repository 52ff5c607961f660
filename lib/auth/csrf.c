#include "lib/auth/csrf.h"

#include "lib/auth/secret.h"
#include "lib/base/num.h"

#include <string.h>
#include <strings.h>

void csrf_make(const char *session_secret, char out[CSRF_SIZE])
{
    uint8_t key[HASH_SIZE], mac[HASH_SIZE];
    hash_sha256(session_secret, strlen(session_secret), key);
    hash_hmac(key, sizeof(key), "csrf", 4, mac);
    num_hex(mac, sizeof(mac), out);
    secret_wipe(key, sizeof(key));
    secret_wipe(mac, sizeof(mac));
}

int csrf_check(const char *session_secret, const char *given)
{
    char ours[CSRF_SIZE];
    if (!given || strnlen(given, CSRF_SIZE) != CSRF_SIZE - 1)
        return 0;
    csrf_make(session_secret, ours);
    int same = hash_equal(ours, given, CSRF_SIZE - 1);
    secret_wipe(ours, sizeof(ours));
    return same;
}

/* Browsers leave out the port that goes without saying, in Origin as in Host; both in lower case, but for a Host that a program made up. */
static int is_our_origin(const char *origin, const char *host, int tls)
{
    const char *scheme = tls ? "https://" : "http://";
    size_t n = strlen(scheme);
    return host && *host && strncmp(origin, scheme, n) == 0 && strcasecmp(origin + n, host) == 0;
}

static int is_said(const char *header)
{
    return header && *header;
}

enum csrf_origin csrf_origin(const char *sec_fetch_site, const char *origin, const char *host, int tls)
{
    if (is_said(sec_fetch_site) && strcmp(sec_fetch_site, "same-origin") != 0 && strcmp(sec_fetch_site, "none") != 0)
        return CSRF_FOREIGN;
    if (is_said(origin) && !is_our_origin(origin, host, tls))
        return CSRF_FOREIGN;
    return is_said(sec_fetch_site) || is_said(origin) ? CSRF_SAME : CSRF_UNKNOWN;
}
