/* Brings the list in step with the folder: takes what inotify tells as a hint where to look, and then goes by what is really there. So nothing depends on the order of events, and what
 * was missed (a queue that ran over, no watch to be had, another machine's writes) is found when all is read again. One thread uses it.
 *
 * A file is listed once it is settled: closed by its writer and left alone for SHARE_SOON_MS, or unchanged for SHARE_QUIET_MS when nobody saw it closed, or for SHARE_OPEN_MS while somebody holds
 * it open for writing (where the file system tells). A file that is being written for longer than SHARE_QUIET_MS is taken off the list until it is settled again. */
#ifndef RB_NODE_SHARE_LOOK_H
#define RB_NODE_SHARE_LOOK_H

#include "node/db.h"
#include "node/share_folder.h"
#include "node/share_list.h"
#include "node/share_watch.h"

struct share_look;

#define SHARE_OPEN_MS 5000u
#define SHARE_ROOT_MS 1000u           /* how often the folder itself is looked for */
#define SHARE_AGAIN_MS (600u * 1000u) /* how often all is read again */
#define SHARE_BLIND_MS (10u * 1000u)  /* the same, when watches are missing */

/* folder, list and db (may be NULL: no hash is remembered) are borrowed and outlive it. ERR_UNAVAILABLE: no inotify to be had. ERR_NOMEM. */
enum err share_look_new(struct share_folder *folder, struct share_list *list, struct db *db, struct share_look **out) MUST_CHECK;
void share_look_free(struct share_look *l);

/* For poll(2). */
int share_look_fd(const struct share_look *l);
/* How long share_look_step() has nothing to do unless something happens. */
uint64_t share_look_wait_ms(const struct share_look *l);
/* Reads what happened and looks where it is time to. The first step reads the whole folder. Returns 1 when that or another whole reading ended. */
int share_look_step(struct share_look *l);

/* Tests: one event, as if inotify had told it. */
void share_look_event(void *look, const struct share_event *event);

#endif
