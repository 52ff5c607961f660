/* Documents of the system that nobody needs any more, and what was decided but not done: looked after by a thread. Each api has one; that several do the same is harmless, because every
 * change is conditional.
 *
 *   uploads that wait    go PENDING_KEPT_S after they came, decided or not; an accepted one that did not arrive at its course is brought there
 *   tokens, links        go TIDY_KEPT_S after they ended: were revoked, or expired
 *   join tokens          the same, after they were used or expired */
#ifndef RB_FCGI_SERVICE_TIDY_H
#define RB_FCGI_SERVICE_TIDY_H

#include "fcgi/service/sysdoc.h"

#define TIDY_KEPT_S (30u * 86400u)
#define TIDY_EVERY_S 3600u
#define TIDY_FIRST_S 60u /* after the start */

struct tidy;

/* Starts the thread. ERR_NOMEM. */
enum err tidy_start(struct app *a, struct tidy **out) MUST_CHECK;
/* Ends it, after the document it is at. NULL is fine. */
void tidy_stop(struct tidy *t);

/* One round, as the thread does it; `stop` (may be NULL) is asked before each document. *removed: documents that went. ERR_OK also when some could not be seen to; ERR_UNAVAILABLE,
 * ERR_STALE_INDEX without the index. Resets the worker's arena. */
enum err tidy_round(struct worker *w, uint64_t now_ms, int (*stop)(void *ctx), void *ctx, uint64_t *removed) MUST_CHECK;

/* When the thing that a document stands for ended, unix ms: revoked or used when it was written last, else when it expires; 0: it has not, and will not by itself. Pure. ERR_SYNTAX, ERR_INVALID: a
 * document that cannot be read stays. */
enum err tidy_ended(const char *key, const struct sysdoc *d, uint64_t *ended_ms) MUST_CHECK;

#endif
