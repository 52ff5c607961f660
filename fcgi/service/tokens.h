/* API tokens (sys/token/<id>): shown once, kept as a digest. */
#ifndef RB_FCGI_SERVICE_TOKENS_H
#define RB_FCGI_SERVICE_TOKENS_H

#include "fcgi/service/accounts.h"
#include "lib/auth/secret.h"

#define TOKENS_PER_USER_MAX 64u
#define TOKENS_USED_EVERY_S 60u /* the last use is noted at most so often; Redis only, may be lost */

struct tokens_new {
    const char *user, *label;
    uint32_t acts;
    struct auth_scopes scopes;
    uint64_t expires_at_ms; /* 0: never */
};
/* Makes one. text: to be shown once, then wiped. Whoever asks with a token is held to auth_covers() by the caller. ERR_NOT_FOUND: no such account; ERR_INVALID: no acts, an end that is past, a bad label;
 * ERR_CONFLICT: TOKENS_PER_USER_MAX are there (expired ones count until they are removed). *detail: a sentence, or NULL. */
enum err tokens_make(struct worker *w, const struct tokens_new *in, const char *by, struct docs_token *out, char text[SECRET_TOKEN_SIZE],
    const char **detail) MUST_CHECK;

/* The same for a text that somebody else has drawn, in the form of a token: the first admin's. ERR_CONFLICT: there is one with its id; the account need not be there yet. */
enum err tokens_adopt(struct worker *w, const struct tokens_new *in, const char *text) MUST_CHECK;

/* Who a token's text belongs to. ERR_AUTH: no token of ours, revoked, expired, or its account is gone or disabled; ERR_UNAVAILABLE: nobody can be asked. Works without Redis. */
enum err tokens_use(struct worker *w, const char *text, size_t len, struct docs_token *token, struct docs_account *account) MUST_CHECK;

struct tokens_one {
    struct docs_token token;
    uint64_t used_at_ms; /* 0: not known */
};
struct tokens_page {
    struct tokens_one *items; /* arena */
    size_t n;
    const char *next; /* id to go on after, or NULL; arena */
};
/* An account's tokens, or with user NULL everybody's, by id. limit: 1 … 200. ERR_UNAVAILABLE, ERR_STALE_INDEX without the index. A page may hold fewer than limit and still have a next. */
enum err tokens_list(struct worker *w, const char *user, const char *after, unsigned limit, struct tokens_page *out) MUST_CHECK;

/* One token by its id. ERR_NOT_FOUND. */
enum err tokens_read(struct worker *w, const char *id, struct docs_token *out, struct stamp *record) MUST_CHECK;
/* Revokes it for good. user: only when it is that account's, else ERR_NOT_FOUND; NULL: anybody's. Revoked before is fine. */
enum err tokens_revoke(struct worker *w, const char *id, const char *user, const char *by) MUST_CHECK;
/* Revokes all of an account's that the index knows. */
enum err tokens_revoke_all(struct worker *w, const char *user, const char *by) MUST_CHECK;

#endif
