/* What all threads of one api share, and what each has of its own. */
#ifndef RB_FCGI_SERVICE_APP_H
#define RB_FCGI_SERVICE_APP_H

#include "fcgi/service/budget.h"
#include "lib/base/arena.h"
#include "lib/peer/peer.h"
#include "lib/ring/ring.h"
#include "lib/store/conn.h"

#include <stdint.h>

struct view_keeper;   /* view.h */
struct stamps;        /* stamps.h: stamps_rebases() for the metrics */
struct course_queue;  /* courses.h */
struct index_retry;   /* reindex.h: reindex_waiting() for the metrics */
struct type_sniffer;  /* type.h */
struct room;          /* room.h */
struct contacts;      /* contacts.h */
struct adopter;       /* adopt.h */
struct audit;         /* lib/audit/audit.h */
struct audit_ship;    /* lib/audit/ship.h */
struct tidy;          /* tidy.h */
struct doccache;      /* doccache.h */
struct rules_keeper;  /* rules.h */
struct hasher;        /* hasher.h */
struct rate_table;    /* lib/store/rate.h */
struct password_list; /* lib/auth/password.h */

struct app_settings {
    const char *name;         /* "api-1"; it signs requests as "api:api-1" */
    const char *data;         /* its folder */
    const char *coordinators; /* urls, comma-separated */
    const char *zone;         /* where its readers are: owners of this zone are preferred; "" = nowhere in particular */
    struct store_config redis;
    struct budget budget;
    uint64_t upload_max_bytes;
    uint64_t small_max_bytes;   /* bodies up to this travel with their record (1 MiB) */
    unsigned quorum_timeout_ms; /* how long an upload waits for its owners (2,000) */
    unsigned lock_skip_percent; /* for tests of G3: how often the per-course lock is not taken (0) */
    const struct tls *tls;      /* borrowed; NULL: plain http to nodes and coordinators */
    uint64_t adopt_after;       /* downloads after which a file that only peers hold is taken into the ring; 0: never */
};

struct app {
    struct app_settings settings;
    struct sign_key key;    /* the cluster's master key */
    struct sign_keys *keys; /* what follows from it */
    const struct tls *tls;  /* how it speaks with nodes and coordinators; the settings' */
    struct stamps *stamps;
    struct view_keeper *view;
    struct course_queue *queue;
    struct index_retry *retry;
    struct type_sniffer *sniffer;
    struct room *room; /* for bodies in memory */
    struct contacts *contacts;
    struct adopter *adopter;
    struct audit *audit; /* NULL takes notes too, and forgets them */
    struct audit_ship *audit_ship;
    struct tidy *tidy;
    struct doccache *documents;
    struct rules_keeper *rules;
    struct hasher *hasher;
    struct rate_table *rates;
    struct password_list *passwords; /* that too many people have, the app's own; NULL: only those that are built in */
    char process[72];                /* "api:" and its name: who it is in audit logs */
};

/* Starts everything shared (the threads of the view, of index retries, of adoption). ERR_* with a log line that says why. */
enum err app_init(struct app *a, const struct app_settings *settings, const struct sign_key *key) MUST_CHECK;
void app_release(struct app *a);

/* One worker thread's own: nothing in it is shared. */
struct worker {
    struct app *app;
    struct store *store;
    struct peer *peer;
    struct arena arena; /* reset by the front after each request: results may point into it */
};
enum err worker_init(struct worker *w, struct app *a) MUST_CHECK;
void worker_release(struct worker *w);
/* Gives back what it keeps for the next request: its connections. */
void worker_rest(struct worker *w);

/* The worker's connection to Redis, or NULL while Redis is believed to be away, so that no request waits for it in vain. */
struct store *worker_store(struct worker *w);
/* Tells what a call on it came to: after a lost answer all workers leave Redis alone until the view's next refresh found it well. Returns e. */
enum err worker_store_said(struct worker *w, enum err e);

#endif
