/* Internal to the index port: one peer that is connected here, its list, and how that gets into the index. Owned by the port's thread. */
#ifndef RB_COORDINATOR_INDEX_PORT_PEER_H
#define RB_COORDINATOR_INDEX_PORT_PEER_H

#include "lib/plain/port.h"
#include "lib/store/peers.h"

struct index_peer {
    int32_t number;
    char id[RING_ID_MAX];
    char host[PORT_HOST_SIZE];
    uint16_t port; /* where it serves OBTAIN; 0: it did not say */
    unsigned connections;
    void *names; /* a tree (search.h) of heap strings */
    uint64_t files, bytes;
    struct shared_digest digest;         /* of the names */
    char listed[SHARED_DIGEST_HEX_SIZE]; /* what the index has, as far as we know; "": nothing */
    struct shared_delta news;            /* names that the index lacks; to be told in one go */
    struct index_peer *next;
};

/* How the index is told. A long list takes seconds: between two steps `pause` is called, so that what is due meanwhile is done. */
struct index_voice {
    struct store *store;
    void (*pause)(void *ctx);
    void *ctx;
};

/* A peer with an empty list and one connection. NULL: out of memory. */
struct index_peer *index_peer_new(int32_t number, const char *host, uint16_t port);
void index_peer_free(struct index_peer *p);

/* Puts a name into the list; one that is there already changes nothing. The index hears of it with index_peer_tell(), which is called here too when much is waiting. ERR_INVALID: no shared
 * file can have this name. ERR_FULL: INDEX_PORT_FILES_MAX. ERR_NOMEM, and errors of the store. */
enum err index_peer_add(struct index_peer *p, struct index_voice *voice, const char *name, size_t len) MUST_CHECK;
/* Tells the index what it lacks; everything, when it has another list than we thought. */
enum err index_peer_tell(struct index_peer *p, struct index_voice *voice) MUST_CHECK;
/* What its heartbeat says. */
void index_peer_facts(const struct index_peer *p, struct member *out);
/* Takes the peer and its list out of the index. What Redis does not hear now ends by its time. */
void index_peer_leave(const struct index_peer *p, struct store *s);

#endif
