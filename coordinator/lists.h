/* The lists of peers' files, as the index has them, in the leader's memory: the digest of each, for the answers to heartbeats; and since when nobody stands behind a list any
 * more, so that it can be forgotten. Pure: no I/O, no clock.
 *
 * All of it is one reading of Redis, brought up to date by each delta that is applied until the next reading. Without a reading nothing is known, and nothing is said: a peer
 * that hears nothing waits, one that hears a wrong digest would tell its whole list again. */
#ifndef RB_COORDINATOR_LISTS_H
#define RB_COORDINATOR_LISTS_H

#include "lib/base/err.h"
#include "lib/ring/ring.h"
#include "lib/wire/shared.h"

#include <stddef.h>
#include <stdint.h>

#define LISTS_FORGET_MS \
    60000u                 /* a list whose peer was silent for so long is forgotten; its files are found by nobody from the first TTL on */
#define LISTS_GAP_MS 3000u /* readings further apart than that do not tell what was between them: no silence is counted */

struct lists_one {
    char id[RING_ID_MAX];
    char digest[SHARED_DIGEST_HEX_SIZE]; /* "": none */
    int is_doubtful;                     /* nobody knows what became of its last delta; the next reading does */
    uint64_t silent_ms;                  /* for how long its peer has been silent while it would have been heard */
};

struct lists {
    struct lists_one *at; /* by id */
    size_t n, cap;
    int is_known;     /* there was a reading, and Redis has been there since */
    uint64_t read_ms; /* boot time of the last reading, 0 = never */
};

/* One list as Redis has it. */
struct lists_reading {
    char id[RING_ID_MAX];
    char digest[SHARED_DIGEST_HEX_SIZE];
    int lives; /* its peer was heard by anybody */
};

void lists_init(struct lists *l);
/* Nothing is known any more, not even for how long anybody was silent: somebody else led, or will. */
void lists_release(struct lists *l);
/* Redis does not answer: digests are not known until the next reading. */
void lists_away(struct lists *l);
/* All lists, read when boot time was now_ms; sorts `read`. is_deaf: silence means nothing now (membership_is_deaf()). ERR_NOMEM: as after lists_away(). */
enum err lists_read(struct lists *l, struct lists_reading *read, size_t n, uint64_t now_ms, int is_deaf) MUST_CHECK;
/* What a delta left behind; NULL: not known, so that the next reading has to tell. */
void lists_set(struct lists *l, const char *id, const char *digest);
/* The list was forgotten. */
void lists_remove(struct lists *l, const char *id);

/* The digest of a peer's list, "" when it has none, NULL when that is not known. Good until the next change. */
const char *lists_digest(const struct lists *l, const char *id);
/* The first list to be forgotten, or NULL. */
const struct lists_one *lists_silent(const struct lists *l);

#endif
