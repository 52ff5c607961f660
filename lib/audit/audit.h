/* The audit log of one process: what a program calls. Lines are written by a thread of its own; nobody waits for it (README.md). */
#ifndef RB_LIB_AUDIT_AUDIT_H
#define RB_LIB_AUDIT_AUDIT_H

#include "lib/audit/writer.h"

struct audit; /* thread-safe */

struct audit_settings {
    const char *data;      /* the process's folder; the log is in data/audit. Borrowed until close */
    const char *process;   /* with its role: "api:api-1". Borrowed until close */
    const uint8_t *master; /* AUDIT_KEY_SIZE bytes, borrowed until close; NULL: data/audit/seed was given to it */
    /* All of these may be 0 or NULL: then the numbers of README.md and the real clocks. */
    struct audit_limits limits;
    uint64_t sync_ms, head_ms, head_lines;
    uint64_t (*unix_ms)(void), (*boot_ms)(void);
    /* The newest durable line, every head_lines lines or head_ms. Called in the log's thread: it must not wait. */
    void (*head)(void *ctx, const struct audit_head *head);
    void *ctx;
};

#define AUDIT_SYNC_MS 200u
#define AUDIT_HEAD_MS 5000u
#define AUDIT_HEAD_LINES 100u
#define AUDIT_QUEUE_BYTES (4u << 20)
#define AUDIT_REFUSALS_MAX 1000u /* written at once; then AUDIT_REFUSALS_PER_S */
#define AUDIT_REFUSALS_PER_S 2u

/* Begins a new chain. When the disk is full it begins later, and what comes until then is lost and counted. ERR_DENIED, ERR_IO: the folder is of no use; ERR_NOT_FOUND:
 * neither a master key nor a seed; ERR_NOMEM. */
enum err audit_open(const struct audit_settings *settings, struct audit **out) MUST_CHECK;
/* Writes what waits and the last line, and ends the thread. NULL is fine. */
void audit_close(struct audit *a);

/* What happened. NULL counts as "-". All of it is copied, escaped and cut (audit.c has the numbers). Never put a secret here. */
struct audit_event {
    const char *who;     /* a person, a token's id, or the sender of a signed request */
    const char *what;    /* "upload", "drain", … */
    const char *on;      /* a course, a file, a node */
    const char *from;    /* an address */
    const char *result;  /* a status or an error's code */
    const char *request; /* its id */
    const char *detail;  /* a record's id, a reason */
    int is_refusal;      /* nothing was changed; of these not all are written when there are very many */
};
/* Never waits. a may be NULL: nothing is noted. */
void audit_note(struct audit *a, const struct audit_event *event);

struct audit_stats {
    uint64_t lines;   /* written since the start */
    uint64_t lost;    /* for which there was no room */
    uint64_t refused; /* refusals that were only counted */
    int is_failing;   /* nothing can be written now */
};
/* a may be NULL: all zero. */
void audit_stats(struct audit *a, struct audit_stats *out);

#endif
