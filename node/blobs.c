#include "node/blobs_inside.h"

#include "lib/base/clock.h"
#include "lib/base/fs.h"
#include "lib/base/log.h"
#include "lib/base/num.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DIR_MODE 0750

enum err blobs_errno(const char *what, int number)
{
    switch (number) {
    case ENOENT: return ERR_NOT_FOUND;
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return ERR_FULL;
    case ENOMEM: return ERR_NOMEM;
    case EMFILE:
    case ENFILE: return ERR_UNAVAILABLE; /* too many at once: nothing is wrong with the disk */
    default: break;
    }
    log_write(LOG_ERROR, "blobs", "%s: %s", what, strerror(number));
    return ERR_IO;
}

enum err blobs_fsync(struct blobs *b, int fd, const char *what)
{
    if (fsync(fd) == 0)
        return ERR_OK;
    log_write(LOG_ERROR, "suspect", "fsync of %s failed: %s; this node takes no more writes", what, strerror(errno));
    atomic_store(&b->suspect, 1);
    return ERR_IO;
}

int blobs_is_suspect(const struct blobs *b)
{
    return atomic_load(&b->suspect);
}

void blobs_path(const char *sha256, char out[BLOBS_PATH_SIZE])
{
    snprintf(out, BLOBS_PATH_SIZE, "%.2s/%.2s/%.64s", sha256, sha256 + 2, sha256);
}

/* The two folder numbers of a blob. */
static void split(const char *sha256, unsigned *first, unsigned *second)
{
    char head[5];
    uint8_t bytes[2] = {0, 0};
    memcpy(head, sha256, 4);
    head[4] = '\0';
    if (num_unhex(head, bytes, 2) != ERR_OK)
        abort(); /* callers check what comes from outside */
    *first = bytes[0];
    *second = bytes[1];
}

static enum err make_dir(int at, const char *path)
{
    return mkdirat(at, path, DIR_MODE) == 0 || errno == EEXIST ? ERR_OK : blobs_errno("mkdir", errno);
}

