/* Files that are made and never written over: keys, certificates, tokens. */
#ifndef RB_CLI_NEW_FILE_H
#define RB_CLI_NEW_FILE_H

#include "cli/cli.h"

#include <sys/types.h>

/* Makes path, which must not be there (nor be a link), open for writing. ERR_CONFLICT: it is there; ERR_DENIED, ERR_IO. An error was said; *fd is the caller's. */
enum err new_file_open(const struct cli *c, const char *path, mode_t mode, int *fd) MUST_CHECK;
/* Writes all of it, flushes and closes fd in any case. After an error, which was said, path is gone again. */
enum err new_file_write(const struct cli *c, const char *path, int fd, const void *data, size_t n) MUST_CHECK;
/* Takes back what new_file_open() made. */
void new_file_drop(const char *path, int fd);

#endif
