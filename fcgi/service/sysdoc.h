/* Documents of the system: JSON that is kept like a syllabus, under a reserved key (lib/name/reserved.h), k times, by the same protocol. The newest record is the
 * document, a tombstone removes it. Every change is conditional on the record that was read, so that of two writers one is told ERR_CONFLICT.
 *
 * Reading asks the index first (one round trip, and the bytes from the cache); without it, or when it has nothing, the owners. Unlike a course a document is never read from too
 * few of them: fewer than k - W + 1 answers could miss what was acknowledged (a revocation), and are ERR_UNAVAILABLE. */
#ifndef RB_FCGI_SERVICE_SYSDOC_H
#define RB_FCGI_SERVICE_SYSDOC_H

#include "fcgi/service/app.h"
#include "lib/auth/docs.h"
#include "lib/wire/json.h"

#define SYSDOC_LIST_MAX 1000u /* keys of one page */

struct sysdoc {
    struct json *doc;        /* owned: sysdoc_release */
    struct stamp record;     /* what a change of it is conditional on */
    uint64_t at_ms;          /* unix time of that record */
    char by[AUTH_NAME_SIZE]; /* who wrote it: an account, "" or a process ("api:…" cut to fit) */
};

/* The document of a key. ERR_NOT_FOUND: there is none, or it was removed; ERR_UNAVAILABLE: neither the index nor enough owners answer; ERR_CORRUPT: bytes that are no JSON; ERR_NOMEM.
 * *out is untouched on failure. */
enum err sysdoc_read(struct worker *w, const char *key, struct sysdoc *out) MUST_CHECK;
/* The same, always by the owners: what it costs does not tell whether there is such a document, and nothing that was acknowledged is missed for an index that lags. */
enum err sysdoc_read_firm(struct worker *w, const char *key, struct sysdoc *out) MUST_CHECK;
void sysdoc_release(struct sysdoc *d); /* fine on all zeroes */

/* Writes it. base: the record it was read with; NULL: only where there is none. by: for the record's uploader, "" for the system. *record (may be NULL) is the new record.
 * ERR_CONFLICT: another was first, read again; ERR_UNAVAILABLE: nothing was changed; ERR_TIMEOUT: not known; ERR_TOO_LARGE: above DOCS_BYTES_MAX; ERR_FULL, ERR_NOMEM. */
enum err sysdoc_write(
    struct worker *w, const char *key, const struct json *doc, const struct stamp *base, const char *by, struct stamp *record) MUST_CHECK;
/* Removes it with all older versions of it; the bytes are purged like a course's. ERR_NOT_FOUND: there is none (any more); others as above. base NULL: whatever it is now. */
enum err sysdoc_remove(struct worker *w, const char *key, const struct stamp *base, const char *by) MUST_CHECK;

struct sysdoc_keys {
    const char **key; /* in the worker's arena, in order of their bytes */
    size_t n;
    int more; /* there are others behind the last one: go on with it as `after` */
};
/* The keys that begin with a prefix ("sys/token/"), behind `after` ("" from the first), at most `limit` of them (1 … SYSDOC_LIST_MAX). Only the index knows them: ERR_UNAVAILABLE, ERR_STALE_INDEX without it. */
enum err sysdoc_list(struct worker *w, const char *prefix, const char *after, unsigned limit, struct sysdoc_keys *out) MUST_CHECK;
/* The same, of keys that an account wrote itself (lib/store/sys.h). */
enum err sysdoc_list_by(
    struct worker *w, const char *user, const char *prefix, const char *after, unsigned limit, struct sysdoc_keys *out) MUST_CHECK;

/* Reads, lets `change` alter the document, writes; when another was first, again, at most SYSDOC_TRIES times. change gets the old document (NULL: there is none) and says what
 * replaces it in *out (to be freed here; left NULL: nothing is to be written); any error of it ends this and is returned. *record (may be NULL): of the document as it
 * is then. Errors of reading and writing. */
#define SYSDOC_TRIES 4u
enum err sysdoc_alter(struct worker *w, const char *key, const char *by,
    enum err (*change)(const struct sysdoc *old, void *ctx, struct json **out), void *ctx, struct stamp *record) MUST_CHECK;

#endif
