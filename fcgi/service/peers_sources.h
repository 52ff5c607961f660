/* Where the bytes of one hash are to be had, block by block from several places at once: the hashes of its blocks, and for each holder and each ring copy what opens it. */
#ifndef RB_FCGI_SERVICE_PEERS_SOURCES_H
#define RB_FCGI_SERVICE_PEERS_SOURCES_H

#include "fcgi/service/read.h"
#include "lib/store/peers.h"
#include "lib/wire/shared_blocks.h"

#define PEERS_SOURCES_MAX (READ_SOURCES + PEERS_HOLDERS_MAX)
#define PEERS_SOURCES_ASKED 5 /* holders that are asked for the hashes of the blocks */

struct peers_source {
    const char *peer, *name, *url; /* in the worker's arena, as all strings here */
    const char *file;              /* what it is called there; NULL: a copy in the ring */
    char capability[CAPABILITY_SIZE];
};
struct peers_sources {
    struct shared_blocks blocks; /* owned: peers_sources_release */
    int adopted;
    struct peers_source at[PEERS_SOURCES_MAX];
    size_t n; /* ring copies first */
};

/* What is asked for. */
struct peers_sources_wish {
    const char *sha256;
    const char *exclude;   /* id or name of a peer that is not named (it is who asks), or NULL */
    const char *blocks_of; /* id or name of a holder whose own list of blocks is wanted; NULL: the one that most give */
};
/* Peers that speak the line protocol only are left out. ERR_NOT_FOUND: neither a peer that is here nor the ring has such bytes, or blocks_of has not; ERR_UNAVAILABLE: nobody (or
 * blocks_of does not) tell the hashes of the blocks, or the index is away; ERR_STALE_INDEX; ERR_NOMEM. After an error *detail is a sentence for people, or NULL. */
enum err peers_sources_find(
    struct worker *w, const struct peers_sources_wish *wish, struct peers_sources *out, const char **detail) MUST_CHECK;
void peers_sources_release(struct peers_sources *s);

/* The place of the list that most are equal to, of those for these bytes and this size; of equally many the first. -1: there is none. Pure. */
long peers_sources_judge(const struct shared_blocks *lists, size_t n, const char *sha256, uint64_t size);

#endif
