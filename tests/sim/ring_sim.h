/* What the simulation of the ring measures, and how it reports it. The code that is measured is lib/ring, as the programs link it. */
#ifndef RB_TESTS_SIM_RING_SIM_H
#define RB_TESTS_SIM_RING_SIM_H

#include "lib/ring/ring.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define SIM_K 3

/* Lookups along the finger tables of n nodes. */
struct hops_row {
    size_t n;
    uint64_t lookups;
    int all_pairs; /* the lookups are those from each node to each other, once */
    unsigned max, p99;
    double mean;
    uint64_t courses; /* of a real ring with tokens, looked up from chance nodes; 0 above RING_MEMBERS_MAX */
    uint64_t strays;  /* those of them that did not end at the course's first owner */
    unsigned courses_max;
    unsigned hashed_max; /* the same code with hashed identifiers instead of seats, as in the paper */
    double hashed_mean;
};

/* A ring of n nodes with SIM_K copies. Exact: the arcs between tokens are added up, no sample of courses is drawn. */
struct load_row {
    size_t n;
    double copies_max; /* the fullest node's copies over the mean */
    double hosted_max; /* the same for the courses that a node is the host of */
    unsigned joins;    /* newcomers that were tried, each alone */
    double moved_mean; /* copies that one join moves, over the ideal: 1/(n+1) of all copies */
    double moved_max;
    double staying_max; /* share of all copies that one join moves between nodes that were there before */
};

struct results {
    const struct hops_row *hops;
    size_t n_hops;
    const struct load_row *loads;
    size_t n_loads;
    const struct load_row *zoned; /* the same in three zones: only for staying_max */
    size_t n_zoned;
};

/* What main.c asks of the figures. */
#define HOPS_MEAN_SLACK 0.10 /* of log2(n)/2 */
#define LOAD_MAX 1.10
#define LOAD_NODES 100 /* up to so many nodes */
#define MOVED_MAX 1.15

/* Looks up between chance pairs and from some nodes to all others, about so many times; between all pairs when that is not much more. n >= 2. */
void hops_measure(size_t n, uint64_t lookups, struct hops_row *out);

/* Builds the ring of n nodes in so many zones (0: none) and lets `joins` newcomers join it, each alone. n < RING_MEMBERS_MAX. */
void load_measure(size_t n, unsigned zones, unsigned joins, struct load_row *out);

/* The ring of nodes node-1 … node-n, round robin in zones, with a newcomer called so unless NULL. Ends the program when out of memory. */
struct ring *sim_ring(size_t n, unsigned zones, const char *newcomer);
/* Chance that is the same in each run (SplitMix64): a number below n. */
uint64_t sim_chance(uint64_t *state, uint64_t n);
/* Memory for n things of this size; ends the program when there is none. */
void *sim_memory(size_t n, size_t size);

/* The two tables, in Markdown. */
void report_tables(const struct results *r, FILE *out);
/* The plots, as SVG. */
void report_plot(const struct results *r, FILE *out);
/* Writes ring.md and ring.svg into the folder. 0, or -1 after a message on standard error. */
int report_write(const struct results *r, const char *folder);

#endif
