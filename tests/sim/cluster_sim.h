/* The cluster simulator: coordinators (their real cores), nodes and apis (models that ask the real rules), a Redis and a network in one process, driven by one seeded
 * generator over one queue of events. The same seed gives the same run. cluster_world: time, network, chance. cluster_redis, _coordinator, _node, _mover, _api:
 * the processes. cluster_fault: what goes wrong. cluster_check: what must hold. cluster: seeds, mutations, figures. */
#ifndef RB_TESTS_SIM_CLUSTER_SIM_H
#define RB_TESTS_SIM_CLUSTER_SIM_H

#include "coordinator/change.h"
#include "coordinator/lease.h"
#include "coordinator/membership.h"
#include "coordinator/plan.h"
#include "coordinator/takeover.h"
#include "coordinator/wishes.h"
#include "lib/wire/history.h"
#include "lib/wire/owners.h"

#define SIM_COORDINATORS 3u
#define SIM_NODES 7u /* names; each has one disk at a time */
#define SIM_APIS 3u
#define SIM_PROCESSES (SIM_COORDINATORS + SIM_NODES + SIM_APIS)
#define SIM_COURSES 8u
#define SIM_RECORDS 1024u
#define SIM_DOCUMENTS 1024u
#define SIM_INSTALLS 1024u
#define SIM_LIVES 32u /* a node's disks, one after the other */
#define SIM_OUT_AFTER_MS 2500u
#define SIM_LATE_US 600000u /* how long an answer is waited for */

/* Each switch breaks one rule on purpose, in the models or around a core; a run with it has to fail. */
enum mutation {
    MUTATION_NONE,
    MUTATION_PROMISE_ANYTHING,  /* nodes promise whatever ballot comes */
    MUTATION_SKIP_PROMISE,      /* a leader goes on without its promise round */
    MUTATION_TRUST_CLOCK,       /* a leader commands by its lease's time alone: nodes do not look at ballots */
    MUTATION_REDIS_EPOCH,       /* the ballot is a counter in Redis, and no promises are collected */
    MUTATION_DROP_EARLY,        /* nodes that own a course no more drop it when the ring is stable, without asking */
    MUTATION_STABLE_EARLY,      /* the leader ends a change before all is settled */
    MUTATION_ANY_RING,          /* nodes do not look at the ring's number */
    MUTATION_OLD_OWNERS_ONLY,   /* in a joint ring apis ask a quorum of the owners before alone */
    MUTATION_COPY_PROMISES,     /* movers copy one owner's row, slot and promise to the others, and prepare nothing */
    MUTATION_ANSWER_FOR_OTHERS, /* a node answers for the id that its address belonged to */
    MUTATION_STORE_UNSTAMPED,   /* STORE raises no promise and looks at none */
    MUTATION_DROP_UNASKED,      /* the leader drops a tombstone that only W owners are known to hold */
    MUTATIONS
};

struct bits {
    uint64_t word[SIM_RECORDS / 64];
};
int bits_get(const struct bits *b, unsigned i);
void bits_set(struct bits *b, unsigned i);
void bits_add(struct bits *to, const struct bits *from);
/* Whether all of `part` is in b. */
int bits_hold(const struct bits *b, const struct bits *part);
int bits_empty(const struct bits *b);

/* Records are made once and named by their place in the run's table. */
struct sim_record {
    struct record record; /* with everything that the real rules look at */
    unsigned course;
    int acknowledged, refused; /* what its writer was told */
    int parent;                /* -1: none. What an acknowledged conditional record was checked against */
};

/* A document that was made in this run; it never changes. Documents with equal contents (everything but the ballot) have the same `content`. */
struct sim_document {
    struct ringdoc *doc;
    unsigned content;
    int committed; /* it was on its quorum under its ballot at some moment */
};

/* What a node has on disk for a course. */
struct course_row {
    int there; /* it has a row */
    struct stamp promised;
    int has_slot, slot; /* slot: a record, or -1 for NONE */
    struct stamp slot_ballot;
    struct bits records, direct;
    uint64_t settled; /* the joint ring under which this node settled it as a mover */
};

