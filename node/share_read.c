/* Giving a shared file out, piece by piece, and never a mixture of two states of it. */
#include "node/share_inside.h"

#include "lib/base/clock.h"
#include "lib/base/fs.h"
#include "lib/base/log.h"
#include "lib/base/num.h"
#include "node/share_kept.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SETTLE_MS 1500u /* how long a file that is being changed is waited for: longer than it takes to be listed anew, or not at all */
#define SETTLE_STEP_MS 25u

struct share_read {
    struct share *share;
    int fd;
    struct share_stat st;
    char sha256[HASH_HEX_SIZE];
    uint64_t at, end;
    struct hash_ctx *hash; /* of what was given so far; NULL when it cannot be compared with anything */
    char *name;
};

/* Opens a file as it is listed. ERR_CONFLICT: what is there is not what is listed. */
static enum err open_as_listed(struct share *s, const char *name, struct share_read *r)
{
    struct stat st;
    enum err e = share_list_get(s->list, name, &r->st, r->sha256);
    if (e)
        return e == ERR_UNAVAILABLE ? ERR_CONFLICT : e;
    e = share_folder_open(s->folder, name, &r->fd, &st);
    if (e)
        return e == ERR_NOT_FOUND ? ERR_CONFLICT : e;
    struct share_stat now = share_stat_of(&st);
    int written = share_stat_age_ms(&now) < SHARE_OPEN_MS && share_folder_is_written(r->fd) == 1;
    /* Looked at once more: whoever was writing may have ended just before that question. */
    if (fstat(r->fd, &st) == 0)
        now = share_stat_of(&st);
    if (!written && share_stat_same(&now, &r->st))
        return ERR_OK;
    close(r->fd);
    r->fd = -1;
    return ERR_CONFLICT;
}

static enum err open_settled(struct share *s, const char *name, struct share_read *r)
{
    uint64_t end_ms = clock_boot_ms() + SETTLE_MS;
    enum err e = open_as_listed(s, name, r);
    while (e == ERR_CONFLICT && clock_boot_ms() < end_ms) {
        clock_sleep_ms(SETTLE_STEP_MS);
        e = open_as_listed(s, name, r);
    }
    return e == ERR_CONFLICT ? ERR_UNAVAILABLE : e;
}

enum err share_read_open(struct share *s, const char *name, struct share_read **out)
{
    if (shared_name_check(name, strlen(name)) != ERR_OK)
        return ERR_SYNTAX;
    struct share_read *r = calloc(1, sizeof(*r));
    if (!r)
        return ERR_NOMEM;
    r->share = s;
    r->fd = -1;
    r->name = strdup(name);
    enum err e = r->name ? open_settled(s, name, r) : ERR_NOMEM;
    if (e) {
        share_read_free(r);
        return e;
    }
    share_read_part(r, 0, r->st.size);
    *out = r;
    return ERR_OK;
}

const struct share_stat *share_read_stat(const struct share_read *r)
{
    return &r->st;
}

const char *share_read_sha256(const struct share_read *r)
{
    return r->sha256;
}

void share_read_part(struct share_read *r, uint64_t first, uint64_t len)
{
    r->at = first;
    r->end = first + len;
    hash_free(r->hash);
    r->hash = r->sha256[0] && len == r->st.size ? hash_new() : NULL;
}

/* Whether the file is still the one that was opened, and what was given has its hash. A write(2) marks the file before it changes its bytes, so this is asked after they were read. What was
 * written through a mapping may not be marked for a while: the hash is for that, and for a disk that goes bad. */
static enum err check(struct share_read *r)
{
    struct stat st;
    uint8_t got[HASH_SIZE], want[HASH_SIZE];
    if (fstat(r->fd, &st) != 0)
        return ERR_IO;
    struct share_stat now = share_stat_of(&st);
    /* A new name, or none any more, changes the ctime alone: then the hash can tell, where there is one. */
    if (r->hash)
        now.ctime_ns = r->st.ctime_ns;
    if (!share_stat_same(&now, &r->st))
        return ERR_CONFLICT;
    if (!r->hash || num_unhex(r->sha256, want, HASH_SIZE) != ERR_OK)
        return ERR_OK;
    hash_end(r->hash, got);
    hash_reset(r->hash);
    if (memcmp(got, want, HASH_SIZE) == 0)
        return ERR_OK;
    log_write(LOG_WARN, "share", "%s does not have the hash that is listed; it is hashed again", r->name);
    share_list_doubt(r->share->list, r->name);
    share_hash_wake(r->share->hash);
    return ERR_CONFLICT;
}

enum err share_read_next(struct share_read *r, void *to, size_t max, size_t *n)
{
    *n = 0;
    if (r->at == r->end)
        return ERR_OK;
    size_t piece = share_rate_piece(&r->share->rate, max), got = 0;
    if (piece > r->end - r->at)
        piece = (size_t)(r->end - r->at);
    enum err e = share_rate_take(&r->share->rate, piece);
    if (!e)
        e = fs_read_some_at(r->fd, to, piece, r->at, &got);
    if (e)
        return e;
    if (r->hash)
        hash_add(r->hash, to, got);
    if (r->at + got == r->end)
        e = check(r);
    if (e)
        return e;
    r->at += got;
    *n = got;
    return ERR_OK;
}

void share_read_free(struct share_read *r)
{
    if (!r)
        return;
    if (r->fd >= 0)
        close(r->fd);
    hash_free(r->hash);
    free(r->name);
    free(r);
}

enum err share_blocks(struct share *s, const char *name, struct blocks *out)
{
    struct share_stat st;
    char sha256[HASH_HEX_SIZE];
    if (shared_name_check(name, strlen(name)) != ERR_OK)
        return ERR_SYNTAX;
    enum err e = share_list_get(s->list, name, &st, sha256);
    if (e)
        return e;
    if (sha256[0] == '\0')
        return ERR_CONFLICT;
    e = share_kept_blocks(s->node->db, name, &st, out);
    return e == ERR_NOT_FOUND ? ERR_CONFLICT : e;
}
