/* Heads of other processes' audit logs (lib/audit/head.h): what this node was told first about a line stays. POST /audit/head, GET /audit/heads. A row is never changed, and goes
 * after 90 days; of an hour that is over only the last head of each chain stays, for it vouches for all lines before it. At most 1,000,000 rows: then the oldest go. */
#ifndef RB_NODE_HEADS_H
#define RB_NODE_HEADS_H

#include "lib/audit/head.h"
#include "node/db.h"

#include <stdatomic.h>

#define HEADS_KEEP_MS (90ull * 24 * 3600 * 1000)
#define HEADS_ROWS_MAX 1000000u
#define HEADS_PAGE_MAX 1000u

struct heads {
    struct db *db;         /* borrowed */
    _Atomic uint64_t hour; /* in which rows were thinned last */
};

void heads_init(struct heads *h, struct db *db);

/* Keeps a head, durably. ERR_CONFLICT: this node has another h, or another MAC, for that line. ERR_UNAVAILABLE, ERR_FULL, ERR_IO. now_ms: unix. */
enum err heads_keep(struct heads *h, const struct audit_head *head, uint64_t now_ms) MUST_CHECK;

/* At most `limit` rows behind `after` (0: from the first), in the order in which they came, as JSON objects appended to `list`: those of audit_head_to_json() with "got": unix ms.
 * *next: for the next call, 0 when there are no more. */
enum err heads_list(struct heads *h, uint64_t after, uint64_t limit, struct json *list, uint64_t *next) MUST_CHECK;

#endif
