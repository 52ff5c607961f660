/* Accounts (sys/user/<name>): people and what they may. */
#ifndef RB_FCGI_SERVICE_ACCOUNTS_H
#define RB_FCGI_SERVICE_ACCOUNTS_H

#include "fcgi/service/sysdoc.h"
#include "lib/auth/secret.h"

/* The account of a name (as auth_name() gives it). ERR_NOT_FOUND; ERR_UNAVAILABLE. *record (may be NULL): of the document. */
enum err accounts_read(struct worker *w, const char *name, struct docs_account *out, struct stamp *record) MUST_CHECK;

struct accounts_page {
    struct docs_account *items; /* arena; password hashes included: never to be shown */
    size_t n;
    const char *next; /* name to go on after, or NULL; arena */
};
/* By name. limit: 1 … 200. ERR_UNAVAILABLE, ERR_STALE_INDEX: without the index nobody knows all names. */
enum err accounts_list(struct worker *w, const char *after, unsigned limit, struct accounts_page *out) MUST_CHECK;

/* Everywhere below: by = who asks ("" = the system). *detail, where there is one: a sentence for people with ERR_INVALID and ERR_CONFLICT, or NULL (static or arena). Errors of
 * sysdoc_write() besides. */

struct accounts_new {
    const char *name;  /* as auth_name() gives it */
    const char *shown; /* "" = the name */
    enum role role;
    struct auth_scopes scopes;
    const char *password; /* NULL: cannot sign in by password */
    size_t password_len;
    int known;
    uint64_t quota_bytes; /* DOCS_NO_LIMIT: what the settings say */
};
/* ERR_CONFLICT: the name is taken; ERR_INVALID: a bad password, name or role; ERR_UNAVAILABLE: too many hashes at once. */
enum err accounts_create(
    struct worker *w, const struct accounts_new *in, const char *by, struct docs_account *out, const char **detail) MUST_CHECK;

/* What is to change: members whose bit is not set are not looked at. */
#define ACCOUNTS_SHOWN 1u
#define ACCOUNTS_ROLE 2u
#define ACCOUNTS_SCOPES 4u
#define ACCOUNTS_DISABLED 8u
#define ACCOUNTS_KNOWN 16u
#define ACCOUNTS_QUOTA 32u
struct accounts_change {
    unsigned what;
    const char *shown;
    enum role role;
    struct auth_scopes scopes;
    int disabled, known;
    uint64_t quota_bytes;
};
/* Changes an account. base: NULL, or the record that it must still have (If-Match): ERR_PRECONDITION else. ERR_CONFLICT: the last admin who may do everything would be gone. Who is disabled loses all sessions. */
enum err accounts_change(struct worker *w, const char *name, const struct accounts_change *change, const struct stamp *base, const char *by,
    struct docs_account *out, struct stamp *record, const char **detail) MUST_CHECK;

/* Sets a password. old: the present one, which must be right, or NULL: an admin sets it (or somebody with no password yet). new_len 0: takes the password away, so that only tokens and the
 * proxy are left. All sessions of the account but `keep` (digest of its secret, or NULL) end. ERR_AUTH: old is wrong; ERR_RATE: too many tries; ERR_INVALID: new is no fit password. */
struct accounts_password {
    const char *name;
    const char *old, *fresh;
    size_t old_len, fresh_len;
    const char *keep;
};
enum err accounts_set_password(struct worker *w, const struct accounts_password *p, const char *by, const char **detail) MUST_CHECK;

/* Ends all sessions of an account but `keep` (digest of a secret, or NULL): the account itself says so from now on, so they are over also when Redis is away or comes back with an old copy;
 * then `keep` is over as well. *ended (may be NULL): how many Redis had. Errors of changing the account. */
enum err accounts_end_sessions(struct worker *w, const char *name, const char *keep, const char *by, uint64_t *ended) MUST_CHECK;

/* ERR_OK when the password is that of an account that may sign in, which is given out. ERR_AUTH: no such name, no password, a wrong one, or disabled: all of them after the same work.
 * ERR_UNAVAILABLE: too many at once, or nobody can be asked. A hash of old cost is replaced on the way. */
enum err accounts_verify(struct worker *w, const char *name, const char *password, size_t len, struct docs_account *out) MUST_CHECK;

/* Removes the account: its sessions end, its tokens are revoked. What it uploaded stays, unless accounts_erase() was called before. ERR_CONFLICT: the last admin. */
enum err accounts_remove(struct worker *w, const char *name, const char *by, const char **detail) MUST_CHECK;

/* ---- what is theirs */

/* One version that an account uploaded. */
struct accounts_version {
    struct record record; /* owned: accounts_versions_release */
    uint64_t version;     /* its number; 0 = not known */
    int live;             /* its bytes can be read */
};
struct accounts_versions {
    struct accounts_version *items; /* arena; by key, then oldest first; tombstones too */
    size_t n;
    const char *next; /* to go on after, or NULL; arena */
};
/* The records whose uploader is that account, of courses and of what waits for a maintainer, a page at a time: for the export. after: "" or a page's next. limit: 1 … 200.
 * ERR_UNAVAILABLE, ERR_STALE_INDEX without the index; ERR_SYNTAX: not a `next` of ours. */
enum err accounts_versions(struct worker *w, const char *name, const char *after, unsigned limit, struct accounts_versions *out) MUST_CHECK;
void accounts_versions_release(struct accounts_versions *v);

#define ACCOUNTS_ERASE_MAX 500u /* versions of one call: some ten seconds */
struct accounts_erased {
    uint64_t versions; /* hidden now, their bytes gone within 25 h */
    uint64_t failed;   /* that could not be hidden: ask again */
    int more;          /* ACCOUNTS_ERASE_MAX were reached: ask again */
};
/* Hides every version that the account uploaded, also what waits for a maintainer and what was deleted but could be brought back, each by a tombstone that erases (lib/wire/record.h), and
 * revokes the links it made. Versions of others in the same courses stay. What the records say beside their bytes (title, name of the uploader) goes when the course itself is purged.
 * May be asked again; what is erased already is not counted. ERR_OK also when some failed; ERR_UNAVAILABLE, ERR_STALE_INDEX: without the index nobody knows what is theirs. */
enum err accounts_erase(struct worker *w, const char *name, const char *by, struct accounts_erased *out) MUST_CHECK;

/* ---- the first admin */

/* The admin file: two or three lines: a name, a password, and maybe an API token ("rb_…", drawn by whoever wrote the file). Creates that account as admin, with a token of all acts that never expires, where
 * the account does not exist; an account that is there is left as it is. ERR_INVALID: not such a file (said in the log); ERR_UNAVAILABLE: not yet, try again. */
struct accounts_admin {
    char name[AUTH_NAME_SIZE];
    char password[PASSWORD_BYTES_MAX + 1];
    char token[SECRET_TOKEN_SIZE]; /* "" = none */
};
/* Reads the file's text. ERR_SYNTAX. Pure; the caller wipes text and *out. */
enum err accounts_admin_parse(const char *text, size_t len, struct accounts_admin *out) MUST_CHECK;
enum err accounts_bootstrap(struct worker *w, const struct accounts_admin *in) MUST_CHECK;

#endif
