/* The mark of the index (protocol.md P5): for which Redis process the index was built, and who is building it. `run_id` belongs to a process and not to its data, so an
 * index that came back with an old snapshot, or vanished, is not believed.
 *
 * rb:mark  hash  incarnation       drawn by the rebuild that cleared the index last
 *                process           run_id of the Redis process in which it began
 *                begun_at          unix ms by Redis' clock
 *                run_id            the same process, once the rebuild is through: what makes the index believed
 *                holder            token of the rebuild or sweep that began last: the steps of any other are refused
 *                courses           how many courses that rebuild or sweep has looked at
 *
 * FLUSHALL takes the whole mark, so steps of a rebuild that was under way find no holder and are refused too, although run_id is the same. */
#ifndef RB_LIB_STORE_MARK_H
#define RB_LIB_STORE_MARK_H

#include "lib/store/conn.h"

#define MARK_KEY "rb:mark"
#define MARK_TOKEN_SIZE 33
#define MARK_RUN_ID_SIZE 64

struct mark {
    char incarnation[MARK_TOKEN_SIZE], holder[MARK_TOKEN_SIZE]; /* "": none */
    char process[MARK_RUN_ID_SIZE];                             /* "": nobody rebuilds */
    char run_id[MARK_RUN_ID_SIZE];                              /* "": not believed */
    uint64_t courses;
    uint64_t age_ms; /* since the rebuild began, by Redis' clock */
};

/* What the mark says now; all empty when there is none. Errors as in conn.h. */
enum err mark_read(struct store *s, struct mark *out) MUST_CHECK;
/* Whether the index is believed: m was read on s and is the mark of its process. Else it is being rebuilt, or will be as soon as somebody leads. */
int mark_is_ready(const struct store *s, const struct mark *m);
/* Whether what is missing in Redis may count as gone: this process, with these data, has been there for at least ttl_ms. Else an alive key may be missing only
 * because Redis was wiped or restarted a moment ago (architecture.md, "The ring"). */
int mark_is_settled(const struct store *s, const struct mark *m, unsigned ttl_ms);

/* One rebuild or sweep on its way: the process that it works in, and its token. */
struct mark_hold {
    char run_id[MARK_RUN_ID_SIZE];
    char token[MARK_TOKEN_SIZE];
};
/* Begins a rebuild: the mark goes, and with it the belief in the index. Next: index_clear(). */
enum err mark_begin(struct store *s, struct mark_hold *out) MUST_CHECK;
/* Begins a sweep, which only adds. ERR_STALE_INDEX: the index is not believed, so it must be rebuilt. */
enum err mark_join(struct store *s, struct mark_hold *out) MUST_CHECK;
/* Notes how many courses were looked at. ERR_STALE_INDEX: somebody else has begun, or Redis was wiped or is another process. */
enum err mark_progress(struct store *s, const struct mark_hold *hold, uint64_t courses) MUST_CHECK;
/* Ends a rebuild: the index is believed. ERR_STALE_INDEX as above: it has to be built again. */
enum err mark_finish(struct store *s, const struct mark_hold *hold, uint64_t courses) MUST_CHECK;

#endif
