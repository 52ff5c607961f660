/* How much people may keep here: bytes of all their versions that are not purged yet, and of uploads under way, by account and in all. What is counted is derived
 * in the index (lib/store/sys.h) and rebuilt with it; without the index nothing can be counted and nothing is refused. */
#ifndef RB_FCGI_SERVICE_QUOTA_H
#define RB_FCGI_SERVICE_QUOTA_H

#include "fcgi/service/sysdoc.h"

struct quota_hold {
    char id[33]; /* "" = nothing is held */
    char user[AUTH_NAME_SIZE];
};
/* Takes room for an upload of so many bytes before it is read. account NULL: nobody's, which only the cluster's quota bounds. ERR_FULL: there is no room (*detail says whose). After ERR_OK:
 * quota_give() when the upload is through, however it ended; what a dead api holds is free again after an hour. */
enum err quota_take(struct worker *w, const struct docs_account *account, const struct docs_settings *s, uint64_t bytes,
    struct quota_hold *out, const char **detail) MUST_CHECK;
void quota_give(struct worker *w, struct quota_hold *h);

struct quota {
    uint64_t used, limit;                 /* limit DOCS_NO_LIMIT: none */
    uint64_t cluster_used, cluster_limit; /* the same of all together */
    int known;                            /* 0: the index is away, `used` means nothing */
};
enum err quota_read(struct worker *w, const struct docs_account *account, const struct docs_settings *s, struct quota *out) MUST_CHECK;

#endif
