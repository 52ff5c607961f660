#include "tests/sim/cluster_sim.h"

#include "lib/base/clock.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINES 400u
#define LINE_MAX_BYTES 240u
#define EPOCH_MS 1795000000000ull /* unix time when a run begins */
#define LAST_SHOWN 120u

struct sim_line {
    char text[LINE_MAX_BYTES];
};

struct sim_event {
    uint64_t at_us, number;
    unsigned process;
    uint64_t start;              /* of the process, for timers */
    struct sim_message *message; /* NULL: a timer */
};

/* ---- chance: xorshift64*, so that a seed means the same run everywhere */

uint64_t world_random(struct sim *s)
{
    s->random ^= s->random >> 12;
    s->random ^= s->random << 25;
    s->random ^= s->random >> 27;
    return s->random * 0x2545F4914F6CDD1Dull;
}

unsigned world_below(struct sim *s, unsigned n)
{
    return (unsigned)((world_random(s) >> 33) % n);
}

int world_chance(struct sim *s, unsigned per_mille)
{
    return world_below(s, 1000) < per_mille;
}

/* ---- what happened last */

static __attribute__((format(printf, 2, 0))) void keep_line(struct sim *s, const char *format, va_list args)
{
    char *line = s->lines[s->n_lines++ % LINES].text;
    int n = snprintf(line, LINE_MAX_BYTES, "%9.3f  ", (double)s->now_us / 1e6);
    vsnprintf(line + n, LINE_MAX_BYTES - (size_t)n, format, args);
    if (s->trace)
        puts(line);
}

void world_say(struct sim *s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    keep_line(s, format, args);
    va_end(args);
}

void world_fail(struct sim *s, const char *format, ...)
{
    va_list args;
    if (s->failure[0] != '\0')
        return;
    va_start(args, format);
    vsnprintf(s->failure, sizeof s->failure, format, args);
    va_end(args);
    world_say(s, "BROKEN: %s", s->failure);
}

void world_print_last(const struct sim *s)
{
    uint64_t from = s->n_lines > LAST_SHOWN ? s->n_lines - LAST_SHOWN : 0;
    for (uint64_t i = from; i < s->n_lines; i++)
        puts(s->lines[i % LINES].text);
}

/* ---- the queue of events, a heap by (time, number) */

static int is_before(const struct sim_event *a, const struct sim_event *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->number < b->number;
}

static void push(struct sim *s, struct sim_event e)
{
    if (s->n_events == s->cap_events) {
        s->cap_events = s->cap_events ? 2 * s->cap_events : 256;
        s->events = realloc(s->events, s->cap_events * sizeof *s->events);
        if (!s->events)
            abort();
    }
    size_t i = s->n_events++;
    e.number = ++s->event_number;
    while (i > 0 && is_before(&e, &s->events[(i - 1) / 2])) {
        s->events[i] = s->events[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    s->events[i] = e;
}

static struct sim_event pop(struct sim *s)
{
    struct sim_event first = s->events[0], last = s->events[--s->n_events];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= s->n_events)
            break;
        if (child + 1 < s->n_events && is_before(&s->events[child + 1], &s->events[child]))
            child++;
        if (!is_before(&s->events[child], &last))
            break;
        s->events[i] = s->events[child];
        i = child;
    }
    s->events[i] = last;
    return first;
}

void world_timer(struct sim *s, unsigned process, uint64_t after_us)
{
    push(s, (struct sim_event){.at_us = s->now_us + after_us, .process = process, .start = s->processes[process].start});
}

/* ---- the network */

static uint64_t delay_us(struct sim *s)
{
    if (!s->quiet && world_chance(s, 15))
        return 50000 + world_below(s, 3000000); /* very late */
    return 100 + world_below(s, world_chance(s, 100) ? 60000 : 2000);
}

static void send_once(struct sim *s, const struct sim_message *m)
{
    struct sim_message *copy = malloc(sizeof *copy);
    if (!copy)
        abort();
    *copy = *m;
    push(s, (struct sim_event){.at_us = s->now_us + s->processes[m->from].spent_us + delay_us(s), .process = m->to, .message = copy});
}

void world_send(struct sim *s, const struct sim_message *m)
{
    if (s->cut[m->from][m->to] || world_below(s, 100) < s->loss_percent)
        return;
    send_once(s, m);
    if (!s->quiet && world_chance(s, 10))
        send_once(s, m); /* twice */
}

