/* What the owners of a course have, together: the union that stands in for the index, and proves more than it. */
#ifndef RB_FCGI_SERVICE_PULL_H
#define RB_FCGI_SERVICE_PULL_H

#include "fcgi/service/quorum.h"

struct pulled {
    struct quorum_reply replies[OWNERS_MAX]; /* by place among the owners */
    struct owners who;                       /* as they were asked; its members are the view's, and gone with it */
    struct tally answered;
    struct history all; /* every record any owner showed */
};

enum pull_want {
    PULL_USABLE, /* waits for every usable owner; when these are no write quorum, also asks the others and gives them a moment */
    PULL_QUORUM  /* ends soon after a write quorum answered */
};

/* Asks the owners. ERR_OK whatever they said, even nothing: see `answered`. ERR_STALE_RING is dealt with inside. ERR_NOMEM, ERR_TOO_LARGE, ERR_UNAVAILABLE (no ring). */
enum err pull(struct quorum *q, enum pull_want want, unsigned timeout_ms, struct pulled *out) MUST_CHECK;
void pull_release(struct pulled *p);

/* The owners that showed a record, or took it directly. */
struct tally pull_showed(const struct pulled *p, struct stamp id, int directly);
/* The owners that have its bytes on disk. */
struct tally pull_stored(const struct pulled *p, struct stamp id);

/* Appends to `out` the records that may have been acknowledged: firm ones, and those that W owners may hold when the ones that did not answer are counted in. */
enum err pull_visible(const struct pulled *p, struct history *out) MUST_CHECK;

/* True when a record that nobody showed cannot have been acknowledged. */
int pull_proves_absence(const struct pulled *p);

/* How an owner's copy of a record's bytes is, by its answer. *verified_at_ms may be NULL. */
enum blob_state pull_blob_state(const struct quorum_reply *reply, struct stamp id, uint64_t *verified_at_ms);

#endif
