/* What a conditional change does after its promises came: rules 2 to 6 of protocol.md P3 as one pure function over what the owners showed. */
#ifndef RB_FCGI_SERVICE_DECIDE_H
#define RB_FCGI_SERVICE_DECIDE_H

#include "fcgi/service/upload.h"
#include "lib/wire/history.h"
#include "lib/wire/owners.h"

/* What one owner showed with its promise; borrowed. */
struct decide_promise {
    size_t owner;                  /* its place among `owners` */
    const struct history *history; /* its R */
    int has_slot;
    struct stamp slot_ballot;
    const struct record *slot; /* NULL: NONE was accepted (or there is no slot) */
};

struct decide_input {
    const struct decide_promise *promises;
    size_t n; /* distinct owners, and at least a write quorum of them */
    const struct owners *owners;
    enum upload_match match; /* never MATCH_NOTHING */
    struct stamp match_record;
    const char *match_sha256;
    const struct record *draft; /* the change wanted: its upload id and content */
    int accept_sent;            /* this upload may have sent an ACCEPT of its own before */
};

enum decide_step {
    DECIDE_MINE,    /* rule 3: an earlier try got through; `record` is it */
    DECIDE_MISUSED, /* rule 3, but that record has other content: the idempotency key was used for something else */
    DECIDE_ACCEPT,  /* rule 4: ACCEPT my record; `record` is its parent or NULL */
    DECIDE_SAME,    /* rule 4, but the current record, settled, has this content already; `record` is it */
    DECIDE_SETTLE_SAME, /* the same, but ACCEPT of NONE first: the record is not settled, or an earlier try of this upload may still be chosen */
    DECIDE_REFUSE,      /* rule 5: refused at once; `record` is current, or NULL when there is none */
    DECIDE_SETTLE,      /* rule 5: ACCEPT of NONE first, then refused */
    DECIDE_FINISH       /* rule 6: `record` may be chosen: ACCEPT it */
};

struct decision {
    enum decide_step step;
    struct history all;           /* U; owned: decide_release */
    const struct record *record;  /* as the steps say; points into `all` or into a promise */
    const struct record *learned; /* rule 2: a slot's record that is now known to be chosen and is in `all`; or NULL */
};

/* ERR_NOMEM, ERR_TOO_LARGE. */
enum err decide(const struct decide_input *in, struct decision *out) MUST_CHECK;
void decide_release(struct decision *d);

/* True when `current` (NULL = none) is what the change is conditional on. */
int decide_matches(enum upload_match match, struct stamp match_record, const char *match_sha256, const struct record *current);

/* True when an upload would store what `current` (NULL = none) has already, however it came to be current. */
int decide_same_again(const struct record *current, const struct record *draft);
/* True when two records stand for one change asked for twice. */
int decide_same_change(const struct record *a, const struct record *b);

/* After rule 6 finished a foreign record: true when the condition still holds with it (it lies below what was asked for), so that the upload must be tried again rather than refused.
 * `all` is U, changed to include the record. */
enum err decide_still_matches(const struct decide_input *in, struct history *all, const struct record *finished, int *out) MUST_CHECK;

#endif