void world_answer(struct sim *s, const struct sim_message *request, struct sim_message *answer)
{
    answer->kind = TO_ANSWER;
    answer->answers = request->kind;
    answer->from = request->to;
    answer->to = request->from;
    answer->by = request->meant;
    answer->call = request->call;
    answer->question = request->question;
    answer->order = request->order;
    answer->course = request->course;
    world_send(s, answer);
}

/* ---- processes and time */

uint64_t world_boot_ms(const struct sim *s, unsigned process)
{
    return 1000000 + (s->now_us + s->processes[process].spent_us) / 1000;
}

uint64_t world_unix_ms(const struct sim *s, unsigned process)
{
    return (uint64_t)((int64_t)(EPOCH_MS + s->now_us / 1000) + s->processes[process].wall_ms);
}

static void handle_timer(struct sim *s, unsigned p)
{
    if (p < NODE_PROCESS(0))
        coordinator_timer(s, p);
    else if (p < API_PROCESS(0))
        node_timer(s, p - NODE_PROCESS(0));
    else
        api_timer(s, p - API_PROCESS(0));
}

static void handle_message(struct sim *s, unsigned p, const struct sim_message *m)
{
    if (p < NODE_PROCESS(0))
        coordinator_message(s, p, m);
    else if (p < API_PROCESS(0))
        node_message(s, p - NODE_PROCESS(0), m);
    else
        api_message(s, p - API_PROCESS(0), m);
}

/* A process that is paused gets everything later; one that stands, nothing. */
static void handle(struct sim *s, struct sim_event *e)
{
    struct process *p = &s->processes[e->process];
    if (p->runs && p->frozen_until_us > s->now_us && (e->message || e->start == p->start)) {
        e->at_us = p->frozen_until_us + world_below(s, 500);
        push(s, *e);
        return;
    }
    /* An event that is put back has left the queue before: nothing is freed twice. */
    if (p->runs && e->message)
        handle_message(s, e->process, e->message); /* NOLINT(clang-analyzer-unix.Malloc) */
    else if (p->runs && e->start == p->start)
        handle_timer(s, e->process);
    if (p->spent_us && p->frozen_until_us < s->now_us + p->spent_us)
        p->frozen_until_us = s->now_us + p->spent_us;
    p->spent_us = 0;
    free(e->message);
}

void world_run(struct sim *s, uint64_t us)
{
    uint64_t until = s->now_us + us;
    while (s->n_events > 0 && s->events[0].at_us <= until && s->failure[0] == '\0') {
        struct sim_event e = pop(s);
        if (e.at_us > s->now_us)
            s->now_us = e.at_us;
        handle(s, &e);
    }
    s->now_us = until;
}

void world_start(struct sim *s, unsigned p)
{
    struct process *process = &s->processes[p];
    if (process->runs)
        return;
    *process = (struct process){.runs = 1, .start = process->start + 1, .wall_ms = process->wall_ms};
    if (p < NODE_PROCESS(0))
        coordinator_start(s, p);
    else if (p < API_PROCESS(0))
        node_start(s, p - NODE_PROCESS(0));
    else
        api_start(s, p - API_PROCESS(0));
}

void world_stop(struct sim *s, unsigned p)
{
    if (!s->processes[p].runs)
        return;
    s->processes[p].runs = 0;
    if (p < NODE_PROCESS(0))
        coordinator_stop(s, p);
}

void world_init(struct sim *s, uint64_t seed, enum mutation m)
{
    *s = (struct sim){.seed = seed, .random = (seed + 1) * 0x9E3779B97F4A7C15ull, .mutation = m, .in_force = -1};
    for (int i = 0; i < 8; i++)
        world_random(s);
    s->lines = calloc(LINES, sizeof *s->lines);
    if (!s->lines)
        abort();
    for (unsigned i = 0; i < SIM_COURSES; i++) {
        snprintf(s->keys[i], sizeof s->keys[i], "course%u", i * 37 + 11);
        s->points[i] = ring_key_point(s->keys[i]);
        s->dropped[i] = -1;
    }
}

void world_release(struct sim *s)
{
    for (unsigned i = 0; i < SIM_COORDINATORS; i++)
        world_stop(s, COORDINATOR_PROCESS(i));
    for (size_t i = 0; i < s->n_events; i++)
        free(s->events[i].message);
    for (size_t i = 0; i < s->n_documents; i++)
        ringdoc_free(s->documents[i].doc);
    for (size_t i = 0; i < s->n_records; i++)
        record_release(&s->records[i].record);
    free(s->events);
    free(s->lines);
}
