#include "fcgi/service/login.h"

#include "fcgi/service/hasher.h"
#include "fcgi/service/rules.h"
#include "lib/base/hash.h"
#include "lib/base/log.h"
#include "lib/base/num.h"
#include "lib/store/rate.h"
#include "lib/store/sys.h"

#include <stdio.h>
#include <string.h>

/* Wrong tries: per name few, since a person types one; per address more, since many people may stand behind one. Good ones are taken back. */
static const struct rate_rule name_rule = {.name = "login-name", .free = 5, .per_ms = 12000, .wait_ms = 10000, .wait_max_ms = 900000};
static const struct rate_rule address_rule = {.name = "login-from", .free = 20, .per_ms = 3000, .wait_ms = 5000, .wait_max_ms = 900000};

#define KNOWN_S (30u * 86400u) /* so long an address is known after the last sign-in from there */
#define KNOWN_EVERY_S 3600u
#define RETRY_SOON_S 2u
#define BEFORE_MS 60000u /* a session may seem so much older than its account: Redis' clock, and an api's */

/* A name and an address, as one subject. */
#define PAIR_SIZE (AUTH_NAME_SIZE + 64)
static void make_pair(const char *name, const char *address, char out[PAIR_SIZE])
{
    snprintf(out, PAIR_SIZE, "%s@%s", name, address);
}

/* What Redis remembers of a sign-in from an address: no list of who sits where. */
#define KNOWN_SIZE (sizeof("in:") + HASH_HEX_SIZE)
static void make_known(const char *pair, char out[KNOWN_SIZE])
{
    uint8_t hash[HASH_SIZE];
    char hex[HASH_HEX_SIZE];
    hash_sha256(pair, strlen(pair), hash);
    num_hex(hash, HASH_SIZE, hex);
    snprintf(out, KNOWN_SIZE, "in:%s", hex);
}

/* Whose tries are counted. Others may guess at a name until nobody can sign in with it any more; whoever did sign in from this address lately is not kept out by them: there the name has tries of
 * its own, as few. */
static void make_subject(struct worker *w, const char *name, const char *address, char out[PAIR_SIZE])
{
    char known[KNOWN_SIZE];
    uint64_t at_ms = 0;
    struct store *s = worker_store(w);
    make_pair(name, address, out);
    make_known(out, known);
    if (s == NULL || worker_store_said(w, sys_used(s, known, &at_ms)) != ERR_OK || at_ms == 0)
        snprintf(out, PAIR_SIZE, "%s", name);
}

/* The counts that a try at `subject` from `address` is held against; a good one makes the name begin afresh, the address gets this one back. */
#define CLAIMS 2u
static void make_claims(const char *subject, const char *address, struct rate_claim out[CLAIMS])
{
    out[0] = (struct rate_claim){.rule = &address_rule, .subject = address};
    out[1] = (struct rate_claim){.rule = &name_rule, .subject = subject, .all = 1};
}

static enum err may_try(struct worker *w, const char *subject, const char *address, unsigned *retry_after_s)
{
    struct rate_claim claims[CLAIMS];
    unsigned wait_ms = 0;
    make_claims(subject, address, claims);
    enum err e = rate_try(worker_store(w), w->app->rates, claims, CLAIMS, &wait_ms);
    if (e != ERR_OK)
        *retry_after_s = wait_ms / 1000u + 1u;
    return e;
}

/* Good tries count for nothing, and the address is known to be this person's. */
static void forgive(struct worker *w, const char *subject, const char *name, const char *address)
{
    char pair[PAIR_SIZE], known[KNOWN_SIZE];
    struct rate_claim claims[CLAIMS];
    struct store *s = worker_store(w);
    make_claims(subject, address, claims);
    rate_forgive(s, w->app->rates, claims, CLAIMS);
    make_pair(name, address, pair);
    make_known(pair, known);
    if (s != NULL && worker_store_said(w, sys_use(s, known, KNOWN_EVERY_S, KNOWN_S)) != ERR_OK)
        log_write(LOG_DEBUG, "login", "an address could not be remembered");
}

