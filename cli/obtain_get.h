/* A chosen file of the peers' folders onto this disk, with what people see of it. */
#ifndef RB_CLI_OBTAIN_GET_H
#define RB_CLI_OBTAIN_GET_H

#include "cli/obtain_find.h"

/* What is fetched. All borrowed. */
struct obtain_wish {
    const struct found *file; /* its hash, or without one its peer and name there */
    const char *from;         /* this peer alone (id, name or "ring"); NULL: all who have it */
    const char *exclude;      /* not this one; NULL: nobody is left out */
    const char *path;
    uint64_t limit_bytes_per_s; /* 0: none */
    int *is_counted;            /* the api knows of this download already; set when it does */
};

/* Fetches it and says what came of it. Without a known hash it comes through the front, from that one peer, and cannot be checked or gone on with. Errors are said: as
 * obtain_run, and those of the api. */
enum err obtain_get(struct cli *c, const struct obtain_wish *w) MUST_CHECK;

#endif
