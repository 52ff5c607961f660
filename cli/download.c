#include "cli/download.h"

#include "cli/api.h"
#include "cli/out_clean.h"
#include "cli/progress.h"
#include "lib/base/clock.h"
#include "lib/base/num.h"
#include "lib/base/sig.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_BYTES 65536
#define TRIES 5 /* without any byte between two of them */
#define PAUSE_MS 1000

/* One download under way. */
struct fetch {
    struct cli *cli;
    const struct download *d;
    struct progress bar;
    struct hash_ctx *hash; /* of what is in fd */
    int fd;
    uint64_t have; /* bytes in fd */
};

static int tag_is_wrong(const struct fetch *f, const struct client_answer *a)
{
    char tag[128], want[HASH_HEX_SIZE + 2];

    snprintf(want, sizeof want, "\"%s\"", f->d->sha256);
    return client_header(a, "ETag", tag, sizeof tag) == ERR_OK && strcmp(tag, want) != 0;
}

static enum err watch(const struct client_progress *now, void *ctx)
{
    struct fetch *f = ctx;

    progress_move(&f->bar, f->have + now->received, 0);
    return sig_stopping() ? ERR_TIMEOUT : ERR_OK;
}

/* One request for what is missing. *a is the caller's. */
static enum err ask(struct fetch *f, struct client_answer *a)
{
    struct api_call call = {
        .q = {.method = "GET",
            .range_from = f->have,
            .out_is_file = 1,
            .out_fd = f->fd,
            .out_max = f->d->size - f->have,
            .hash = f->hash,
            .watch = watch,
            .ctx = f},
        .path = f->d->path,
        .quiet = 1,
    };
    enum err e;

    e = api_do(f->cli, &call, a);
    f->have += a->received;
    if (!e && tag_is_wrong(f, a))
        return ERR_CORRUPT;
    return e || f->have == f->d->size ? e : ERR_UNAVAILABLE;
}

static int may_try_again(enum err e)
{
    return !sig_stopping() && (e == ERR_UNAVAILABLE || e == ERR_TIMEOUT || e == ERR_STALE_INDEX || e == ERR_RATE);
}

static enum err fail_corrupt(const struct fetch *f)
{
    return out_fail(&f->cli->out, ERR_CORRUPT, "The bytes that came are not those that were shared: their SHA-256 is another one.");
}

/* A machine that dies in the middle costs nothing that has come: the rest is asked for. */
static enum err fetch_rest(struct fetch *f)
{
    char why[1024];
    enum err e = ERR_OK;

    for (unsigned tries = 0; f->have < f->d->size && tries < TRIES; tries++) {
        struct client_answer a;
        uint64_t before = f->have;
        if (tries > 0)
            clock_sleep_ms(PAUSE_MS);
        e = ask(f, &a);
        if (e)
            api_explain(f->cli, e, &a, why, sizeof why);
        client_answer_release(&a);
        if (!may_try_again(e))
            break;
        if (f->have > before)
            tries = 0;
    }
    progress_end(&f->bar, !e && f->have == f->d->size);
    if (e == ERR_CORRUPT)
        return fail_corrupt(f);
    return e ? out_fail(&f->cli->out, e, "%s", why) : ERR_OK;
}

static int hash_is_right(const struct fetch *f)
{
    uint8_t have[HASH_SIZE], want[HASH_SIZE];

    hash_end(f->hash, have);
    return num_unhex(f->d->sha256, want, sizeof want) == ERR_OK && hash_equal(have, want, sizeof want);
}

enum err download_fd(struct cli *c, const struct download *d, int fd)
{
    struct fetch f = {.cli = c, .d = d, .hash = hash_new(), .fd = fd};
    enum err e = f.hash ? ERR_OK : out_fail(&c->out, ERR_NOMEM, "%s", err_text(ERR_NOMEM));

    progress_start(&f.bar, &c->out, d->label, 0, d->size);
    if (!e)
        e = fetch_rest(&f);
    if (!e && !hash_is_right(&f))
        e = fail_corrupt(&f);
    hash_free(f.hash);
    return e;
}

/* ---- into a file */

/* Feeds the hash with what an earlier try left in the part, and stands at its end. */
static enum err read_part(struct fetch *f)
{
    char piece[READ_BYTES];
    ssize_t got;

