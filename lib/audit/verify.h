/* Whether a log is what its process wrote: reads its files with the master key at hand and names every line that is wrong. */
#ifndef RB_LIB_AUDIT_VERIFY_H
#define RB_LIB_AUDIT_VERIFY_H

#include "lib/audit/head.h"

enum audit_fault {
    AUDIT_CHANGED,   /* its h does not fit it, or it cannot be read */
    AUDIT_MISSING,   /* lines are missing before it */
    AUDIT_MOVED,     /* it stands where it does not belong: put in, doubled or swapped */
    AUDIT_CUT,       /* lines are missing behind it, at the end of a chain */
    AUDIT_REWRITTEN, /* a node keeps another h for it */
    AUDIT_GONE,      /* a whole chain or its first files are missing */
};

/* "changed", "missing", … */
const char *audit_fault_word(enum audit_fault fault);

struct audit_finding {
    const char *file; /* its path; "" for what has no place */
    uint64_t line;    /* from 1; 0: none */
    enum audit_fault fault;
    char text[320]; /* a sentence without its full stop */
};

/* A head, and which node kept it. */
struct audit_kept {
    struct audit_head head;
    char node[AUDIT_PROCESS_SIZE];
};

struct audit_verify_settings {
    const uint8_t *master;    /* AUDIT_KEY_SIZE bytes */
    struct audit_kept *heads; /* of any processes; sorted by the call */
    size_t n_heads;
    int is_part; /* the files are not the whole log: what is missing before the first and behind the last is no finding */
    void (*found)(void *ctx, const struct audit_finding *finding);
    void *ctx;
};

struct audit_verified {
    char process[AUDIT_PROCESS_SIZE]; /* "" when not even one first line was good */
    uint64_t files, chains, lines, events;
    uint64_t lost, more;   /* events that the process itself tells it could not write, or only counted */
    uint64_t heads;        /* that were compared with a line */
    uint64_t heads_before; /* of lines that were dropped for their age */
    uint64_t heads_false;  /* whose MAC is not of the key: nodes, or the file of heads, say what is not so */
    uint64_t findings;
    uint64_t unfinished_bytes;   /* behind the last line: it was being written, or a crash cut it */
    char newest[TEXT_TIME_SIZE]; /* time of the last line, "" when there is none */
};

/* Reads the files in the order given, which is that of their names. Findings are told as they come. ERR_OK also when there are some: see out->findings. ERR_NOT_FOUND, ERR_DENIED, ERR_IO: a
 * file cannot be read; ERR_NOMEM. */
enum err audit_verify(
    const struct audit_verify_settings *settings, const char *const *paths, size_t n, struct audit_verified *out) MUST_CHECK;

#endif
