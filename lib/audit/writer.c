#include "lib/audit/writer.h"

#include "lib/base/fs.h"
#include "lib/base/id.h"
#include "lib/base/log.h"
#include "lib/base/num.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BATCH_MAX (256u << 10)
#define NAME_TRIES 16 /* a name that is taken: another millisecond */
#define AFTER_SIZE 160u

void audit_writer_init(
    struct audit_writer *w, const char *folder, const char *process, const uint8_t *master, const struct audit_limits *limits)
{
    *w = (struct audit_writer){.folder = folder, .process = process, .master = master, .limits = *limits, .fd = -1};
    buf_init(&w->batch, BATCH_MAX);
}

/* Forgets the chain; the next begin makes a new one. */
static void shut(struct audit_writer *w)
{
    if (w->fd >= 0)
        close(w->fd);
    w->fd = -1;
    w->unsynced = 0;
    buf_reset(&w->batch);
    audit_chain_release(&w->chain);
    audit_chain_release(&w->before);
}

/* ---- a new chain */

/* The seed of this start; the next one is on the disk in its place when it returns. */
static enum err take_seed(const struct audit_writer *w, uint8_t seed[AUDIT_KEY_SIZE], uint64_t *start)
{
    uint8_t next[AUDIT_KEY_SIZE];
    enum err e = audit_folder_read_seed(w->folder, seed, start);
    if ((e == ERR_NOT_FOUND || e == ERR_CORRUPT) && w->master) {
        if (e == ERR_CORRUPT)
            log_write(LOG_ERROR, "audit", "the seed in %s cannot be read: begins anew from the cluster's key", w->folder);
        audit_seed_first(w->master, w->process, seed);
        *start = 0;
        e = ERR_OK;
    }
    if (e)
        return e;
    memcpy(next, seed, sizeof next);
    audit_seed_next(next);
    e = *start < AUDIT_STARTS_MAX ? audit_folder_write_seed(w->folder, next, *start + 1) : ERR_INVALID;
    explicit_bzero(next, sizeof next);
    return e;
}

/* Where the log ends now, as far as that can be read: "chain:n:h" of its last line, or "". *floor_ms: no name before it. */
static enum err look_back(const struct audit_writer *w, char after[AFTER_SIZE], uint64_t *floor_ms)
{
    struct audit_files files;
    struct audit_tail tail;
    char h[HASH_HEX_SIZE];
    after[0] = '\0';
    *floor_ms = 0;
    enum err e = audit_folder_list(w->folder, &files);
    if (e)
        return e;
    if (files.n > 0)
        *floor_ms = strtoull(files.at[files.n - 1].name + strlen("AUDIT-"), NULL, 10) + 1;
    for (size_t i = files.n; i-- > 0;) {
        if (audit_folder_tail(w->folder, files.at[i].name, &tail) != ERR_OK)
            continue; /* nothing whole is in it */
        num_hex(tail.h, sizeof tail.h, h);
        snprintf(after, AFTER_SIZE, "%s:%llu:%s", tail.chain, (unsigned long long)tail.n, h);
        break;
    }
    audit_files_release(&files);
    return ERR_OK;
}

/* The present file of the chain, made anew. ERR_CONFLICT: there is one of that name. */
static enum err make_file(struct audit_writer *w, uint64_t started_ms, uint64_t file, int *fd)
{
    char name[AUDIT_NAME_SIZE], path[AUDIT_PATH_SIZE];
    audit_folder_name(started_ms, file, name);
    enum err e = audit_folder_path(w->folder, name, path);
    if (e)
        return e;
    *fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (*fd >= 0)
        return ERR_OK;
    return errno == EEXIST ? ERR_CONFLICT : errno == ENOSPC || errno == EDQUOT ? ERR_FULL : errno == EACCES ? ERR_DENIED : ERR_IO;
}

static enum err open_first(struct audit_writer *w, uint64_t unix_ms, uint64_t floor_ms)
{
    enum err e = ERR_CONFLICT;
    w->started_ms = unix_ms > floor_ms ? unix_ms : floor_ms;
    for (int i = 0; i < NAME_TRIES && e == ERR_CONFLICT; i++) {
        e = make_file(w, w->started_ms, 1, &w->fd);
        w->started_ms += e == ERR_CONFLICT;
    }
    w->bytes = 0;
    return e;
}

