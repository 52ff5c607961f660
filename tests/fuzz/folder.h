/* A folder in memory for targets whose parser reads files: made at the first call, below FUZZ_FOLDER or /dev/shm, removed when the process ends. A process that
 * a finding ends leaves it behind: tests/fuzz/run removes FUZZ_FOLDER. */
#ifndef RB_TESTS_FUZZ_FOLDER_H
#define RB_TESTS_FUZZ_FOLDER_H

#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

static char fuzz_folder_path[128];

static inline int fuzz_remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st, (void)kind, (void)at;
    return remove(path);
}

static inline void fuzz_folder_remove(void)
{
    if (*fuzz_folder_path)
        nftw(fuzz_folder_path, fuzz_remove_one, 16, FTW_DEPTH | FTW_PHYS);
    *fuzz_folder_path = '\0';
}

static inline const char *fuzz_folder(void)
{
    static int is_due;
    if (!*fuzz_folder_path) {
        const char *parent = getenv("FUZZ_FOLDER");
        snprintf(fuzz_folder_path, sizeof(fuzz_folder_path), "%.100s/rb-fuzz-XXXXXX", parent ? parent : "/dev/shm");
        FUZZ_CHECK(mkdtemp(fuzz_folder_path));
        if (!is_due++)
            atexit(fuzz_folder_remove);
    }
    return fuzz_folder_path;
}

/* A path below it; valid until the next call. */
static inline const char *fuzz_path(const char *below)
{
    static char path[256];
    snprintf(path, sizeof(path), "%s/%s", fuzz_folder(), below);
    return path;
}

/* A file of these bytes, whatever was there. */
static inline void fuzz_write(const char *below, const void *data, size_t size, mode_t mode)
{
    const char *path = fuzz_path(below);
    unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    FUZZ_CHECK(fd >= 0 && write(fd, data, size) == (ssize_t)size && close(fd) == 0);
}

#endif
