/* TLS under the requests: libmicrohttpd runs it by GnuTLS, and leaves two things to us. It would ask for a client's certificate and serve whoever has none; and
 * what is written past it (reply_cut) must not leave in clear. */
#include "lib/http/internal.h"

#include "lib/base/log.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <sys/socket.h>

/* The end of a certificate's owner: who connects to us is a client. Not const for GnuTLS, which only reads it, at the handshake's end. */
static unsigned char client_purpose[] = GNUTLS_KP_TLS_WWW_CLIENT;
static gnutls_typed_vdata_st client_checks[] = {{GNUTLS_DT_KEY_PURPOSE_OID, client_purpose, 0}};

static gnutls_session_t session_of(struct MHD_Connection *c)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    return info ? (gnutls_session_t)info->tls_session : NULL;
}

/* Before the handshake: without a certificate of the CA there will be none. */
void secure_on_connection(const struct http_server *s, struct MHD_Connection *connection)
{
    if (!s->config.tls)
        return;
    gnutls_session_t session = session_of(connection);
    if (!session) {
        log_write(LOG_ERROR, "http", "libmicrohttpd shows no TLS session: its requests will be refused");
        return;
    }
    gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUIRE);
    gnutls_session_set_verify_cert2(session, client_checks, sizeof client_checks / sizeof *client_checks, 0);
}

int secure_is_proven(const struct http_server *s, struct MHD_Connection *connection)
{
    unsigned n = 0;

    if (!s->config.tls)
        return 1;
    gnutls_session_t session = session_of(connection);
    return session && gnutls_session_get_verify_cert_status(session) == 0 && gnutls_certificate_get_peers(session, &n) && n > 0;
}

ssize_t secure_send(struct MHD_Connection *connection, int fd, const void *data, size_t n)
{
    gnutls_session_t session = session_of(connection);

    return session ? gnutls_record_send(session, data, n) : send(fd, data, n, MSG_NOSIGNAL | MSG_DONTWAIT);
}
