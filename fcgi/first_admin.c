#include "fcgi/first_admin.h"

#include "fcgi/service/wait.h"
#include "lib/base/fs.h"
#include "lib/base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX 2048u
#define AGAIN_MS 1000u

struct first_admin {
    struct worker worker;
    struct accounts_admin in; /* wiped when the account is there */
    const char *path;
    pthread_t thread;
    pthread_mutex_t lock; /* for stops */
    pthread_cond_t wake;
    int stops;
};

enum err first_admin_read(const char *path, struct accounts_admin *out)
{
    struct buf text;
    buf_init(&text, FILE_MAX);
    enum err e = fs_read_private(path, &text);
    if (!e)
        e = accounts_admin_parse(buf_str(&text), text.len, out);
    if (text.len > 0)
        secret_wipe(text.data, text.len);
    buf_release(&text);
    return e;
}

/* True when somebody wants it to stop, at once or within the wait. */
static int wait_for_stop(struct first_admin *f)
{
    struct timespec until = wait_until(AGAIN_MS);
    pthread_mutex_lock(&f->lock);
    while (!f->stops && pthread_cond_timedwait(&f->wake, &f->lock, &until) != ETIMEDOUT)
        continue;
    int stops = f->stops;
    pthread_mutex_unlock(&f->lock);
    return stops;
}

static void finish(struct first_admin *f)
{
    secret_wipe(&f->in, sizeof(f->in));
    if (unlink(f->path) != 0)
        log_write(
            LOG_WARN, "admin", "the first admin's file %s cannot be removed (%s): do it, a password is in it", f->path, strerror(errno));
}

static void *run(void *ctx)
{
    struct first_admin *f = ctx;
    enum err e, told = ERR_OK;
    do {
        e = accounts_bootstrap(&f->worker, &f->in);
        arena_reset(&f->worker.arena);
        if (!e) {
            log_write(LOG_INFO, "admin", "the first admin's account is there");
            finish(f);
            return NULL;
        }
        if (e != told && e != ERR_UNAVAILABLE && e != ERR_TIMEOUT)
            log_write(LOG_ERROR, "admin", "the first admin's account cannot be made: %s", err_text(e));
        told = e;
    } while (!wait_for_stop(f));
    return NULL;
}

enum err first_admin_start(struct app *a, const char *path, const struct accounts_admin *in, struct first_admin **out)
{
    struct first_admin *f = calloc(1, sizeof(*f));
    if (!f)
        return ERR_NOMEM;
    f->in = *in;
    f->path = path;
    pthread_mutex_init(&f->lock, NULL);
    wait_cond_init(&f->wake);
    enum err e = worker_init(&f->worker, a);
    if (!e && pthread_create(&f->thread, NULL, run, f) != 0) {
        worker_release(&f->worker);
        e = ERR_NOMEM;
    }
    if (!e) {
        *out = f;
        return ERR_OK;
    }
    secret_wipe(&f->in, sizeof(f->in));
    free(f);
    return e;
}

void first_admin_stop(struct first_admin *f)
{
    if (!f)
        return;
    pthread_mutex_lock(&f->lock);
    f->stops = 1;
    pthread_cond_signal(&f->wake);
    pthread_mutex_unlock(&f->lock);
    pthread_join(f->thread, NULL);
    worker_release(&f->worker);
    secret_wipe(&f->in, sizeof(f->in));
    free(f);
}
