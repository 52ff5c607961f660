/* Share links (sys/link/<id>, lib/auth/link.h), and the two keys that sign them (sys/keys). */
#ifndef RB_FCGI_SERVICE_LINKS_H
#define RB_FCGI_SERVICE_LINKS_H

#include "fcgi/service/sysdoc.h"
#include "lib/auth/link.h"

#define LINKS_PER_COURSE_MAX 256u

struct links_new {
    const char *course;     /* its key; that it exists is the caller's to see to */
    struct stamp record;    /* zero: always the newest */
    const char *label;      /* "" fine */
    uint64_t expires_at_ms; /* later than now, within LINK_LIFE_MAX_S; whole seconds (cut) */
    const char *password;   /* NULL: none */
    size_t password_len;
    uint64_t downloads_max; /* DOCS_NO_LIMIT, or at least 1 */
};
/* Makes one. ERR_INVALID: an end out of bounds, a bad label or password; ERR_CONFLICT: too many; ERR_UNAVAILABLE. *detail: a sentence, or NULL. */
enum err links_make(struct worker *w, const struct links_new *in, const char *by, struct docs_link *out, char text[LINK_TEXT_SIZE],
    const char **detail) MUST_CHECK;

/* What a link's text opens. password NULL: none was given. count: this is a download that begins, which counts towards the limit; the count is in Redis and may be lost with it, and while Redis is away nothing is counted.
 * ERR_DENIED, whatever the reason: forged, expired, revoked, used up, wrong password (a hash is worked out like any other: hasher.h); ERR_UNAVAILABLE: nobody can be asked, or too many at once. */
enum err links_open(
    struct worker *w, const char *text, size_t len, const char *password, size_t password_len, int count, struct docs_link *out) MUST_CHECK;

struct links_one {
    struct docs_link link;
    char text[LINK_TEXT_SIZE]; /* to be shown again; "" when it opens nothing any more */
    uint64_t downloads;        /* counted so far; 0 when not known */
    int downloads_known;
};
struct links_page {
    struct links_one *items; /* arena */
    size_t n;
    const char *next; /* id to go on after, or NULL; arena */
};
/* The links of a course (its key), by id. limit: 1 … 200. ERR_UNAVAILABLE, ERR_STALE_INDEX without the index. */
enum err links_list(struct worker *w, const char *course, const char *after, unsigned limit, struct links_page *out) MUST_CHECK;
/* One link by its id: whose it is, and of which course. ERR_NOT_FOUND. */
enum err links_read(struct worker *w, const char *id, struct docs_link *out) MUST_CHECK;
/* Revokes it for good. Revoked before is fine. ERR_NOT_FOUND. */
enum err links_revoke(struct worker *w, const char *id, const char *by) MUST_CHECK;
/* A new key signs from now on; the one that did still opens; the one before that opens nothing any more. */
enum err links_rotate(struct worker *w, const char *by) MUST_CHECK;

#endif
