/* Signing in and out: rate limits, the password, the session. */
#ifndef RB_FCGI_SERVICE_LOGIN_H
#define RB_FCGI_SERVICE_LOGIN_H

#include "fcgi/service/accounts.h"
#include "lib/auth/secret.h"
#include "lib/store/sessions.h"

struct login {
    struct docs_account account;
    char secret[SECRET_SIZE]; /* for the cookie; login_begin() only. The caller wipes it */
    uint64_t since_ms, seen_ms;
    uint64_t ends_at_ms;    /* unix time of the absolute end */
    unsigned retry_after_s; /* with ERR_RATE and ERR_UNAVAILABLE */
};

/* Signs in. address: of the client, numeric. ERR_AUTH: wrong; ERR_RATE: too many tries from there or for that name (but not of others, where it signed in during the
 * last 30 days), wait retry_after_s; ERR_UNAVAILABLE: Redis is away (no session could be kept), or too many
 * at once. *out is always initialised. */
enum err login_begin(
    struct worker *w, const char *name, const char *password, size_t len, const char *address, struct login *out) MUST_CHECK;
/* Who a session's secret belongs to: its account as it is now. Counts as activity. ERR_AUTH: no such session, ended, or its account is gone or disabled; ERR_UNAVAILABLE: Redis is away. */
enum err login_look(struct worker *w, const char *secret, struct login *out) MUST_CHECK;
/* Ends one session; ended already is fine. */
enum err login_end(struct worker *w, const char *secret) MUST_CHECK;
/* Ends all sessions of an account but `keep` (a secret, or NULL), also without Redis. *ended (may be NULL): how many Redis had. */
enum err login_end_all(struct worker *w, const char *name, const char *keep, uint64_t *ended) MUST_CHECK;

#endif
