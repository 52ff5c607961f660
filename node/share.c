#include "node/share_inside.h"

#include "lib/base/log.h"
#include "node/share_kept.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* There is something to hash or to tell. */
static void changed(void *ctx)
{
    struct share *s = ctx;
    share_hash_wake(s->hash);
    share_tell_wake(s->tell);
}

/* The folder was read as a whole: the list is true. */
static void was_read(struct share *s)
{
    uint64_t files;
    char digest[SHARED_DIGEST_HEX_SIZE];
    share_list_sum(s->list, &files, digest);
    if (!atomic_exchange(&s->read, 1)) {
        log_write(LOG_INFO, "share", "%s: %llu files are shared", share_folder_path(s->folder), (unsigned long long)files);
        share_tell_begin(s->tell);
    }
    share_hash_prune(s->hash);
}

static void *run(void *ctx)
{
    struct share *s = ctx;
    struct pollfd fds[2] = {{.fd = share_look_fd(s->look), .events = POLLIN}, {.fd = s->stop_fd, .events = POLLIN}};
    while (!fds[1].revents) {
        if (share_look_step(s->look))
            was_read(s);
        changed(s);
        uint64_t wait_ms = share_look_wait_ms(s->look);
        if (poll(fds, 2, wait_ms < SHARE_ROOT_MS ? (int)wait_ms : (int)SHARE_ROOT_MS) < 0)
            fds[1].revents = 0;
    }
    return NULL;
}

static enum err open_folder(const char *path, struct share_folder **out)
{
    enum err e = share_folder_new(path, out);
    if (e)
        log_write(LOG_ERROR, "start", "the folder %s cannot be shared: %s", path,
            e == ERR_NOT_FOUND ? "there is none"
            : e == ERR_DENIED  ? "it may not be read"
            : e == ERR_INVALID ? "it is no folder"
                               : err_text(e));
    return e;
}

enum err share_start(struct node *n, const struct share_settings *settings, struct share **out)
{
    struct share *s = calloc(1, sizeof(*s));
    if (!s)
        return ERR_NOMEM;
    s->node = n;
    signal(SIGIO, SIG_IGN); /* share_folder_is_written() */
    share_rate_init(&s->rate, settings->limit_rate);
    s->stop_fd = eventfd(0, EFD_CLOEXEC);
    s->list = share_list_new();
    enum err e = s->list && s->stop_fd >= 0 ? open_folder(settings->folder, &s->folder) : ERR_NOMEM;
    if (!e)
        e = share_look_new(s->folder, s->list, n->db, &s->look);
    if (!e)
        e = share_tell_start(n, s->list, &s->tell);
    if (!e)
        e = share_hash_start(s->folder, s->list, n->db, changed, s, &s->hash);
    if (!e) {
        s->has_thread = pthread_create(&s->thread, NULL, run, s) == 0;
        e = s->has_thread ? ERR_OK : ERR_NOMEM;
    }
    if (e == ERR_UNAVAILABLE)
        log_write(LOG_ERROR, "start", "the folder cannot be watched: fs.inotify.max_user_instances is reached");
    if (e)
        share_free(s);
    else
        *out = s;
    return e;
}

void share_stop(struct share *s)
{
    uint64_t one = 1;
    if (!s)
        return;
    share_rate_stop(&s->rate);
    if (s->has_thread) {
        while (write(s->stop_fd, &one, sizeof(one)) < 0 && errno == EINTR)
            continue;
        pthread_join(s->thread, NULL);
        s->has_thread = 0;
    }
    share_hash_stop(s->hash);
    share_tell_stop(s->tell);
}

void share_free(struct share *s)
{
    if (!s)
        return;
    share_stop(s);
    share_hash_free(s->hash);
    share_tell_free(s->tell);
    share_look_free(s->look);
    share_folder_free(s->folder);
    share_list_free(s->list);
    share_rate_release(&s->rate);
    if (s->stop_fd >= 0)
        close(s->stop_fd);
    free(s);
}

struct share_list *share_files(struct share *s)
{
    return s->list;
}

int share_is_read(struct share *s)
{
    return atomic_load(&s->read);
}

void share_heard(struct share *s, size_t coordinator, int leads, const char *listed, uint64_t asked_ms)
{
    share_tell_heard(s->tell, coordinator, leads, listed, asked_ms);
}
