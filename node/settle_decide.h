/* What the mover of a course does after its promises came: rules 2, 5 and 6 of protocol.md P3 for a change of nothing, as one pure function over what the owners showed. */
#ifndef RB_NODE_SETTLE_DECIDE_H
#define RB_NODE_SETTLE_DECIDE_H

#include "lib/wire/message.h"
#include "lib/wire/owners.h"

struct settle_decision {
    struct history all;         /* U: what a write quorum showed, and a slot's record that is known to be chosen; owned */
    const struct record *value; /* what is to be accepted: NULL = NONE, else a record that may be chosen (rule 6); points into an answer */
};

/* answers[i] is what owner i of o promised, NULL when it did not. ERR_UNAVAILABLE: those that did are no write quorum. ERR_NOMEM, ERR_TOO_LARGE. */
enum err settle_decide(
    const struct owners *o, const struct message_answer *const answers[OWNERS_MAX], struct settle_decision *out) MUST_CHECK;
void settle_decision_release(struct settle_decision *d);

/* What an owner that showed `has` lacks of `all`, into an empty history. ERR_NOMEM. */
enum err settle_lacks(const struct history *all, const struct history *has, struct history *out) MUST_CHECK;

#endif
