/* Who is connected. Libmicrohttpd lets so many in and then nobody, until one of them leaves or was silent for the whole idle time-out; so a few hundred idle connections, for which nobody has to
 * prove anything, would shut a server for half a minute. Here the places never run out: when few are left, whoever has been idle the longest gives his up. Idle is who has no request whose headers are
 * whole: who just connected, who drips a header, whose last answer is out. Those who keep a connection for later find it closed and open another, as they must be able to anyway. When nobody is idle,
 * whoever has been reading one answer the longest leaves, after half a minute: a slow reader of a large file may not hold a place that others wait for; it can ask for the rest. */
#include "lib/http/internal.h"

#include "lib/base/clock.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>

#define LEAVING_MS 5u /* what a thread may need until it has seen that its connection was ended */

/* Those who may have to leave; whoever came first is first. */
struct line {
    struct crowd_place *first, *last;
};

/* One connection, from when it is taken until just before its socket is closed. */
struct crowd_place {
    struct crowd *crowd;
    int fd;
    int is_leaving;                    /* it was ended and has yet to go */
    struct line *line;                 /* where it stands, or NULL */
    struct crowd_place *before, *next; /* in the line */
    uint64_t since_ms;                 /* boot clock: when it came to the line */
};

struct crowd {
    pthread_mutex_t lock;
    struct line idle, reading;
    unsigned here, leaving; /* leaving ones are here too */
    unsigned full;          /* so many may be here before somebody has to go */
    unsigned rest;          /* places beyond that, for those who are leaving */
    unsigned reading_ms;
    unsigned most; /* here at once since the last rush was over */
};

struct crowd *crowd_new(unsigned places, unsigned reading_ms)
{
    struct crowd *c = calloc(1, sizeof *c);

    if (!c)
        return NULL;
    pthread_mutex_init(&c->lock, NULL);
    c->rest = places / CROWD_REST_PART ? places / CROWD_REST_PART : 1;
    c->full = places - c->rest;
    c->reading_ms = reading_ms;
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

static void step_out(struct crowd_place *p)
{
    if (!p->line)
        return;
    *(p->before ? &p->before->next : &p->line->first) = p->next;
    *(p->next ? &p->next->before : &p->line->last) = p->before;
    p->line = NULL;
}

static void stand(struct crowd_place *p, struct line *line)
{
    step_out(p);
    p->line = line;
    p->next = NULL;
    p->before = line->last;
    p->since_ms = clock_boot_ms();
    *(line->last ? &line->last->next : &line->first) = p;
    line->last = p;
}

/* Ends the connection of whoever can be missed the most. The socket is still its own: it is closed only after crowd_leave(), which waits for the lock. */
static void end_one(struct crowd *c)
{
    struct crowd_place *p = c->idle.first;

    if (!p && c->reading.first && clock_boot_ms() - c->reading.first->since_ms >= c->reading_ms)
        p = c->reading.first;
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
        end_one(c);
    if (p) {
        p->crowd = c;
        p->fd = fd;
        c->here++;
        if (c->here > c->most)
            c->most = c->here;
        stand(p, &c->idle);
    }
    pthread_mutex_unlock(&c->lock);
    return p;
}

int crowd_leave(struct crowd_place *p)
{
    struct crowd *c = p ? p->crowd : NULL;
    int over;

    if (!p)
        return 0;
    pthread_mutex_lock(&c->lock);
    step_out(p);
    c->here--;
    c->leaving -= (unsigned)p->is_leaving;
    over = c->most >= CROWD_RUSH && c->here <= c->most / 4;
    if (over)
        c->most = c->here;
    pthread_mutex_unlock(&c->lock);
    free(p);
    return over;
}

/* line NULL: none. Who is leaving stands nowhere any more. */
static void move(struct crowd_place *p, struct line *line)
{
    pthread_mutex_lock(&p->crowd->lock);
    if (line && !p->is_leaving)
        stand(p, line);
    else
        step_out(p);
    pthread_mutex_unlock(&p->crowd->lock);
}

void crowd_is_busy(struct crowd_place *p)
{
    if (p)
        move(p, NULL);
}

void crowd_is_reading(struct crowd_place *p)
{
    if (p)
        move(p, &p->crowd->reading);
}

void crowd_is_idle(struct crowd_place *p)
{
    if (p)
        move(p, &p->crowd->idle);
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
        end_one(c);
    pthread_mutex_unlock(&c->lock);
}
