/* Who may do what: roles, acts, scopes, and the one function that decides. Pure: one table, no I/O, no clock. README.md shows every cell of it. */
#ifndef RB_LIB_AUTH_ROLE_H
#define RB_LIB_AUTH_ROLE_H

#include "lib/base/err.h"

#include <stddef.h>
#include <stdint.h>

#define AUTH_NAME_SIZE 65   /* an account's name and NUL */
#define AUTH_SCOPES_MAX 8   /* prefixes of one account or token */
#define AUTH_SCOPE_SIZE 129 /* bytes of one prefix and NUL */
#define AUTH_ID_SIZE 17     /* 16 lower-case hex digits and NUL: the id of a token, a link, a join token */

/* Each may do all that the one before it may. The zero value is somebody who is not signed in. */
enum role { ROLE_NOBODY, ROLE_READER, ROLE_CONTRIBUTOR, ROLE_MAINTAINER, ROLE_ADMIN };
#define ROLE_COUNT 5

/* What can be asked for. Each route of the api names one. */
enum act {
    ACT_NONE,     /* open to all: healthz, openapi, signing in, a share link */
    ACT_READ,     /* see a course, its bytes, lists, the cluster's state */
    ACT_UPLOAD,   /* a new version of a course */
    ACT_ALTER,    /* replace, delete, restore: contributors their own, maintainers anything in scope */
    ACT_LINK,     /* make, list and revoke share links: as ACT_ALTER */
    ACT_MODERATE, /* accept and reject what waits */
    ACT_OPERATE,  /* drain, k, join tokens: the whole cluster */
    ACT_ACCOUNTS, /* people, settings, the audit log: the whole cluster */
    ACT_SELF      /* one's own session, password, tokens, export, erasure */
};
#define ACT_COUNT 9
#define ACT_BIT(act) (UINT32_C(1) << (act))
#define ACTS_ALL (ACT_BIT(ACT_COUNT) - ACT_BIT(ACT_READ)) /* all but ACT_NONE, which nobody needs to be given */

/* How somebody showed who they are. */
enum how {
    HOW_NOBODY,
    HOW_SESSION,
    HOW_TOKEN,
    HOW_PROXY, /* a trusted reverse proxy signed them in */
    HOW_LINK   /* nobody, with a share link that was checked */
};

/* Prefixes of course keys (lib/name), such as "csen". None: everywhere. */
struct auth_scopes {
    size_t n;
    char prefix[AUTH_SCOPES_MAX][AUTH_SCOPE_SIZE];
};

/* Who asks. All zeroes: nobody. */
struct who {
    enum how how;
    enum role role;            /* the account's; nobody's role counts without how */
    char name[AUTH_NAME_SIZE]; /* the account's; "" for nobody */
    struct auth_scopes scopes; /* the account's */
    int known;                 /* the account's uploads need not wait any more (docs.h) */
    /* HOW_TOKEN: what the token may at most, within what its account may. */
    char token_id[AUTH_ID_SIZE];
    uint32_t acts; /* ACT_BIT()s */
    struct auth_scopes token_scopes;
    /* HOW_LINK: the key of the one course that the link opens; borrowed. */
    const char *link_key;
};

/* The settings that decide what people may do who are not signed in, and whose uploads wait. */
struct rules {
    int public_read;   /* everybody may read everything */
    int public_upload; /* everybody may upload; who is signed in owns what they uploaded */
    int moderate;      /* uploads by people not known yet wait for a maintainer */
};

enum verdict {
    AUTH_ALLOWED,
    AUTH_SIGN_IN,   /* 401: nobody may not; somebody might */
    AUTH_FORBIDDEN, /* 403 */
    AUTH_HIDDEN     /* 404, in the very words used for what is not there: the asker must not learn that it is */
};

/* May they do it? Asked twice. First by the front with course_key NULL, before anything is known: it refuses only what would be refused for every course and
 * owner, so its answer says nothing about what exists. Then, for acts on a course, by the handler with the course's key and the owner: the account that uploaded the
 * version (or made the link) in question; NULL or "" when nobody owns it, which makes it nobody's own. Without a key owner is not looked at. */
enum verdict auth_may(const struct who *who, enum act act, const struct rules *rules, const char *course_key, const char *owner) MUST_CHECK;

/* ERR_OK, ERR_AUTH, ERR_DENIED, ERR_NOT_FOUND: what the verdict says to a client. */
enum err auth_verdict_err(enum verdict v) MUST_CHECK;

/* True when their upload to this course waits for a maintainer: moderation is on, they are not known and may not moderate it themselves. */
int auth_upload_waits(const struct who *who, const struct rules *rules, const char *course_key);

/* True when a token with these acts and scopes would give nothing that `who` does not have now. Who asks with a token must not make a stronger one. */
int auth_covers(const struct who *who, uint32_t acts, const struct auth_scopes *scopes);

/* True when a course with this key lies in the scopes. */
int auth_in_scope(const struct auth_scopes *scopes, const char *course_key);
/* Adds the key of what somebody typed ("CSEN") as a prefix; one that is there already is not added twice. ERR_SYNTAX: no text, or no key; ERR_INVALID: more than
 * AUTH_SCOPES_MAX, or longer than a prefix may be; ERR_NOMEM. Unchanged on failure. */
enum err auth_scope_add(struct auth_scopes *scopes, const char *typed, size_t len) MUST_CHECK;

/* An account's name: 1 to 64 of a-z 0-9 . _ @ + -, the first a letter or digit. It stands in keys as it is. */
int auth_name_ok(const char *name);
/* The name that was typed, in lower case. ERR_SYNTAX when that is none. */
enum err auth_name(const char *typed, size_t len, char out[AUTH_NAME_SIZE]) MUST_CHECK;

/* "nobody", "reader", … and back. ERR_SYNTAX. */
const char *role_name(enum role r);
enum err role_parse(const char *name, enum role *out) MUST_CHECK;
/* "none", "read", "upload", "alter", "link", "moderate", "operate", "accounts", "self", and back. ERR_SYNTAX. */
const char *act_name(enum act a);
enum err act_parse(const char *name, enum act *out) MUST_CHECK;
/* "nobody", "session", "token", "proxy", "link": for the audit log. */
const char *how_name(enum how h);

#endif
