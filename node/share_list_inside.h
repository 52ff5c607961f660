/* What share_list.c and share_told.c share: a skip list of entries in the order of their names, and two queues through it. */
#ifndef RB_NODE_SHARE_LIST_INSIDE_H
#define RB_NODE_SHARE_LIST_INSIDE_H

#include "node/share_list.h"

#include <pthread.h>

#define SHARE_LEVELS 12 /* a quarter of the entries of each level are on the next one: enough for 16 million */

/* A place in a queue; its own neighbour while it is in none. */
struct share_link {
    struct share_link *before, *after;
};

/* A file that is here, or that was told and is not here any more. */
struct share_entry {
    struct share_link news; /* in the queue of what is to be told: now and told differ */
    struct share_link todo; /* in the queue of what is to be hashed */
    struct share_stat st;
    uint8_t sha256[HASH_SIZE];
    struct shared_digest now, told; /* what it gives to the digest of the list, and of what was told; zero: nothing */
    uint32_t sweep;                 /* the last one that saw it */
    uint8_t here, hashed, touched, levels;
    uint8_t refused; /* the index does not take it as it is now: it is not told, and counts in no digest */
    uint8_t fresh;   /* here, to be told, and never told since all began anew: counted in the list */
    const char *name;
    struct share_entry *next[];
};

struct share_list {
    pthread_mutex_t lock; /* guards all below */
    struct share_entry *first[SHARE_LEVELS];
    struct share_link news, todo;
    struct shared_digest now, told;
    uint64_t files; /* entries that are here */
    uint64_t fresh; /* entries that are */
    int told_any;   /* told is what the index has; else nobody knows */
    uint32_t sweep;
    uint64_t random;
};

int share_link_in(const struct share_link *l);
void share_link_add(struct share_link *queue, struct share_link *l);
void share_link_take(struct share_link *l);
#define SHARE_ENTRY(link, member) ((struct share_entry *)(void *)((char *)(link)-offsetof(struct share_entry, member)))

/* The links that lead to the first entry not before this name, one a level; path[0] leads to it. */
void share_list_path(struct share_list *l, const char *name, struct share_entry **path[SHARE_LEVELS]);
struct share_entry *share_list_find(struct share_list *l, const char *name);
/* The entry, made when it is missing: then it is neither here nor told. NULL when out of memory. */
struct share_entry *share_list_make(struct share_list *l, const char *name);
/* Whether the index takes it; only of an entry that is here. */
void share_list_set_refused(struct share_list *l, struct share_entry *e, int refused);
/* After a change of e: puts it into the queue of news or takes it out, and drops an entry that stands for nothing. */
void share_list_settle(struct share_list *l, struct share_entry *e);
/* The file as it is told; borrowed from e. */
struct shared_file share_list_file(const struct share_entry *e);

#endif