    while ((got = read(f->fd, piece, sizeof piece)) != 0) {
        if (got < 0 && errno == EINTR && !sig_stopping())
            continue;
        if (got < 0)
            return ERR_IO;
        hash_add(f->hash, piece, (size_t)got);
        f->have += (uint64_t)got;
        if (f->have > f->d->size)
            return ERR_CORRUPT;
    }
    return ERR_OK;
}

static enum err start_anew(struct fetch *f)
{
    hash_reset(f->hash);
    f->have = 0;
    return ftruncate(f->fd, 0) || lseek(f->fd, 0, SEEK_SET) != 0 ? ERR_IO : ERR_OK;
}

static enum err fill(struct fetch *f)
{
    enum err e = read_part(f);
    uint64_t left = e ? 0 : f->have;

    if (e == ERR_CORRUPT)
        e = start_anew(f);
    if (e)
        return out_fail(&f->cli->out, e, "The part of an earlier download cannot be read.");
    if (left > 0)
        out_note(&f->cli->out, "Going on where an earlier download ended: %" PRIu64 " bytes are there.", left);
    progress_start(&f->bar, &f->cli->out, f->d->label, f->have, f->d->size);
    e = fetch_rest(f);
    if (e || hash_is_right(f))
        return e;
    if (left == 0)
        return fail_corrupt(f);
    out_note(&f->cli->out, "What the earlier download left was something else; it is fetched anew.");
    e = start_anew(f);
    progress_start(&f->bar, &f->cli->out, f->d->label, 0, f->d->size);
    if (!e)
        e = fetch_rest(f);
    return e || hash_is_right(f) ? e : fail_corrupt(f);
}

static enum err open_part(struct fetch *f, const char *part)
{
    f->fd = open(part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (f->fd < 0)
        return out_fail(&f->cli->out, errno == EACCES ? ERR_DENIED : ERR_IO, "%s: %s.", part, strerrordesc_np(errno));
    if (flock(f->fd, LOCK_EX | LOCK_NB))
        return out_fail(&f->cli->out, ERR_CONFLICT, "%s: another download writes to it.", part);
    return ERR_OK;
}

enum err download_file(struct cli *c, const struct download *d, const char *out_path)
{
    struct fetch f = {.cli = c, .d = d, .fd = -1};
    char part[PATH_MAX];
    enum err e;

    if (snprintf(part, sizeof part, "%s.part", out_path) >= (int)sizeof part)
        return out_fail(&c->out, ERR_TOO_LARGE, "%s: the name is too long.", out_path);
    f.hash = hash_new();
    e = f.hash ? open_part(&f, part) : out_fail(&c->out, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
    if (!e)
        e = fill(&f);
    if (!e && rename(part, out_path))
        e = out_fail(&c->out, ERR_IO, "%s: %s.", out_path, strerrordesc_np(errno));
    if (e == ERR_CORRUPT)
        unlink(part);
    if (f.fd >= 0)
        close(f.fd);
    hash_free(f.hash);
    return e;
}

int download_is_there(const struct download *d, const char *path)
{
    uint8_t have[HASH_SIZE], want[HASH_SIZE];
    struct stat st;
    int fd, same;

    if (stat(path, &st) || !S_ISREG(st.st_mode) || (uint64_t)st.st_size != d->size)
        return 0;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    same = hash_fd(fd, have, NULL) == ERR_OK && num_unhex(d->sha256, want, sizeof want) == ERR_OK && hash_equal(have, want, sizeof want);
    close(fd);
    return same;
}

enum err download_name(const char *filename, struct buf *out)
{
    const char *slash = strrchr(filename, '/');
    size_t before = out->len;
    enum err e = ERR_OK;

    if (slash)
        filename = slash + 1;
    filename += strspn(filename, ".");
    while (!e && *filename) {
        uint32_t point;
        size_t len = out_char(filename, &point);
        if (out->len - before + len > DOWNLOAD_NAME_MAX)
            break;
        e = point < 0x20 || (point >= 0x7f && point <= 0x9f) || point == '\\' ? buf_add_str(out, "-") : buf_add(out, filename, len);
        filename += len;
    }
    return e || out->len > before ? e : buf_add_str(out, "file");
}