enum err audit_writer_begin(struct audit_writer *w, uint64_t unix_ms, uint64_t boot_ms)
{
    uint8_t seed[AUDIT_KEY_SIZE];
    uint64_t start, floor_ms;
    char id[AUDIT_CHAIN_SIZE], after[AFTER_SIZE];
    if (w->fd >= 0)
        return ERR_OK;
    enum err e = fs_mkdirs(w->folder, 0700);
    if (!e)
        e = look_back(w, after, &floor_ms);
    if (!e)
        e = take_seed(w, seed, &start);
    if (e)
        return e;
    id_random_hex(id, (AUDIT_CHAIN_SIZE - 1) / 2);
    audit_chain_init(&w->chain, seed, start, w->process, id);
    explicit_bzero(seed, sizeof seed);
    w->before = w->chain;
    w->key_since_ms = boot_ms;
    w->tended_ms = 0;
    e = open_first(w, unix_ms, floor_ms);
    if (!e)
        e = audit_chain_add_start(&w->chain, unix_ms, after, &w->batch);
    if (!e)
        e = audit_writer_flush(w);
    if (!e)
        e = audit_writer_sync(w);
    if (!e)
        e = fs_sync_dir(w->folder);
    if (e)
        shut(w);
    return e;
}

/* ---- lines */

enum err audit_writer_add(struct audit_writer *w, uint64_t at_ms, enum audit_kind kind, const char *members, size_t len)
{
    return w->fd < 0 ? ERR_UNAVAILABLE : audit_chain_add(&w->chain, at_ms, kind, members, len, &w->batch);
}

enum err audit_writer_flush(struct audit_writer *w)
{
    if (w->fd < 0)
        return ERR_UNAVAILABLE;
    if (w->batch.len == 0)
        return ERR_OK;
    enum err e = fs_write_all(w->fd, w->batch.data, w->batch.len);
    if (!e) {
        w->bytes += w->batch.len;
        w->before = w->chain;
        w->unsynced = 1;
        buf_reset(&w->batch);
        return ERR_OK;
    }
    /* What was written of it must not stay: the next line would stand behind half a line. */
    if (ftruncate(w->fd, (off_t)w->bytes) != 0) {
        shut(w);
        return e;
    }
    w->chain = w->before;
    buf_reset(&w->batch);
    return e;
}

enum err audit_writer_sync(struct audit_writer *w)
{
    if (w->fd < 0)
        return ERR_UNAVAILABLE;
    if (!w->unsynced)
        return ERR_OK;
    if (fdatasync(w->fd) == 0) {
        w->unsynced = 0;
        return ERR_OK;
    }
    enum err e = errno == ENOSPC || errno == EDQUOT ? ERR_FULL : ERR_IO;
    shut(w);
    return e;
}

void audit_writer_head(const struct audit_writer *w, uint64_t unix_ms, struct audit_head *out)
{
    audit_head_make(&w->before, unix_ms, out);
}

/* ---- what is due */

static enum err step_key(struct audit_writer *w, uint64_t unix_ms, uint64_t boot_ms)
{
    enum err e = audit_chain_add_key(&w->chain, unix_ms, &w->batch);
    if (!e)
        e = audit_writer_flush(w);
    if (!e)
        w->key_since_ms = boot_ms;
    return e;
}

/* The next file is there with its first line before anything is written after it; the key has gone a step further. */
static enum err next_file(struct audit_writer *w, uint64_t unix_ms, uint64_t boot_ms)
{
    int fd;
    enum err e = step_key(w, unix_ms, boot_ms);
    if (!e)
        e = audit_writer_sync(w);
    if (!e)
        e = make_file(w, w->started_ms, w->chain.file + 1, &fd);
    if (e)
        return e;
    close(w->fd);
    w->fd = fd;
    w->bytes = 0;
    e = audit_chain_add_file(&w->chain, unix_ms, &w->batch);
    if (!e)
        e = audit_writer_flush(w);
    if (!e)
        e = audit_writer_sync(w);
    if (!e)
        e = fs_sync_dir(w->folder);
    if (e)
        shut(w); /* a file without its first line must be the last of its chain */
    return e;
}

