#include "coordinator/takeover.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void takeover_init(struct takeover *t, const char *coordinator, uint64_t start)
{
    *t = (struct takeover){.ballot = {.start = start}};
    snprintf(t->ballot.coordinator, sizeof t->ballot.coordinator, "%s", coordinator);
}

void takeover_release(struct takeover *t)
{
    ringdoc_free(t->doc);
    free(t->nodes);
    t->doc = NULL;
    t->nodes = NULL;
    t->n_nodes = 0;
}

int takeover_doc_cmp(const struct ringdoc *a, const struct ringdoc *b)
{
    if (!a || !b)
        return (a != NULL) - (b != NULL);
    if (a->ring->epoch != b->ring->epoch)
        return a->ring->epoch < b->ring->epoch ? -1 : 1;
    return ballot_cmp(&a->ballot, &b->ballot);
}

static struct takeover_node *find(const struct takeover *t, const char *id)
{
    for (size_t i = 0; i < t->n_nodes; i++) {
        if (strcmp(t->nodes[i].id, id) == 0)
            return &t->nodes[i];
    }
    return NULL;
}

static void add_members(struct takeover *t, const struct ring *ring)
{
    for (size_t i = 0; ring && i < ring->n_members; i++) {
        if (find(t, ring->members[i].id))
            continue;
        struct takeover_node *node = &t->nodes[t->n_nodes++];
        *node = (struct takeover_node){0};
        memcpy(node->id, ring->members[i].id, sizeof node->id);
    }
}

/* Makes a copy of doc the one that all is about, and adds those it names to those to be asked. All is as before on failure. */
static enum err take_document(struct takeover *t, const struct ringdoc *doc)
{
    struct ringdoc *copy;
    size_t most = t->n_nodes + doc->ring->n_members + (doc->before ? doc->before->n_members : 0);
    struct takeover_node *nodes = realloc(t->nodes, most * sizeof *nodes);
    if (!nodes)
        return ERR_NOMEM;
    t->nodes = nodes;
    enum err e = ringdoc_copy(doc, &copy);
    if (e != ERR_OK)
        return e;
    ringdoc_free(t->doc);
    t->doc = copy;
    add_members(t, copy->ring);
    add_members(t, copy->before);
    return ERR_OK;
}

/* Takes a document that is newer than what we have. */
static enum err learn(struct takeover *t, const struct ringdoc *doc)
{
    if (!doc)
        return ERR_OK;
    if (doc->ballot.counter > t->largest)
        t->largest = doc->ballot.counter;
    return takeover_doc_cmp(doc, t->doc) > 0 ? take_document(t, doc) : ERR_OK;
}

enum err takeover_begin(struct takeover *t, const struct ringdoc *known)
{
    t->n_nodes = 0;
    enum err e = take_document(t, known);
    if (known->ballot.counter > t->largest)
        t->largest = known->ballot.counter;
    /* Our own last counter counts too: nodes promise strictly larger ballots only. */
    uint64_t base = t->largest > t->ballot.counter ? t->largest : t->ballot.counter;
    t->ballot.counter = base + 1;
    t->phase = TAKEOVER_PROMISE;
    return e;
}

static enum takeover_mark *mark_of(const struct takeover *t, struct takeover_node *node)
{
    return t->phase == TAKEOVER_PROMISE ? &node->promise : &node->install;
}

int takeover_has(const struct takeover *t, const char *id)
{
    struct takeover_node *node = find(t, id);
    return node && *mark_of(t, node) == TAKEOVER_YES;
}

void takeover_lacks(struct takeover *t, const char *id)
{
    struct takeover_node *node = find(t, id);
    if (node && t->phase == TAKEOVER_DONE)
        node->install = TAKEOVER_NOT_ASKED;
}

enum err takeover_propose(struct takeover *t, const struct ringdoc *next)
{
    assert(t->phase == TAKEOVER_DONE && next->ring->epoch == t->doc->ring->epoch + 1 && ballot_cmp(&next->ballot, &t->ballot) == 0);
    enum err e = take_document(t, next);
    if (e != ERR_OK)
        return e;
    t->phase = TAKEOVER_INSTALL;
    for (size_t i = 0; i < t->n_nodes; i++)
        t->nodes[i].install = TAKEOVER_NOT_ASKED;
    return ERR_OK;
}

void takeover_again(struct takeover *t)
{
    assert(t->phase == TAKEOVER_INSTALL || t->phase == TAKEOVER_DONE);
    for (size_t i = 0; i < t->n_nodes; i++) {
        if (t->nodes[i].install == TAKEOVER_ASKED)
            t->nodes[i].install = TAKEOVER_NOT_ASKED;
    }
}

size_t takeover_next(struct takeover *t, const char **ids, size_t max)
{
    size_t n = 0;
    if (t->phase == TAKEOVER_REFUSED)
        return 0;
    for (size_t i = 0; i < t->n_nodes && n < max; i++) {
        struct takeover_node *node = &t->nodes[i];
        /* Who belonged to older documents only has no say in this one. */
        if (*mark_of(t, node) != TAKEOVER_NOT_ASKED || !ringdoc_names(t->doc, node->id))
            continue;
        *mark_of(t, node) = TAKEOVER_ASKED;
        ids[n++] = node->id;
    }
    return n;
}

struct votes {
    const struct takeover *of;
};

static int said_yes(void *ctx, const char *id)
{
    return takeover_has(((const struct votes *)ctx)->of, id);
}

size_t takeover_missing(const struct takeover *t)
{
    struct votes votes = {t};
    return ringdoc_quorum_missing(t->doc, said_yes, &votes);
}

struct takeover_question takeover_question(const struct takeover *t)
{
    if (t->phase == TAKEOVER_PROMISE)
        return (struct takeover_question){.counter = t->ballot.counter, .phase = TAKEOVER_PROMISE};
    return (struct takeover_question){t->ballot.counter, TAKEOVER_INSTALL, t->doc->ring->epoch};
}

static int is_open(const struct takeover *t, struct takeover_question q)
{
    struct takeover_question now = takeover_question(t);
    return t->phase != TAKEOVER_REFUSED && q.counter == now.counter && q.phase == now.phase && q.epoch == now.epoch;
}

enum err takeover_yes(struct takeover *t, struct takeover_question q, const char *id, const struct ringdoc *doc)
{
    struct takeover_node *node = find(t, id);
    if (!node || !is_open(t, q))
        return ERR_OK;
    *mark_of(t, node) = TAKEOVER_YES;
    if (t->phase != TAKEOVER_PROMISE) {
        if (takeover_missing(t) == 0)
            t->phase = TAKEOVER_DONE;
        return ERR_OK;
    }
    /* A newer document may name other nodes: the quorum wanted is always that of the newest one seen. */
    enum err e = learn(t, doc);
    if (e == ERR_OK && takeover_missing(t) == 0)
        t->phase = TAKEOVER_INSTALL;
    return e;
}

void takeover_refused(struct takeover *t, struct takeover_question q, const struct ballot *promised)
{
    if (promised->counter > t->largest)
        t->largest = promised->counter;
    if (is_open(t, q))
        t->phase = TAKEOVER_REFUSED;
}

enum err takeover_result(const struct takeover *t, struct ringdoc **out)
{
    assert(t->phase == TAKEOVER_DONE);
    return ringdoc_under(t->doc, &t->ballot, out);
}
