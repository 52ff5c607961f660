/* Writes line plots as SVG: a page with panels, each with its own axes. Looks are those of docs/architecture.svg. Writing errors stay in the FILE (ferror). */
#ifndef RB_TESTS_SIM_PLOT_H
#define RB_TESTS_SIM_PLOT_H

#include <stddef.h>
#include <stdio.h>

/* A frame on the page in px, and the values at its edges. The x axis is logarithmic. */
struct plot_panel {
    FILE *out;
    const char *title;
    double left, top, width, height;
    double x_min, x_max; /* above 0 */
    double y_min, y_max;
    int y_decimals; /* of the numbers beside the y axis */
    const char *x_name;
};

enum plot_look {
    PLOT_MEASURED, /* strong line */
    PLOT_BESIDE,   /* weaker line, for what stands beside it */
    PLOT_BOUND     /* dashed, for what must not be passed */
};

struct plot_line {
    enum plot_look look;
    const double *x, *y;
    size_t n;
    const char *name; /* stands at the end of the line; NULL = none */
    double name_dy;   /* px by which the name is moved down */
};

/* Page of so many px; the label says to those who cannot see it what it shows. No text may need escaping. */
void plot_begin(FILE *out, double width, double height, const char *label);
void plot_end(FILE *out);

/* Title, frame, and a grid line with its text at each of the given values. */
void plot_frame(const struct plot_panel *p, const double *x_ticks, size_t n_x, const double *y_ticks, size_t n_y);
/* A line through the points, left to right, with a dot at each of them when they are few. Points outside the frame are a mistake of the caller. */
void plot_draw(const struct plot_panel *p, const struct plot_line *line);

#endif
