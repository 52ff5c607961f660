/* The index of what peers share from their own folders: names, words and hashes of a million files. Redis may lose it at any time; each peer has its own list and
 * tells it again. A peer's list is there whole, as of its digest, or on its way there: deltas are applied in one step each.
 *
 * An *entry* is one file of one peer, called by 6 bytes: the peer's number and the place in its table. What a search reads are trees (lua/peers_tree.lua): sorted sets
 * cut into leaves so small that Redis keeps each in one piece of memory, which makes a member cost its bytes and a few more instead of a hundred.
 *
 * rb:p2:numbers       hash    peer id -> number; "next": the last one given. Number 0 is "ring", the files that the ring has adopted
 * rb:p2:<n>           hash    id, digest ("": the list is being cleared), files, next (places given), begun (how often the list began anew)
 * rb:p2:r:<entry>     string  the entry's record: name, words, hash, size, time (lua/peers_entry.lua)
 * rb:p2:free:<n>      list    free places
 * rb:p2:e  rb:p2:e:*  tree    peer's number (3 bytes), 8 bytes of the hash of the name, place (3 bytes): one file by its name, and all files of a peer
 * rb:p2:h  rb:p2:h:*  tree    8 bytes of the SHA-256, entry: who holds one content
 * rb:p2:n  rb:p2:n:*  tree    the name's words run together, NUL, 6 bytes of the SHA-256 or NULs, entry
 * rb:p2:w  rb:p2:w:*  tree    a word that is not the first and what follows it, NUL, the same
 * The 2 is the layout's number: what another one left is never read, peers tell their lists anew, and it goes when Redis is emptied.
 *
 * Whether a peer is here is never kept: its alive key (members.h) is asked when something is read, so that its entries vanish with the TTL and come back with a
 * heartbeat. What reads for people looks at the mark in the same step, as index.h does: after FLUSHALL or a restart with old data it is ERR_STALE_INDEX until the index
 * was rebuilt. Other errors as in conn.h. */
#ifndef RB_LIB_STORE_PEERS_H
#define RB_LIB_STORE_PEERS_H

#include "lib/store/members.h"
#include "lib/wire/shared.h"

#define PEERS_RING "ring"        /* the pseudo-peer that holds what the ring has adopted; always here */
#define PEERS_KEY_PREFIX "peer/" /* an adopted file is the "course" with this and its 64 hex digits as key */
#define PEERS_WORDS_MAX \
    32u /* words of one name that are found in the middle of it; later ones only count beside one of those that fewer names have */
#define PEERS_QUERY_MAX 1024u /* bytes of one search */
#define PEERS_LIMIT_MAX 200u  /* rows of a page */
#define PEERS_HOLDERS_MAX 32u /* holders of one row that are told */
#define PEERS_CANDIDATES_MAX \
    600u /* records one page reads, or what costs as much; a search that needs more gives a short page and goes on from its cursor */

/* ---- lists: the leading coordinator */

/* Applies one delta of a peer in one step. ERR_CONFLICT: its base is not what is listed, nothing was done. base "": what was listed is cleared first, in steps of
 * SHARED_DELTA_FILES. `listed` gets the digest that the index has after ERR_OK and ERR_CONFLICT: "" when it has no list of this peer, or one that is half cleared. ERR_FULL: the
 * peer would have more than SHARED_FILES_MAX files. */
enum err peers_apply(struct store *s, const char *id, const struct shared_delta *delta, char listed[SHARED_DIGEST_HEX_SIZE]) MUST_CHECK;
/* Removes a list, one step of at most SHARED_DELTA_FILES files a call. *begun is 0 before the first step and is kept between them: a list that began anew meanwhile is left alone (ERR_CONFLICT).
 * *more is 0 when nothing is left. */
enum err peers_forget(struct store *s, const char *id, uint64_t *begun, int *more) MUST_CHECK;

struct peers_list {
    char id[RING_ID_MAX];
    char digest[SHARED_DIGEST_HEX_SIZE]; /* "": half cleared */
    uint64_t files;
    int alive; /* its alive key is there */
};
/* Every list that is there, without the ring's. *out is one piece of memory: free(). */
enum err peers_lists(struct store *s, struct peers_list **out, size_t *n) MUST_CHECK;

/* ---- reading: the api, the line protocol */

enum peers_state { PEERS_HERE, PEERS_QUIET, PEERS_GONE };
/* "here": its heartbeats come. "quiet": they stopped just now. "gone": only its list is left. Never NULL. */
const char *peers_state_name(enum peers_state state);

struct peers_peer {
    char id[RING_ID_MAX], name[RING_NAME_MAX], url[MEMBERS_URL_MAX]; /* url "": gone */
    uint64_t files;                                                  /* listed now */
    uint64_t since_ms, heard_at_ms; /* unix ms: when its list began, when it was heard last; 0: no list yet, or gone */
    enum peers_state state;
    int stores; /* it also keeps ring copies */
    uint16_t obtain_port;
};
/* All peers, by name. *out is one piece of memory: free(). */
enum err peers_all(struct store *s, struct peers_peer **out, size_t *n) MUST_CHECK;

struct peers_holder {
    char peer[RING_ID_MAX], name[RING_NAME_MAX], url[MEMBERS_URL_MAX];
    uint16_t obtain_port;
    char *file; /* what it is called there */
};
/* One content and who has it; while a hash is not known, one file of one peer. */
struct peers_row {
    char *name; /* of the holder that comes first in the order */
    uint64_t size, mtime_ms;
    char sha256[HASH_HEX_SIZE];   /* "": not known yet */
    int adopted;                  /* the ring has it too */
    struct peers_holder *holders; /* who is here, by their number; none only of an adopted file. The ring is not among them */
    size_t n_holders;
};
void peers_row_release(struct peers_row *r);

struct peers_page {
    struct peers_row *rows;
    size_t n;
    char *next; /* cursor, or NULL at the end; a page may be short, or empty, and have one */
};
void peers_page_release(struct peers_page *p);

/* A page of what fits q: first names that begin with it (without regard to case, accents and whatever is neither letter nor digit), then those of which it holds that every
 * word of q is the beginning of one of their words; each in the
 * order of what begins there. NULL, or nothing with a letter or digit: all. exclude: NULL or a peer whose files are left out.
 * limit: 1 … PEERS_LIMIT_MAX. cursor: NULL or a page's next, for the same q. A row without a living holder is left out unless it is adopted. ERR_SYNTAX: q is not
 * UTF-8 or too long, or not a cursor of ours. *out: peers_page_release. */
enum err peers_search(
    struct store *s, const char *q, const char *exclude, const char *cursor, unsigned limit, struct peers_page *out) MUST_CHECK;
/* The row of one hash. ERR_NOT_FOUND: nobody who is here has it, nor the ring. *out: peers_row_release. */
enum err peers_by_hash(struct store *s, const char sha256[HASH_HEX_SIZE], struct peers_row *out) MUST_CHECK;
/* One file of one peer, whether or not that is here: the row has this one holder, and says its url and state by `state`. ERR_NOT_FOUND. *out: peers_row_release. */
enum err peers_find(struct store *s, const char *id, const char *name, struct peers_row *out, enum peers_state *state) MUST_CHECK;
/* Who is here and has a file of exactly this name, whatever is in it, leaving `exclude` (or NULL) out; at most PEERS_HOLDERS_MAX. ERR_NOT_FOUND: nobody. *out: peers_row_release; size and
 * hash are those of the first. */
enum err peers_named(struct store *s, const char *name, const char *exclude, struct peers_row *out) MUST_CHECK;

#endif
