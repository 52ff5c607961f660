#include "node/share_watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#define READ_BYTES 65536
#define MASK                                                                                                                        \
    (IN_CREATE | IN_MODIFY | IN_ATTRIB | IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF | \
        IN_ONLYDIR | IN_EXCL_UNLINK)

/* Numbers of watches only grow, so new ones come at the end and the array stays sorted. */
struct watched {
    int number;
    char *folder;
};

struct share_watch {
    int fd;
    struct watched *at;
    size_t n, cap;
};

int share_watch_fd(const struct share_watch *w)
{
    return w->fd;
}

size_t share_watch_count(const struct share_watch *w)
{
    return w->n;
}

/* The place of a number: of the first one not smaller. */
static size_t place_of(const struct share_watch *w, int number)
{
    size_t low = 0, high = w->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (w->at[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct watched *find(const struct share_watch *w, int number)
{
    size_t i = place_of(w, number);
    return i < w->n && w->at[i].number == number ? &w->at[i] : NULL;
}

static enum err insert(struct share_watch *w, int number, char *folder)
{
    size_t i = place_of(w, number);
    if (w->n == w->cap) {
        size_t cap = w->cap ? 2 * w->cap : 16;
        struct watched *at = reallocarray(w->at, cap, sizeof(*at));
        if (!at)
            return ERR_NOMEM;
        w->at = at;
        w->cap = cap;
    }
    memmove(w->at + i + 1, w->at + i, (w->n - i) * sizeof(*w->at));
    w->at[i].number = number;
    w->at[i].folder = folder;
    w->n++;
    return ERR_OK;
}

enum err share_watch_add(struct share_watch *w, int fd, const char *folder)
{
    char path[32];
    char *copy = strdup(folder);
    if (!copy)
        return ERR_NOMEM;
    /* By its descriptor: what is watched is what is read, whatever happens to the name meanwhile. */
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    int number = inotify_add_watch(w->fd, path, MASK);
    if (number < 0) {
        free(copy);
        return errno == ENOSPC ? ERR_FULL : errno == ENOMEM ? ERR_NOMEM : ERR_IO;
    }
    struct watched *known = find(w, number);
    if (known) {
        free(known->folder);
        known->folder = copy;
        return ERR_OK;
    }
    enum err e = insert(w, number, copy);
    if (e) {
        inotify_rm_watch(w->fd, number);
        free(copy);
    }
    return e;
}

static int is_in(const char *name, const char *folder)
{
    size_t len = strlen(folder);
    return len == 0 || (strncmp(name, folder, len) == 0 && (name[len] == '/' || name[len] == '\0'));
}

void share_watch_drop(struct share_watch *w, const char *folder)
{
    size_t kept = 0;
    for (size_t i = 0; i < w->n; i++) {
        if (is_in(w->at[i].folder, folder)) {
            inotify_rm_watch(w->fd, w->at[i].number);
            free(w->at[i].folder);
        } else {
            w->at[kept++] = w->at[i];
        }
    }
    w->n = kept;
}

/* The kernel took a watch away by itself: its folder is gone. */
static void forget(struct share_watch *w, const struct watched *known)
{
    size_t i = (size_t)(known - w->at);
    free(w->at[i].folder);
    memmove(w->at + i, w->at + i + 1, (w->n - i - 1) * sizeof(*w->at));
    w->n--;
}

static void take(struct share_watch *w, const struct inotify_event *e, void (*each)(void *ctx, const struct share_event *event), void *ctx)
{
    struct share_event event = {.folder = "", .name = e->len ? e->name : NULL, .mask = e->mask};
    const struct watched *known = find(w, e->wd);
    if (e->mask & IN_Q_OVERFLOW) {
        each(ctx, &event);
    } else if (known && (e->mask & IN_IGNORED)) {
        forget(w, known);
    } else if (known) {
        event.folder = known->folder;
        each(ctx, &event);
    }
    /* Else it is late news of a folder that is not watched any more. */
}

int share_watch_read(struct share_watch *w, void (*each)(void *ctx, const struct share_event *event), void *ctx)
{
    _Alignas(struct inotify_event) char bytes[READ_BYTES];
    ssize_t n = read(w->fd, bytes, sizeof(bytes));
    for (ssize_t at = 0; at < n;) {
        const struct inotify_event *e = (const struct inotify_event *)(const void *)(bytes + at);
        take(w, e, each, ctx);
        at += (ssize_t)(sizeof(*e) + e->len);
    }
    return n > 0;
}

enum err share_watch_new(struct share_watch **out)
{
    struct share_watch *w = calloc(1, sizeof(*w));
    if (!w)
        return ERR_NOMEM;
    w->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (w->fd < 0) {
        free(w);
        return errno == EMFILE ? ERR_UNAVAILABLE : ERR_NOMEM;
    }
    *out = w;
    return ERR_OK;
}

void share_watch_free(struct share_watch *w)
{
    if (!w)
        return;
    close(w->fd);
    for (size_t i = 0; i < w->n; i++)
        free(w->at[i].folder);
    free(w->at);
    free(w);
}
