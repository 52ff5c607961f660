#include "node/blobs_inside.h"

#include "lib/base/fs.h"
#include "lib/base/id.h"
#include "lib/base/num.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define FILE_MODE 0640
#define WRITEBACK_BYTES \
    (8u << 20) /* the kernel is asked to start writing after each so many bytes, so that the fsync at the end is short */
#define NAME_SIZE 33

struct draft {
    struct blobs *b;
    struct hash_ctx *hash;
    int fd;
    int synced, counted;
    char name[NAME_SIZE]; /* in DATA/tmp; "" for an unnamed file */
    uint64_t size, written, flushing;
};

/* An unnamed file where there are such; otherwise a named one. */
static enum err open_file(struct draft *d)
{
    d->fd = openat(d->b->tmp_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, FILE_MODE);
    if (d->fd >= 0)
        return ERR_OK;
    if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)
        return blobs_errno("a temporary file", errno);
    id_random_hex(d->name, (NAME_SIZE - 1) / 2);
    d->fd = openat(d->b->tmp_fd, d->name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
    if (d->fd >= 0)
        return ERR_OK;
    int why = errno;
    d->name[0] = '\0';
    return blobs_errno("a temporary file", why);
}

/* Takes the blocks now, so that a full disk says so before a byte was sent. File systems that cannot leave it at the counters. */
static enum err take_blocks(struct draft *d)
{
    if (d->size == 0)
        return ERR_OK;
    int rc;
    do
        rc = fallocate(d->fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)d->size);
    while (rc != 0 && errno == EINTR);
    if (rc == 0 || errno == EOPNOTSUPP || errno == ENOSYS)
        return ERR_OK;
    return blobs_errno("fallocate", errno);
}

enum err draft_new(struct blobs *b, uint64_t size, struct draft **out)
{
    if (blobs_is_suspect(b))
        return ERR_UNAVAILABLE;
    if (size > INT64_MAX)
        return ERR_FULL;
    struct draft *d = calloc(1, sizeof(*d));
    if (!d)
        return ERR_NOMEM;
    d->b = b;
    d->fd = -1;
    d->size = size;
    d->hash = hash_new();
    enum err e = d->hash ? blobs_reserve(b, size) : ERR_NOMEM;
    d->counted = !e;
    if (!e)
        e = open_file(d);
    if (!e)
        e = take_blocks(d);
    if (e)
        draft_free(d);
    else
        *out = d;
    return e == ERR_NOT_FOUND ? ERR_IO : e;
}

void draft_free(struct draft *d)
{
    if (!d)
        return;
    if (d->name[0] != '\0')
        unlinkat(d->b->tmp_fd, d->name, 0);
    if (d->fd >= 0)
        close(d->fd);
    if (d->counted)
        blobs_unreserve(d->b, d->size);
    hash_free(d->hash);
    free(d);
}

enum err draft_write(struct draft *d, const void *data, size_t n)
{
    if (n > d->size - d->written)
        return ERR_TOO_LARGE;
    enum err e = fs_write_all(d->fd, data, n);
    if (e)
        return e;
    hash_add(d->hash, data, n);
    d->written += n;
    if (d->written - d->flushing >= WRITEBACK_BYTES) {
        sync_file_range(d->fd, (off_t)d->flushing, (off_t)(d->written - d->flushing), SYNC_FILE_RANGE_WRITE);
        d->flushing = d->written;
    }
    return ERR_OK;
}

int draft_fd(const struct draft *d)
{
    return d->fd;
}

uint64_t draft_size(const struct draft *d)
{
    return d->size;
}

enum err draft_sync(struct draft *d, char sha256[HASH_HEX_SIZE])
{
    struct stat st;
    uint8_t digest[HASH_SIZE];
    if (fstat(d->fd, &st) != 0)
        return ERR_IO;
    if ((uint64_t)st.st_size != d->size)
        return ERR_INVALID;
    enum err e = blobs_fsync(d->b, d->fd, "a new blob");
    if (e)
        return e;
    hash_end(d->hash, digest);
    num_hex(digest, HASH_SIZE, sha256);
    d->synced = 1;
    return ERR_OK;
}

static int give_name(struct draft *d, int dir_fd, const char *sha256)
{
    if (d->name[0] != '\0')
        return linkat(d->b->tmp_fd, d->name, dir_fd, sha256, 0);
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", d->fd);
    return linkat(AT_FDCWD, path, dir_fd, sha256, AT_SYMLINK_FOLLOW);
}

enum err draft_name(struct draft *d, const char *sha256, struct stat *st)
{
    int dir_fd;
    assert(d->synced);
    if (blobs_is_suspect(d->b))
        return ERR_UNAVAILABLE;
    enum err e = blobs_open_dir(d->b, sha256, &dir_fd);
    if (e)
        return e;
    if (give_name(d, dir_fd, sha256) != 0)
        e = errno == EEXIST ? ERR_CONFLICT : blobs_errno("link of a blob", errno);
    if (!e && d->name[0] != '\0') {
        unlinkat(d->b->tmp_fd, d->name, 0);
        d->name[0] = '\0';
    }
    if (!e) {
        blobs_unreserve(d->b, d->size);
        blobs_count(d->b, d->size, 1);
        d->counted = 0;
    }
    if (!e && fstat(d->fd, st) != 0)
        e = ERR_IO;
    if (!e && close(d->fd) != 0)
        e = blobs_errno("close of a new blob", errno);
    if (!e)
        d->fd = -1;
    close(dir_fd);
    return e == ERR_NOT_FOUND ? ERR_IO : e;
}

enum err draft_link(struct draft *d, const char *sha256, struct stat *st)
{
    /* After a failed flush the name stays: the bytes are right, and another thread may have found and flushed it already. */
    enum err e = draft_name(d, sha256, st);
    return e ? e : blobs_sync(d->b, sha256);
}
