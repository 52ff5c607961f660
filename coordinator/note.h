/* This coordinator's audit log (lib/audit): what is noted there, and who keeps its heads. */
#ifndef RB_COORDINATOR_NOTE_H
#define RB_COORDINATOR_NOTE_H

#include "lib/audit/audit.h"
#include "lib/audit/ship.h"
#include "lib/http/http.h"

struct coordinator;

struct note {
    char process[AUDIT_PROCESS_SIZE]; /* "coordinator:" and its name */
    struct audit *audit;
    struct audit_ship *ship;
};

/* Begins the log in the coordinator's folder. Errors as audit_open(). The ring is known. */
enum err note_open(struct coordinator *c) MUST_CHECK;
/* Tells the last line. */
void note_close(struct coordinator *c);

/* What was answered (http_config.answered): what people asked of the ring, goodbyes, and whoever was refused. ctx is the coordinator. */
void note_answered(void *ctx, const struct http_request *r, int status);
/* What came of it, as the leader tells it in its events: "leader", "join", "ring", … node: its name or "". */
void note_event(struct coordinator *c, const char *kind, const char *node);

#endif
