/* What the former owner's two files share. */
#ifndef RB_NODE_FORMER_INSIDE_H
#define RB_NODE_FORMER_INSIDE_H

#include "node/settle_inside.h"

/* A course of others that is still here. */
struct former_course {
    char *key;
    struct owners o;              /* now */
    struct message_answer answer; /* what is here */
    size_t hold, lack, no_row;    /* owners that answered: hold all, have a row but not all, have no row */
    int is_free;                  /* may be dropped */
};

/* former_ask.c: asks the owners of each course whether they hold it and sets is_free. With push, those that lack something are told to take the blobs from here.
 * ERR_NOMEM. */
enum err former_ask(struct node *n, const struct ledger_ring *ring, struct peer *peer, struct former_course *courses, size_t n_courses,
    int push) MUST_CHECK;

#endif
