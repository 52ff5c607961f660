/* The index from what the nodes hold (protocol.md P5). */
#include "coordinator/scan.h"
#include "coordinator/tend.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/store/index.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_TIMEOUT_MS 3000u /* also how long a stop may have to wait */
#define TRIES_MAX 4u          /* for one page: on a busy machine a smaller one comes in time */
#define CONNECT_TIMEOUT_MS 500u
#define PAGE_BYTES_MAX (32u << 20) /* a page is 4 MiB, or one course */
#define PAGE_MAX 256u              /* courses in a page: some tens of milliseconds of a node */
#define PAGE_MIN 16u
#define PAGES_MAX 8192u /* courses of all nodes in memory at once, while pages can be so small */
#define PATH_MAX_BYTES 4096
#define BATCH_COURSES 256u
#define BATCH_RECORDS 4096u

/* One scan on its way into the index. */
struct work {
    struct tend *t;
    struct tend_nodes nodes;
    struct scan scan;
    unsigned page;   /* courses asked for at once */
    unsigned *tries; /* of each node, since its last page; owned */
    struct scan_found found[BATCH_COURSES];
    size_t n_found, n_records;
    uint64_t courses, added, unjudged;
};

/* ---- pages */

static enum err print_path(const struct work *w, size_t source, char out[PATH_MAX_BYTES])
{
    const char *after = w->scan.sources[source].after;
    struct buf path;
    buf_init(&path, PATH_MAX_BYTES - 1);
    enum err e = buf_addf(&path, "/courses?limit=%u", w->page);
    if (e == ERR_OK && after)
        e = buf_add_str(&path, "&after=");
    if (e == ERR_OK && after)
        e = text_percent_encode(&path, after, strlen(after));
    if (e == ERR_OK)
        memcpy(out, buf_str(&path), path.len + 1);
    buf_release(&path);
    return e;
}

static enum err take_page(struct work *w, size_t source, const struct peer_call *call)
{
    struct scan_page page;
    enum err e = call->done && call->error == ERR_OK && call->status == 200 ? ERR_OK : ERR_UNAVAILABLE;
    if (e == ERR_OK)
        e = scan_page_parse(buf_str(&call->answer), call->answer.len, &page);
    if (e == ERR_OK) {
        w->tries[source] = 0;
        return scan_give(&w->scan, source, &page);
    }
    if (e == ERR_NOMEM)
        return e;
    if (call->error == ERR_TIMEOUT && ++w->tries[source] < TRIES_MAX) {
        w->page = w->page / 2 > PAGE_MIN ? w->page / 2 : PAGE_MIN;
        return ERR_OK;
    }
    log_write(LOG_WARN, "index", "%s does not tell its courses (%s)", w->nodes.ids[source], e == ERR_SYNTAX ? "unreadable" : "no answer");
    scan_fail(&w->scan, source);
    return ERR_OK;
}

/* Asks these sources for their next page, all at once. */
static enum err fetch(struct work *w, const size_t *sources, size_t n)
{
    struct peer_call calls[PEER_CALLS_MAX];
    struct peer_round round = {.timeout_ms = PAGE_TIMEOUT_MS, .connect_timeout_ms = CONNECT_TIMEOUT_MS};
    char(*paths)[PATH_MAX_BYTES] = calloc(n, sizeof *paths);
    enum err e = paths ? ERR_OK : ERR_NOMEM;
    memset(calls, 0, sizeof calls);
    for (size_t i = 0; i < n && e == ERR_OK; i++) {
        e = print_path(w, sources[i], paths[i]);
        calls[i].base_url = w->nodes.urls[sources[i]];
        calls[i].to = w->nodes.ids[sources[i]];
        calls[i].method = "GET";
        calls[i].path = paths[i];
        calls[i].epoch = w->nodes.doc->ring->epoch;
        calls[i].answer_max = PAGE_BYTES_MAX;
    }
    if (e == ERR_OK)
        e = peer_round(w->t->peer, &round, calls, n);
    for (size_t i = 0; i < n && e == ERR_OK; i++)
        e = take_page(w, sources[i], &calls[i]);
    peer_calls_release(calls, n);
    free(paths);
    return e;
}

/* Until nobody is wanted. ERR_FENCED: we lead no more. */
static enum err fetch_wanted(struct work *w)
{
    for (;;) {
        size_t sources[PEER_CALLS_MAX], n = 0;
        for (size_t i = 0; i < w->scan.n && n < PEER_CALLS_MAX; i++) {
            if (scan_wants(&w->scan, i))
                sources[n++] = i;
        }
        if (n == 0)
            return ERR_OK;
        enum err e = tend_may(w->t) ? fetch(w, sources, n) : ERR_FENCED;
        if (e != ERR_OK)
            return e;
    }
}

/* ---- courses */

/* The history's records in a row; they borrow all strings. */
static struct record *records_of(const struct history *h, struct record *at)
{
    for (size_t i = 0; i < h->n; i++)
        at[i] = h->entries[i].record;
    return at;
}

static void release_found(struct work *w)
{
    for (size_t i = 0; i < w->n_found; i++)
        scan_found_release(&w->found[i]);
    w->n_found = w->n_records = 0;
}

