/* Blobs on their way in: a draft gets its name, or a copy that is here already counts, if it is good. */
#include "node/verify_inside.h"

#include "lib/base/fs.h"
#include "lib/base/num.h"

#include <stdlib.h>
#include <string.h>

#define PUT_TRIES 3

enum err verify_put(struct verify *v, struct draft *d, const char *sha256)
{
    uint8_t raw[HASH_SIZE];
    struct stat st;
    enum err e = num_unhex(sha256, raw, HASH_SIZE);
    for (int i = 0; i < PUT_TRIES && !e; i++) {
        e = draft_link(d, sha256, &st);
        if (!e) {
            verify_note(v, raw, &st);
            return ERR_OK;
        }
        if (e != ERR_CONFLICT)
            return e;
        e = verify_check(v, sha256);
        if (!e)
            return blobs_sync(verify_blobs(v), sha256);
        if (e == ERR_NOT_FOUND || e == ERR_CORRUPT)
            e = ERR_OK; /* out of the way now */
    }
    return e ? e : ERR_CONFLICT;
}

void verify_put_all(struct verify *v, struct draft **drafts, const char (*sha256)[HASH_HEX_SIZE], size_t n, enum err *errors)
{
    struct stat *st = calloc(n + 1, sizeof(*st));
    char unused[HASH_HEX_SIZE];
    for (size_t i = 0; i < n; i++)
        errors[i] = st ? draft_sync(drafts[i], unused) : ERR_NOMEM;
    for (size_t i = 0; i < n; i++)
        if (!errors[i])
            errors[i] = draft_name(drafts[i], sha256[i], &st[i]);
    for (size_t i = 0; i < n; i++) {
        uint8_t raw[HASH_SIZE];
        if (errors[i] == ERR_CONFLICT)
            errors[i] = verify_put(v, drafts[i], sha256[i]); /* another copy came first: good or bad */
        else if (!errors[i])
            errors[i] = blobs_sync(verify_blobs(v), sha256[i]);
        else
            continue;
        if (!errors[i] && st[i].st_ino != 0 && num_unhex(sha256[i], raw, HASH_SIZE) == ERR_OK)
            verify_note(v, raw, &st[i]);
    }
    free(st);
}

enum err verify_put_bytes(struct verify *v, const char *sha256, const void *data, size_t n)
{
    char computed[HASH_HEX_SIZE];
    hash_sha256_hex(data, n, computed);
    if (strcmp(computed, sha256) != 0)
        return ERR_INVALID;
    if (verify_check(v, sha256) == ERR_OK)
        return blobs_sync(verify_blobs(v), sha256);
    struct draft *d;
    enum err e = draft_new(verify_blobs(v), n, &d);
    if (e)
        return e;
    e = fs_write_all(draft_fd(d), data, n); /* hashed already */
    if (!e)
        e = draft_sync(d, computed);
    if (!e)
        e = verify_put(v, d, sha256);
    draft_free(d);
    return e;
}
