/* The list of what this peer shares, in memory: each file with what fstat(2) said of it and, once it was read, its hash; and, beside each, what the index of peers was
 * told of it, so that the changes since are always at hand. Knows no folder, no database and no network. Thread-safe.
 *
 * Everything in it is settled: whoever puts a file in has seen that nobody was writing it. */
#ifndef RB_NODE_SHARE_LIST_H
#define RB_NODE_SHARE_LIST_H

#include "lib/wire/shared.h"

#include <sys/stat.h>

/* Which bytes are meant: any write to a file, and any other file in its place, differs in one of these. */
struct share_stat {
    uint64_t size, mtime_ns, ctime_ns, inode;
};
struct share_stat share_stat_of(const struct stat *st);
int share_stat_same(const struct share_stat *a, const struct share_stat *b);
/* How long ago it last changed in any way. A time that lies ahead is old: once the clock was set back, each new change differs from it. */
uint64_t share_stat_age_ms(const struct share_stat *st);

struct share_list;

/* NULL when out of memory. */
struct share_list *share_list_new(void);
void share_list_free(struct share_list *l);

/* ---- what is in the folder */

/* Lists a file as it is now. sha256 (32 bytes) is the hash of just these bytes, or NULL when it is not known: then an entry that was the same keeps its own, and another waits to be hashed.
 * ERR_FULL past SHARED_FILES_MAX; ERR_NOMEM. The name is one that shared_name_check() takes. */
enum err share_list_put(struct share_list *l, const char *name, const struct share_stat *st, const uint8_t *sha256) MUST_CHECK;
/* Takes a file, or all files below a folder ("" is the whole), off the list. Fine when nothing is there. */
void share_list_remove(struct share_list *l, const char *name);
void share_list_remove_below(struct share_list *l, const char *folder);

/* Somebody wrote to it: its hash is not believed any more once it is put again, even when stat(2) shows no change (a long write(2) sets the times when it begins). */
void share_list_touch(struct share_list *l, const char *name);

/* Around a reading of a folder: what is below it and was neither put nor kept in between goes at the end. One thread at a time. */
void share_list_sweep_begin(struct share_list *l);
void share_list_keep(struct share_list *l, const char *name);
void share_list_sweep_end(struct share_list *l, const char *folder);

/* ---- asking */

/* One file; sha256 becomes "" when it is not known. ERR_NOT_FOUND. ERR_UNAVAILABLE: it was touched, and not put since. */
enum err share_list_get(struct share_list *l, const char *name, struct share_stat *st, char sha256[HASH_HEX_SIZE]) MUST_CHECK;
/* How many files it has, and the digest of those that are told: all but what was left out (share_list_leave_out()). */
void share_list_sum(struct share_list *l, uint64_t *files, char digest[SHARED_DIGEST_HEX_SIZE]);
/* Calls `each` for up to `limit` files behind `after` ("" is the first), in the order of their names, under the lock: it may copy, not wait. The file is borrowed.
 * Stops early when it returns an error, and returns that. */
enum err share_list_page(
    struct share_list *l, const char *after, size_t limit, enum err (*each)(void *ctx, const struct shared_file *f), void *ctx) MUST_CHECK;

/* ---- hashing */

/* Takes the file that has waited longest. Returns 0 when none waits. */
int share_list_next(struct share_list *l, char name[SHARED_NAME_MAX + 1], struct share_stat *st);
/* Lets it wait again, when its time was not right. */
void share_list_again(struct share_list *l, const char *name);
/* Writes its hash down, when it is still the same file. */
void share_list_hashed(struct share_list *l, const char *name, const struct share_stat *st, const uint8_t sha256[HASH_SIZE]);
/* Its bytes were found not to be what was hashed, though stat(2) shows no change: the hash goes, and the file waits. */
void share_list_doubt(struct share_list *l, const char *name);

/* ---- telling (share_told.c) */

/* Fills an initialised delta with what the index was not told yet, as much as fits, but no more than `most` names. It has no names when there is nothing to tell; its base is "" when nothing was
 * told. ERR_NOMEM. */
enum err share_list_delta(struct share_list *l, size_t most, struct shared_delta *d) MUST_CHECK;
/* The index took this delta. ERR_NOMEM: what was told is not known now, as after share_list_told_nothing(). */
enum err share_list_told(struct share_list *l, const struct shared_delta *d) MUST_CHECK;
/* What the index has is not known: all is to be told anew. */
void share_list_told_nothing(struct share_list *l);
/* The index was found to have exactly a list with this digest. Returns 0 when that is not the list as it is now; then nothing changes. */
int share_list_told_all(struct share_list *l, const char *digest);
/* The digest of what was told; "" when nothing was. */
void share_list_told_digest(struct share_list *l, char digest[SHARED_DIGEST_HEX_SIZE]);
/* The index does not take this file, which a delta told: it is left out of what is told and of the digest, until it changes or all is told anew. Returns 0 when the file is another one by now; then
 * nothing changes. */
int share_list_leave_out(struct share_list *l, const struct shared_file *f);
/* Whether there is something to tell. */
int share_list_has_news(struct share_list *l);
/* Whether the index knows every file that it takes, as it is or as it was: hashes may follow. *files is how many there are. */
int share_list_names_are_told(struct share_list *l, uint64_t *files);

#endif
