/* What the nodes hold of all courses, merged by key, for the index (protocol.md P5). Pure, and in bounded memory: the caller brings pages of GET /courses of each node,
 * in any order, whenever the scan wants one; a course is handed out when every node that answers is past it. */
#ifndef RB_COORDINATOR_SCAN_H
#define RB_COORDINATOR_SCAN_H

#include "lib/wire/history.h"
#include "lib/wire/owners.h"

/* One course as one node has it. */
struct scan_course {
    char *key;
    struct record *records;
    size_t n;
    int has_slot; /* its last ACCEPT, when that was a record */
    struct stamp ballot;
    struct record slot;
};
/* {"ring": epoch, "courses": [{"key", "records": [record…], "slot"?: {"ballot", "record" or null}}], "next": key or null} */
struct scan_page {
    uint64_t ring;
    struct scan_course *courses;
    size_t n;
    char *next; /* NULL: the node has no more */
};
/* ERR_SYNTAX, ERR_NOMEM; *out untouched on failure. */
enum err scan_page_parse(const char *text, size_t len, struct scan_page *out) MUST_CHECK;
void scan_page_release(struct scan_page *p);

enum scan_source_state {
    SCAN_READING, /* it has courses left, or more pages to ask for */
    SCAN_ENDED,   /* it told everything it has */
    SCAN_FAILED   /* it did not answer, or under another ring: as if it had not been asked at all */
};
struct scan_source {
    const char *id; /* borrowed */
    enum scan_source_state state;
    struct scan_page page;
    size_t at;   /* in the page */
    char *after; /* where the next page begins; NULL: at the start */
    int asked;   /* the first page came */
};
struct scan {
    const struct ringdoc *doc;   /* borrowed: the ring under which all must answer */
    struct scan_source *sources; /* owned */
    size_t n;
};

/* ids: the nodes that will be asked; borrowed, like doc. ERR_NOMEM. */
enum err scan_init(struct scan *s, const struct ringdoc *doc, const char *const *ids, size_t n) MUST_CHECK;
void scan_release(struct scan *s);

/* Whether node i is to be asked for its page after sources[i].after before the scan can go on. */
int scan_wants(const struct scan *s, size_t i);
/* That page came; takes it. A page that is out of order, or made under another ring, fails the source. ERR_NOMEM. */
enum err scan_give(struct scan *s, size_t i, struct scan_page *page) MUST_CHECK;
/* Node i does not answer. */
void scan_fail(struct scan *s, size_t i);

struct scan_found {
    char *key;
    struct history
        history; /* what is known to be chosen, or may have been acknowledged: all records of all nodes, and slots that a write quorum shows */
    int unjudged; /* some node's slot has a record that is not in there: nobody can tell yet */
};
/* The next course, once nobody is wanted. ERR_NOT_FOUND: that was the last; ERR_NOMEM, ERR_TOO_LARGE. *out: scan_found_release. */
enum err scan_next(struct scan *s, struct scan_found *out) MUST_CHECK;
void scan_found_release(struct scan_found *f);

/* Whether what was not found cannot have been acknowledged: on every arc enough owners told everything they have. To be asked at the end. */
int scan_is_complete(const struct scan *s);

#endif