/* A node's id: its name and which of its disks. */
struct who {
    unsigned char name, life;
};
#define SIM_WHO_MAX (2u * SIM_NODES)
struct whos {
    struct who at[SIM_WHO_MAX];
    unsigned n;
};

enum message_kind {
    TO_PROMISE,
    TO_INSTALL,
    TO_SETTLE,
    TO_DROP,      /* coordinator to node */
    TO_HEARTBEAT, /* node to coordinator */
    TO_STORE,
    TO_PREPARE,
    TO_ACCEPT,
    TO_LEARN,
    TO_PULL,
    TO_LIST,
    TO_HOLDS,
    TO_RING,  /* to a node, from apis and nodes */
    TO_ANSWER /* back to who asked */
};
const char *message_kind_name(enum message_kind k);

struct sim_message {
    enum message_kind kind, answers; /* answers: what a TO_ANSWER answers */
    unsigned from, to;               /* processes */
    struct who by, meant;            /* nodes' ids: of who answers, of whom is asked */
    uint64_t call;                   /* of the asker's round: an answer carries it back */
    uint64_t ring;
    struct ballot ballot;
    int document; /* -1: none */
    struct takeover_question question;
    uint64_t order;
    struct whos movers;
    unsigned course;
    struct stamp stamp;
    int record;        /* -1: none */
    struct bits known; /* records */
    struct bits blobs; /* LIST's answer: courses */
    enum err error;    /* answers: ERR_OK, or why not */
    struct course_row row;
    uint64_t drops;      /* PULL: of the asker when it asked */
    uint64_t move_epoch; /* HEARTBEAT: how far it is with order `order` */
    int complete, joining;
    unsigned living; /* HEARTBEAT's answer: names that live, as bits */
};

struct process {
    int runs;
    uint64_t start;           /* events of an earlier start are void */
    uint64_t frozen_until_us; /* paused */
    uint64_t spent_us;        /* time that went by within the present event */
    int64_t wall_ms;          /* how far its wall clock is off */
};

struct coordinator_disk {
    int ring; /* document */
};
struct sim_coordinator {
    struct coordinator_disk disk;
    struct lease_state lease;
    struct membership membership;
    struct takeover takeover;
    struct change change;
    struct wishes wishes;
    uint64_t start;
    uint64_t term;               /* under which the present try or leadership runs */
    int trying, leads, proposes; /* a promise round; it went through; a document is on its way */
    int led;                     /* the document that it installed last */
    uint64_t asked_ms, next_try_ms;
    unsigned ticks;
    char living[SIM_COORDINATORS][RING_NAME_MAX];
    size_t n_living;
    /* A tombstone to be dropped: who said that it holds it. */
    int purge, purge_course;
    uint64_t purge_call, purge_ms, purge_ring;
    struct stamp purge_promised; /* the largest that they showed */
    unsigned char purge_yes[OWNERS_MAX];
};

/* What a node keeps when it stops. */
struct node_disk {
    unsigned life; /* its id's second half */
    struct ballot promised;
    int ring; /* document, -1: none */
    struct stamp floor;
    struct course_row rows[SIM_COURSES];
    struct bits blobs;
};

enum move_phase { MOVE_LIST, MOVE_PREPARE, MOVE_ACCEPT, MOVE_SETTLED };
/* One course on its way, as its mover sees it. */
struct move_course {
    enum move_phase phase;
    uint64_t call, asked_us;
    struct stamp ballot;
    unsigned char listed[OWNERS_MAX], yes[OWNERS_MAX];
    int wanted; /* an owner before has it */
    struct course_row shown[OWNERS_MAX];
    struct bits all; /* U */
    int value;       /* -1: NONE */
};

