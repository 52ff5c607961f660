/* The reading use cases: a course with its history and copies, where its bytes are, lists, placement, the cluster. */
#ifndef RB_FCGI_SERVICE_READ_H
#define RB_FCGI_SERVICE_READ_H

#include "fcgi/service/capability.h"
#include "fcgi/service/upload.h"
#include "lib/ring/fingers.h"
#include "lib/store/index.h"
#include "lib/store/members.h"

/* What to read: the current version, or one by number or record id, or the newest live one of a term. */
struct read_target {
    const char *key;
    const char *version;
    const char *term;
};

#define READ_SOURCES 3
/* One owner that can be asked for the bytes. */
struct read_source {
    char address[CAPABILITY_ADDRESS_SIZE]; /* host:port */
    char capability[CAPABILITY_SIZE];
    const char *node, *name, *url; /* its id and so on; in the worker's arena */
};
struct read_bytes {
    struct record record;                     /* owned: read_bytes_release */
    uint64_t version;                         /* 0 = not asked for */
    struct read_source sources[READ_SOURCES]; /* in the order to try; all set: the last one is repeated */
    size_t n_sources;                         /* different ones */
};
/* Where the bytes of a version are. ERR_NOT_FOUND: no such course or version; ERR_GONE: deleted; ERR_UNAVAILABLE: neither index nor enough owners answer, or no owner has an address. */
enum err read_bytes(struct worker *w, const struct read_target *t, struct read_bytes *out) MUST_CHECK;
void read_bytes_release(struct read_bytes *b);

struct course_owner {
    const char *node, *name, *zone;
    enum blob_state state;
    uint64_t verified_at_ms;
    int leaves; /* only until a ring change is done: no owner under the ring to come */
};
struct course {
    char *name; /* of the newest record; in the worker's arena, as all strings here */
    const char *key;
    struct history history; /* owned: course_release. Records that cannot have been acknowledged are left out */
    struct course_owner owners[OWNERS_MAX];
    size_t n_owners; /* states of the current version's bytes */
    struct {
        enum blob_state state[OWNERS_MAX];
    } * copies; /* per history entry, per owner; arena */
};
/* ERR_NOT_FOUND, ERR_UNAVAILABLE. */
enum err course_read(struct worker *w, const char *key, struct course *out) MUST_CHECK;
void course_release(struct course *c);

/* Lists and search: index_list() with a time-out; ERR_UNAVAILABLE when the index is away, ERR_STALE_INDEX while it is being rebuilt. */
enum err course_list(struct worker *w, const char *q, const char *term, enum index_sort sort, const char *cursor, unsigned limit,
    struct index_page *out) MUST_CHECK;

struct placement {
    uint64_t point;
    struct course_owner owners[OWNERS_MAX];
    size_t n_owners;
    struct ring_step steps[64];
    size_t n_steps;
    uint64_t epoch;
    struct ring_member step_members[64]; /* of each step */
    struct ring_member from;             /* where the lookup began; id "" when none was asked for */
    struct ring_member hops[FINGERS_HOPS_MAX];
    size_t n_hops; /* the last is the host; 0: it began there */
};
/* from: a node's name or id, whose lookup by fingers is traced, or NULL. ERR_UNAVAILABLE: no ring known; ERR_NOT_FOUND: no such node in it. */
enum err course_placement(struct worker *w, const char *key, const char *from, struct placement *out) MUST_CHECK;

/* The cluster as /cluster shows it. */
struct cluster {
    const struct view *view; /* held until cluster_release; view->survey says what follows from it */
    uint32_t k, k_effective;
    uint64_t ring_epoch;
    int joint; /* a ring change is under way */
};
enum err cluster_read(struct worker *w, struct cluster *out) MUST_CHECK;
void cluster_release(struct worker *w, struct cluster *c);

#endif
