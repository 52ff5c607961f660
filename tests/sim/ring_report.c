#include "tests/sim/ring_sim.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <string.h>

static void hops_table(const struct results *r, FILE *out)
{
    fputs("| nodes | log2 n | most | 99 % at most | mean | over log2(n)/2 | lookups | hashed: most | hashed: mean over log2(n)/2 |\n"
          "|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
        out);
    for (size_t i = 0; i < r->n_hops; i++) {
        const struct hops_row *h = &r->hops[i];
        double bound = log2((double)h->n);
        fprintf(out, "| %6zu | %5.2f | %2u | %2u | %.3f | %.3f | %7llu%s | %2u | %.3f |\n", h->n, bound, h->max, h->p99, h->mean,
            h->mean * 2 / bound, (unsigned long long)h->lookups, h->all_pairs ? ", all pairs" : "", h->hashed_max,
            h->hashed_mean * 2 / bound);
    }
}

/* Of the many small rings a few are enough for a table; the plot has them all. */
static int is_shown(size_t n)
{
    static const size_t shown[] = {3, 4, 5, 6, 8, 10, 15, 20, 30, 50, 70};
    for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
        if (n == shown[i])
            return 1;
    }
    return n >= 100;
}

static void loads_table(const struct results *r, FILE *out)
{
    fputs("| nodes | copies: most over mean | hosted: most over mean | newcomers | moved over ideal: mean | moved over ideal: most |\n"
          "|--:|--:|--:|--:|--:|--:|\n",
        out);
    for (size_t i = 0; i < r->n_loads; i++) {
        const struct load_row *l = &r->loads[i];
        if (is_shown(l->n))
            fprintf(out, "| %4zu | %.3f | %.3f | %u | %.3f | %.3f |\n", l->n, l->copies_max, l->hosted_max, l->joins, l->moved_mean,
                l->moved_max);
    }
}

/* The worst of all rings, also of those that the table leaves out. */
static void worst(const struct results *r, FILE *out)
{
    struct load_row load = {0}, moved = {0};
    double staying = 0;
    unsigned joins = 0;
    for (size_t i = 0; i < r->n_loads; i++) {
        const struct load_row *l = &r->loads[i];
        if (l->n <= LOAD_NODES && l->copies_max > load.copies_max)
            load = *l;
        if (l->moved_max > moved.moved_max)
            moved = *l;
        staying = fmax(staying, l->staying_max);
        joins += l->joins;
    }
    for (size_t i = 0; i < r->n_zoned; i++) {
        staying = fmax(staying, r->zoned[i].staying_max);
        joins += r->zoned[i].joins;
    }
    fprintf(out,
        "Of all rings measured, up to %d nodes the fullest node had %.3f of the mean (%zu nodes), and the dearest join moved %.3f of the "
        "ideal (to %zu nodes).\n"
        "In %u joins, %zu rings of three zones among them, %.6f %% of the copies moved from one staying node to another.\n",
        LOAD_NODES, load.copies_max, load.n, moved.moved_max, moved.n, joins, r->n_zoned, staying * 100);
}

void report_tables(const struct results *r, FILE *out)
{
    hops_table(r, out);
    fputs("\n", out);
    loads_table(r, out);
    fputs("\n", out);
    worst(r, out);
}

static void page(const struct results *r, FILE *out)
{
    fputs("# The ring, measured\n\n"
          "Written by `make sim`, which runs the code of `lib/ring` and fails when a figure is worse than promised. The same figures in "
          "each run; do not edit.\n\n"
          "![Hops of a lookup, load and movement](ring.svg)\n\n"
          "## Lookups along finger tables\n\n"
          "Promised: at most log2(n) hops, in the mean half of that (within 10 %). A lookup goes from one node to another one, by the "
          "finger table of the node it is at and\n"
          "nothing else. Seats are even (`lib/ring/README.md`), so that the number of hops depends only on how many seats lie between: "
          "lookups from one node to all others are\n"
          "already the whole truth, and the others confirm it. *Hashed*: the same code when a node's identifier is the hash of its name, "
          "as in the paper; nothing is promised for that.\n\n",
        out);
    hops_table(r, out);
    fputs("\n## Load and movement\n\n", out);
    fprintf(out,
        "Rings of `node-1` to `node-n`, weight 1, %d tokens each, k = %d, without zones. Nothing is sampled: all arcs between tokens are "
        "added up. *Copies*: the share of all\n"
        "copies on the fullest node; promised: at most %.2f of the mean up to %d nodes. *Hosted*: the share of courses that it is the "
        "first owner of. *Moved*: one newcomer joins\n"
        "the n nodes; the copies that get another place, over the ideal of 1/(n+1) of all copies; promised: at most %.2f, and none between "
        "nodes that were there before.\n"
        "The rings of 3 to 100 nodes were all measured; the table shows some of them.\n\n",
        RING_TOKENS_PER_WEIGHT, SIM_K, LOAD_MAX, LOAD_NODES, MOVED_MAX);
    loads_table(r, out);
    fputs("\n", out);
    worst(r, out);
}

static int write_file(const struct results *r, const char *folder, const char *name, void (*write)(const struct results *r, FILE *out))
{
    char path[PATH_MAX];
    int n = snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *out = n > 0 && (size_t)n < sizeof(path) ? fopen(path, "w") : NULL;
    if (!out) {
        fprintf(stderr, "ring: cannot write %s/%s: %s\n", folder, name, strerror(errno));
        return -1;
    }
    write(r, out);
    int failed = ferror(out);
    if (fclose(out) || failed) {
        fprintf(stderr, "ring: cannot write %s: %s\n", path, strerror(errno));
        return -1;
    }
    return 0;
}

int report_write(const struct results *r, const char *folder)
{
    return write_file(r, folder, "ring.md", page) || write_file(r, folder, "ring.svg", report_plot) ? -1 : 0;
}
