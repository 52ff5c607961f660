/* What the files of the verifier share: where it stands. */
#ifndef RB_LIB_AUDIT_INTERNAL_H
#define RB_LIB_AUDIT_INTERNAL_H

#include "lib/audit/verify.h"

#define FINDING_PATH_MAX 4096u

/* A line of a chain, by its place and its h. */
struct point {
    char chain[AUDIT_CHAIN_SIZE];
    uint64_t n;
    uint8_t h[HASH_SIZE];
};

/* What somebody refers to and was not seen: fine when it was dropped, which is known at the end. */
struct doubt {
    struct point last; /* the last line of what is missing */
    char file[FINDING_PATH_MAX];
    uint64_t line;
};

struct points {
    struct point *at;
    size_t n;
};

struct verify {
    const struct audit_verify_settings *settings;
    struct audit_verified *result;

    const char *path;
    uint64_t line;                    /* in the present file */
    char last_path[FINDING_PATH_MAX]; /* of the chain's last line */
    uint64_t last_line;

    int has_chain;
    struct point last;    /* the chain's last line, as it says itself */
    int knows_h;          /* last.h can be built upon */
    int blind;            /* nothing of this file can be checked: said once */
    struct audit_key key; /* of the last good line */
    uint64_t good_n;      /* its number */
    size_t head;          /* the first of the chain's heads that are still to come */

    struct points dropped; /* last lines of files that went for their age, as good lines say */
    struct points chains;  /* that were seen, by id */
    struct doubt *doubts;
    size_t n_doubts;
};

/* verify.c. Tells a finding at a place. */
__attribute__((format(printf, 5, 6))) void verify_found(
    struct verify *v, const char *file, uint64_t line, enum audit_fault fault, const char *fmt, ...);
/* The key of a chain's first line. ERR_INVALID: no process starts so often. */
enum err verify_first_key(const struct verify *v, const char *process, uint64_t start, const char *chain, struct audit_key *out) MUST_CHECK;

/* verify_line.c: one line without its break; and the end of the present chain. ERR_NOMEM. */
enum err verify_line(struct verify *v, const char *text, size_t len) MUST_CHECK;
void verify_chain_end(struct verify *v);
/* Appends. ERR_NOMEM. */
enum err points_add(struct points *p, const struct point *one) MUST_CHECK;

/* verify_heads.c. Sorts the heads and takes out those whose MAC is wrong. */
void verify_heads_begin(struct verify *v);
/* The chain begins / a line of it stands at the present place / it has ended. */
void verify_heads_chain(struct verify *v);
void verify_heads_line(struct verify *v, const struct audit_line *line);
void verify_heads_chain_end(struct verify *v);
/* Chains of this process that nodes know and that are not here. */
void verify_heads_end(struct verify *v);

#endif
