#include "cli/obtain_part.h"

#include "lib/base/fs.h"
#include "lib/base/num.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD_MAX 256 /* bytes of the map's head with NUL */
#define PART_END ".part"
#define MAP_END ".part.map"
#define MAP_FIRST_LINES "ringbinder-part 1\n%s\n" /* the SHA-256 of the whole */

struct part {
    const struct offer *offer; /* borrowed */
    char path[PATH_MAX], part_path[PATH_MAX], map_path[PATH_MAX];
    char sha256[HASH_HEX_SIZE];
    int fd, map_fd;
    size_t head_len;       /* of the map */
    uint64_t bytes;        /* of blocks that are there */
    struct hash_ctx *hash; /* over the blocks below `hashed`, so that little is left to hash when the last one comes */
    size_t hashed;
    uint8_t *block; /* room for one */
    uint8_t has[];
};

static enum err from_errno(void)
{
    switch (errno) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return ERR_FULL;
    case EACCES:
    case EPERM:
    case EROFS: return ERR_DENIED;
    case ENOENT:
    case ENOTDIR: return ERR_NOT_FOUND;
    default: return ERR_IO;
    }
}

static enum err write_at(int fd, const void *data, size_t n, uint64_t offset)
{
    for (const char *at = data; n > 0;) {
        ssize_t done = pwrite(fd, at, n, (off_t)offset);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return from_errno();
        at += done;
        offset += (uint64_t)done;
        n -= (size_t)done;
    }
    return ERR_OK;
}

/* ERR_CORRUPT: the file ends before. */
static enum err read_at(int fd, void *data, size_t n, uint64_t offset)
{
    enum err e = fs_read_at(fd, data, n, offset);
    return e == ERR_CONFLICT ? ERR_CORRUPT : e;
}

static size_t print_head(const struct part *p, char head[HEAD_MAX])
{
    return (size_t)snprintf(head, HEAD_MAX, MAP_FIRST_LINES "%" PRIu64 "\n%" PRIu64 "\n", p->sha256, p->offer->size, p->offer->block_bytes);
}

/* An empty map and no bytes: how every download begins. */
static enum err begin(struct part *p)
{
    size_t n = p->offer->n_blocks;
    char head[HEAD_MAX], *marks = malloc(n + 1);
    enum err e;

    if (!marks)
        return ERR_NOMEM;
    memset(marks, '0', n);
    marks[n] = '\n';
    memset(p->has, 0, n);
    p->bytes = 0;
    p->hashed = 0;
    hash_reset(p->hash);
    e = ftruncate(p->map_fd, 0) || ftruncate(p->fd, 0) || ftruncate(p->fd, (off_t)p->offer->size) ? from_errno() : ERR_OK;
    if (!e)
        e = write_at(p->map_fd, head, print_head(p, head), 0);
    if (!e)
        e = write_at(p->map_fd, marks, n + 1, p->head_len);
    free(marks);
    return e;
}

static void note(struct part *p, size_t block)
{
    p->has[block] = 1;
    p->bytes += offer_block_len(p->offer, block);
}

/* Hashes on over the blocks that are there without a gap. */
static enum err hash_on(struct part *p)
{
    while (p->hashed < p->offer->n_blocks && p->has[p->hashed]) {
        size_t len = offer_block_len(p->offer, p->hashed);
        enum err e = read_at(p->fd, p->block, len, p->hashed * p->offer->block_bytes);
        if (e)
            return e;
        hash_add(p->hash, p->block, len);
        p->hashed++;
    }
    return ERR_OK;
}

/* Are these bytes on the disk, and as the list wants them? */
static int is_right(struct part *p, size_t block)
{
    size_t len = offer_block_len(p->offer, block);
    uint8_t hash[HASH_SIZE];

    if (read_at(p->fd, p->block, len, block * p->offer->block_bytes))
        return 0;
    hash_sha256(p->block, len, hash);
    return hash_equal(hash, p->offer->blocks[block], HASH_SIZE);
}

/* Believes of a map only what the bytes bear out. ERR_CORRUPT: it is no map of this content. */
static enum err resume(struct part *p)
{
    size_t n = p->offer->n_blocks;
    char head[HEAD_MAX], there[HEAD_MAX], *marks = malloc(n + 1);
    enum err e = marks ? ERR_OK : ERR_NOMEM;

    print_head(p, head);
    if (!e)
        e = read_at(p->map_fd, there, p->head_len, 0);
    if (!e && memcmp(head, there, p->head_len) != 0)
        e = ERR_CORRUPT;
    if (!e)
        e = read_at(p->map_fd, marks, n + 1, p->head_len);
    for (size_t i = 0; !e && i < n; i++) {
        if (marks[i] == '1' && is_right(p, i))
            note(p, i);
    }
    free(marks);
    /* Bytes past the end would survive into the file. */
    if (!e && ftruncate(p->fd, (off_t)p->offer->size))
        e = from_errno();
    return e ? e : hash_on(p);
}

