/* One coordinator: what its threads share, and the parts it is made of.
 *
 * main  (runtime.c)  a tick every 50 ms: the lease, on a connection of its own so that nothing else can hold it up; the states of the nodes
 * meet  (meet.c)     Redis: heartbeats, our own alive key, the other coordinators, the published ring, events; the ring on disk
 * files (files.c)    the index of peers' files, while we lead: deltas of their lists, with a connection to Redis of its own
 * lead  (lead.c)     the promise round with the nodes after the lease was taken; then plans rings and sees changes through
 * port  (index_port.c) the line protocol of peers that know nothing of Ringbinder, when it is wanted
 * http  (serve.c)    a thread a connection: answers from memory; only what people ask of the ring (admin.c) waits for nodes and Redis,
 *                    and what peers tell of their files for the thread above
 *
 * `lock` guards everything below it in the struct and is never held during I/O. */
#ifndef RB_COORDINATOR_COORDINATOR_H
#define RB_COORDINATOR_COORDINATOR_H

#include "coordinator/files.h"
#include "coordinator/lease.h"
#include "coordinator/membership.h"
#include "coordinator/note.h"
#include "coordinator/takeover.h"
#include "coordinator/wishes.h"
#include "lib/sign/sign.h"
#include "lib/store/password_file.h"
#include "lib/tls/tls.h"

#include <pthread.h>

#define COORDINATOR_TICK_MS 50u
#define COORDINATOR_DATA_MODE 0755  /* of its folder */
#define COORDINATOR_EVENTS_MAX 256u /* events that Redis does not have yet; then the oldest are forgotten */

struct coordinator_settings {
    const char *name, *data, *listen, *url, *redis, *redis_user, *redis_password_file, *key, *founding;
    uint64_t out_after_s;      /* how long a member is silent before it is taken out of the ring */
    uint64_t move_bytes_per_s; /* of one node, for the dry run's guess while nothing was measured */
    uint64_t index_port;       /* of the line protocol, at the address of `listen`; 0: none */
    uint64_t sweep_s;          /* how often the index is compared with the nodes */
    uint64_t purge_after_s;    /* how old a deleted file's tombstone must be before it is forgotten */
    struct tls_files tls;      /* none: plain http */
    uint64_t private_network;  /* plain http also where other machines are */
    unsigned connections_max;  /* of its server; 0: as many as there may be (serve.h) */
};

struct coordinator_event {
    char kind[16];
    char node[RING_NAME_MAX];
    uint64_t at_ms;
};

struct coordinator {
    const struct coordinator_settings *settings;
    struct sign_key key;               /* the cluster's master key */
    struct sign_keys *keys;            /* what follows from it */
    struct tls *tls;                   /* NULL: plain http */
    char password[PASSWORD_FILE_SIZE]; /* of Redis, "" = none */
    char token[LOCK_TOKEN_SIZE];       /* of this start, in the lease and the alive key */
    uint64_t start;                    /* the same for ballots */
    int wake_fd;                       /* eventfd: makes the main thread tick now */
    struct note note;                  /* the audit log; it has its own locks */

    pthread_mutex_t lock;
    pthread_cond_t changed; /* for lead and meet: the lease was taken, a ring is to be published, or stopping */
    int stopping;
    struct membership membership;
    struct ringdoc *ring; /* the newest one we know; never NULL once started */
    int leading;          /* copy of the main thread's lease state, at the last tick */
    uint64_t term, valid_until_ms;
    int leader_known;
    struct lease leader;
    uint64_t led_term, led_epoch; /* the promise round of this term is through, with this epoch; 0: a node refused it since */
    struct wishes wishes;
    struct files files;
    struct members_progress progress;                     /* of the change under way, while we lead */
    char waiting[MEMBERS_WAITING_MAX];                    /* what the next step waits for, for people */
    uint64_t bytes_per_s;                                 /* of one node, measured with the last change; 0 = never */
    int publish_now;                                      /* the published ring is to be looked at without delay */
    char living[MEMBERS_COORDINATORS_MAX][RING_NAME_MAX]; /* coordinators with an alive key, at the last reading */
    char living_urls[MEMBERS_COORDINATORS_MAX][MEMBERS_URL_MAX];
    size_t n_living;
    struct coordinator_event events[COORDINATOR_EVENTS_MAX]; /* a ring buffer */
    size_t first_event, n_events;
};

/* runtime.c. Runs until SIGTERM. Exit code: 0, 1 something failed, 2 bad settings. */
int run_coordinator(const struct coordinator_settings *settings);

/* shared.c: small steps on what is shared. Those marked (locked) want the lock held. */

/* (locked) Whether we hold the lease right now. */
int coordinator_leads(const struct coordinator *c);
/* Whether we govern under this term: the lease is ours, and no node has refused the epoch. */
int coordinator_governs(struct coordinator *c, uint64_t term);
/* A node refused an order of this term because it has promised a larger ballot: for threads that command nodes besides lead. The leadership is over at once. */
void coordinator_refused(struct coordinator *c, uint64_t term);
/* (locked) When (unix ms) this node will be taken out of the ring if it stays silent; 0: it will not. */
uint64_t coordinator_out_at_ms(const struct coordinator *c, const struct membership_node *node);
/* (locked) Waits for `changed`, at most ms. */
void coordinator_wait(struct coordinator *c, unsigned ms);
/* (locked) The same for another condition of the monotonic clock. */
void coordinator_wait_for(struct coordinator *c, pthread_cond_t *condition, unsigned ms);
/* (locked) Takes doc, which is committed; it becomes our ring when it is newer, else it is freed. */
void coordinator_adopt(struct coordinator *c, struct ringdoc *doc);
/* (locked) Tells what the step from one ring to the next means for people: who joins, leaves, goes out. */
void coordinator_ring_events(struct coordinator *c, const struct ringdoc *from, const struct ringdoc *to);
/* (locked) Queues an event with the present time; only a leader's queue is ever written. node may be "". */
void coordinator_event(struct coordinator *c, const char *kind, const char *node);
/* The effects for membership: clocks and coordinator_event. Calls of them want the lock held. */
struct effects coordinator_effects(struct coordinator *c);
/* A connection to Redis by the settings. NULL: out of memory. */
struct store *coordinator_store(const struct coordinator *c, unsigned timeout_ms);

/* meet.c, lead.c: thread bodies; arg is the coordinator. They end soon after stopping was set and changed was signalled. */
void *meet_run(void *arg);
void *lead_run(void *arg);

#endif
