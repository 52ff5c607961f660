/* A bar that shows how far a transfer is: on a terminal only, one line that is drawn over. */
#ifndef RB_CLI_PROGRESS_H
#define RB_CLI_PROGRESS_H

#include "cli/out.h"
#include "lib/peer/client.h"

#define PROGRESS_LINE_MAX 1024  /* bytes of a drawn line with NUL */
#define PROGRESS_DRAW_MS 100    /* shortest time between two drawings */
#define PROGRESS_WINDOW_MS 3000 /* the speed is that of the last three seconds */
#define PROGRESS_SAMPLES 30

struct progress {
    const struct out *out;
    const char *label;                 /* borrowed */
    int counts;                        /* things are counted, not bytes: set after progress_start */
    int shown;                         /* standard error is a terminal, and neither --json nor --quiet */
    int drawn;                         /* a line stands there */
    uint64_t begun_ms, drawn_ms, from; /* `from`: where a resumed transfer began */
    uint64_t done, total;
    struct {
        uint64_t at_ms, done;
    } samples[PROGRESS_SAMPLES]; /* a ring of the last seconds, for the speed */
    size_t n_samples;
};

/* total 0: not known yet. from: bytes that were there before (a resumed download); they count for the bar and not for the speed. */
void progress_start(struct progress *p, const struct out *o, const char *label, uint64_t from, uint64_t total);
/* Draws when it is time. total 0: as before. */
void progress_move(struct progress *p, uint64_t done, uint64_t total);
/* Takes the line away, so that something else can be printed; the next move draws it again. */
void progress_hide(struct progress *p);
/* The last drawing (it stays, with a newline, when ok), or away with it. */
void progress_end(struct progress *p, int ok);

/* The line as it is drawn, at most `columns` cells: label, bar, percent, speed, time left, from p's label, counts, done and total. Pure. speed in bytes (or things) a
 * second, 0: not known. */
void progress_line(char line[PROGRESS_LINE_MAX], unsigned columns, const struct progress *p, uint64_t speed);

/* For client_request.watch of one transfer: ctx is a struct progress. Ends the request with ERR_TIMEOUT when a stop was asked for (Ctrl-C). */
enum err progress_watch_send(const struct client_progress *now, void *ctx) MUST_CHECK;
enum err progress_watch_receive(const struct client_progress *now, void *ctx) MUST_CHECK;

#endif