/* Adds what was found so far, and notes how far it is. */
static enum err flush(struct work *w)
{
    struct index_set sets[BATCH_COURSES];
    struct record *records = calloc(w->n_records + 1, sizeof *records);
    size_t at = 0;
    enum err e = records ? ERR_OK : ERR_NOMEM;
    for (size_t i = 0; i < w->n_found && e == ERR_OK; i++) {
        sets[i] = (struct index_set){.records = records_of(&w->found[i].history, records + at), .n = w->found[i].history.n};
        at += sets[i].n;
    }
    if (e == ERR_OK && !tend_may(w->t))
        e = ERR_FENCED;
    if (e == ERR_OK)
        e = index_fill(w->t->store, &w->t->hold, sets, w->n_found, &w->added);
    w->courses += w->n_found;
    if (e == ERR_OK)
        e = mark_progress(w->t->store, &w->t->hold, w->courses);
    free(records);
    release_found(w);
    return e;
}

static enum err put(struct work *w, struct scan_found *f)
{
    w->unjudged += (uint64_t)f->unjudged;
    if (f->history.n == 0) {
        scan_found_release(f);
        return ERR_OK;
    }
    w->n_records += f->history.n;
    w->found[w->n_found++] = *f;
    return w->n_found == BATCH_COURSES || w->n_records >= BATCH_RECORDS ? flush(w) : ERR_OK;
}

static enum err scan_all(struct work *w)
{
    for (;;) {
        struct scan_found f;
        enum err e = fetch_wanted(w);
        if (e == ERR_OK)
            e = scan_next(&w->scan, &f);
        if (e == ERR_NOT_FOUND)
            return flush(w);
        if (e == ERR_OK)
            e = put(w, &f);
        if (e != ERR_OK)
            return e;
    }
}

/* ---- the whole */

static enum err open_work(struct work *w)
{
    enum err e = tend_nodes_read(w->t, &w->nodes);
    const char **ids = e == ERR_OK ? calloc(w->nodes.n + 1, sizeof *ids) : NULL;
    if (e == ERR_OK && !ids)
        e = ERR_NOMEM;
    for (size_t i = 0; e == ERR_OK && i < w->nodes.n; i++)
        ids[i] = w->nodes.ids[i];
    if (e == ERR_OK)
        e = scan_init(&w->scan, w->nodes.doc, ids, w->nodes.n);
    free(ids);
    if (e == ERR_OK && !(w->tries = calloc(w->nodes.n + 1, sizeof *w->tries)))
        e = ERR_NOMEM;
    size_t share = PAGES_MAX / (w->nodes.n + 1);
    w->page = share > PAGE_MAX ? PAGE_MAX : share < PAGE_MIN ? PAGE_MIN : (unsigned)share;
    return e;
}

/* Scans and adds. ERR_UNAVAILABLE: too few nodes told everything. *courses and *added count what was there. */
static enum err fill(struct tend *t, uint64_t *courses, uint64_t *added)
{
    struct work *w = calloc(1, sizeof *w);
    if (!w)
        return ERR_NOMEM;
    w->t = t;
    enum err e = open_work(w);
    if (e == ERR_OK)
        e = scan_all(w);
    if (e == ERR_OK && !scan_is_complete(&w->scan))
        e = ERR_UNAVAILABLE;
    if (e == ERR_OK && w->unjudged > 0)
        log_write(LOG_WARN, "index", "%llu courses have a conditional change that nobody knows the end of; the next one decides it",
            (unsigned long long)w->unjudged);
    *courses = w->courses;
    *added = w->added;
    release_found(w);
    scan_release(&w->scan);
    tend_nodes_release(&w->nodes);
    free(w->tries);
    free(w);
    return e;
}

/* From here on the index is not believed, until all of it is there again. */
static enum err begin(struct tend *t)
{
    if (t->rebuilding && mark_progress(t->store, &t->hold, 0) == ERR_OK)
        return ERR_OK;
    t->rebuilding = 0;
    if (!tend_may(t))
        return ERR_FENCED;
    enum err e = mark_begin(t->store, &t->hold);
    if (e == ERR_OK)
        e = index_clear(t->store, &t->hold);
    t->rebuilding = e == ERR_OK;
    if (e == ERR_OK)
        log_write(LOG_INFO, "index", "it was not built for this Redis process: it is rebuilt from the nodes");
    return e;
}

enum err rebuild_run(struct tend *t)
{
    uint64_t began_ms = clock_boot_ms(), courses = 0, added = 0;
    enum err e = begin(t);
    if (e == ERR_OK)
        e = fill(t, &courses, &added);
    if (e == ERR_OK && !tend_may(t))
        e = ERR_FENCED;
    if (e == ERR_OK)
        e = mark_finish(t->store, &t->hold, courses);
    if (e == ERR_OK) {
        t->rebuilding = 0;
        log_write(LOG_INFO, "index", "rebuilt: %llu courses, %llu records added in %llu ms", (unsigned long long)courses,
            (unsigned long long)added, (unsigned long long)(clock_boot_ms() - began_ms));
    }
    if (e == ERR_UNAVAILABLE && tend_may_say(t))
        log_write(LOG_WARN, "index", "the rebuild waits for more nodes: not every course has enough owners that tell what they have");
    return e;
}

enum err rebuild_sweep(struct tend *t)
{
    uint64_t began_ms = clock_boot_ms(), courses = 0, added = 0;
    enum err e = tend_may(t) ? mark_join(t->store, &t->hold) : ERR_FENCED;
    if (e == ERR_OK)
        e = fill(t, &courses, &added);
    if (e == ERR_OK || e == ERR_UNAVAILABLE)
        log_write(added > 0 ? LOG_INFO : LOG_DEBUG, "index", "swept%s: %llu courses, %llu records were missing, %llu ms",
            e == ERR_OK ? "" : ", though some nodes are away", (unsigned long long)courses, (unsigned long long)added,
            (unsigned long long)(clock_boot_ms() - began_ms));
    return e;
}
