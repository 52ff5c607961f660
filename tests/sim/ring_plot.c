#include "tests/sim/plot.h"
#include "tests/sim/ring_sim.h"

#include <math.h>
#include <stdlib.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Columns of a table as arrays, each with room for all rows. */
struct hops_columns {
    double *n, *max, *p99, *mean, *bound, *half;
};

static void plot_hops(const struct results *r, FILE *out)
{
    static const double nodes[] = {10, 100, 1000, 10000, 100000}, hops[] = {0, 4, 8, 12, 16};
    size_t n = r->n_hops;
    double *memory = sim_memory(6 * n, sizeof(*memory));
    struct hops_columns c = {memory, memory + n, memory + 2 * n, memory + 3 * n, memory + 4 * n, memory + 5 * n};
    for (size_t i = 0; i < n; i++) {
        c.n[i] = (double)r->hops[i].n;
        c.max[i] = r->hops[i].max;
        c.p99[i] = r->hops[i].p99;
        c.mean[i] = r->hops[i].mean;
        c.bound[i] = log2(c.n[i]);
        c.half[i] = c.bound[i] / 2;
    }
    struct plot_panel p = {.out = out,
        .title = "Hops of a lookup along finger tables",
        .left = 50,
        .top = 40,
        .width = 580,
        .height = 230,
        .x_min = 10,
        .x_max = 100000,
        .y_min = 0,
        .y_max = 18,
        .x_name = "nodes"};
    plot_frame(&p, nodes, COUNT(nodes), hops, COUNT(hops));
    const struct plot_line lines[] = {
        {PLOT_BOUND, c.n, c.bound, n, "log2 n", -6},
        {PLOT_BOUND, c.n, c.half, n, "half of log2 n", -7},
        {PLOT_BESIDE, c.n, c.p99, n, "99 % need at most", 0},
        {PLOT_MEASURED, c.n, c.max, n, "most", 8},
        {PLOT_MEASURED, c.n, c.mean, n, "mean", 8},
    };
    for (size_t i = 0; i < COUNT(lines); i++)
        plot_draw(&p, &lines[i]);
    free(memory);
}

static const double ring_nodes[] = {3, 10, 30, 100, 300, 1000};

static void plot_load(const struct results *r, FILE *out)
{
    static const double ticks[] = {1, 1.05, 1.10, 1.15}, bound_x[] = {3, LOAD_NODES}, bound_y[] = {LOAD_MAX, LOAD_MAX};
    size_t n = r->n_loads;
    double *memory = sim_memory(3 * n, sizeof(*memory)), *x = memory, *copies = memory + n, *hosted = memory + 2 * n;
    for (size_t i = 0; i < n; i++) {
        x[i] = (double)r->loads[i].n;
        copies[i] = r->loads[i].copies_max;
        hosted[i] = r->loads[i].hosted_max;
    }
    struct plot_panel p = {.out = out,
        .title = "Fullest node over the mean",
        .left = 50,
        .top = 350,
        .width = 250,
        .height = 180,
        .x_min = 3,
        .x_max = 1000,
        .y_min = 1,
        .y_max = 1.2,
        .y_decimals = 2,
        .x_name = "nodes"};
    plot_frame(&p, ring_nodes, COUNT(ring_nodes), ticks, COUNT(ticks));
    plot_draw(&p, &(struct plot_line){PLOT_BESIDE, x, hosted, n, "hosted", 0});
    plot_draw(&p, &(struct plot_line){PLOT_MEASURED, x, copies, n, "copies", 0});
    plot_draw(&p, &(struct plot_line){PLOT_BOUND, bound_x, bound_y, 2, NULL, 0});
    free(memory);
}

static void plot_moves(const struct results *r, FILE *out)
{
    static const double ticks[] = {0.95, 1, 1.05, 1.10, 1.15}, bound_x[] = {3, 1000}, bound_y[] = {MOVED_MAX, MOVED_MAX};
    size_t n = r->n_loads;
    double *memory = sim_memory(3 * n, sizeof(*memory)), *x = memory, *mean = memory + n, *max = memory + 2 * n;
    for (size_t i = 0; i < n; i++) {
        x[i] = (double)r->loads[i].n;
        mean[i] = r->loads[i].moved_mean;
        max[i] = r->loads[i].moved_max;
    }
    struct plot_panel p = {.out = out,
        .title = "Copies that a join moves over the ideal",
        .left = 420,
        .top = 350,
        .width = 250,
        .height = 180,
        .x_min = 3,
        .x_max = 1000,
        .y_min = 0.9,
        .y_max = 1.2,
        .y_decimals = 2,
        .x_name = "nodes"};
    plot_frame(&p, ring_nodes, COUNT(ring_nodes), ticks, COUNT(ticks));
    plot_draw(&p, &(struct plot_line){PLOT_BESIDE, x, max, n, "most", -4});
    plot_draw(&p, &(struct plot_line){PLOT_MEASURED, x, mean, n, "mean", 6});
    plot_draw(&p, &(struct plot_line){PLOT_BOUND, bound_x, bound_y, 2, "limit", 0});
    free(memory);
}

void report_plot(const struct results *r, FILE *out)
{
    char label[256];
    const struct hops_row *last = &r->hops[r->n_hops - 1];
    snprintf(label, sizeof(label),
        "Three plots. Lookups among %zu nodes take %.2f hops in the mean and at most %u. The fullest of up to %d nodes holds less than "
        "%.2f of the mean. A join moves less than %.2f of the ideal.",
        last->n, last->mean, last->max, LOAD_NODES, LOAD_MAX, MOVED_MAX);
    plot_begin(out, 760, 575, label);
    plot_hops(r, out);
    plot_load(r, out);
    plot_moves(r, out);
    plot_end(out);
}
