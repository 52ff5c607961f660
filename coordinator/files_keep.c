/* The thread that keeps the index of peers' files while we lead. */
#include "coordinator/files_inside.h"

#include "coordinator/coordinator.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/store/peers.h"

#include <stdlib.h>
#include <string.h>

#define STORE_TIMEOUT_MS 2000u
#define AGAIN_MS 250u /* after Redis did not answer */
#define EASY_MS 50u   /* what a change may take of a Redis that has its time to itself */
#define REST_MAX_MS 250u

/* What the thread alone uses. */
struct keeper {
    struct coordinator *c;
    struct store *store;
    uint64_t read_at_ms;     /* boot time of the next reading */
    char going[RING_ID_MAX]; /* whose list is being forgotten, "" = nobody's */
    uint64_t begun;          /* of peers_forget() */
};

/* (locked) Nobody gets further than this one did: they are told so at once, instead of one after the other when time is up. */
static void note_away(struct keeper *k)
{
    lists_away(&k->c->files.lists);
    files_answer_all(&k->c->files, ERR_UNAVAILABLE);
    k->read_at_ms = clock_boot_ms() + AGAIN_MS;
}

/* (locked) */
static int is_alive(const struct coordinator *c, const char *id)
{
    const struct membership_node *node = membership_find(&c->membership, id);
    return node && node->member.alive;
}

/* (locked) */
static enum err take_reading(struct keeper *k, struct lists_reading *read, size_t n)
{
    struct coordinator *c = k->c;
    uint64_t now_ms = clock_boot_ms();
    for (size_t i = 0; i < n; i++)
        read[i].lives = read[i].lives || is_alive(c, read[i].id);
    k->read_at_ms = now_ms + FILES_READ_EVERY_MS;
    return lists_read(&c->files.lists, read, n, now_ms, membership_is_deaf(&c->membership, now_ms));
}

static void read_lists(struct keeper *k)
{
    struct peers_list *lists = NULL;
    size_t n = 0;
    enum err e = peers_lists(k->store, &lists, &n);
    struct lists_reading *read = e == ERR_OK ? calloc(n + 1, sizeof *read) : NULL;
    if (e == ERR_OK && !read)
        e = ERR_NOMEM;
    for (size_t i = 0; e == ERR_OK && i < n; i++) {
        memcpy(read[i].id, lists[i].id, sizeof read[i].id);
        memcpy(read[i].digest, lists[i].digest, sizeof read[i].digest);
        read[i].lives = lists[i].alive;
    }
    pthread_mutex_lock(&k->c->lock);
    if (e == ERR_OK)
        e = take_reading(k, read, n);
    if (e != ERR_OK)
        note_away(k);
    pthread_mutex_unlock(&k->c->lock);
    free(read);
    free(lists);
    if (e != ERR_OK && !files_is_away(e))
        log_write(LOG_ERROR, "files", "the lists of peers are not known: %s", err_text(e));
}

/* One step of a delta: the delta itself, or, where a long list begins anew, one of clearing the old one. *is_over: there is no other. */
static enum err step_of(struct keeper *k, struct files_job *job, int *is_over)
{
    int more = 0;
    enum err e = job->delta->base[0] ? ERR_OK : peers_forget(k->store, job->id, &job->begun, &more);
    *is_over = e != ERR_OK || !more;
    return *is_over && e == ERR_OK ? peers_apply(k->store, job->id, job->delta, job->listed) : e;
}

static void apply(struct keeper *k, struct files_job *job)
{
    struct files *f = &k->c->files;
    int is_over;
    enum err e = step_of(k, job, &is_over);
    pthread_mutex_lock(&k->c->lock);
    lists_set(&f->lists, job->id, e == ERR_OK || e == ERR_CONFLICT ? job->listed : NULL);
    if (files_is_away(e))
        note_away(k);
    if (is_over)
        files_answer(f, job, e);
    else
        files_push(f, job); /* the others are not to wait for all of it */
    pthread_mutex_unlock(&k->c->lock);
}

/* Facts of one whom no coordinator remembers: who would have removed them is gone itself. */
static enum err forget_facts(struct keeper *k, const char *id)
{
    pthread_mutex_lock(&k->c->lock);
    int is_known = membership_find(&k->c->membership, id) != NULL;
    pthread_mutex_unlock(&k->c->lock);
    return is_known ? ERR_OK : members_leave(k->store, id, 1);
}

