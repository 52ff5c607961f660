#include "cli/new_file.h"

#include "lib/base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum err new_file_open(const struct cli *c, const char *path, mode_t mode, int *fd)
{
    int made = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);

    if (made < 0 && errno == EEXIST)
        return out_fail(&c->out, ERR_CONFLICT, "%s is there already; it is not overwritten.", path);
    if (made < 0)
        return out_fail(&c->out, errno == EACCES ? ERR_DENIED : ERR_IO, "%s cannot be made: %s.", path, strerror(errno));
    *fd = made;
    return ERR_OK;
}

enum err new_file_write(const struct cli *c, const char *path, int fd, const void *data, size_t n)
{
    enum err e = fs_write_all(fd, data, n);

    if (!e && fsync(fd) != 0)
        e = ERR_IO;
    if (close(fd) != 0 && !e)
        e = ERR_IO;
    if (!e)
        return ERR_OK;
    unlink(path);
    return out_fail(&c->out, e, "%s cannot be written: %s.", path, err_text(e));
}

void new_file_drop(const char *path, int fd)
{
    close(fd);
    unlink(path);
}
