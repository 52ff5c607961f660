/* Base URLs of other processes: only numeric addresses with a port get through, and nothing stands behind the port. */
#include "tests/fuzz/fuzz.h"

#include "lib/peer/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *url = fuzz_string(data, size);
    if (address_check(url) == ERR_OK) {
        const char *colon = strrchr(url, ':');
        char *end;
        FUZZ_CHECK(strlen(url) < PEER_URL_MAX);
        FUZZ_CHECK(strncmp(url, "http://", 7) == 0 || strncmp(url, "https://", 8) == 0);
        FUZZ_CHECK(colon && strtoul(colon + 1, &end, 10) >= 1 && strtoul(colon + 1, NULL, 10) <= 65535 && *end == '\0');
        const char *host = strstr(url, "://") + 3;
        FUZZ_CHECK(strspn(host, "0123456789abcdefABCDEF.:[]") == strlen(host));
        /* Nothing can be put behind it that would change where it leads. */
        char longer[PEER_URL_MAX + 2];
        snprintf(longer, sizeof(longer), "%s/", url);
        FUZZ_CHECK(address_check(longer) != ERR_OK);
        snprintf(longer, sizeof(longer), "%s@", url);
        FUZZ_CHECK(address_check(longer) != ERR_OK);
    }
    free(url);
    return 0;
}
