/* What the files of the leading thread share: lead.c waits for a term and gets it its epoch, lead_ask.c carries questions and orders to the nodes,
 * lead_govern.c plans and sees changes through. */
#ifndef RB_COORDINATOR_LEAD_INSIDE_H
#define RB_COORDINATOR_LEAD_INSIDE_H

#include "coordinator/change.h"
#include "coordinator/coordinator.h"
#include "coordinator/plan.h"
#include "lib/peer/peer.h"

struct lead {
    struct coordinator *c;
    struct peer *peer;
    struct takeover takeover;
    struct change change;         /* the one under way, when the ring in force is joint */
    struct ringdoc *ring;         /* in force, under our ballot; NULL before the promise round is through */
    struct membership seen;       /* as it was at the last look */
    struct members_wishes wishes; /* the same */
    uint64_t term;                /* of the lease under which all of this is done */
    uint64_t said_ms;             /* boot time when it was last said that no quorum answers, 0 = not in this term */
    uint64_t spread_at_ms;        /* boot time when those who lack the ring are asked to install it again */
    uint64_t plan_at_ms;          /* and before which nothing is planned */
    char said[PLAN_WHY_MAX];      /* what the log knows of the plan */
};

/* lead.c */

/* Whether the lease still says that we may try: asked before every step that has an effect. */
int lead_may(struct lead *l);
/* What was asked for is installed on its quorum: it is in force now, here and for everybody who asks. */
enum err lead_take_over_result(struct lead *l) MUST_CHECK;

/* lead_ask.c. Whom a round goes to. */
enum lead_to { LEAD_TO_ALL, LEAD_TO_THE_LIVING };
/* Carries the takeover's present question to whom it names until nobody is left to ask or its phase is another one; then with LEAD_TO_ALL it returns as soon as
 * the phase's quorum answered. ERR_NOMEM. */
enum err lead_ask(struct lead *l, enum lead_to to) MUST_CHECK;
/* Sends the change's last order to those who have to hear it. A node that has promised a larger ballot ends the leadership. ERR_NOMEM. */
enum err lead_order(struct lead *l) MUST_CHECK;

/* lead_govern.c. Plans, proposes, sees changes through, until the term is over or a node refuses. */
void lead_govern(struct lead *l);

#endif
