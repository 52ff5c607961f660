/* What stays of lib/peer's calls where a test stands in for its rounds: it defines peer_round(), and this is built on that. */
#ifndef RB_TESTS_UNIT_LIB_PEER_CALLS_H
#define RB_TESTS_UNIT_LIB_PEER_CALLS_H

#include "lib/peer/peer.h"

void peer_calls_release(struct peer_call *calls, size_t n)
{
    for (size_t i = 0; i < n; i++)
        buf_release(&calls[i].answer);
}

enum err peer_call(struct peer *p, struct peer_call *c, unsigned timeout_ms)
{
    struct peer_round round = {.timeout_ms = timeout_ms};
    return peer_round(p, &round, c, 1);
}

#endif
