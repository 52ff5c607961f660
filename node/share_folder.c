#include "node/share_folder.h"

#include "lib/base/log.h"
#include "lib/wire/shared.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/syscall.h>
#include <unistd.h>

struct share_folder {
    char *path;
    pthread_mutex_t lock; /* guards fd, dev, inode */
    int fd;               /* -1: away */
    dev_t dev;
    ino_t inode;
};

static enum err from_errno(int number)
{
    switch (number) {
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EAGAIN:
    case EINTR: return ERR_UNAVAILABLE;
    case EIO: return ERR_IO;
    default: return ERR_NOT_FOUND;
    }
}

/* ---- names */

int share_folder_name_ok(const char *name)
{
    static const char *const unfinished[] = {".part", ".part.map", ".tmp", ".crdownload", "~"};
    size_t len = strlen(name);
    if (shared_name_check(name, len) != ERR_OK)
        return 0;
    for (size_t i = 0; i < sizeof(unfinished) / sizeof(unfinished[0]); i++) {
        size_t n = strlen(unfinished[i]);
        if (len >= n && strcasecmp(name + len - n, unfinished[i]) == 0)
            return 0;
    }
    return 1;
}

int share_folder_covers(const char *folder, const char *path)
{
    char *outer = realpath(folder, NULL), *inner = realpath(path, NULL);
    size_t len = outer ? strlen(outer) : 0;
    if (len == 1)
        len = 0; /* the root itself: its slash is the one before the name */
    int inside = outer && inner && strncmp(inner, outer, len) == 0 && (inner[len] == '/' || inner[len] == '\0');
    int covers = inside && (inner[len] == '\0' || shared_name_check(inner + len + 1, strlen(inner + len + 1)) == ERR_OK);
    free(outer);
    free(inner);
    return covers;
}

/* ---- the folder itself */

/* Opens what the path leads to now. */
static enum err open_root(const char *path, int *fd, struct stat *st)
{
    int opened = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (opened < 0)
        return errno == ENOTDIR ? ERR_INVALID : errno == EACCES || errno == EPERM ? ERR_DENIED : from_errno(errno);
    if (fstat(opened, st) != 0) {
        close(opened);
        return ERR_IO;
    }
    *fd = opened;
    return ERR_OK;
}

static void set_root(struct share_folder *f, int fd, const struct stat *st)
{
    pthread_mutex_lock(&f->lock);
    if (f->fd >= 0)
        close(f->fd);
    f->fd = fd;
    f->dev = fd < 0 ? 0 : st->st_dev;
    f->inode = fd < 0 ? 0 : st->st_ino;
    pthread_mutex_unlock(&f->lock);
}

enum err share_folder_check(struct share_folder *f, int *changed)
{
    struct stat st;
    int fd = -1, was_away = f->fd < 0;
    enum err e = open_root(f->path, &fd, &st);
    /* Out of descriptors is no word about the folder. */
    if (e == ERR_UNAVAILABLE && !was_away) {
        *changed = 0;
        return ERR_OK;
    }
    if (!e && !was_away && st.st_dev == f->dev && st.st_ino == f->inode) {
        close(fd);
        *changed = 0;
        return ERR_OK;
    }
    *changed = !e || !was_away;
    if (*changed)
        set_root(f, fd, &st);
    return e ? ERR_NOT_FOUND : ERR_OK;
}

/* A descriptor of its own for the caller, so that the folder may go away meanwhile. */
static enum err hold_root(struct share_folder *f, int *fd)
{
    pthread_mutex_lock(&f->lock);
    int away = f->fd < 0, copy = away ? -1 : fcntl(f->fd, F_DUPFD_CLOEXEC, 0), number = errno;
    pthread_mutex_unlock(&f->lock);
    if (copy < 0)
        return away ? ERR_NOT_FOUND : from_errno(number);
    *fd = copy;
    return ERR_OK;
}

/* ---- what is below it */

static enum err open_below(struct share_folder *f, const char *name, int flags, int *fd)
{
    struct open_how how = {
        .flags = (unsigned)flags | (unsigned)O_CLOEXEC, .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
    int root = -1;
    enum err e = hold_root(f, &root);
    if (e)
        return e;
    long opened = syscall(SYS_openat2, root, *name ? name : ".", &how, sizeof(how));
    int number = errno;
    close(root);
    if (opened < 0)
        return from_errno(number);
    *fd = (int)opened;
    return ERR_OK;
}

enum err share_folder_open(struct share_folder *f, const char *name, int *fd, struct stat *st)
{
    int opened = -1;
    enum err e = open_below(f, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW, &opened);
    if (e)
        return e;
    if (fstat(opened, st) != 0 || !S_ISREG(st->st_mode)) {
        close(opened);
        return ERR_NOT_FOUND;
    }
    *fd = opened;
    return ERR_OK;
}

int share_folder_is_written(int fd)
{
    /* fcntl(2): a read lease is only given while nobody has the file open for writing. */
    if (fcntl(fd, F_SETLEASE, F_RDLCK) != 0)
        return errno == EAGAIN ? 1 : -1;
    fcntl(fd, F_SETLEASE, F_UNLCK);
    return 0;
}

enum err share_folder_open_dir(struct share_folder *f, const char *name, int *fd)
{
    return open_below(f, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, fd);
}

enum err share_folder_look(struct share_folder *f, const char *name, struct stat *st)
{
    int fd = -1;
    enum err e = open_below(f, name, O_PATH | O_NOFOLLOW, &fd);
    if (e)
        return e;
    if (fstat(fd, st) != 0)
        e = from_errno(errno);
    close(fd);
    return e;
}

/* ---- life */

enum err share_folder_new(const char *path, struct share_folder **out)
{
    struct stat st;
    int fd;
    enum err e = open_root(path, &fd, &st);
    if (e)
        return e;
    struct share_folder *f = calloc(1, sizeof(*f));
    char *copy = strdup(path);
    if (!f || !copy) {
        free(f);
        free(copy);
        close(fd);
        return ERR_NOMEM;
    }
    pthread_mutex_init(&f->lock, NULL);
    f->path = copy;
    f->fd = -1;
    set_root(f, fd, &st);
    /* Old kernels and tight sandboxes have no openat2(2); without it nothing is opened at all. */
    e = share_folder_open_dir(f, "", &fd);
    if (e) {
        log_write(LOG_ERROR, "share", "openat2(2) cannot be used here");
        share_folder_free(f);
        return ERR_IO;
    }
    close(fd);
    *out = f;
    return ERR_OK;
}

void share_folder_free(struct share_folder *f)
{
    if (!f)
        return;
    if (f->fd >= 0)
        close(f->fd);
    pthread_mutex_destroy(&f->lock);
    free(f->path);
    free(f);
}

const char *share_folder_path(const struct share_folder *f)
{
    return f->path;
}
