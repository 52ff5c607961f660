/* All that is known of one course now: what its owners show, and what the index remembers. */
#ifndef RB_FCGI_SERVICE_KNOWN_H
#define RB_FCGI_SERVICE_KNOWN_H

#include "fcgi/service/pull.h"

#define KNOWN_TIMEOUT_MS 700u

struct known {
    struct pulled pulled;
    int index_answered;     /* Redis told what it has of the course, maybe nothing */
    struct history history; /* records that may have been acknowledged, from both */
};

/* Asks both. ERR_NOT_FOUND: nobody has anything of it, and that is certain (enough owners answered, or the index agrees with those that did); ERR_UNAVAILABLE: nobody
 * has anything, but too few answered; ERR_NOMEM, ERR_TOO_LARGE. out is to be released after ERR_OK, ERR_NOT_FOUND and ERR_UNAVAILABLE. */
enum err known_read(struct quorum *q, struct known *out) MUST_CHECK;
void known_release(struct known *k);

/* What to say of a record that is not in a history that is not empty: ERR_NOT_FOUND when it would be there, ERR_UNAVAILABLE when it may be with owners that do not answer. */
enum err known_absence(const struct known *k);

#endif
