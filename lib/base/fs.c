#include "lib/base/fs.h"

#include "lib/base/id.h"
#include "lib/base/num.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define SECRET_BYTES_MAX 1024
#define READ_SIZE 65536

static enum err from_errno(int number)
{
    switch (number) {
    case ENOENT: return ERR_NOT_FOUND;
    case ENOMEM: return ERR_NOMEM;
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return ERR_FULL;
    default: return ERR_IO;
    }
}

enum err fs_write_all(int fd, const void *data, size_t n)
{
    const char *p = data;
    while (n > 0) {
        ssize_t written = write(fd, p, n);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return from_errno(errno) == ERR_FULL ? ERR_FULL : ERR_IO;
        p += written;
        n -= (size_t)written;
    }
    return ERR_OK;
}

static enum err read_rest(int fd, struct buf *b)
{
    for (;;) {
        char piece[READ_SIZE];
        ssize_t got = read(fd, piece, sizeof(piece));
        if (got == 0)
            return ERR_OK;
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return ERR_IO;
        enum err e = buf_add(b, piece, (size_t)got);
        if (e)
            return e;
    }
}

enum err fs_read_some_at(int fd, void *to, size_t max, uint64_t at, size_t *n)
{
    ssize_t got;
    do
        got = pread(fd, to, max, (off_t)at);
    while (got < 0 && errno == EINTR);
    if (got <= 0)
        return got < 0 ? ERR_IO : ERR_CONFLICT;
    *n = (size_t)got;
    return ERR_OK;
}

enum err fs_read_at(int fd, void *to, size_t n, uint64_t at)
{
    char *next = to;
    for (size_t got = 0; n > 0; n -= got, at += got, next += got) {
        enum err e = fs_read_some_at(fd, next, n, at, &got);
        if (e)
            return e;
    }
    return ERR_OK;
}

enum err fs_read_file(const char *path, struct buf *b)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return from_errno(errno);
    enum err e = read_rest(fd, b);
    close(fd);
    return e;
}

/* The folder that holds path, into out. */
static enum err parent_of(const char *path, char out[PATH_MAX])
{
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/')
        len--;
    while (len > 0 && path[len - 1] != '/')
        len--;
    while (len > 1 && path[len - 1] == '/')
        len--;
    if (len >= PATH_MAX)
        return ERR_IO;
    if (len == 0)
        memcpy(out, ".", 2);
    else {
        memcpy(out, path, len);
        out[len] = '\0';
    }
    return ERR_OK;
}

static enum err sync_parent(const char *path)
{
    char parent[PATH_MAX];
    enum err e = parent_of(path, parent);
    return e ? e : fs_sync_dir(parent);
}

/* Writes a new file and makes it durable; what is left of a failed one is removed. */
static enum err write_new(const char *path, const void *data, size_t n, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0)
        return from_errno(errno);
    enum err e = fs_write_all(fd, data, n);
    if (!e && fsync(fd) != 0)
        e = from_errno(errno);
    if (close(fd) != 0 && !e)
        e = ERR_IO;
    if (e)
        unlink(path);
    return e;
}

enum err fs_replace_file(const char *path, const void *data, size_t n, mode_t mode)
{
    char temp[PATH_MAX], random[17];
    id_random_hex(random, 8);
    int len = snprintf(temp, sizeof(temp), "%s.tmp-%s", path, random);
    if (len < 0 || (size_t)len >= sizeof(temp))
        return ERR_IO;
    enum err e = write_new(temp, data, n, mode);
    if (e)
        return e;
    if (rename(temp, path) != 0) {
        e = from_errno(errno);
        unlink(temp);
        return e;
    }
    return sync_parent(path);
}

/* Makes one directory whose parent is there. */
static enum err make_dir(const char *path, mode_t mode)
{
    if (mkdir(path, mode) == 0)
        return sync_parent(path);
    int why = errno;
    struct stat st;
    if (why == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return ERR_OK;
    return from_errno(why);
}

enum err fs_mkdirs(const char *path, mode_t mode)
{
    char part[PATH_MAX];
    size_t len = strlen(path);
    if (len == 0 || len >= sizeof(part))
        return ERR_IO;
    memcpy(part, path, len + 1);
    for (size_t i = 1; i <= len; i++) {
        if (part[i] != '/' && part[i] != '\0')
            continue;
        part[i] = '\0';
        enum err e = make_dir(part, mode);
        if (e)
            return e;
        part[i] = i < len ? '/' : '\0';
    }
    return ERR_OK;
}

enum err fs_sync_dir(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return from_errno(errno);
    enum err e = fsync(fd) == 0 ? ERR_OK : ERR_IO;
    close(fd);
    return e;
}

enum err fs_space(const char *path, uint64_t *free_bytes, uint64_t *total_bytes)
{
    struct statvfs s;
    if (statvfs(path, &s) != 0)
        return from_errno(errno);
    *free_bytes = (uint64_t)s.f_bavail * s.f_frsize;
    *total_bytes = (uint64_t)s.f_blocks * s.f_frsize;
    return ERR_OK;
}

/* Root may change everything anyway; anybody else could have put there what he knows. */
static int is_of_another(const struct stat *st)
{
    return st->st_uid != 0 && st->st_uid != geteuid();
}

enum err fs_read_private(const char *path, struct buf *b)
{
    struct stat st;
    if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode) && is_of_another(&st))
        return ERR_DENIED; /* he says which of our files it is */
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == EACCES ? ERR_DENIED : from_errno(errno);
    enum err e = ERR_OK;
    if (fstat(fd, &st) != 0)
        e = ERR_IO;
    else if (!S_ISREG(st.st_mode) || (st.st_mode & (S_IRWXG | S_IRWXO)) != 0 || is_of_another(&st))
        e = ERR_DENIED;
    if (!e)
        e = buf_reserve(b, b->max); /* at once: growing would leave copies of a secret behind */
    if (!e && read_rest(fd, b) != ERR_OK)
        e = ERR_SYNTAX; /* longer than it may be */
    close(fd);
    return e;
}

/* At most size - 1 bytes, NUL-terminated, without one newline at their end. */
static enum err read_private_line(const char *path, char *out, size_t size)
{
    struct buf text;
    buf_init(&text, size - 1);
    enum err e = fs_read_private(path, &text);
    if (!e && strlen(text.data) != text.len)
        e = ERR_SYNTAX;
    if (!e) {
        memcpy(out, text.data, text.len + 1);
        if (text.len > 0 && out[text.len - 1] == '\n')
            out[text.len - 1] = '\0';
    }
    if (text.data)
        explicit_bzero(text.data, text.len);
    buf_release(&text);
    return e;
}

enum err fs_read_secret(const char *path, void *out, size_t bytes)
{
    char hex[2 * SECRET_BYTES_MAX + 2];
    uint8_t secret[SECRET_BYTES_MAX];
    if (bytes == 0 || bytes > SECRET_BYTES_MAX)
        return ERR_SYNTAX;
    enum err e = read_private_line(path, hex, 2 * bytes + 2);
    if (!e)
        e = num_unhex(hex, secret, bytes);
    if (!e) {
        uint8_t any = 0;
        for (size_t i = 0; i < bytes; i++)
            any |= secret[i];
        e = any ? ERR_OK : ERR_DENIED;
    }
    if (!e)
        memcpy(out, secret, bytes);
    explicit_bzero(hex, sizeof(hex));
    explicit_bzero(secret, sizeof(secret));
    return e;
}
