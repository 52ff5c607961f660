/* Where a request comes from: only our own origin and what a browser says of it pass, and a token passes for its session alone. Input: five lines, Sec-Fetch-Site,
 * Origin, Host (an empty line is a missing header), a session's secret, a token. */
#include "tests/fuzz/fuzz.h"

#include "lib/auth/csrf.h"

#include <strings.h>

static const char *or_null(const char *line)
{
    return *line ? line : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *lines[5], token[CSRF_SIZE];
    for (int i = 0; i < 5; i++)
        lines[i] = fuzz_line(&data, &size);
    const char *site = or_null(lines[0]), *origin = or_null(lines[1]), *host = or_null(lines[2]);
    for (int tls = 0; tls < 2; tls++) {
        enum csrf_origin is = csrf_origin(site, origin, host, tls);
        FUZZ_CHECK((is == CSRF_UNKNOWN) == (!site && !origin));
        if (is == CSRF_SAME) {
            size_t scheme = tls ? 8 : 7;
            FUZZ_CHECK(!site || strcmp(site, "same-origin") == 0 || strcmp(site, "none") == 0);
            FUZZ_CHECK(!origin || (host && strlen(origin) == scheme + strlen(host) && strcasecmp(origin + scheme, host) == 0));
            FUZZ_CHECK(csrf_origin("cross-site", origin, host, tls) == CSRF_FOREIGN);
            FUZZ_CHECK(csrf_origin(site, "null", host, tls) == CSRF_FOREIGN);
        }
    }
    csrf_make(lines[3], token);
    FUZZ_CHECK(csrf_check(lines[3], token));
    FUZZ_CHECK(csrf_check(lines[3], lines[4]) == (strcmp(token, lines[4]) == 0));
    FUZZ_CHECK(!csrf_check(lines[3], NULL));
    for (int i = 0; i < 5; i++)
        free(lines[i]);
    return 0;
}
