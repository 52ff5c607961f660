#include "lib/peer/dial.h"

#include "lib/base/url.h"

#include <sys/socket.h>

void dial_anybody(CURL *c)
{
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(c, CURLOPT_PROXY, "");
    curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
}

/* A name that came to mean another address since somebody looked at it does not help here: this is the address that is called. */
static curl_socket_t open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *to)
{
    (void)ctx;
    (void)purpose;
    if (!url_is_machine(&to->addr))
        return CURL_SOCKET_BAD;
    return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

static struct curl_blob blob(const char *text, size_t len)
{
    return (struct curl_blob){.data = (void *)(uintptr_t)text, .len = len, .flags = CURL_BLOB_NOCOPY}; /* only read */
}

static void set_tls(CURL *c, const struct tls *t)
{
    size_t ca_len, cert_len, key_len;
    const char *ca = tls_ca(t, &ca_len), *cert = tls_cert(t, &cert_len), *key = tls_key(t, &key_len);
    struct curl_blob ca_blob = blob(ca, ca_len), cert_blob = blob(cert, cert_len), key_blob = blob(key, key_len);

    curl_easy_setopt(c, CURLOPT_CAINFO_BLOB, &ca_blob);
    curl_easy_setopt(c, CURLOPT_CAPATH, NULL); /* else libcurl believes the system's CAs besides ours */
    curl_easy_setopt(c, CURLOPT_SSLCERT_BLOB, &cert_blob);
    curl_easy_setopt(c, CURLOPT_SSLKEY_BLOB, &key_blob);
    curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_3);
}

void dial_member(CURL *c, const struct tls *tls)
{
    dial_anybody(c);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, tls ? "https" : "http");
    curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    if (tls)
        set_tls(c, tls);
}
