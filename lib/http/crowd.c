/* Who is connected. Libmicrohttpd lets so many in and then nobody, until one of them leaves or was silent for the whole idle time-out; so a few hundred idle connections, for which nobody has to
 * prove anything, would shut a server for half a minute. Here the places never run out: when few are left, whoever has been idle the longest gives his up. Idle is who has no request whose headers are
 * whole: who just connected, who drips a header, whose last answer is out. Those who keep a connection for later find it closed and open another, as they must be able to anyway. */
#include "lib/http/internal.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>

#define LEAVING_MS 5u /* what a thread may need until it has seen that its connection was ended */

/* One connection, from when it is taken until just before its socket is closed. */
struct crowd_place {
    struct crowd *crowd;
    int fd;
    int is_idle;                       /* it stands in the line */
    int is_leaving;                    /* it was ended and has yet to go */
    struct crowd_place *before, *next; /* in the line of the idle; whoever has been idle the longest is first */
};

struct crowd {
    pthread_mutex_t lock;
    struct crowd_place *first, *last;
    unsigned here, leaving; /* leaving ones are here too */
    unsigned full;          /* so many may be here before somebody has to go */
    unsigned rest;          /* places beyond that, for those who are leaving */
};

struct crowd *crowd_new(unsigned places)
{
    struct crowd *c = calloc(1, sizeof *c);

    if (!c)
        return NULL;
    pthread_mutex_init(&c->lock, NULL);
    c->rest = places / CROWD_REST_PART ? places / CROWD_REST_PART : 1;
    c->full = places - c->rest;
    return c;
}

void crowd_free(struct crowd *c)
{
    if (!c)
        return;
    assert(c->here == 0);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

static void stand(struct crowd_place *p)
{
    struct crowd *c = p->crowd;

    p->is_idle = 1;
    p->next = NULL;
    p->before = c->last;
    *(c->last ? &c->last->next : &c->first) = p;
    c->last = p;
}

static void step_out(struct crowd_place *p)
{
    struct crowd *c = p->crowd;

    if (!p->is_idle)
        return;
    p->is_idle = 0;
    *(p->before ? &p->before->next : &c->first) = p->next;
    *(p->next ? &p->next->before : &c->last) = p->before;
}

/* Ends the connection of whoever has been idle the longest. The socket is still its own: it is closed only after crowd_leave(), which waits for the lock. */
static void end_first(struct crowd *c)
{
    struct crowd_place *p = c->first;

    if (!p)
        return;
    step_out(p);
    p->is_leaving = 1;
    c->leaving++;
    shutdown(p->fd, SHUT_RDWR);
}

struct crowd_place *crowd_enter(struct crowd *c, int fd)
{
    struct crowd_place *p = calloc(1, sizeof *p);

    pthread_mutex_lock(&c->lock);
    if (c->here - c->leaving >= c->full)
        end_first(c);
    if (p) {
        p->crowd = c;
        p->fd = fd;
        c->here++;
        stand(p);
    }
    pthread_mutex_unlock(&c->lock);
    return p;
}

void crowd_leave(struct crowd_place *p)
{
    struct crowd *c = p ? p->crowd : NULL;

    if (!p)
        return;
    pthread_mutex_lock(&c->lock);
    step_out(p);
    c->here--;
    c->leaving -= (unsigned)p->is_leaving;
    pthread_mutex_unlock(&c->lock);
    free(p);
}

void crowd_is_busy(struct crowd_place *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->crowd->lock);
    step_out(p);
    pthread_mutex_unlock(&p->crowd->lock);
}

void crowd_is_idle(struct crowd_place *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->crowd->lock);
    if (!p->is_idle && !p->is_leaving)
        stand(p);
    pthread_mutex_unlock(&p->crowd->lock);
}

unsigned crowd_pause_ms(struct crowd *c)
{
    unsigned pause_ms;

    pthread_mutex_lock(&c->lock);
    pause_ms = c->leaving * 2 > c->rest ? LEAVING_MS : 0;
    pthread_mutex_unlock(&c->lock);
    return pause_ms;
}

void crowd_thin(struct crowd *c)
{
    pthread_mutex_lock(&c->lock);
    if (c->leaving == 0)
        end_first(c);
    pthread_mutex_unlock(&c->lock);
}
