/* How often something was tried lately, with waits that grow. Counted in Redis for all apis together; without it by a small table of this process.
 *
 * rb:rate:<rule>:<subject>   hash   n (tries counted), at (unix ms of the last one), until (when the next may come)   expires by itself */
#ifndef RB_LIB_STORE_RATE_H
#define RB_LIB_STORE_RATE_H

#include "lib/store/conn.h"

/* So many tries are free; they are forgiven one after the other, each after `per_ms`. Each try beyond must wait: wait_ms, then twice that, and so on up to wait_max_ms. */
struct rate_rule {
    const char *name; /* in keys: a word of ours */
    unsigned free;
    unsigned per_ms;
    unsigned wait_ms, wait_max_ms;
};
#define RATE_SUBJECT_MAX 256u /* bytes of a subject; longer ones are cut */

struct rate_table; /* thread-safe; RATE_TABLE_MAX subjects, the one that was seen the longest ago gives way */
#define RATE_TABLE_MAX 4096u
struct rate_table *rate_table_new(void); /* NULL when out of memory */
void rate_table_free(struct rate_table *t);

/* One of the counts that a try is held against: by the name, by the address. */
struct rate_claim {
    const struct rate_rule *rule;
    const char *subject;
    int all; /* when forgiven: all tries, not just this one */
};
#define RATE_CLAIMS_MAX 2u

/* Counts a try against each claim, or, when one of them says not yet, against none: ERR_RATE, *wait_ms until none does (who waits gets in). In Redis it is one step, and one write when it counts. s NULL,
 * or not answering: the table decides. Else ERR_OK, never another error. n in 1…RATE_CLAIMS_MAX, no claim twice. */
enum err rate_try(struct store *s, struct rate_table *t, const struct rate_claim *claims, size_t n, unsigned *wait_ms) MUST_CHECK;
/* A try that was counted was good: it is taken back. */
void rate_forgive(struct store *s, struct rate_table *t, const struct rate_claim *claims, size_t n);

/* The rule as a pure function: both the script and the table are held against it. state: n, at_ms, until_ms; all zero = never tried. 1: it may try, and *state counts it; 0: *wait_ms. */
struct rate_state {
    uint64_t n, at_ms, until_ms;
};
int rate_decide(const struct rate_rule *rule, struct rate_state *state, uint64_t now_ms, unsigned *wait_ms);

#endif