/* The map is the lock: who has it may write the part. A map that was renamed away or removed before the lock was got belongs to nobody. */
static enum err open_files(struct part *p)
{
    struct stat held, there;

    p->map_fd = open(p->map_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (p->map_fd < 0)
        return from_errno();
    if (flock(p->map_fd, LOCK_EX | LOCK_NB))
        return errno == EWOULDBLOCK ? ERR_CONFLICT : from_errno();
    if (fstat(p->map_fd, &held) || stat(p->map_path, &there) || held.st_ino != there.st_ino || held.st_dev != there.st_dev)
        return ERR_CONFLICT;
    p->fd = open(p->part_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    return p->fd < 0 ? from_errno() : ERR_OK;
}

static int set_paths(struct part *p, const char *path)
{
    return snprintf(p->path, sizeof p->path, "%s", path) < (int)sizeof p->path &&
           snprintf(p->part_path, sizeof p->part_path, "%s" PART_END, path) < (int)sizeof p->part_path &&
           snprintf(p->map_path, sizeof p->map_path, "%s" MAP_END, path) < (int)sizeof p->map_path;
}

enum err part_open(const char *path, const char *sha256, const struct offer *offer, struct part **out)
{
    struct part *p = calloc(1, sizeof *p + offer->n_blocks);
    char head[HEAD_MAX];
    enum err e = ERR_OK;

    if (!p)
        return ERR_NOMEM;
    p->fd = p->map_fd = -1;
    p->offer = offer;
    memcpy(p->sha256, sha256, HASH_HEX_SIZE);
    p->head_len = print_head(p, head);
    p->hash = hash_new();
    p->block = malloc((size_t)offer->block_bytes);
    if (!p->hash || !p->block)
        e = ERR_NOMEM;
    else if (!set_paths(p, path))
        e = ERR_INVALID;
    if (!e)
        e = open_files(p);
    if (!e)
        e = resume(p);
    if (e == ERR_CORRUPT)
        e = begin(p);
    if (e)
        part_free(p);
    else
        *out = p;
    return e;
}

void part_free(struct part *p)
{
    if (!p)
        return;
    if (p->fd >= 0)
        close(p->fd);
    if (p->map_fd >= 0)
        close(p->map_fd);
    hash_free(p->hash);
    free(p->block);
    free(p);
}

int part_is_begun(const char *path, const char *sha256)
{
    char map_path[PATH_MAX], want[HEAD_MAX], there[HEAD_MAX];
    size_t len = (size_t)snprintf(want, sizeof want, MAP_FIRST_LINES, sha256);
    int fd = -1, begun;

    if (snprintf(map_path, sizeof map_path, "%s" MAP_END, path) < (int)sizeof map_path)
        fd = open(map_path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    begun = fd >= 0 && read_at(fd, there, len, 0) == ERR_OK && memcmp(there, want, len) == 0;
    if (fd >= 0)
        close(fd);
    return begun;
}

int part_has(const struct part *p, size_t block)
{
    return p->has[block];
}

uint64_t part_bytes(const struct part *p)
{
    return p->bytes;
}

enum err part_put(struct part *p, size_t block, const void *data)
{
    size_t len = offer_block_len(p->offer, block);
    enum err e;

    assert(!p->has[block]);
    e = write_at(p->fd, data, len, block * p->offer->block_bytes);
    if (!e)
        e = write_at(p->map_fd, "1", 1, p->head_len + block);
    if (e)
        return e;
    note(p, block);
    return hash_on(p);
}

enum err part_recheck(struct part *p)
{
    size_t n = p->offer->n_blocks;
    char *marks = malloc(n + 1);
    enum err e;

    if (!marks)
        return ERR_NOMEM;
    memset(p->has, 0, n);
    p->bytes = 0;
    p->hashed = 0;
    hash_reset(p->hash);
    for (size_t i = 0; i < n; i++) {
        int right = is_right(p, i);
        marks[i] = right ? '1' : '0';
        if (right)
            note(p, i);
    }
    e = write_at(p->map_fd, marks, n, p->head_len);
    free(marks);
    return e ? e : hash_on(p);
}

enum err part_check(struct part *p)
{
    uint8_t hash[HASH_SIZE];
    char hex[HASH_HEX_SIZE];

    assert(p->hashed == p->offer->n_blocks);
    hash_end(p->hash, hash);
    hash_reset(p->hash);
    p->hashed = 0;
    num_hex(hash, HASH_SIZE, hex);
    return strcmp(hex, p->sha256) == 0 ? ERR_OK : ERR_CORRUPT;
}

static enum err sync_folder_of(const char *path)
{
    char folder[PATH_MAX];
    char *slash;

    snprintf(folder, sizeof folder, "%s", path);
    slash = strrchr(folder, '/');
    if (!slash)
        return fs_sync_dir(".");
    slash[slash == folder] = '\0';
    return fs_sync_dir(folder);
}

enum err part_finish(struct part *p)
{
    if (fsync(p->fd) || rename(p->part_path, p->path) || unlink(p->map_path))
        return from_errno();
    return sync_folder_of(p->path);
}
