/* Who is there: nodes' heartbeats (keys with a TTL), coordinators' alive keys, the published ring document.
 *
 * rb:nodes          hash   node id → facts (JSON)           rb:alive:<id>           there while its heartbeats come
 * rb:coordinators   hash   name → {"name","url","token"}    rb:coordinator:<name>   the same
 * rb:ring           hash   epoch, document
 * rb:wishes         hash   node id → "drain" | "undrain" | "remove", "k" → number: what people asked of the ring and is not done yet
 * rb:news           text   what the leader says besides: the change under way, what it waits for, who goes out when (JSON), with a TTL
 */
#ifndef RB_LIB_STORE_MEMBERS_H
#define RB_LIB_STORE_MEMBERS_H

#include "lib/ring/ring.h"
#include "lib/store/conn.h"
#include "lib/wire/member.h"
#include "lib/wire/ringdoc.h"

#define MEMBERS_TTL_MS 1500u

/* Writes a heartbeat: the node's facts and its alive key with TTL, in one round trip. */
enum err members_heartbeat(struct store *s, const struct member *m, uint64_t now_unix_ms) MUST_CHECK;
/* n of them, at most MEMBERS_HEARTBEATS_MAX, as each is stamped already, in one go: where a delta of a peer's list has Redis for itself, all of them wait for it once. After an
 * error it is not known which were written. */
#define MEMBERS_HEARTBEATS_MAX 64u
enum err members_heartbeats(struct store *s, const struct member *m, size_t n) MUST_CHECK;
/* A node says goodbye: its alive key goes at once; forget also removes its facts (nodes outside the ring). */
enum err members_leave(struct store *s, const char *id, int forget) MUST_CHECK;

struct coordinator_alive {
    char name[RING_NAME_MAX];
    char url[MEMBERS_URL_MAX];
    char token[33];
};
enum err members_coordinator_alive(struct store *s, const struct coordinator_alive *c, unsigned ttl_ms) MUST_CHECK;
enum err members_coordinator_leave(struct store *s, const char *name) MUST_CHECK;

/* The ring document as the leader publishes it: written only when its epoch is larger than what is there, or the same epoch (one Lua script). */
enum err members_publish_ring(struct store *s, const struct ringdoc *d) MUST_CHECK;

/* What people wish of the ring. A wish that Redis loses before it was begun has to be asked again. */
#define MEMBERS_WISHES_MAX 64
enum members_wish_kind { MEMBERS_WISH_DRAIN, MEMBERS_WISH_UNDRAIN, MEMBERS_WISH_REMOVE };
struct members_wish {
    char id[RING_ID_MAX];
    enum members_wish_kind kind;
};
struct members_wishes {
    struct members_wish at[MEMBERS_WISHES_MAX];
    size_t n;
    uint32_t k; /* 0: no wish */
};
/* "drain", "undrain", "remove". Never NULL. */
const char *members_wish_word(enum members_wish_kind kind);
/* The wish for a node, or NULL. Pure. */
const struct members_wish *members_wish_find(const struct members_wishes *w, const char *id);
/* Adds these, each in the place of an earlier one for the same node. */
enum err members_wishes_add(struct store *s, const struct members_wishes *w) MUST_CHECK;
/* Takes these out, unless others stand in their place by now (one Lua script). */
enum err members_wishes_remove(struct store *s, const struct members_wishes *w) MUST_CHECK;
/* {id: word, …, "k": number}, to be freed; NULL when out of memory. */
struct json *members_wishes_json(const struct members_wishes *w);

/* The change under way, as the leader sees it. */
struct members_progress {
    uint64_t epoch; /* of the joint ring; 0: none is under way */
    uint64_t copies_done, copies_total, bytes_done, bytes_total;
    uint64_t bytes_per_s; /* 0: not known */
    uint64_t ends_at_ms;  /* unix ms; 0: not known */
};
/* What the leader says of the ring besides the document. */
#define MEMBERS_WAITING_MAX 256
#define MEMBERS_NEWS_TTL_MS 5000u
struct members_out {
    char id[RING_ID_MAX];
    uint64_t out_at_ms; /* unix ms */
};
struct members_news {
    struct members_progress progress;
    char waiting[MEMBERS_WAITING_MAX]; /* for people: what the next step waits for; "" = nothing */
    const struct members_out *outs;    /* silent members, and when they will be taken out of the ring; borrowed */
    size_t n_outs;
};
enum err members_news_write(struct store *s, const struct members_news *n) MUST_CHECK;
/* As JSON, to be freed; NULL when out of memory: {"epoch", "copies_done", "copies_total", "bytes_done", "bytes_total", "bytes_per_s", "ends_at": unix ms or null}. */
struct json *members_progress_json(const struct members_progress *p);

/* All of it in one round trip, sorted by name. Each node's state and out_at_ms are set by what else was read. */
struct members {
    struct member *nodes;
    size_t n_nodes;
    struct coordinator_alive coordinators[MEMBERS_COORDINATORS_MAX];
    size_t n_coordinators; /* the living, and those that were: see alive */
    int coordinator_is_alive[MEMBERS_COORDINATORS_MAX];
    char leader_name[64];
    char leader_token[33];
    uint64_t leader_epoch, leader_since_ms; /* "" and 0: no leader */
    struct ringdoc *ring;                   /* NULL: none published */
    struct members_wishes wishes;
    struct members_progress progress; /* all zero: none under way, or no leader says */
    char waiting[MEMBERS_WAITING_MAX];
};
enum err members_read(struct store *s, struct members *out) MUST_CHECK;
void members_release(struct members *m);

/* The state of a node by the newest document (NULL: none), the wishes (NULL: none) and whether it lives. Pure.
 *   a member             draining while a wish for it is pending, else up, or suspect when it is silent
 *   only among those before (joint)   draining when it is away, else out
 *   not named            gone when it is away; joining when it lives; else out */
enum member_state members_state(const struct ringdoc *doc, const struct members_wishes *wishes, const struct member *m);

#endif
