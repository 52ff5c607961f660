/* Files: whole writes, durable replacement, directories that survive a power cut. */
#ifndef RB_LIB_BASE_FS_H
#define RB_LIB_BASE_FS_H

#include "lib/base/buf.h"

#include <stdint.h>
#include <sys/types.h>

/* Writes all n bytes (short writes, EINTR). ERR_FULL on ENOSPC/EDQUOT/EFBIG, else ERR_IO. */
enum err fs_write_all(int fd, const void *data, size_t n) MUST_CHECK;
/* Reads 1 to max bytes at an offset into `to`; *n is how many. ERR_CONFLICT: the file ends before; ERR_IO. */
enum err fs_read_some_at(int fd, void *to, size_t max, uint64_t at, size_t *n) MUST_CHECK;
/* Reads just n bytes at an offset (short reads, EINTR). Errors as fs_read_some_at(). */
enum err fs_read_at(int fd, void *to, size_t n, uint64_t at) MUST_CHECK;
/* Reads the whole file into b (appends). ERR_NOT_FOUND, ERR_NOMEM past b's maximum, ERR_IO. */
enum err fs_read_file(const char *path, struct buf *b) MUST_CHECK;
/* Replaces path durably: temp file beside it, write, fsync, rename, fsync of the directory. mode as for open(2). */
enum err fs_replace_file(const char *path, const void *data, size_t n, mode_t mode) MUST_CHECK;
/* Makes path and its missing parents; fsyncs every parent that got a new entry. Existing directories are fine. */
enum err fs_mkdirs(const char *path, mode_t mode) MUST_CHECK;
/* fsync of a directory by path. A failed fsync is final (guarantees.md G1). */
enum err fs_sync_dir(const char *path) MUST_CHECK;
/* Free and total bytes of the file system that holds path. */
enum err fs_space(const char *path, uint64_t *free_bytes, uint64_t *total_bytes) MUST_CHECK;
/* Reads the whole of a file that only its owner may touch into b, which is empty, without growing: no copy of it is left anywhere. ERR_DENIED: group or others may touch it, it
 * or the symbolic link to it is neither ours nor root's, or we may not read it; ERR_NOT_FOUND; ERR_SYNTAX: it is longer than b's maximum; ERR_NOMEM, ERR_IO. The caller wipes what it read. */
enum err fs_read_private(const char *path, struct buf *b) MUST_CHECK;
/* Reads a secret of exactly `bytes` bytes kept as hex in a file: refuses what fs_read_private() refuses, and all-zero secrets. ERR_DENIED, ERR_SYNTAX, ERR_NOT_FOUND, ERR_IO. */
enum err fs_read_secret(const char *path, void *out, size_t bytes) MUST_CHECK;

#endif
