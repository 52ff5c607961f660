/* One line of a progress bar as text. */
#include "cli/progress.h"

#include "cli/out_clean.h"

#include <inttypes.h>
#include <string.h>

#define BAR_MIN 10 /* cells with its brackets; with less room it is left out */
#define BAR_MAX 42
#define LABEL_MAX 30
#define TAIL_CELLS 35 /* of " 100 %  1023.9 MiB/s  12:59:59 left" */

/* A bounded line; what has no room is left out whole. */
struct line {
    char *text;
    size_t len, cells, columns;
};

static void put(struct line *l, const char *text)
{
    while (*text) {
        uint32_t point;
        size_t len = out_char(text, &point), cells = out_char_cells(point);
        if (l->cells + cells > l->columns || l->len + len >= PROGRESS_LINE_MAX)
            return;
        memcpy(l->text + l->len, text, len);
        l->len += len;
        l->cells += cells;
        l->text[l->len] = '\0';
        text += len;
    }
}

/* The label, cut with "…" at `max` cells. */
static void put_label(struct line *l, const char *label, size_t max)
{
    struct buf clean;
    size_t columns = l->columns;

    buf_init(&clean, PROGRESS_LINE_MAX * 4);
    if (out_clean(&clean, label)) /* absurdly long: no label is better than half a character */
        buf_reset(&clean);
    if (out_cells(buf_str(&clean)) > max) {
        l->columns = l->cells + max - 1;
        put(l, buf_str(&clean));
        l->columns = columns;
        put(l, "…");
    } else {
        put(l, buf_str(&clean));
    }
    buf_release(&clean);
}

static void put_bar(struct line *l, size_t cells, uint64_t done, uint64_t total)
{
    size_t inside = cells - 2;
    size_t full = done >= total ? inside : (size_t)((double)inside * ((double)done / (double)total));

    put(l, "[");
    for (size_t i = 0; i < inside; i++)
        put(l, i < full ? "=" : i == full ? ">" : " ");
    put(l, "]");
}

static void rate_text(const struct progress *p, uint64_t speed, char out[OUT_SIZE_TEXT + 2])
{
    char size[OUT_SIZE_TEXT];

    out[0] = '\0';
    if (speed > 0 && p->counts) {
        snprintf(out, OUT_SIZE_TEXT + 2, "%" PRIu64 "/s", speed);
    } else if (speed > 0) {
        out_size(speed, size);
        snprintf(out, OUT_SIZE_TEXT + 2, "%s/s", size);
    }
}

/* "  42 %  12.3 MiB/s  0:12 left" with a fixed width for each part, so that the bar does not dance. */
static void figures(const struct progress *p, uint64_t speed, char out[128])
{
    char rate[OUT_SIZE_TEXT + 2], left[OUT_SIZE_TEXT + 8] = "", text[OUT_SIZE_TEXT];
    unsigned percent = p->total == 0 ? 0 : p->done >= p->total ? 100 : (unsigned)((double)p->done / (double)p->total * 100.0);

    rate_text(p, speed, rate);
    if (speed > 0 && p->total > p->done) {
        out_duration((p->total - p->done + speed - 1) / speed, text);
        snprintf(left, sizeof left, "%s left", text);
    }
    if (p->counts)
        snprintf(text, sizeof text, "%" PRIu64, p->done);
    else
        out_size(p->done, text);
    if (p->total > 0)
        snprintf(out, 128, " %3u %%  %12s  %s", percent, rate, left);
    else
        snprintf(out, 128, "  %s  %12s", text, rate);
}

void progress_line(char line[PROGRESS_LINE_MAX], unsigned columns, const struct progress *p, uint64_t speed)
{
    struct line l = {.text = line, .columns = columns};
    char tail[128];
    size_t label_max = columns / 3 < LABEL_MAX ? columns / 3 : LABEL_MAX, right, bar;

    line[0] = '\0';
    figures(p, speed, tail);
    if (label_max > 0)
        put_label(&l, p->label, label_max);
    put(&l, " ");
    right = p->total > 0 ? TAIL_CELLS : out_cells(tail);
    bar = columns > l.cells + right ? columns - l.cells - right : 0;
    if (bar > BAR_MAX)
        bar = BAR_MAX;
    if (p->total > 0 && bar >= BAR_MIN)
        put_bar(&l, bar, p->done, p->total);
    put(&l, tail);
}