enum err blobs_open_dir(struct blobs *b, const char *sha256, int *fd)
{
    char path[6] = {sha256[0], sha256[1], '\0', sha256[2], sha256[3], '\0'};
    unsigned first, second;
    split(sha256, &first, &second);
    enum err e = ERR_OK;
    if (!atomic_load(&b->durable[first][second])) {
        e = make_dir(b->blobs_fd, path);
        path[2] = '/';
        if (!e)
            e = make_dir(b->blobs_fd, path);
    }
    path[2] = '/';
    if (e)
        return e;
    *fd = openat(b->blobs_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *fd < 0 ? blobs_errno("open of a folder", errno) : ERR_OK;
}

enum err blobs_sync_dir(struct blobs *b, const char *sha256, int fd)
{
    const char parent[3] = {sha256[0], sha256[1], '\0'};
    unsigned first, second;
    split(sha256, &first, &second);
    enum err e = blobs_fsync(b, fd, "a folder of blobs");
    /* Also when another thread made them: it may not have come to its flush yet. */
    if (e || atomic_load(&b->durable[first][second]))
        return e;
    int parent_fd = openat(b->blobs_fd, parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent_fd < 0)
        return blobs_errno("open of a folder", errno);
    e = blobs_fsync(b, parent_fd, "a folder of blobs");
    close(parent_fd);
    if (!e)
        e = blobs_fsync(b, b->blobs_fd, "the folder of blobs");
    if (!e)
        atomic_store(&b->durable[first][second], 1);
    return e;
}

/* ---- space */

static enum err usage_locked(struct blobs *b, struct blobs_usage *out)
{
    uint64_t fs_free, fs_total;
    enum err e = fs_space(b->data, &fs_free, &fs_total);
    if (e)
        return e;
    out->files = b->files;
    out->bytes = b->bytes;
    out->quarantined = b->quarantined;
    out->drafts_bytes = b->drafts_bytes;
    out->capacity_bytes = b->capacity_bytes ? b->capacity_bytes : fs_total;
    uint64_t taken = b->bytes + b->drafts_bytes;
    out->free_bytes = out->capacity_bytes > taken ? out->capacity_bytes - taken : 0;
    uint64_t above_reserve = fs_free > b->reserve_bytes ? fs_free - b->reserve_bytes : 0;
    if (out->free_bytes > above_reserve)
        out->free_bytes = above_reserve;
    return ERR_OK;
}

enum err blobs_usage(struct blobs *b, struct blobs_usage *out)
{
    pthread_mutex_lock(&b->space_lock);
    enum err e = usage_locked(b, out);
    pthread_mutex_unlock(&b->space_lock);
    return e;
}

enum err blobs_reserve(struct blobs *b, uint64_t size)
{
    struct blobs_usage usage;
    pthread_mutex_lock(&b->space_lock);
    enum err e = usage_locked(b, &usage);
    if (!e && size > usage.free_bytes)
        e = ERR_FULL;
    if (!e)
        b->drafts_bytes += size;
    pthread_mutex_unlock(&b->space_lock);
    return e;
}

void blobs_unreserve(struct blobs *b, uint64_t size)
{
    pthread_mutex_lock(&b->space_lock);
    b->drafts_bytes -= size;
    pthread_mutex_unlock(&b->space_lock);
}

void blobs_count(struct blobs *b, uint64_t size, int sign)
{
    pthread_mutex_lock(&b->space_lock);
    b->changes++;
    if (sign > 0) {
        b->files++;
        b->bytes += size;
    } else {
        b->files -= b->files > 0;
        b->bytes -= size < b->bytes ? size : b->bytes;
    }
    pthread_mutex_unlock(&b->space_lock);
}

struct tally {
    uint64_t files, bytes;
};

static enum err add_up(void *ctx, const char *sha256, const char *path, const struct stat *st)
{
    struct tally *t = ctx;
    (void)sha256, (void)path;
    t->files++;
    t->bytes += (uint64_t)st->st_size;
    return ERR_OK;
}

enum err blobs_recount(struct blobs *b)
{
    struct tally t = {0};
    pthread_mutex_lock(&b->space_lock);
    uint64_t before = b->changes;
    pthread_mutex_unlock(&b->space_lock);
    enum err e = blobs_walk(b, add_up, &t);
    if (e)
        return e;
    pthread_mutex_lock(&b->space_lock);
    if (b->changes == before) {
        b->files = t.files;
        b->bytes = t.bytes;
    }
    pthread_mutex_unlock(&b->space_lock);
    return ERR_OK;
}

/* ---- reading */

enum err blobs_get(struct blobs *b, const char *sha256, int *fd, struct stat *st)
{
    char path[BLOBS_PATH_SIZE];
    blobs_path(sha256, path);
    int opened = openat(b->blobs_fd, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (opened < 0)
        return errno == ELOOP ? ERR_CORRUPT : blobs_errno("open of a blob", errno);
    if (fstat(opened, st) != 0 || !S_ISREG(st->st_mode)) {
        close(opened);
        return ERR_CORRUPT;
    }
    *fd = opened;
    return ERR_OK;
}

enum err blobs_stat(struct blobs *b, const char *sha256, struct stat *st)
{
    char path[BLOBS_PATH_SIZE];
    blobs_path(sha256, path);
    if (fstatat(b->blobs_fd, path, st, AT_SYMLINK_NOFOLLOW) != 0)
        return blobs_errno("stat of a blob", errno);
    return S_ISREG(st->st_mode) ? ERR_OK : ERR_CORRUPT;
}

enum err blobs_sync(struct blobs *b, const char *sha256)
{
    int fd;
    enum err e = blobs_open_dir(b, sha256, &fd);
    if (e)
        return e;
    e = blobs_sync_dir(b, sha256, fd);
    close(fd);
    return e;
}

enum err blobs_quarantine(struct blobs *b, const char *sha256)
{
    char path[BLOBS_PATH_SIZE], to[128];
    struct stat st;
    blobs_path(sha256, path);
    enum err e = blobs_stat(b, sha256, &st);
    if (e && e != ERR_CORRUPT)
        return e;
    snprintf(to, sizeof(to), "%.64s.%llu", sha256, (unsigned long long)clock_unix_ms());
    if (renameat(b->blobs_fd, path, b->quarantine_fd, to) != 0)
        return blobs_errno("quarantine", errno);
    blobs_count(b, (uint64_t)st.st_size, -1);
    pthread_mutex_lock(&b->space_lock);
    b->quarantined++;
    pthread_mutex_unlock(&b->space_lock);
    log_write(LOG_ERROR, "quarantine", "the bytes of blob %s went bad; they are kept as quarantine/%s", sha256, to);
    return ERR_OK;
}

enum err blobs_unlink(struct blobs *b, const char *sha256)
{
    char path[BLOBS_PATH_SIZE];
    struct stat st;
    blobs_path(sha256, path);
    enum err e = blobs_stat(b, sha256, &st);
    if (e)
        return e;
    if (unlinkat(b->blobs_fd, path, 0) != 0)
        return blobs_errno("unlink of a blob", errno);
    blobs_count(b, (uint64_t)st.st_size, -1);
    return ERR_OK;
}

enum err blobs_delete(struct blobs *b, const char *sha256)
{
    enum err e = blobs_unlink(b, sha256);
    return e ? e : blobs_sync(b, sha256);
}

/* ---- opening */

static enum err open_dir(int at, const char *name, int make, int *fd)
{
    if (make && mkdirat(at, name, DIR_MODE) != 0 && errno != EEXIST)
        return blobs_errno(name, errno);
    *fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *fd < 0 ? blobs_errno(name, errno) : ERR_OK;
}

/* The bad copies set aside so far: "<sha256>.<unix ms>". */
static enum err count_quarantine(struct blobs *b)
{
    DIR *dir = fdopendir(dup(b->quarantine_fd));
    if (!dir)
        return blobs_errno("quarantine", errno);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        char name[HASH_HEX_SIZE];
        snprintf(name, sizeof(name), "%.64s", entry->d_name);
        b->quarantined += (uint64_t)(num_is_hex(name, HASH_HEX_SIZE - 1) && entry->d_name[HASH_HEX_SIZE - 1] == '.');
    }
    closedir(dir);
    return ERR_OK;
}

/* Drafts that had to have a name, left by a process that was killed. */
static enum err sweep(struct blobs *b)
{
    DIR *dir = fdopendir(dup(b->tmp_fd));
    if (!dir)
        return blobs_errno("tmp", errno);
    unsigned swept = 0;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
        if (entry->d_name[0] != '.' && unlinkat(b->tmp_fd, entry->d_name, 0) == 0)
            swept++;
    closedir(dir);
    if (swept)
        log_write(LOG_INFO, "sweep", "removed %u left-over temporary files", swept);
    return ERR_OK;
}

static enum err count_one(void *ctx, const char *sha256, const char *path, const struct stat *st)
{
    struct blobs *b = ctx;
    unsigned first, second;
    (void)path;
    split(sha256, &first, &second);
    atomic_store(&b->durable[first][second], 1);
    b->files++;
    b->bytes += (uint64_t)st->st_size;
    return ERR_OK;
}

static enum err open_common(const char *data, int make, struct blobs **out)
{
    struct blobs *b = calloc(1, sizeof(*b));
    if (!b)
        return ERR_NOMEM;
    b->data_fd = b->blobs_fd = b->tmp_fd = b->quarantine_fd = -1;
    pthread_mutex_init(&b->space_lock, NULL);
    snprintf(b->data, sizeof(b->data), "%s", data);
    enum err e = open_dir(AT_FDCWD, data, 0, &b->data_fd);
    if (!e)
        e = open_dir(b->data_fd, "blobs", make, &b->blobs_fd);
    if (e)
        blobs_close(b);
    else
        *out = b;
    return e;
}

enum err blobs_open_read(const char *data, struct blobs **out)
{
    return open_common(data, 0, out);
}

enum err blobs_open(const struct blobs_config *config, struct blobs **out)
{
    struct blobs *b;
    enum err e = open_common(config->data, 1, &b);
    if (e)
        return e;
    b->capacity_bytes = config->capacity_bytes;
    b->reserve_bytes = config->reserve_bytes;
    e = open_dir(b->data_fd, "tmp", 1, &b->tmp_fd);
    if (!e)
        e = open_dir(b->data_fd, "quarantine", 1, &b->quarantine_fd);
    if (!e)
        e = count_quarantine(b);
    if (!e)
        e = sweep(b);
    if (!e && syncfs(b->data_fd) != 0)
        e = blobs_errno("syncfs", errno);
    if (!e)
        e = blobs_walk(b, count_one, b);
    if (e)
        blobs_close(b);
    else
        *out = b;
    return e;
}

static void close_fd(int fd)
{
    if (fd >= 0)
        close(fd);
}

void blobs_close(struct blobs *b)
{
    if (!b)
        return;
    close_fd(b->data_fd);
    close_fd(b->blobs_fd);
    close_fd(b->tmp_fd);
    close_fd(b->quarantine_fd);
    pthread_mutex_destroy(&b->space_lock);
    free(b);
}