struct sim_node {
    struct node_disk disk;
    uint64_t committed;   /* the newest ring that a coordinator called committed */
    unsigned living;      /* names, as a coordinator said */
    unsigned coordinator; /* whom it tells that it lives */
    uint64_t beat_us, heard_us, repair_us;
    int told;       /* a coordinator took it in since its start */
    uint64_t drops; /* courses dropped since its start */
    struct ballot order_ballot;
    uint64_t order_epoch, order; /* 0: none */
    struct whos movers;
    struct move_course moves[SIM_COURSES];
    uint64_t clock, process; /* for its stamps */
    int64_t skew_ms;         /* added to its wall clock for them */
    /* A course that it owns no more: who said that it holds everything. */
    int former;
    uint64_t former_call, former_us;
    unsigned char former_yes[OWNERS_MAX];
};

enum api_phase { API_IDLE, API_STORE, API_PREPARE, API_ACCEPT };
struct sim_api {
    enum api_phase phase;
    int ring, used; /* documents: the newest known, -1: none; and that of the present round */
    uint64_t clock, process;
    int64_t skew_ms;  /* as a node's */
    uint64_t rest_us; /* nothing before */
    uint64_t call, asked_us;
    unsigned tries;
    unsigned course;
    int deletes, conditional, match; /* match: a record, -1 = there must be none */
    unsigned upload;
    struct stamp after; /* the largest acknowledged stamp of the course when it began */
    int record, draft, accept_sent, linger, goes_on;
    struct bits all; /* U */
    struct stamp ballot;
    enum { AIM_MINE, AIM_NONE, AIM_FOREIGN } aim;
    unsigned char yes[OWNERS_MAX], refused[OWNERS_MAX];
    struct course_row shown[OWNERS_MAX];
    uint64_t ring_call; /* asks nodes for their document */
    int ring_shown[SIM_NODES];
    uint64_t ring_us;
};

struct redis_data {
    struct lease lease; /* name "": free */
    uint64_t lease_until_ms;
    uint64_t coordinator_until_ms[SIM_COORDINATORS];
    struct member nodes[SIM_WHO_MAX];
    uint64_t node_until_ms[SIM_WHO_MAX];
    size_t n_nodes;
    int ring; /* document, -1: none */
    struct members_wishes wishes;
    uint64_t epoch; /* for MUTATION_REDIS_EPOCH */
};
struct sim_redis {
    struct redis_data now, snapshot;
    uint64_t away_until_us;
    unsigned char cut[SIM_COORDINATORS]; /* who does not reach it: how many faults say so */
};

/* A fault that ends by itself. */
#define SIM_ENDINGS 512u
struct ending {
    enum { ENDING_START, ENDING_CUT, ENDING_REDIS_CUT, ENDING_LOSS } kind;
    uint64_t at_us;
    unsigned a, b;
};

struct sim_event;
struct sim_line;
struct sim {
    uint64_t seed, random;
    enum mutation mutation;
    int trace; /* print every line */
    uint64_t now_us, step, steps;
    struct sim_event *events; /* heap */
    size_t n_events, cap_events;
    uint64_t event_number;
    struct process processes[SIM_PROCESSES];
    struct sim_coordinator coordinators[SIM_COORDINATORS];
    struct sim_node nodes[SIM_NODES];
    struct sim_api apis[SIM_APIS];
    struct sim_redis redis;
    unsigned char cut[SIM_PROCESSES][SIM_PROCESSES]; /* messages from … to … are lost: how many faults say so */
    unsigned loss_percent;
    struct ending endings[SIM_ENDINGS];
    size_t n_endings;
    uint64_t lost_us;  /* when a disk was lost last */
    uint64_t quiet_us; /* since when, 0: not yet */
    int quiet;         /* no more faults, no more writes: all has to heal */
    struct sim_document documents[SIM_DOCUMENTS];
    size_t n_documents, n_contents;
    struct sim_record records[SIM_RECORDS];
    size_t n_records;
    unsigned uploads;
    uint64_t calls;
    char keys[SIM_COURSES][16];
    uint64_t points[SIM_COURSES]; /* of those keys */
    /* What only the checks know. */
    struct stamp acknowledged[SIM_COURSES];            /* the largest */
    int dropped[SIM_COURSES];                          /* the newest tombstone that a node dropped; -1: none */
    unsigned dropped_before[SIM_COURSES];              /* how many records there were then: only these can come back */
    int in_force;                                      /* the newest committed document */
    unsigned char installed[SIM_DOCUMENTS][SIM_NODES]; /* life + 1 of the node that installed it under its ballot */
    struct ballot seen_promised[SIM_NODES];
    struct {
        struct ballot ballot;
        uint64_t epoch;
        unsigned content;
    } rounds[SIM_INSTALLS]; /* promise rounds that went through */
    size_t n_rounds;
    unsigned changes, takeovers, uploads_done, refusals, losses, drops; /* for the figures */
    struct sim_line *lines;                                             /* a ring buffer of what happened last */
    uint64_t n_lines;
    int stuck;         /* it did not come to an end */
    char failure[512]; /* "": all holds */
};

