#include "cli/inside.h"

#include "lib/base/clock.h"

#include <stdlib.h>

enum err inside_tls(const struct cli *c, struct tls **out)
{
    const struct tls_files files = {.ca = getenv(TLS_CA_ENV), .cert = getenv(TLS_CERT_ENV), .key = getenv(TLS_KEY_ENV)};
    char why[TLS_WHY_SIZE];
    enum err e = tls_read(&files, (int64_t)(clock_unix_ms() / 1000), out, why);

    return e ? out_fail(&c->out, e, "%s.", why) : ERR_OK;
}