/* A step of forgetting a list. Whatever is left of it after the first one is no list any more. */
static void forget(struct keeper *k)
{
    struct lists *lists = &k->c->files.lists;
    int more = 0;
    enum err e = peers_forget(k->store, k->going, &k->begun, &more);
    int is_gone = e == ERR_OK && !more;
    if (is_gone)
        e = forget_facts(k, k->going);
    pthread_mutex_lock(&k->c->lock);
    if (is_gone)
        lists_remove(lists, k->going);
    else
        lists_set(lists, k->going, e == ERR_OK ? "" : NULL);
    if (files_is_away(e))
        note_away(k);
    pthread_mutex_unlock(&k->c->lock);
    if (is_gone)
        log_write(LOG_INFO, "files", "the list of %s is forgotten: nobody heard it for %u s", k->going, LISTS_FORGET_MS / 1000);
    if (e != ERR_OK)
        log_write(LOG_WARN, "files", "%s is not forgotten altogether: %s", k->going, err_text(e));
    if (is_gone || e != ERR_OK)
        k->going[0] = '\0';
}

/* (locked) Sees to it that what is known is of this term. Whether we lead. */
static int begin_term(struct keeper *k)
{
    struct coordinator *c = k->c;
    int leads = coordinator_leads(c);
    if (!leads)
        files_answer_all(&c->files, ERR_FENCED);
    if (leads && c->files.term == c->term)
        return 1;
    lists_release(&c->files.lists);
    c->files.term = leads ? c->term : 0;
    k->read_at_ms = 0;
    k->going[0] = '\0';
    return leads;
}

/* (locked) Whether there is a list to be forgotten now: the one begun with, or another. Its peer may have come back since the last reading. */
static int is_forgetting(struct keeper *k)
{
    const struct coordinator *c = k->c;
    if (k->going[0] && is_alive(c, k->going))
        k->going[0] = '\0'; /* it tells all anew, which clears the rest */
    if (k->going[0])
        return 1;
    const struct lists_one *silent = c->files.lists.is_known ? lists_silent(&c->files.lists) : NULL;
    if (!silent || is_alive(c, silent->id))
        return 0;
    memcpy(k->going, silent->id, sizeof k->going);
    k->begun = 0;
    return 1;
}

/* One thing at a time: reading first, for it is cheap and due once a second only; what nobody waits for last. */
enum step { STEP_NONE, STEP_STOP, STEP_READ, STEP_APPLY, STEP_FORGET };

/* (locked) *job is set with STEP_APPLY. */
static enum step choose(struct keeper *k, struct files_job **job)
{
    if (k->c->stopping)
        return STEP_STOP;
    if (!begin_term(k))
        return STEP_NONE;
    if (clock_boot_ms() >= k->read_at_ms)
        return STEP_READ;
    *job = files_pop(&k->c->files);
    if (*job)
        return STEP_APPLY;
    return is_forgetting(k) ? STEP_FORGET : STEP_NONE;
}

/* Waits for something to do. */
static enum step next_step(struct keeper *k, struct files_job **job)
{
    struct coordinator *c = k->c;
    enum step step;
    pthread_mutex_lock(&c->lock);
    while ((step = choose(k, job)) == STEP_NONE)
        coordinator_wait_for(c, &c->files.work, COORDINATOR_TICK_MS);
    pthread_mutex_unlock(&c->lock);
    return step;
}

/* A change that took long found Redis short of time (it writes its log anew, or the machine is busy): whoever else waits for it, such as the lease, gets as much. */
static void apply_and_rest(struct keeper *k, struct files_job *job)
{
    uint64_t began_ms = clock_boot_ms();
    apply(k, job);
    uint64_t took_ms = clock_boot_ms() - began_ms;
    if (took_ms > EASY_MS)
        clock_sleep_ms(took_ms < REST_MAX_MS ? took_ms : REST_MAX_MS);
}

static void keep(struct keeper *k)
{
    struct files_job *job = NULL;
    for (;;) {
        switch (next_step(k, &job)) {
        case STEP_NONE: break;
        case STEP_STOP: return;
        case STEP_READ: read_lists(k); break;
        case STEP_APPLY: apply_and_rest(k, job); break;
        case STEP_FORGET: forget(k); break;
        }
    }
}

static void set_open(struct coordinator *c, int is_open)
{
    pthread_mutex_lock(&c->lock);
    c->files.is_open = is_open;
    if (!is_open)
        files_answer_all(&c->files, ERR_UNAVAILABLE);
    pthread_mutex_unlock(&c->lock);
}

void *files_run(void *arg)
{
    struct keeper k = {.c = arg};
    k.store = coordinator_store(k.c, STORE_TIMEOUT_MS);
    if (!k.store) {
        log_write(LOG_ERROR, "files", "out of memory: this coordinator takes no lists of peers");
        return NULL;
    }
    set_open(k.c, 1);
    keep(&k);
    set_open(k.c, 0);
    store_free(k.store);
    return NULL;
}
