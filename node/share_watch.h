/* inotify(7) of a tree of folders: which watch stands for which folder. One thread uses it. */
#ifndef RB_NODE_SHARE_WATCH_H
#define RB_NODE_SHARE_WATCH_H

#include "lib/base/err.h"

#include <stddef.h>
#include <stdint.h>

struct share_watch;

/* One thing that happened. */
struct share_event {
    const char *folder; /* "" is the whole; borrowed until the next change of the watches */
    const char *name;   /* in that folder; NULL: it concerns the folder itself */
    uint32_t mask;      /* as inotify gave it */
};

/* ERR_UNAVAILABLE: the user has too many inotify instances. ERR_NOMEM. */
enum err share_watch_new(struct share_watch **out) MUST_CHECK;
void share_watch_free(struct share_watch *w);
/* For poll(2). */
int share_watch_fd(const struct share_watch *w);

/* Watches the folder that is open as fd; one that was watched under another name has this one from now on. ERR_FULL: the user may have no more watches
 * (fs.inotify.max_user_watches). ERR_NOMEM, ERR_IO. */
enum err share_watch_add(struct share_watch *w, int fd, const char *folder) MUST_CHECK;
/* Watches a folder, and all below it, no more; "" for all. */
void share_watch_drop(struct share_watch *w, const char *folder);
/* How many there are. */
size_t share_watch_count(const struct share_watch *w);

/* Reads some of what happened, without waiting, and calls `each` for it in its order; a queue that ran over comes as IN_Q_OVERFLOW with folder "". Returns 0 when there was nothing. */
int share_watch_read(struct share_watch *w, void (*each)(void *ctx, const struct share_event *event), void *ctx);

#endif
