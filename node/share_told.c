/* What the index of peers was told of the list, entry by entry. The queue of news holds exactly the entries of which it was told something else, or nothing. */
#include "node/share_list_inside.h"

#include <string.h>

static void toggle(struct shared_digest *d, const struct shared_digest *by)
{
    for (size_t i = 0; i < SHARED_DIGEST_SIZE; i++)
        d->bytes[i] ^= by->bytes[i];
}

/* The index has this entry so now. */
static void set_told(struct share_list *l, struct share_entry *e, const struct shared_digest *told)
{
    toggle(&l->told, &e->told);
    toggle(&l->told, told);
    e->told = *told;
    share_list_settle(l, e);
}

/* Forgets what was told; all that is here becomes news. */
static void forget(struct share_list *l)
{
    const struct shared_digest none = {0};
    for (struct share_entry *e = l->first[0], *next; e; e = next) {
        next = e->next[0];
        if (e->refused)
            share_list_set_refused(l, e, 0);
        set_told(l, e, &none);
    }
    l->told_any = 0;
}

static enum err fill(struct share_list *l, size_t most, struct shared_delta *d)
{
    struct shared_digest after = l->told;
    enum err e = ERR_OK;
    for (struct share_link *at = l->news.after; at != &l->news && most-- > 0 && !e; at = at->after) {
        struct share_entry *entry = SHARE_ENTRY(at, news);
        struct shared_file f = share_list_file(entry);
        e = entry->here && !entry->refused ? shared_delta_add(d, &f) : shared_delta_remove(d, entry->name);
        if (!e) {
            toggle(&after, &entry->told);
            toggle(&after, &entry->now);
        }
    }
    shared_digest_hex(&after, d->digest);
    if (l->told_any)
        shared_digest_hex(&l->told, d->base);
    else
        d->base[0] = '\0';
    return e == ERR_FULL ? ERR_OK : e;
}

enum err share_list_delta(struct share_list *l, size_t most, struct shared_delta *d)
{
    pthread_mutex_lock(&l->lock);
    enum err e = fill(l, most, d);
    pthread_mutex_unlock(&l->lock);
    return e;
}

enum err share_list_told(struct share_list *l, const struct shared_delta *d)
{
    enum err e = ERR_OK;
    const struct shared_digest none = {0};
    pthread_mutex_lock(&l->lock);
    l->told_any = 1;
    for (size_t i = 0; i < d->n_add && !e; i++) {
        struct shared_digest told = {0};
        struct share_entry *entry = share_list_make(l, d->add[i].name);
        shared_digest_toggle(&told, &d->add[i]);
        if (entry)
            set_told(l, entry, &told);
        else
            e = ERR_NOMEM;
    }
    for (size_t i = 0; i < d->n_remove && !e; i++) {
        struct share_entry *entry = share_list_find(l, d->remove[i]);
        if (entry)
            set_told(l, entry, &none);
    }
    if (e)
        forget(l);
    pthread_mutex_unlock(&l->lock);
    return e;
}

void share_list_told_nothing(struct share_list *l)
{
    pthread_mutex_lock(&l->lock);
    forget(l);
    pthread_mutex_unlock(&l->lock);
}

int share_list_told_all(struct share_list *l, const char *digest)
{
    char now[SHARED_DIGEST_HEX_SIZE];
    pthread_mutex_lock(&l->lock);
    shared_digest_hex(&l->now, now);
    int same = strcmp(now, digest) == 0;
    if (same) {
        for (struct share_entry *e = l->first[0], *next; e; e = next) {
            next = e->next[0];
            const struct shared_digest as_now = e->now;
            set_told(l, e, &as_now);
        }
        l->told_any = 1;
    }
    pthread_mutex_unlock(&l->lock);
    return same;
}

void share_list_told_digest(struct share_list *l, char digest[SHARED_DIGEST_HEX_SIZE])
{
    pthread_mutex_lock(&l->lock);
    digest[0] = '\0';
    if (l->told_any)
        shared_digest_hex(&l->told, digest);
    pthread_mutex_unlock(&l->lock);
}

int share_list_has_news(struct share_list *l)
{
    pthread_mutex_lock(&l->lock);
    int any = share_link_in(&l->news) || !l->told_any;
    pthread_mutex_unlock(&l->lock);
    return any;
}

int share_list_leave_out(struct share_list *l, const struct shared_file *f)
{
    struct shared_digest as_told = {0};
    shared_digest_toggle(&as_told, f);
    pthread_mutex_lock(&l->lock);
    struct share_entry *e = share_list_find(l, f->name);
    int same = e && e->here && memcmp(&e->now, &as_told, sizeof(as_told)) == 0;
    if (same)
        share_list_set_refused(l, e, 1);
    pthread_mutex_unlock(&l->lock);
    return same;
}

int share_list_names_are_told(struct share_list *l, uint64_t *files)
{
    pthread_mutex_lock(&l->lock);
    int all = l->told_any && l->fresh == 0;
    *files = l->files;
    pthread_mutex_unlock(&l->lock);
    return all;
}
