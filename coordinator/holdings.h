/* What the nodes hold, asked of all who live and merged course by course (GET /holdings). */
#ifndef RB_COORDINATOR_HOLDINGS_H
#define RB_COORDINATOR_HOLDINGS_H

#include "coordinator/survey.h"
#include "lib/peer/peer.h"
#include "lib/store/members.h"

#define HOLDINGS_TIMEOUT_MS 10000u /* of one page of one node */

/* Whom to ask, and where it is. */
struct holdings_node {
    char id[RING_ID_MAX];
    char url[MEMBERS_URL_MAX];
};

/* Goes through the courses of these nodes in the order of their keys, only those that survey->going owns when it is set, and hands each to the survey once.
 * ERR_UNAVAILABLE: a node did not answer, or not in a way that can be read: *which is its index then; ERR_NOMEM. */
enum err holdings_survey(
    struct peer *peer, const struct holdings_node *nodes, size_t n, uint64_t epoch, struct survey *survey, size_t *which) MUST_CHECK;

#endif
