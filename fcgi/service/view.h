/* The api's picture of the cluster: the newest ring and where its nodes are. Refreshed from Redis every 250 ms, or from a coordinator when Redis is away;
 * kept on disk, so that an api that starts without both still knows whom to ask. */
#ifndef RB_FCGI_SERVICE_VIEW_H
#define RB_FCGI_SERVICE_VIEW_H

#include "fcgi/service/app.h"
#include "fcgi/service/contacts.h"
#include "fcgi/service/survey.h"
#include "lib/store/members.h"
#include "lib/wire/owners.h"

/* One picture; immutable, shared by reference count. */
struct view {
    struct members members;
    uint64_t taken_at_ms; /* unix ms of the last refresh that succeeded */
    int store_up;         /* Redis answered then */
    struct survey survey;
    double *share;           /* by member of `ring`; NULL: no ring known */
    const struct ring *ring; /* members.ring->ring: the owners now; NULL: no ring known yet */
};

enum err view_start(struct app *a, struct view_keeper **out) MUST_CHECK;
void view_stop(struct view_keeper *k);
/* The newest picture; never NULL; give it back with view_put(). */
const struct view *view_get(struct view_keeper *k);
void view_put(struct view_keeper *k, const struct view *v);
/* Asks for a refresh now and waits for it, at most wait_ms. epoch: of a newer ring that an owner spoke of, or 0: when neither Redis nor a coordinator shows
 * that one, the nodes themselves are asked for it. */
void view_refresh(struct view_keeper *k, uint64_t epoch, unsigned wait_ms);
/* True while Redis is believed to answer: no request waits for a Redis that the last refresh, or another request, found silent. */
int view_store_up(struct view_keeper *k);
/* A request's own call to Redis got no answer: all leave it alone until the next refresh found it well. */
void view_store_failed(struct view_keeper *k);

/* The owners of a course, with where they are: those of both rings in a joint one. */
struct view_owner {
    const struct ring_member *member; /* who.at[i].member */
    const struct member *node;        /* NULL: never heard of */
    struct contact contact;           /* our own experience with it */
    int usable;                       /* up and not suspect by our own experience */
};
struct view_owners {
    struct owners who;                /* the owners now in ring order, then those before */
    struct view_owner at[OWNERS_MAX]; /* at[i] is who.at[i] */
    size_t n;                         /* who.n */
    uint64_t epoch;
};
/* ERR_UNAVAILABLE: no ring known. Borrowed from v. */
enum err view_owners(struct view_keeper *k, const struct view *v, const char *key, struct view_owners *out) MUST_CHECK;

#endif
