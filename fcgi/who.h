/* Who asks: worked out once a request, from a session's cookie, a program's token, or the name that a trusted proxy gives; and whether a request that changes
 * something was made by our own pages. What they may do is lib/auth's to say. */
#ifndef RB_FCGI_WHO_H
#define RB_FCGI_WHO_H

#include "lib/auth/docs.h"
#include "lib/auth/secret.h"

struct request;

/* One who asks. All zeroes: nobody, and no rules known. */
struct asker {
    struct who who;
    struct docs_account account;      /* of whoever is not nobody */
    struct docs_settings settings;    /* as they were when it was worked out */
    char session[SECRET_SIZE];        /* HOW_SESSION: the cookie's value; wiped with the request */
    uint64_t ends_at_ms;              /* HOW_SESSION: unix time of its absolute end */
    char refused_token[AUTH_ID_SIZE]; /* the id of a token that is good for nothing, "" else */
    int is_bad_cookie;                /* after ERR_AUTH: it was the cookie, which the answer should take away */
    int is_unsure;                    /* nobody, because sessions cannot be looked up just now */
};

/* Looks at what the request carries and finds the account behind it. Without any of it: nobody.
 * ERR_SYNTAX: a cookie and a token. ERR_AUTH: a cookie, token or name that is good for nothing. ERR_UNAVAILABLE and others: it cannot be known now. *out is
 * always set; *detail is a static sentence or untouched. */
enum err who_find(const struct request *r, struct asker *out, const char **detail) MUST_CHECK;

/* Nothing for GET and HEAD, nor with a token: no page of a stranger's can make a browser send one. Else the request has to come from our own pages as far as the browser
 * says so; with a session it has to prove it: by its origin and by RB-CSRF. ERR_DENIED. */
enum err who_check_origin(const struct request *r, const struct asker *asker, const char **detail) MUST_CHECK;

/* True for a request over TLS, as the front in front of us says. */
int who_is_tls(const struct request *r);
/* True when a session may be had over this connection: TLS, or a machine talking to itself, as its address says or (in containers) nginx by RB_LOOPBACK. */
int who_may_sign_in(const struct request *r);
/* Numeric address of who is at the other end of nginx's connection; "" when it is not known. */
const char *who_address(const struct request *r);

#endif
