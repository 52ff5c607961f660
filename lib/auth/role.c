#include "lib/auth/role.h"

#include "lib/name/name.h"

#include <assert.h>
#include <string.h>

/* What an act is done to. */
enum reach {
    REACH_SELF,   /* oneself: no scope can be in the way */
    REACH_COURSE, /* a course, which has to lie in scope */
    REACH_CLUSTER /* everything there is: only for who has no scope */
};

/* The setting that lets more people in. Scopes of accounts do not matter then: nobody who signs in may do less than nobody. */
enum opener { OPENER_NONE, OPENER_READ, OPENER_UPLOAD };

struct right {
    enum reach reach;
    enum role any, own; /* the least role for things whoever they belong to, and for one's own */
    enum opener opener;
    enum role open_any, open_own; /* the same while the opener is on */
};

/* The table. ROLE_COUNT: no role is enough by this column. */
static const struct right rights[ACT_COUNT] = {
    [ACT_NONE] = {REACH_SELF, ROLE_NOBODY, ROLE_NOBODY, OPENER_NONE, ROLE_COUNT, ROLE_COUNT},
    [ACT_READ] = {REACH_COURSE, ROLE_READER, ROLE_READER, OPENER_READ, ROLE_NOBODY, ROLE_NOBODY},
    [ACT_UPLOAD] = {REACH_COURSE, ROLE_CONTRIBUTOR, ROLE_CONTRIBUTOR, OPENER_UPLOAD, ROLE_NOBODY, ROLE_NOBODY},
    /* Who was let in to upload can take back what they uploaded, if they said who they are. */
    [ACT_ALTER] = {REACH_COURSE, ROLE_MAINTAINER, ROLE_CONTRIBUTOR, OPENER_UPLOAD, ROLE_COUNT, ROLE_READER},
    [ACT_LINK] = {REACH_COURSE, ROLE_MAINTAINER, ROLE_CONTRIBUTOR, OPENER_NONE, ROLE_COUNT, ROLE_COUNT},
    [ACT_MODERATE] = {REACH_COURSE, ROLE_MAINTAINER, ROLE_MAINTAINER, OPENER_NONE, ROLE_COUNT, ROLE_COUNT},
    [ACT_OPERATE] = {REACH_CLUSTER, ROLE_ADMIN, ROLE_ADMIN, OPENER_NONE, ROLE_COUNT, ROLE_COUNT},
    [ACT_ACCOUNTS] = {REACH_CLUSTER, ROLE_ADMIN, ROLE_ADMIN, OPENER_NONE, ROLE_COUNT, ROLE_COUNT},
    [ACT_SELF] = {REACH_SELF, ROLE_READER, ROLE_READER, OPENER_NONE, ROLE_COUNT, ROLE_COUNT},
};

static int is_open(enum opener opener, const struct rules *rules)
{
    switch (opener) {
    case OPENER_NONE: return 0;
    case OPENER_READ: return rules->public_read;
    case OPENER_UPLOAD: return rules->public_upload;
    }
    return 0;
}

int auth_in_scope(const struct auth_scopes *scopes, const char *course_key)
{
    for (size_t i = 0; i < scopes->n; i++)
        if (strncmp(course_key, scopes->prefix[i], strlen(scopes->prefix[i])) == 0)
            return 1;
    return scopes->n == 0;
}

/* What is asked about, seen by who asks. */
struct view {
    int in_scope, in_token_scope, own;
};

/* Before the course is known, the best that it could be. */
static struct view look(const struct who *who, const struct right *right, const char *course_key, const char *owner)
{
    if (right->reach == REACH_CLUSTER)
        return (struct view){who->scopes.n == 0, who->token_scopes.n == 0, 0};
    if (right->reach == REACH_SELF || !course_key)
        return (struct view){1, 1, 1};
    return (struct view){
        .in_scope = auth_in_scope(&who->scopes, course_key),
        .in_token_scope = auth_in_scope(&who->token_scopes, course_key),
        .own = owner && *owner && strcmp(owner, who->name) == 0,
    };
}

static int has_token(const struct who *who)
{
    return who->how == HOW_TOKEN;
}

static int is_signed_in(const struct who *who)
{
    return (who->how == HOW_SESSION || who->how == HOW_TOKEN || who->how == HOW_PROXY) && who->role > ROLE_NOBODY;
}

/* Somebody who is not signed in: only what the settings or a link give. */
static enum verdict nobody_may(const struct who *who, enum act act, const struct rules *rules, const char *course_key)
{
    const struct right *right = &rights[act];
    if (right->any == ROLE_NOBODY || (is_open(right->opener, rules) && right->open_any == ROLE_NOBODY))
        return AUTH_ALLOWED;
    if (who->how == HOW_LINK && act == ACT_READ && who->link_key && (!course_key || strcmp(course_key, who->link_key) == 0))
        return AUTH_ALLOWED;
    return AUTH_SIGN_IN;
}

enum verdict auth_may(const struct who *who, enum act act, const struct rules *rules, const char *course_key, const char *owner)
{
    assert((unsigned)act < ACT_COUNT);
    const struct right *right = &rights[act];
    if (!is_signed_in(who))
        return nobody_may(who, act, rules, course_key);
    if (act != ACT_NONE && has_token(who) && !(who->acts & ACT_BIT(act)))
        return AUTH_FORBIDDEN;
    struct view v = look(who, right, course_key, owner);
    int token_reaches = !has_token(who) || v.in_token_scope;
    enum role least = v.own ? right->own : right->any, least_open = v.own ? right->open_own : right->open_any;
    if (token_reaches && v.in_scope && who->role >= least)
        return AUTH_ALLOWED;
    if (token_reaches && is_open(right->opener, rules) && who->role >= least_open)
        return AUTH_ALLOWED;
    /* What lies out of reach of somebody's eyes is not there for them. */
    int secret = right->reach == REACH_COURSE && !rules->public_read && !(token_reaches && v.in_scope);
    return secret ? AUTH_HIDDEN : AUTH_FORBIDDEN;
}

enum err auth_verdict_err(enum verdict v)
{
    switch (v) {
    case AUTH_ALLOWED: return ERR_OK;
    case AUTH_SIGN_IN: return ERR_AUTH;
    case AUTH_FORBIDDEN: return ERR_DENIED;
    case AUTH_HIDDEN: return ERR_NOT_FOUND;
    }
    return ERR_DENIED;
}

int auth_upload_waits(const struct who *who, const struct rules *rules, const char *course_key)
{
    if (!rules->moderate)
        return 0;
    if (is_signed_in(who) && who->known)
        return 0;
    return auth_may(who, ACT_MODERATE, rules, course_key, NULL) != AUTH_ALLOWED;
}

/* True when each course in `inner` lies in `outer` too. */
static int scopes_cover(const struct auth_scopes *outer, const struct auth_scopes *inner)
{
    if (outer->n == 0)
        return 1;
    for (size_t i = 0; i < inner->n; i++)
        if (!auth_in_scope(outer, inner->prefix[i]))
            return 0;
    return inner->n > 0;
}

int auth_covers(const struct who *who, uint32_t acts, const struct auth_scopes *scopes)
{
    if (!is_signed_in(who))
        return 0;
    /* A token is bounded by its account each time it is used: only what this token lacks can be gained. */
    return !has_token(who) || ((acts & ~who->acts) == 0 && scopes_cover(&who->token_scopes, scopes));
}
