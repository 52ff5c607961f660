/* One blob from one node into a file, believed only when its hash is right. */
#include "lib/peer/internal.h"

#include "lib/base/clock.h"
#include "lib/base/fs.h"
#include "lib/base/num.h"

#include <stdio.h>
#include <string.h>

struct fetch {
    struct transfer transfer;
    struct hash_ctx *hash;
    int fd;
    uint64_t size;     /* at most */
    uint64_t received; /* of the blob */
    uint64_t arrived;  /* of anything: progress */
    enum err error;    /* why we stopped reading */
};

static size_t on_write(char *data, size_t size, size_t n, void *ctx)
{
    struct fetch *f = ctx;
    size_t len = size * n;
    long status = 0;

    f->arrived += len;
    curl_easy_getinfo(f->transfer.easy, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200)
        return len;
    if (len > f->size - f->received)
        f->error = ERR_CORRUPT;
    else
        f->error = fs_write_all(f->fd, data, len);
    if (f->error)
        return 0;
    hash_add(f->hash, data, len);
    f->received += len;
    return len;
}

static enum err refusal(long status)
{
    switch (status) {
    case 404:
    case 410: return ERR_NOT_FOUND;
    case 401: return ERR_AUTH;
    default: return ERR_UNAVAILABLE;
    }
}

static enum err verdict(struct fetch *f, const char *sha256)
{
    uint8_t want[HASH_SIZE], have[HASH_SIZE];

    if (f->error)
        return f->error;
    if (f->transfer.result != CURLE_OK)
        return ERR_UNAVAILABLE;
    if (f->transfer.status != 200)
        return refusal(f->transfer.status);
    hash_end(f->hash, have);
    if (num_unhex(sha256, want, sizeof want) || !hash_equal(have, want, sizeof want))
        return ERR_CORRUPT;
    return ERR_OK;
}

/* Moves it until the transfer has finished (ERR_OK) or nothing came for stall_ms (ERR_TIMEOUT). */
static enum err run(struct fetch *f, struct peer *p, unsigned stall_ms)
{
    uint64_t arrived = 0;
    uint64_t moved_ms = clock_boot_ms();

    for (;;) {
        uint64_t now_ms = clock_boot_ms();

        if (f->transfer.finished)
            return ERR_OK;
        if (f->arrived != arrived) {
            arrived = f->arrived;
            moved_ms = now_ms;
        }
        if (now_ms - moved_ms >= stall_ms)
            return ERR_TIMEOUT;
        peer_drive(p, (unsigned)(moved_ms + stall_ms - now_ms));
    }
}

enum err peer_fetch_blob(struct peer *p, const struct peer_blob *blob, uint64_t epoch, int fd, unsigned stall_ms)
{
    struct fetch f = {.fd = fd, .size = blob->size};
    char path[sizeof "/blobs/" + HASH_HEX_SIZE];
    char empty_hash[HASH_HEX_SIZE];
    enum err e;

    if (!num_is_hex(blob->sha256, 2 * HASH_SIZE) || stall_ms == 0)
        return ERR_INVALID;
    snprintf(path, sizeof path, "/blobs/%s", blob->sha256);
    hash_sha256_hex("", 0, empty_hash);
    f.hash = hash_new();
    if (!f.hash)
        return ERR_NOMEM;
    f.transfer.request = (struct transfer_request){
        .base_url = blob->base_url,
        .to = blob->to,
        .method = "GET",
        .path = path,
        .body_hash = empty_hash,
        .epoch = epoch,
        .connect_timeout_ms = stall_ms,
        .write = on_write,
        .ctx = &f,
    };
    do {
        transfer_stop(&f.transfer);
        e = transfer_start(&f.transfer, p);
        if (!e)
            e = run(&f, p, stall_ms);
    } while (!e && transfer_try_again(&f.transfer));
    if (!e)
        e = verdict(&f, blob->sha256);
    transfer_stop(&f.transfer);
    hash_free(f.hash);
    return e;
}
