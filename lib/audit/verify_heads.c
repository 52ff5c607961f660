/* The lines against the heads that nodes keep. */
#include "lib/audit/internal.h"

#include <stdlib.h>
#include <string.h>

static int by_place(const void *a, const void *b)
{
    const struct audit_head *x = &((const struct audit_kept *)a)->head, *y = &((const struct audit_kept *)b)->head;
    int order = strcmp(x->process, y->process);
    if (order == 0)
        order = strcmp(x->chain, y->chain);
    return order ? order : x->n < y->n ? -1 : x->n > y->n;
}

static struct audit_kept *heads_of(const struct verify *v)
{
    return v->settings->heads;
}

/* Marks a head as none: it stands for nothing from here on. */
static void void_head(struct verify *v, struct audit_kept *kept)
{
    kept->head.n = 0;
    v->result->heads_false++;
}

/* Those of one chain stand together, in the order of their lines and so of their keys. */
void verify_heads_begin(struct verify *v)
{
    struct audit_kept *kept = heads_of(v);
    struct audit_key key = {.k = 0};
    const struct audit_head *before = NULL;
    size_t n = v->settings->n_heads;
    if (n == 0)
        return;
    qsort(kept, n, sizeof *kept, by_place);
    for (size_t i = 0; i < n; i++) {
        const struct audit_head *h = &kept[i].head;
        int is_same =
            before && strcmp(before->process, h->process) == 0 && strcmp(before->chain, h->chain) == 0 && before->start == h->start;
        enum err e = is_same && key.k <= h->k ? ERR_OK : verify_first_key(v, h->process, h->start, h->chain, &key);
        before = h;
        if (!e)
            e = audit_key_reach(&key, h->k);
        if (e || !audit_head_ok(h, &key))
            void_head(v, &kept[i]);
    }
    explicit_bzero(&key, sizeof key);
}

static int is_of_chain(const struct verify *v, const struct audit_head *h)
{
    return strcmp(h->chain, v->last.chain) == 0 && strcmp(h->process, v->result->process) == 0;
}

/* The first of them, or the end of all. Within a chain those that are void stand among the others and are passed over. */
void verify_heads_chain(struct verify *v)
{
    v->head = 0;
    while (v->head < v->settings->n_heads && !is_of_chain(v, &heads_of(v)[v->head].head))
        v->head++;
}

/* The present one while it is of this chain, or NULL. */
static const struct audit_kept *next_head(struct verify *v)
{
    while (v->head < v->settings->n_heads && is_of_chain(v, &heads_of(v)[v->head].head)) {
        if (heads_of(v)[v->head].head.n > 0)
            return &heads_of(v)[v->head];
        v->head++;
    }
    return NULL;
}

void verify_heads_line(struct verify *v, const struct audit_line *line)
{
    for (const struct audit_kept *k = next_head(v); k && k->head.n <= line->n; v->head++, k = next_head(v)) {
        if (k->head.n < line->n) { /* its line is missing; that was said, or it was dropped */
            v->result->heads_before++;
            continue;
        }
        v->result->heads++;
        if (!hash_equal(k->head.h, line->h, sizeof line->h))
            verify_found(v, v->path, v->line, AUDIT_REWRITTEN, "%s keeps another h for line n = %llu: the log was written anew", k->node,
                (unsigned long long)line->n);
    }
}

/* Only the furthest one is told: it says how much is missing. */
void verify_heads_chain_end(struct verify *v)
{
    const struct audit_kept *furthest = NULL;
    for (const struct audit_kept *k = next_head(v); k; v->head++, k = next_head(v))
        furthest = k;
    if (furthest && !v->settings->is_part)
        verify_found(v, v->last_path, v->last_line, AUDIT_CUT,
            "lines n = %llu to %llu are missing behind it: %s keeps the head of the last one", (unsigned long long)v->last.n + 1,
            (unsigned long long)furthest->head.n, furthest->node);
}

static int was_seen(const struct verify *v, const char *chain)
{
    for (size_t i = 0; i < v->chains.n; i++) {
        if (strcmp(v->chains.at[i].chain, chain) == 0)
            return 1;
    }
    return 0;
}

static int was_dropped_to(const struct verify *v, const struct audit_head *h)
{
    for (size_t i = 0; i < v->dropped.n; i++) {
        if (v->dropped.at[i].n >= h->n && strcmp(v->dropped.at[i].chain, h->chain) == 0)
            return 1;
    }
    return 0;
}

void verify_heads_end(struct verify *v)
{
    const char *said = "";
    for (size_t i = 0; i < v->settings->n_heads; i++) {
        const struct audit_kept *k = &heads_of(v)[i];
        if (k->head.n == 0 || strcmp(k->head.process, v->result->process) != 0 || was_seen(v, k->head.chain))
            continue;
        if (was_dropped_to(v, &k->head)) {
            v->result->heads_before++;
            continue;
        }
        if (strcmp(said, k->head.chain) != 0)
            verify_found(v, "", 0, AUDIT_GONE, "chain %s of %s is not here: %s keeps a head of its line n = %llu", k->head.chain,
                k->head.process, k->node, (unsigned long long)k->head.n);
        said = k->head.chain;
    }
}
