/* What the files of the anti-entropy share. The questions, both signed and by POST:
 *
 * /entropy/look  {"ring": epoch, "with": id, "digest": 16 hex}            → {"ring", "same": bool, "lacks": [course…], "arcs": 16 hex each, only when not the same}
 * /entropy/keys  {"ring": epoch, "with": id, "arcs": [number…]}           → {"ring", "courses": [course…]}
 *   course: {"key", "digest": 16 hex, "records", "live", "here", "current": bool}
 *   both 409 {"ring": ours} when the epochs differ.
 *
 * `with` is the asker: all is said of the courses that it and the answering node own under the acting ring (catalog.h). A digest is the XOR of the courses' digests.
 * `lacks` are courses with a live version whose blob is not here, at most ENTROPY_LACKS_MAX. */
#ifndef RB_NODE_ENTROPY_INSIDE_H
#define RB_NODE_ENTROPY_INSIDE_H

#include "lib/wire/json.h"
#include "node/bell.h"
#include "node/catalog.h"
#include "node/entropy.h"

#define ENTROPY_LACKS_MAX 4096u
#define ENTROPY_SLOT_LOOKS \
    2u /* slots that hold what R does not are seen to once in so many looks, and not while they are younger than that */
#define ENTROPY_BODY_MAX (8u << 20)

/* What a neighbour says of a course: one that it has otherwise than we do, or of which it lacks a blob. */
struct entropy_fact {
    char *key;
    uint64_t digest; /* 0: it has no record of it */
    uint32_t records, live, here;
    int current;   /* it has the blob of what is current there */
    int differs;   /* its records are not ours */
    uint64_t mine; /* our digest then */
    uint32_t my_records;
    unsigned looks; /* in so many looks in a row, unchanged */
};

struct entropy_facts {
    struct entropy_fact *at; /* sorted by key, each once */
    size_t n, cap;
};

#define ENTROPY_LASTING_LOOKS 2u /* a difference that stood unchanged in so many looks is not an upload on its way */
#define ENTROPY_FRESH_MS \
    5000u /* but of one who has just come, or under a new ring, it counts at once: better a copy too many missing than one too few */

struct entropy_neighbour {
    char id[RING_ID_MAX], url[MEMBERS_URL_MAX];
    uint64_t digest;   /* ours, over what it and we own */
    uint64_t courses;  /* so many */
    int lives;         /* by the coordinators, or by its last answer */
    int answered;      /* it answered the last look under this ring */
    int known;         /* and at least one since it lives */
    uint64_t fresh_ms; /* boot time: until then a difference counts when it is first seen */
    int came_back;     /* to be mended at once, whatever was seen how often */
    uint64_t mend_ms;  /* boot clock: when it is mended next */
    struct entropy_facts facts;
};

struct entropy {
    struct node *node;
    struct catalog *catalog; /* borrowed */
    uint64_t period_ms, look_ms;
    struct bell looker, mender;         /* the looker's lock guards all below */
    uint64_t epoch, serial, generation; /* of the ring and the catalog that the neighbours were made from */
    long self;
    struct entropy_neighbour
        *neighbours; /* all other members of the acting ring, by their place in it; the looker alone changes how many */
    size_t n;
    struct member_census census;
    struct entropy_counts counts;
    pthread_t threads[2];
    size_t n_threads;
};

/* entropy.c */
const struct entropy_fact *entropy_fact_find(const struct entropy_facts *f, const char *key);
/* Adds one at the end, with a copy of its key; to be sorted by entropy_facts_sort() before it is searched. */
enum err entropy_fact_add(struct entropy_facts *f, const struct entropy_fact *fact) MUST_CHECK;
void entropy_facts_sort(struct entropy_facts *f);
void entropy_facts_clear(struct entropy_facts *f);
/* Whether a member of the acting ring (its place there) is an owner of a course. */
int entropy_owns(const struct catalog_course *course, long member);

/* entropy_look.c: asks all neighbours that live, and takes in what they say. Called by the looker alone, without its lock. */
void entropy_look(struct entropy *e, struct peer *peer);
/* entropy_mend.c: pulls from one neighbour that is due. 0: none is. */
int entropy_mend(struct entropy *e, struct peer *peer);
/* Makes chosen records firm. */
void entropy_close_slots(struct entropy *e, struct peer *peer);
/* census.c: counts under the lock. */
void census_count(struct entropy *e);

#endif
