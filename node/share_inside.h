/* What share.c and share_read.c share. */
#ifndef RB_NODE_SHARE_INSIDE_H
#define RB_NODE_SHARE_INSIDE_H

#include "node/node.h"
#include "node/share.h"
#include "node/share_folder.h"
#include "node/share_hash.h"
#include "node/share_look.h"
#include "node/share_rate.h"
#include "node/share_tell.h"

struct share {
    struct node *node;
    struct share_folder *folder;
    struct share_list *list;
    struct share_look *look; /* of the thread */
    struct share_hash *hash;
    struct share_tell *tell;
    struct share_rate rate;
    atomic_int read; /* the folder, as a whole */
    int stop_fd;     /* an eventfd: readable once the thread is to end */
    int has_thread;
    pthread_t thread;
};

#endif
