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

/* Counts a try. ERR_RATE: not yet, *wait_ms from now (not counted: who waits gets in). s NULL, or not answering: the table decides. Else ERR_OK, never another error. */
enum err rate_try(struct store *s, struct rate_table *t, const struct rate_rule *rule, const char *subject, unsigned *wait_ms) MUST_CHECK;
/* A try that was counted was good: it is taken back; with `all` every one is. */
void rate_forgive(struct store *s, struct rate_table *t, const struct rate_rule *rule, const char *subject, int all);

/* The rule as a pure function: both the script and the table are held against it. state: n, at_ms, until_ms; all zero = never tried. 1: it may try, and *state counts it; 0: *wait_ms. */
struct rate_state {
    uint64_t n, at_ms, until_ms;
};
int rate_decide(const struct rate_rule *rule, struct rate_state *state, uint64_t now_ms, unsigned *wait_ms);

#endif
