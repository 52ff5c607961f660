/* The rules by which a node lets itself be led (protocol.md P1), as pure functions over what it has on disk: its promised ballot and its newest document. A node asks them
 * in the transaction that writes the effect; the simulator asks the same ones. */
#ifndef RB_LIB_WIRE_FENCE_H
#define RB_LIB_WIRE_FENCE_H

#include "lib/wire/ringdoc.h"

/* PROMISE: only a strictly larger ballot, also for a repeat. */
int fence_may_promise(const struct ballot *promised, const struct ballot *b);
/* INSTALL: b at least as large as what was promised, and a document that is newer than ours (mine: NULL = none), or of the same epoch under a ballot at least as
 * large as its. */
int fence_may_install(const struct ballot *promised, const struct ringdoc *mine, const struct ballot *b, const struct ringdoc *doc);
/* COMMAND: b at least as large as what was promised, and given for a ring that is not older than ours. */
int fence_may_command(const struct ballot *promised, uint64_t mine_epoch, const struct ballot *b, uint64_t epoch);

#endif
