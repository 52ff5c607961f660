/* The documents of the system, which are kept like syllabi under reserved keys, and their JSON.
 *
 * Reading is strict: a member that is missing or of another type is ERR_SYNTAX; a value out of bounds, or a document of a newer version than ours ("v" above
 * DOCS_VERSION), ERR_INVALID. Members that are not known are passed over: within a version members may be added, but only such as an older
 * program may do without and may lose when it writes the document anew; whatever changes what the others mean raises "v". Times are unix milliseconds.
 *
 * sys/user/<name>           {"v", "name", "shown", "role", "scopes": [prefix], "password": hash or null, "disabled": bool,
 *                            "known": bool, "created_at", "quota_bytes": number or null}
 * sys/token/<id>            {"v", "id", "user", "label", "digest": 64 hex digits, "acts": [name], "scopes": [prefix], "created_at",
 *                            "expires_at": time or null, "revoked": bool}
 * sys/link/<id>             {"v", "id", "course": key, "record": id or null, "label", "by", "created_at", "expires_at", "password": hash or null,
 *                            "downloads_max": number or null, "revoked": bool}
 * sys/settings              {"v", "public_read": bool, "public_upload": bool, "moderate": bool, "quota_user_bytes": number or null, "quota_cluster_bytes": number or null,
 *                            "trusted_proxies": [numeric address], "session_idle_s", "session_end_s"}
 * sys/pending/<record id>   {"v", "record": record (lib/wire/record.h), "state": "waiting"|"accepted"|"rejected", "by": account or null, "at": time or null, "reason"}
 * sys/join/<id>             {"v", "id", "node", "zone", "digest", "by", "created_at", "expires_at", "used_at": time or null, "used_by": node id or null} */
#ifndef RB_LIB_AUTH_DOCS_H
#define RB_LIB_AUTH_DOCS_H

#include "lib/auth/password.h"
#include "lib/auth/role.h"
#include "lib/base/hash.h"
#include "lib/name/name.h"
#include "lib/ring/ring.h"
#include "lib/wire/record.h"

#define DOCS_VERSION 1
#define DOCS_BYTES_MAX 65536    /* of one document's JSON */
#define DOCS_SHOWN_CHARS_MAX 64 /* characters of a shown name or a label */
#define DOCS_SHOWN_SIZE 257
#define DOCS_REASON_CHARS_MAX 255
#define DOCS_REASON_SIZE 1021
#define DOCS_PROXIES_MAX 8
#define DOCS_ADDRESS_SIZE 46 /* a numeric IPv4 or IPv6 address and NUL */
#define DOCS_NO_LIMIT UINT64_MAX

/* Keys: prefix and name or id. */
#define DOCS_SETTINGS_KEY "sys/settings"
#define DOCS_USER_PREFIX "sys/user/"
#define DOCS_TOKEN_PREFIX "sys/token/"
#define DOCS_LINK_PREFIX "sys/link/"
#define DOCS_PENDING_PREFIX "sys/pending/"
#define DOCS_JOIN_PREFIX "sys/join/"

struct docs_account {
    char name[AUTH_NAME_SIZE];
    char shown[DOCS_SHOWN_SIZE]; /* as people see it; "": the name */
    enum role role;              /* not ROLE_NOBODY */
    struct auth_scopes scopes;
    char password[PASSWORD_HASH_SIZE]; /* "": cannot sign in by password */
    int disabled;
    int known; /* a maintainer has accepted an upload of theirs, or an admin said so: their uploads do not wait */
    uint64_t created_at_ms;
    uint64_t quota_bytes; /* DOCS_NO_LIMIT: what the settings say */
    uint64_t endings; /* how often all sessions of theirs were ended; one that began before the last time is over, whatever Redis says */
};

struct docs_token {
    char id[AUTH_ID_SIZE];
    char user[AUTH_NAME_SIZE];
    char label[DOCS_SHOWN_SIZE];
    char digest[HASH_HEX_SIZE]; /* secret_digest() of the whole text */
    uint32_t acts;              /* at least one */
    struct auth_scopes scopes;
    uint64_t created_at_ms;
    uint64_t expires_at_ms; /* 0: never */
    int revoked;
};

