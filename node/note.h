/* This node's own audit log (lib/audit): what is noted there, and who keeps its heads. */
#ifndef RB_NODE_NOTE_H
#define RB_NODE_NOTE_H

#include "lib/audit/audit.h"
#include "lib/audit/ship.h"
#include "lib/http/http.h"

struct node;

struct note {
    char process[AUDIT_PROCESS_SIZE]; /* "node:" and its id */
    struct audit *audit;
    struct audit_ship *ship;
};

/* Begins the log in data/audit. Errors as audit_open(). n->ledger, n->cluster and n->keys are there. */
enum err note_open(struct node *n, const char *data) MUST_CHECK;
/* Tells the last line, while other nodes can still be reached. */
void note_close(struct node *n);

/* What was answered (http_config.answered): orders of a leader that were taken, and whoever was refused. ctx is the node. */
void note_answered(void *ctx, const struct http_request *r, int status);

#endif
