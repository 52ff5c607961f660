/* The ring document: how a ring travels and is kept on disk (protocol.md P1, P4).
 * {"epoch", "k", "state": "stable", "ballot": {"counter", "coordinator", "start"}, "prev": [id…], "members": [{"id","name","zone","weight"}], "away"?: [id…]}
 * {"epoch", "k", "state": "joint", "ballot", "prev_k", "prev": [{"id","name","zone","weight"}…], "members": […], "away"?: […]}
 *
 * A stable document is in force alone; `prev` and `members` name the same nodes. A joint one stands between two stable ones: copies are on their way
 * from the owners under `prev` to the owners under `members`, and both have a say. Its epoch is one above the ring before, the stable one's after it one more. */
#ifndef RB_LIB_WIRE_RINGDOC_H
#define RB_LIB_WIRE_RINGDOC_H

#include "lib/ring/ring.h"
#include "lib/wire/json.h"

/* A leader's ballot: strictly ordered by (counter, coordinator, start). */
struct ballot {
    uint64_t counter;
    char coordinator[64];
    uint64_t start; /* random id of that process's start */
};
int ballot_cmp(const struct ballot *a, const struct ballot *b);
struct json *ballot_to_json(const struct ballot *b);
enum err ballot_from_json(const struct json *j, struct ballot *out) MUST_CHECK;

#define RINGDOC_BYTES_MAX (1u << 20)

struct ringdoc {
    struct ring *ring;         /* the members; owned */
    struct ring *before;       /* joint: the ring that is being left, under the document's own epoch; owned. NULL: stable */
    char (*away)[RING_ID_MAX]; /* nodes that were drained or removed: not taken in again by themselves; sorted, owned */
    size_t n_away;
    struct ballot ballot; /* under which it was installed; counter 0 for the founding document */
    char *text;           /* the JSON it was read from or printed to, NUL-terminated; owned */
    size_t text_len;
};

/* Reads and builds. ERR_SYNTAX, ERR_INVALID, ERR_NOMEM. *out untouched on failure. */
enum err ringdoc_parse(const char *text, size_t len, struct ringdoc **out) MUST_CHECK;
/* Makes a stable document from members, with nobody away. */
enum err ringdoc_new(
    const struct ring_member *members, size_t n, uint32_t k, uint64_t epoch, const struct ballot *b, struct ringdoc **out) MUST_CHECK;
/* What a ring is to become. */
struct ringdoc_change {
    const struct ring_member *members;
    size_t n;
    uint32_t k;
    const char (*away)[RING_ID_MAX]; /* any order; none of them a member */
    size_t n_away;
};
/* The joint document that begins a change of a stable one: epoch + 1, under ballot b. ERR_INVALID: `from` is joint, or as ring_new(), or double or bad ids in away. */
enum err ringdoc_joint(
    const struct ringdoc *from, const struct ringdoc_change *to, const struct ballot *b, struct ringdoc **out) MUST_CHECK;
/* The stable document that ends it: epoch + 1, the members of the joint one. ERR_INVALID: `from` is stable. */
enum err ringdoc_settled(const struct ringdoc *from, const struct ballot *b, struct ringdoc **out) MUST_CHECK;
int ringdoc_is_joint(const struct ringdoc *d);
/* Whether this id is away. */
int ringdoc_is_away(const struct ringdoc *d, const char *id);

/* A quorum of a document: a majority of its members and, when it is joint, a majority of those before (protocol.md P1). The function says how many more nodes are
 * wanted at least; 0 = it is one. has says whether this node counts. */
size_t ringdoc_quorum_missing(const struct ringdoc *d, int (*has)(void *ctx, const char *id), void *ctx);
/* Whether the document names this node: as a member, or among those before. */
int ringdoc_names(const struct ringdoc *d, const char *id);

/* The same document as it is kept once it was installed again under ballot b: all is kept but its "ballot". */
enum err ringdoc_under(const struct ringdoc *from, const struct ballot *b, struct ringdoc **out) MUST_CHECK;
enum err ringdoc_copy(const struct ringdoc *from, struct ringdoc **out) MUST_CHECK;
void ringdoc_free(struct ringdoc *d);

#endif
