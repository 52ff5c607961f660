/* Tells the leading coordinator what the folder holds: POST /files with deltas (lib/wire/shared.h), one after the other, in a thread of its own.
 *
 * A heartbeat's answer says what the index has of us. When that is our own list, or what we know to have told before, only changes go; otherwise everything goes anew. So a new leader costs
 * nothing while Redis has the list, and a Redis that lost it has it again after the next heartbeat. */
#ifndef RB_NODE_SHARE_TELL_H
#define RB_NODE_SHARE_TELL_H

#include "node/share_list.h"

struct node;
struct share_tell;

/* n and the list are borrowed and outlive it. Nothing is told before share_tell_begin(). ERR_NOMEM. */
enum err share_tell_start(struct node *n, struct share_list *list, struct share_tell **out) MUST_CHECK;
/* The list is whole. */
void share_tell_begin(struct share_tell *t);
/* The list may have changed. */
void share_tell_wake(struct share_tell *t);
/* As share_heard(). */
void share_tell_heard(struct share_tell *t, size_t coordinator, int leads, const char *listed, uint64_t asked_ms);
/* Ends the thread; a question under way is waited for. NULL is fine, as for free. */
void share_tell_stop(struct share_tell *t);
void share_tell_free(struct share_tell *t);

#endif
