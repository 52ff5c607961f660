/* A leader's way to its epoch, and to the next document under it: promises of a quorum, the newest document installed again on a quorum, then whatever it
 * proposes (protocol.md P1). Pure: the caller carries the questions to the nodes and brings the answers back, in any order, or never.
 *
 * A quorum of a document is a majority of its members and, when it is joint, of those before (ringdoc_quorum_missing). One document is in flight at a time: what
 * was proposed is carried on until it is installed, refused, or the term is over; no other document of its epoch is ever proposed under the same ballot. */
#ifndef RB_COORDINATOR_TAKEOVER_H
#define RB_COORDINATOR_TAKEOVER_H

#include "lib/wire/ringdoc.h"

enum takeover_phase {
    TAKEOVER_PROMISE, /* collecting promises */
    TAKEOVER_INSTALL, /* a quorum of the newest document seen has promised, or a document was proposed: installing it */
    TAKEOVER_DONE, /* it is installed on a quorum, under our ballot: now it is known to be committed. Those that lack it may still be asked to install it */
    TAKEOVER_REFUSED /* a node has promised a larger ballot: the leadership is over, begin again */
};

/* How far one node is in the present phase. */
enum takeover_mark { TAKEOVER_NOT_ASKED, TAKEOVER_ASKED, TAKEOVER_YES };
struct takeover_node {
    char id[RING_ID_MAX];
    enum takeover_mark promise, install;
};

struct takeover {
    enum takeover_phase phase;
    struct ballot ballot;        /* ours; counter 0 before the first try */
    uint64_t largest;            /* largest counter that any node showed */
    struct ringdoc *doc;         /* newest one seen in this try, or proposed; owned */
    struct takeover_node *nodes; /* everyone that a document named so far */
    size_t n_nodes;
};

/* The coordinator's name and start make its ballots unique. */
void takeover_init(struct takeover *t, const char *coordinator, uint64_t start);
void takeover_release(struct takeover *t);

/* Begins a try with a fresh ballot: 1 + the largest counter any node or document showed. known: the newest document that we know to be committed; copied. What an
 * earlier try saw or proposed is forgotten: a quorum that matters shows it again. ERR_NOMEM. */
enum err takeover_begin(struct takeover *t, const struct ringdoc *known) MUST_CHECK;

/* Goes on from DONE: the next document, made under our ballot and one epoch above the one in force, is to be installed on its quorum; copied. ERR_NOMEM, and then
 * all is as before. */
enum err takeover_propose(struct takeover *t, const struct ringdoc *next) MUST_CHECK;
/* While a document is being installed, and after it is: those who did not answer may be asked again. */
void takeover_again(struct takeover *t);
/* Whether a node said yes in the present phase: it has promised / it has the document on disk, under our ballot. */
int takeover_has(const struct takeover *t, const char *id);
/* A node turned out not to have the document after all: it is to be asked again. */
void takeover_lacks(struct takeover *t, const char *id);

/* Whom to ask now: fills ids (borrowed from t until the next answer) with at most max nodes not yet asked in this phase, marks them as asked, and returns how many.
 * 0 and a phase that is not over: the try has failed, nobody is left to ask. */
size_t takeover_next(struct takeover *t, const char **ids, size_t max);
/* How many more times "yes" end this phase at least, as far as is known now. */
size_t takeover_missing(const struct takeover *t);

/* What an answer answers. Answers to an earlier try or phase are ignored, however late they come. */
struct takeover_question {
    uint64_t counter;
    enum takeover_phase phase; /* PROMISE or INSTALL */
    uint64_t epoch;            /* of the document that is installed; 0 while promises are collected */
};
struct takeover_question takeover_question(const struct takeover *t);

/* A node said yes. doc: the newest document it showed with its promise, or NULL; read only. ERR_NOMEM. */
enum err takeover_yes(struct takeover *t, struct takeover_question q, const char *id, const struct ringdoc *doc) MUST_CHECK;
/* A node refused because it promised this ballot. */
void takeover_refused(struct takeover *t, struct takeover_question q, const struct ballot *promised);

/* The document as it is now in force: with our ballot. Only when done. ERR_NOMEM. */
enum err takeover_result(const struct takeover *t, struct ringdoc **out) MUST_CHECK;

/* <0, 0, >0: older, the same, newer, by (epoch, ballot). NULL is older than all. */
int takeover_doc_cmp(const struct ringdoc *a, const struct ringdoc *b);

#endif
