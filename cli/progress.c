#include "cli/progress.h"

#include "lib/base/clock.h"
#include "lib/base/sig.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#define CLEAR_LINE "\r\033[K"

void progress_start(struct progress *p, const struct out *o, const char *label, uint64_t from, uint64_t total)
{
    *p = (struct progress){.out = o,
        .label = label,
        .shown = !o->json && !o->quiet && isatty(fileno(o->errors)),
        .begun_ms = clock_boot_ms(),
        .from = from,
        .done = from,
        .total = total};
    p->samples[0].at_ms = p->begun_ms;
    p->samples[0].done = from;
    p->n_samples = 1;
}

/* Keeps about PROGRESS_SAMPLES points of the last PROGRESS_WINDOW_MS; the oldest stays until a younger one is old enough. */
static void sample(struct progress *p, uint64_t now_ms)
{
    size_t old = 0;

    if (now_ms - p->samples[p->n_samples - 1].at_ms < PROGRESS_WINDOW_MS / PROGRESS_SAMPLES)
        return;
    while (old + 1 < p->n_samples && now_ms - p->samples[old + 1].at_ms >= PROGRESS_WINDOW_MS)
        old++;
    if (old == 0 && p->n_samples == PROGRESS_SAMPLES)
        old = 1;
    p->n_samples -= old;
    memmove(p->samples, p->samples + old, p->n_samples * sizeof p->samples[0]);
    p->samples[p->n_samples].at_ms = now_ms;
    p->samples[p->n_samples].done = p->done;
    p->n_samples++;
}

static uint64_t rate(uint64_t bytes, uint64_t ms)
{
    return ms == 0 ? 0 : (uint64_t)((double)bytes * 1000.0 / (double)ms);
}

/* Of the last seconds; of the whole once it has ended. */
static uint64_t speed(const struct progress *p, uint64_t now_ms)
{
    uint64_t then = p->samples[0].done;

    return p->done < then ? 0 : rate(p->done - then, now_ms - p->samples[0].at_ms);
}

static void draw(struct progress *p, uint64_t per_s)
{
    char line[PROGRESS_LINE_MAX];

    /* One cell is left free, so that no terminal wraps the line. */
    progress_line(line, out_width(fileno(p->out->errors)) - 1, p, per_s);
    fprintf(p->out->errors, CLEAR_LINE "%s", line);
    fflush(p->out->errors);
    p->drawn = 1;
}

void progress_move(struct progress *p, uint64_t done, uint64_t total)
{
    uint64_t now_ms = clock_boot_ms();

    p->done = done;
    if (total > 0)
        p->total = total;
    sample(p, now_ms);
    if (!p->shown || (p->drawn && now_ms - p->drawn_ms < PROGRESS_DRAW_MS))
        return;
    p->drawn_ms = now_ms;
    draw(p, speed(p, now_ms));
}

void progress_hide(struct progress *p)
{
    if (!p->drawn)
        return;
    fputs(CLEAR_LINE, p->out->errors);
    fflush(p->out->errors);
    p->drawn = 0;
}

void progress_end(struct progress *p, int ok)
{
    if (!p->shown)
        return;
    if (!ok) {
        progress_hide(p);
        return;
    }
    draw(p, rate(p->done - p->from, clock_boot_ms() - p->begun_ms));
    fputc('\n', p->out->errors);
    fflush(p->out->errors);
    p->drawn = 0;
}

enum err progress_watch_send(const struct client_progress *now, void *ctx)
{
    progress_move(ctx, now->sent, now->send_total);
    return sig_stopping() ? ERR_TIMEOUT : ERR_OK;
}

enum err progress_watch_receive(const struct client_progress *now, void *ctx)
{
    struct progress *p = ctx;

    progress_move(p, p->from + now->received, now->receive_total ? p->from + now->receive_total : 0);
    return sig_stopping() ? ERR_TIMEOUT : ERR_OK;
}