/* ---- cluster_world */
void world_init(struct sim *s, uint64_t seed, enum mutation m);
void world_release(struct sim *s);
uint64_t world_random(struct sim *s);
/* Below n. */
unsigned world_below(struct sim *s, unsigned n);
/* True in so many of 1000 cases. */
int world_chance(struct sim *s, unsigned per_mille);
/* A line for the trace. */
void world_say(struct sim *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* An invariant is broken. The first failure counts. */
void world_fail(struct sim *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
void world_print_last(const struct sim *s);
/* Sends a copy, maybe late, twice or never. */
void world_send(struct sim *s, const struct sim_message *m);
/* Answers a request: from, to, call and the like are taken from it. */
void world_answer(struct sim *s, const struct sim_message *request, struct sim_message *answer);
/* The process' timer rings after so long, unless it was started anew meanwhile. */
void world_timer(struct sim *s, unsigned process, uint64_t after_us);
/* Handles all events of the next so many microseconds. */
void world_run(struct sim *s, uint64_t us);
/* Clocks of a process. */
uint64_t world_boot_ms(const struct sim *s, unsigned process);
uint64_t world_unix_ms(const struct sim *s, unsigned process);
/* Keeps a copy of the document, or finds it. Aborts when the table is full. */
int world_document(struct sim *s, const struct ringdoc *d);
const struct ringdoc *world_doc(const struct sim *s, int document); /* NULL for -1 */
void world_id(struct who who, char out[RING_ID_MAX]);
struct who world_who(const char *id);
void world_member(struct who who, struct ring_member *out);
/* A fresh stamp of a process: its clock is raised, to at least its wall clock. */
struct stamp world_stamp(const struct sim *s, unsigned process, int64_t skew_ms, uint64_t *clock, uint64_t id);
/* A new record; -1 when the table is full. */
int world_record(struct sim *s, unsigned course, struct stamp id, unsigned upload, int deletes, int conditional);
/* The records of a row as a history, to be released. */
void world_history(const struct sim *s, const struct bits *records, const struct bits *direct, struct history *out);
/* The current record of a set; -1: none. */
int world_current(const struct sim *s, const struct bits *records);
void world_start(struct sim *s, unsigned process);
void world_stop(struct sim *s, unsigned process);

#define COORDINATOR_PROCESS(i) (i)
#define NODE_PROCESS(i) (SIM_COORDINATORS + (i))
#define API_PROCESS(i) (SIM_COORDINATORS + SIM_NODES + (i))

/* ---- cluster_redis: the calls of lib/store that coordinators and apis make. ERR_UNAVAILABLE: nothing happened; ERR_TIMEOUT: it may have. */
enum err redis_call(struct sim *s, unsigned process);
void redis_clear(struct sim *s);
enum err redis_lease_read(struct sim *s, unsigned process, struct lease *out);
enum err redis_lease_take(struct sim *s, unsigned process, const struct lease *mine, unsigned ttl_ms);
enum err redis_lease_renew(struct sim *s, unsigned process, const struct lease *mine, unsigned ttl_ms);
enum err redis_lease_release(struct sim *s, unsigned process, const struct lease *mine);
void redis_write_node(struct sim *s, const struct member *m);
void redis_forget_node(struct sim *s, const char *id, int forget);
void redis_publish(struct sim *s, int document);

/* ---- cluster_coordinator, cluster_node, cluster_mover, cluster_api: a process starts, its timer rings, a message comes */
void coordinator_start(struct sim *s, unsigned i);
void coordinator_stop(struct sim *s, unsigned i);
void coordinator_timer(struct sim *s, unsigned i);
void coordinator_message(struct sim *s, unsigned i, const struct sim_message *m);
/* Sends to the node with this id, when its address is known here. */
void coordinator_send(struct sim *s, unsigned i, const char *id, struct sim_message *m);
/* cluster_purge: the leader's look after tombstones, at each tick while its ring is stable; and what an owner says of one. */
void purge_tick(struct sim *s, unsigned i, uint64_t now_ms);
void purge_answer(struct sim *s, unsigned i, const struct sim_message *m);
void coordinator_found(struct sim *s, unsigned nodes, uint32_t k);

void node_new_disk(struct sim *s, unsigned i);
void node_start(struct sim *s, unsigned i);
void node_timer(struct sim *s, unsigned i);
void node_message(struct sim *s, unsigned i, const struct sim_message *m);
struct who node_who(const struct sim *s, unsigned i);
/* The number of the ring in force there, 0: none. */
uint64_t node_epoch(const struct sim *s, unsigned i);
/* What a course's row is now: nothing at all. */
void node_forget(struct sim *s, unsigned i, unsigned course);
/* Whether node i owns a course by its own document, now or before. */
int node_owns(const struct sim *s, unsigned i, unsigned course);
/* Whether a course is deleted by this tombstone there, and no slot holds anything that may have been acknowledged since. */
int node_shows_deleted(const struct sim *s, unsigned i, unsigned course, int tombstone);
/* Fetches the blobs of these records from whoever is near and has them; whether all are here now. */
int node_fetch(struct sim *s, unsigned i, const struct bits *records);
/* Who owns a course by a document. */
void node_owners(const struct sim *s, int document, unsigned course, struct owners *out);

void mover_order(struct sim *s, unsigned i, const struct sim_message *m);
void mover_timer(struct sim *s, unsigned i);
void mover_answer(struct sim *s, unsigned i, const struct sim_message *m);
void mover_list(struct sim *s, unsigned i, const struct sim_message *m);
/* What a heartbeat says of the order that it follows. */
void mover_tell(const struct sim *s, unsigned i, struct sim_message *out);
/* The former owner's part: asks those now, and drops. */
void former_timer(struct sim *s, unsigned i);
void former_answer(struct sim *s, unsigned i, const struct sim_message *m);
void former_holds(struct sim *s, unsigned i, const struct sim_message *m);

void api_start(struct sim *s, unsigned i);
void api_timer(struct sim *s, unsigned i);
void api_message(struct sim *s, unsigned i, const struct sim_message *m);

/* ---- cluster_fault */
void fault_step(struct sim *s);
/* Ends all faults and starts whatever stands. */
void fault_end(struct sim *s);

/* ---- cluster_check: told what happens, and asked after each step */
void check_installed(struct sim *s, unsigned node, int document, const struct ballot *before);
void check_promised(struct sim *s, unsigned node, const struct ballot *b);
void check_command(struct sim *s, unsigned node, const struct ballot *b, uint64_t epoch);
void check_round(struct sim *s, const struct takeover *t);
void check_acknowledged(struct sim *s, unsigned course, int record, struct stamp after);
void check_refused(struct sim *s, unsigned upload);
void check_former_drop(struct sim *s, unsigned node, unsigned course);
void check_tombstone_drop(struct sim *s, unsigned node, unsigned course, int tombstone);
void check_step(struct sim *s);
/* Whether all has healed; why not goes to *why. */
int check_healed(struct sim *s, char *why, size_t size);
/* Whether more disks were lost than the ring that is coming can bear: then it need not heal. */
int check_is_beyond(const struct sim *s);
/* Whether a disk may be lost now, and whether people may ask for another k. */
int check_may_lose(struct sim *s);
int check_may_wish_k(const struct sim *s);

#endif
