/* Addresses of other processes: only numeric addresses with a port get through, nothing stands behind the port, and what may be called is one machine's own. */
#include "tests/fuzz/fuzz.h"

#include "lib/base/url.h"

#define LONGEST 64 /* bytes of https://, an address in brackets and a port */

/* Nothing can be put behind it that would change where it leads. */
static void try_longer(const char *url)
{
    static const char *const ends[] = {"/", "@", "?", "#", ":80", " ", "%31"};
    char longer[LONGEST + 8];
    struct url out;

    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        snprintf(longer, sizeof longer, "%s%s", url, ends[i]);
        FUZZ_CHECK(url_read(longer, &out) != ERR_OK);
    }
}

/* It says again what was read. */
static void try_again(const struct url *url)
{
    char host[URL_HOST_SIZE], text[LONGEST + 8];
    int is_v6 = url->at.any.sa_family == AF_INET6;
    struct url again;

    url_host(&url->at, host);
    snprintf(text, sizeof text, "http%s://%s%s%s:%u", url->is_tls ? "s" : "", is_v6 ? "[" : "", host, is_v6 ? "]" : "",
        (unsigned)url_port(&url->at));
    FUZZ_CHECK(url_read(text, &again) == ERR_OK);
    FUZZ_CHECK(again.is_tls == url->is_tls && again.at.any.sa_family == url->at.any.sa_family && url_port(&again.at) == url_port(&url->at));
    FUZZ_CHECK(is_v6 ? memcmp(&again.at.v6.sin6_addr, &url->at.v6.sin6_addr, sizeof again.at.v6.sin6_addr) == 0
                     : again.at.v4.sin_addr.s_addr == url->at.v4.sin_addr.s_addr);
}

static void try_url(const char *text)
{
    struct url url;

    memset(&url, 0, sizeof url);
    if (url_read(text, &url)) {
        FUZZ_CHECK(!url_ok(text));
        return;
    }
    const char *colon = strrchr(text, ':'), *host = strstr(text, "://") + 3;
    FUZZ_CHECK(strlen(text) < LONGEST);
    FUZZ_CHECK(strncmp(text, url.is_tls ? "https://" : "http://", (size_t)(host - text)) == 0);
    FUZZ_CHECK(strtoul(colon + 1, NULL, 10) >= 1 && strtoul(colon + 1, NULL, 10) <= 65535);
    FUZZ_CHECK(strspn(host, "0123456789abcdefABCDEF.:[]") == strlen(host));
    FUZZ_CHECK(url_ok(text) == url_is_machine(&url.at.any));
    FUZZ_CHECK(!url_is_loopback(&url.at.any) || url_ok(text));
    FUZZ_CHECK(strncmp(host, "169.254.", 8) != 0 || !url_ok(text));
    try_longer(text);
    try_again(&url);
}

static void try_listen(const char *text)
{
    union url_at at;
    struct url url;
    char as_url[LONGEST + 16];

    if (url_read_listen(text, &at))
        return;
    snprintf(as_url, sizeof as_url, "http://%s", text);
    FUZZ_CHECK((url_read(as_url, &url) == ERR_OK) == (url_port(&at) != 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_string(data, size);
    try_url(text);
    try_listen(text);
    free(text);
    return 0;
}
