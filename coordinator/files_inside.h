/* What files.c and files_keep.c share: the queue between the threads of POST /files and the one that keeps the index. */
#ifndef RB_COORDINATOR_FILES_INSIDE_H
#define RB_COORDINATOR_FILES_INSIDE_H

#include "coordinator/files.h"

/* One delta on its way. */
struct files_job {
    struct files_job *next;
    const char *id;                   /* borrowed, as the delta is, from the handler that waits */
    const struct shared_delta *delta; /* of this peer's list */
    uint64_t begun;                   /* of peers_forget(), while the old list is cleared for one that begins anew */
    int is_done;
    enum err error;                      /* once it is done; ERR_FENCED: we do not lead */
    char listed[SHARED_DIGEST_HEX_SIZE]; /* with ERR_OK and ERR_CONFLICT */
};

/* Whether it says nothing about the call, but that Redis is not to be had. */
int files_is_away(enum err e);

/* (locked) Puts it behind the others. */
void files_push(struct files *f, struct files_job *job);
/* (locked) Takes the oldest out, or NULL; it still counts as waiting until it is answered. */
struct files_job *files_pop(struct files *f);
/* (locked) From here on the job is its handler's alone. */
void files_answer(struct files *f, struct files_job *job, enum err e);
void files_answer_all(struct files *f, enum err e);

#endif
