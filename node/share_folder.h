/* The shared folder on the disk: which names are shared, and opening what they name without ever leaving the folder.
 *
 * Whatever is opened is opened from the folder's descriptor by openat2(2) with RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS: no name, and no link that somebody puts in its way while
 * we look, leads elsewhere. The folder may go away and come back. Thread-safe; share_folder_check() is for one thread. */
#ifndef RB_NODE_SHARE_FOLDER_H
#define RB_NODE_SHARE_FOLDER_H

#include "lib/base/err.h"

#include <sys/stat.h>

struct share_folder;

/* path is copied; the folder itself may be reached through a link. ERR_NOT_FOUND, ERR_DENIED, ERR_INVALID: no folder. ERR_IO, ERR_NOMEM. */
enum err share_folder_new(const char *path, struct share_folder **out) MUST_CHECK;
void share_folder_free(struct share_folder *f);
const char *share_folder_path(const struct share_folder *f);

/* Looks whether the path still leads to the folder that is open; when not, opens what is there now. *changed says whether it is another one than before.
 * ERR_NOT_FOUND: there is none now, or none that can be read. */
enum err share_folder_check(struct share_folder *f, int *changed) MUST_CHECK;

/* Whether a file of this name is shared: shared_name_check() of lib/wire/shared.h, and its last segment is not that of an unfinished file (*.part *.part.map *.tmp *.crdownload *~). */
int share_folder_name_ok(const char *name);

/* Whether a path lies in the folder under a name that is not hidden, so that it, or what is in it, would be shared. Paths that lead nowhere do not. */
int share_folder_covers(const char *folder, const char *path);

/* Opens a regular file for reading, never waiting for a pipe's other end; *fd is the caller's. ERR_NOT_FOUND: nothing there that is shared; ERR_UNAVAILABLE: too many files are
 * open, or memory is short; ERR_IO. The name is one that shared_name_check() takes. */
enum err share_folder_open(struct share_folder *f, const char *name, int *fd, struct stat *st) MUST_CHECK;
/* Whether somebody has the open file open for writing: 1 or 0; -1 when this cannot be told (another user's file, a network's file system). Asked by a lease that is given back at once, so SIGIO
 * must be ignored in this process. */
int share_folder_is_written(int fd);
/* Opens a folder below it, "" for itself. Errors as above. */
enum err share_folder_open_dir(struct share_folder *f, const char *name, int *fd) MUST_CHECK;
/* What a name stands for, whatever it is; a link stands for itself. Errors as above. */
enum err share_folder_look(struct share_folder *f, const char *name, struct stat *st) MUST_CHECK;

#endif