/* Tells that the file goes, durably, and removes it. */
static enum err drop_file(struct audit_writer *w, uint64_t unix_ms, const char *name, const struct audit_tail *tail)
{
    char path[AUDIT_PATH_SIZE], h[HASH_HEX_SIZE];
    struct buf members;
    enum err e = audit_folder_path(w->folder, name, path);
    num_hex(tail->h, sizeof tail->h, h);
    buf_init(&members, AUDIT_LINE_MAX);
    if (!e)
        e = audit_member_text(&members, "chain", tail->chain, AUDIT_CHAIN_SIZE);
    if (!e)
        e = audit_member_number(&members, "file", tail->file);
    if (!e)
        e = audit_member_number(&members, "last", tail->n);
    if (!e)
        e = audit_member_text(&members, "h_last", h, sizeof h);
    if (!e)
        e = audit_writer_add(w, unix_ms, AUDIT_DROP, buf_str(&members), members.len);
    buf_release(&members);
    if (!e)
        e = audit_writer_flush(w);
    if (!e)
        e = audit_writer_sync(w);
    if (!e && unlink(path) != 0)
        log_write(LOG_ERROR, "audit", "%s cannot be removed: %s", path, strerror(errno));
    return e;
}

/* One that is too old or too much. What cannot be read is left for people to look at; an empty one has nothing to tell. */
static enum err drop_one(struct audit_writer *w, uint64_t unix_ms, const struct audit_file *f)
{
    struct audit_tail tail;
    char path[AUDIT_PATH_SIZE];
    enum err e = audit_folder_tail(w->folder, f->name, &tail);
    if (!e)
        return drop_file(w, unix_ms, f->name, &tail);
    if (f->bytes == 0 && audit_folder_path(w->folder, f->name, path) == ERR_OK && unlink(path) == 0)
        return ERR_OK;
    log_write(LOG_ERROR, "audit", "%s is due to go and cannot be read (%s): it stays; `ringbinder audit verify` tells more", f->name,
        err_text(e));
    return ERR_OK;
}

static enum err drop_old(struct audit_writer *w, uint64_t unix_ms)
{
    struct audit_files files;
    uint64_t bytes = 0;
    enum err e = audit_folder_list(w->folder, &files);
    if (e)
        return e;
    for (size_t i = 0; i < files.n; i++)
        bytes += files.at[i].bytes;
    /* The last one is the present one. */
    for (size_t i = 0; i + 1 < files.n && !e; i++) {
        const struct audit_file *f = &files.at[i];
        if (bytes <= w->limits.keep_max_bytes && f->changed_ms + w->limits.keep_ms >= unix_ms)
            break;
        e = drop_one(w, unix_ms, f);
        bytes -= f->bytes;
    }
    audit_files_release(&files);
    return e;
}

enum err audit_writer_tend(struct audit_writer *w, uint64_t unix_ms, uint64_t boot_ms)
{
    enum err e = w->fd < 0 ? ERR_UNAVAILABLE : ERR_OK;
    int is_due = w->tended_ms == 0 || boot_ms - w->tended_ms >= AUDIT_TEND_MS;
    if (!e && w->bytes >= w->limits.file_max_bytes) {
        e = next_file(w, unix_ms, boot_ms);
        is_due = 1;
    } else if (!e && boot_ms - w->key_since_ms >= w->limits.key_ms) {
        e = step_key(w, unix_ms, boot_ms);
    }
    if (!e && is_due) {
        e = drop_old(w, unix_ms);
        w->tended_ms = boot_ms ? boot_ms : 1;
    }
    return e;
}

enum err audit_writer_end(struct audit_writer *w, uint64_t unix_ms)
{
    enum err e = audit_writer_add(w, unix_ms, AUDIT_END, "", 0);
    if (!e)
        e = audit_writer_flush(w);
    return e ? e : audit_writer_sync(w);
}

void audit_writer_release(struct audit_writer *w)
{
    shut(w);
    buf_release(&w->batch);
}
