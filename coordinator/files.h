/* The index of peers' files, as the leader keeps it: takes the deltas of lists, tells with each heartbeat which list the index has, forgets the lists of those who are gone.
 *
 * All of Redis' part is done by one thread with a connection of its own, one delta after the other, so that however much peers have to tell, the lease and the ring do not
 * wait for it. The threads of POST /files wait for theirs; there is a limit to how many may. */
#ifndef RB_COORDINATOR_FILES_H
#define RB_COORDINATOR_FILES_H

#include "coordinator/lists.h"
#include "lib/http/http.h"
#include "lib/wire/json.h"
#include "lib/wire/member.h"

#include <pthread.h>

#define FILES_WAITING_MAX 128u    /* deltas that wait for the thread or are with it: some 4 s, so that nobody gives up before */
#define FILES_READ_EVERY_MS 1000u /* what Redis has of lists; every delta is known at once */
#define FILES_BODY_MAX SHARED_DELTA_BYTES

struct coordinator;
struct files_job; /* one delta on its way */

/* Its part of struct coordinator; guarded by its lock. */
struct files {
    struct lists lists; /* empty and not known while somebody else leads */
    uint64_t term;      /* of which they are */
    struct files_job *first, **end;
    size_t n_jobs; /* the one in work is among them */
    int is_open;   /* there is a thread that sees to jobs */
    pthread_cond_t work, done;
};

void files_init(struct files *f);
/* After the thread and all handlers. */
void files_release(struct files *f);

/* Thread body; arg is the coordinator. Ends soon after stopping was set and `work` was signalled; whoever waits is answered. */
void *files_run(void *arg);
/* POST /files; ctx is the coordinator. */
void files_handle(struct http_request *r, void *ctx);
/* (locked) What a member's heartbeat is told: "leads", and to one that shares, by the leader, "listed". */
void files_tell(const struct coordinator *c, const struct member *told, struct json *answer);

#endif