struct docs_link {
    char id[AUTH_ID_SIZE];
    char course[NAME_KEY_BYTES_MAX + 1]; /* its key */
    struct stamp record;                 /* zero: always the newest */
    char label[DOCS_SHOWN_SIZE];
    char by[AUTH_NAME_SIZE];
    uint64_t created_at_ms;
    uint64_t expires_at_ms;
    char password[PASSWORD_HASH_SIZE]; /* "": none */
    uint64_t downloads_max;            /* DOCS_NO_LIMIT, or at least 1 */
    int revoked;
};

struct docs_settings {
    struct rules rules;
    uint64_t quota_user_bytes, quota_cluster_bytes; /* DOCS_NO_LIMIT: none */
    size_t n_proxies;
    char proxies[DOCS_PROXIES_MAX][DOCS_ADDRESS_SIZE]; /* whose X-Remote-User is believed; spelt as inet_ntop does */
    uint64_t session_idle_s, session_end_s;            /* 60 s to 400 days, idle at most end */
};

enum docs_state { DOCS_WAITING, DOCS_ACCEPTED, DOCS_REJECTED };

struct docs_pending {
    struct record record; /* what will be shared once it is accepted */
    enum docs_state state;
    char by[AUTH_NAME_SIZE]; /* who decided; "" while it waits */
    uint64_t at_ms;          /* when; 0 while it waits */
    char reason[DOCS_REASON_SIZE];
};

struct docs_join {
    char id[AUTH_ID_SIZE];
    char node[RING_NAME_MAX];
    char zone[RING_ZONE_MAX];
    char digest[HASH_HEX_SIZE];
    char by[AUTH_NAME_SIZE];
    uint64_t created_at_ms, expires_at_ms;
    uint64_t used_at_ms;       /* 0: not used yet */
    char used_by[RING_ID_MAX]; /* the node's id; "" while it is not used */
};

/* Each pair: the JSON of a document, to be freed by the caller (NULL when out of memory); and the strict reading of it, *out untouched on failure. Writing does not
 * check: who changes a document reads what they wrote before they send it off. */
struct json *docs_account_to_json(const struct docs_account *a);
enum err docs_account_from_json(const struct json *j, struct docs_account *out) MUST_CHECK;
struct json *docs_token_to_json(const struct docs_token *t);
enum err docs_token_from_json(const struct json *j, struct docs_token *out) MUST_CHECK;
struct json *docs_link_to_json(const struct docs_link *l);
enum err docs_link_from_json(const struct json *j, struct docs_link *out) MUST_CHECK;
struct json *docs_settings_to_json(const struct docs_settings *s);
enum err docs_settings_from_json(const struct json *j, struct docs_settings *out) MUST_CHECK;
struct json *docs_pending_to_json(const struct docs_pending *p);
enum err docs_pending_from_json(const struct json *j, struct docs_pending *out) MUST_CHECK; /* also ERR_NOMEM; the caller releases */
void docs_pending_release(struct docs_pending *p);                                          /* fine on all zeroes */
struct json *docs_join_to_json(const struct docs_join *t);
enum err docs_join_from_json(const struct json *j, struct docs_join *out) MUST_CHECK;

/* The settings of a cluster where nobody has changed any: public_read on, the rest off, no quotas, no proxies, 12 hours idle, 7 days in all. */
void docs_settings_default(struct docs_settings *out);
/* Who an account is when it has signed in by `how`, which is not HOW_TOKEN; and who asks with a token of that account's. */
void docs_who(const struct docs_account *a, enum how how, struct who *out);
void docs_who_token(const struct docs_account *a, const struct docs_token *t, struct who *out);
/* ERR_OK, or ERR_AUTH: the account is disabled, the token is revoked, expired, or another's. */
enum err docs_token_usable(const struct docs_account *a, const struct docs_token *t, uint64_t now_ms) MUST_CHECK;

#endif
