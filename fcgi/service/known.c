#include "fcgi/service/known.h"

#include "lib/base/log.h"
#include "lib/store/index.h"

#include <stdlib.h>
#include <string.h>

/* What W owners hold and the index lacks was lost with an api, or with Redis: it is put back, so that lists show the course again. Failing that is no error. */
static void mend_index(struct quorum *q, struct store *s, const struct pulled *p, const struct history *indexed)
{
    struct record *lost = calloc(p->all.n + 1, sizeof(*lost)); /* borrows all strings */
    size_t n = 0;
    for (size_t i = 0; lost != NULL && i < p->all.n; i++) {
        const struct history_entry *e = &p->all.entries[i];
        struct tally holders = pull_showed(p, e->record.id, 0);
        if ((e->record.conditional || tally_holds(&p->who, &holders)) && history_find(indexed, e->record.id) == NULL)
            lost[n++] = e->record;
    }
    if (n > 0 && worker_store_said(q->w, index_add(s, lost, n, NULL)) == ERR_OK)
        log_write(LOG_INFO, "index", "%zu records of %s are in the index again", n, q->key);
    free(lost);
}

static enum err ask_index(struct quorum *q, struct known *k)
{
    struct store *s = worker_store(q->w);
    struct history h;
    if (s == NULL)
        return ERR_OK;
    history_init(&h);
    enum err e = worker_store_said(q->w, index_history(s, q->key, &h));
    k->index_answered = e == ERR_OK || e == ERR_NOT_FOUND;
    if (k->index_answered)
        mend_index(q, s, &k->pulled, &h);
    /* What the index has was acknowledged, however many owners show it. */
    if (e == ERR_OK)
        e = history_merge(&k->history, &h);
    else if (e != ERR_NOMEM && e != ERR_TOO_LARGE)
        e = ERR_OK;
    history_release(&h);
    return e;
}

enum err known_read(struct quorum *q, struct known *out)
{
    memset(out, 0, sizeof(*out));
    history_init(&out->history);
    enum err e = pull(q, PULL_USABLE, KNOWN_TIMEOUT_MS, &out->pulled);
    if (e != ERR_OK)
        return e;
    e = pull_visible(&out->pulled, &out->history);
    if (e == ERR_OK)
        e = ask_index(q, out);
    if (e != ERR_OK) {
        known_release(out);
        return e;
    }
    return out->history.n > 0 ? ERR_OK : known_absence(out);
}

void known_release(struct known *k)
{
    history_release(&k->history);
    pull_release(&k->pulled);
}

enum err known_absence(const struct known *k)
{
    int agree = k->index_answered && tally_count(&k->pulled.answered) > 0;
    return agree || pull_proves_absence(&k->pulled) ? ERR_NOT_FOUND : ERR_UNAVAILABLE;
}