static enum err begin_session(struct worker *w, struct login *l)
{
    struct docs_settings settings;
    struct session session;
    char digest[HASH_HEX_SIZE];
    struct store *s = worker_store(w);
    if (s == NULL)
        return ERR_UNAVAILABLE;
    enum err e = rules_read(w, &settings);
    if (e != ERR_OK)
        return e;
    secret_new(l->secret);
    secret_digest(l->secret, digest);
    e = worker_store_said(
        w, sessions_begin(s, digest, l->account.name, l->account.endings, settings.session_idle_s, settings.session_end_s, &session));
    if (e != ERR_OK)
        return e == ERR_TIMEOUT ? ERR_UNAVAILABLE : e;
    l->since_ms = session.since_ms;
    l->seen_ms = session.seen_ms;
    l->ends_at_ms = session.ends_at_ms;
    return ERR_OK;
}

enum err login_begin(struct worker *w, const char *name, const char *password, size_t len, const char *address, struct login *out)
{
    struct login l = {.since_ms = 0};
    char subject[PAIR_SIZE];
    memset(out, 0, sizeof(*out));
    make_subject(w, name, address, subject);
    /* Before any work: what a session cannot be kept for, or nobody has time to hash, is not tried, and not counted. */
    enum err e =
        worker_store(w) == NULL || hasher_is_full(w->app->hasher) ? ERR_UNAVAILABLE : may_try(w, subject, address, &l.retry_after_s);
    if (e == ERR_OK)
        e = accounts_verify(w, name, password, len, &l.account);
    if (e == ERR_OK) {
        forgive(w, subject, name, address);
        e = begin_session(w, &l);
    }
    if (e == ERR_UNAVAILABLE)
        l.retry_after_s = RETRY_SOON_S;
    if (e == ERR_OK)
        *out = l;
    else
        out->retry_after_s = l.retry_after_s;
    secret_wipe(&l, sizeof(l));
    return e;
}

enum err login_look(struct worker *w, const char *secret, struct login *out)
{
    struct login l = {.since_ms = 0};
    struct session session;
    char digest[HASH_HEX_SIZE];
    struct store *s = worker_store(w);
    memset(out, 0, sizeof(*out));
    if (!secret_ok(secret))
        return ERR_AUTH;
    if (s == NULL)
        return ERR_UNAVAILABLE;
    secret_digest(secret, digest);
    enum err e = worker_store_said(w, sessions_look(s, digest, &session));
    if (e == ERR_OK)
        e = accounts_read(w, session.user, &l.account, NULL);
    if (e == ERR_NOT_FOUND)
        return ERR_AUTH;
    if (e != ERR_OK)
        return e == ERR_TIMEOUT ? ERR_UNAVAILABLE : e;
    /* A session that is older than its account was somebody else's of that name. */
    if (l.account.disabled || session.since_ms + BEFORE_MS < l.account.created_at_ms)
        return ERR_AUTH;
    /* One that was ended while Redis was away, or that came back with an old copy of it. */
    if (session.endings < l.account.endings)
        return ERR_AUTH;
    l.since_ms = session.since_ms;
    l.seen_ms = session.seen_ms;
    l.ends_at_ms = session.ends_at_ms;
    *out = l;
    return ERR_OK;
}

enum err login_end(struct worker *w, const char *secret)
{
    char digest[HASH_HEX_SIZE];
    struct store *s = worker_store(w);
    if (!secret_ok(secret))
        return ERR_OK;
    if (s == NULL)
        return ERR_UNAVAILABLE;
    secret_digest(secret, digest);
    enum err e = worker_store_said(w, sessions_end(s, digest));
    return e == ERR_TIMEOUT ? ERR_UNAVAILABLE : e;
}

enum err login_end_all(struct worker *w, const char *name, const char *keep, uint64_t *ended)
{
    char digest[HASH_HEX_SIZE];
    if (keep != NULL)
        secret_digest(keep, digest);
    enum err e = accounts_end_sessions(w, name, keep == NULL ? NULL : digest, name, ended);
    return e == ERR_TIMEOUT ? ERR_UNAVAILABLE : e;
}
