/* A peer's own folder (`--share DIR`): what is in it is listed (share_look, share_list), hashed (share_hash), told to the leading coordinator (share_tell) and given out to who asks
 * (share_read). The parts share nothing but the list and the folder, which have their own locks. */
#ifndef RB_NODE_SHARE_H
#define RB_NODE_SHARE_H

#include "node/share_list.h"

struct node;
struct share;
struct blocks;

struct share_settings {
    const char *folder;
    uint64_t limit_rate; /* bytes a second of all downloads together; 0: no limit */
};

/* Opens the folder and begins to list it in the background. n is borrowed, outlives it, and has database, key and clients. Returns an error after saying why in the log: ERR_NOT_FOUND,
 * ERR_DENIED, ERR_INVALID: it is no folder that can be read. ERR_UNAVAILABLE: no inotify. ERR_NOMEM. */
enum err share_start(struct node *n, const struct share_settings *settings, struct share **out) MUST_CHECK;
/* Ends the threads and all downloads that wait; nothing is told from then on. NULL is fine, as for free. */
void share_stop(struct share *s);
/* Nobody may be serving any more. */
void share_free(struct share *s);

struct share_list *share_files(struct share *s);
/* Whether the folder was read as a whole: until then the list says nothing about it. */
int share_is_read(struct share *s);
/* What a coordinator said in answer to a heartbeat that was sent at asked_ms (boot clock): whether it leads, and the digest of our list in the index: "" when there is none, NULL when that
 * is not known. */
void share_heard(struct share *s, size_t coordinator, int leads, const char *listed, uint64_t asked_ms);

/* ---- share_read.c: giving a listed file out */

struct share_read;

/* Opens a listed file just as it is listed; one that is being changed at the moment is waited for. The name may be anything. ERR_SYNTAX: no shared file can have this name. ERR_NOT_FOUND: none has.
 * ERR_UNAVAILABLE: it is still being changed, or no descriptor is to be had. */
enum err share_read_open(struct share *s, const char *name, struct share_read **out) MUST_CHECK;
/* What it is; sha256 is "" when it is not known. */
const struct share_stat *share_read_stat(const struct share_read *r);
const char *share_read_sha256(const struct share_read *r);
/* Only this part of it will be read; first + len is at most its size. Before the first share_read_next(). */
void share_read_part(struct share_read *r, uint64_t first, uint64_t len);
/* Gives out the next 1 to max bytes, when it is their turn; *n is 0 when all were given. The last of them are only given when the file did not change since it was opened and, where a whole file
 * with a known hash was read, when it has that hash. ERR_CONFLICT: it did, or has not: what was given is to be thrown away. ERR_UNAVAILABLE: the node stops. ERR_IO. */
enum err share_read_next(struct share_read *r, void *to, size_t max, size_t *n) MUST_CHECK;
void share_read_free(struct share_read *r);

/* The block hashes of a listed file. ERR_SYNTAX, ERR_NOT_FOUND; ERR_CONFLICT: it is not hashed yet. *out is the caller's. */
enum err share_blocks(struct share *s, const char *name, struct blocks *out) MUST_CHECK;

#endif
