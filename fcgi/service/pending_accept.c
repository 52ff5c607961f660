/* An accepted upload on its way to its course: fetched from the owners of its own key, and uploaded like any. */
#include "fcgi/service/pending_inside.h"

#include "fcgi/service/accounts.h"
#include "fcgi/service/commit.h"
#include "fcgi/service/read.h"
#include "lib/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define STALL_MS 2000u
#define ONCE_PREFIX "pending/"
#define ONCE_SIZE (sizeof(ONCE_PREFIX) + PENDING_ID_SIZE - 1)

static void make_once(const struct pending *p, char out[ONCE_SIZE])
{
    snprintf(out, ONCE_SIZE, ONCE_PREFIX "%s", p->id);
}

/* ---- from the owners of its key */

static enum err open_file(const struct worker *w, uint64_t size, int *out)
{
    int fd = open(w->app->settings.data, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno == ENOSPC ? ERR_FULL : ERR_IO;
    if (fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)size) != 0 && (errno == ENOSPC || errno == EDQUOT || errno == EFBIG)) {
        close(fd);
        return ERR_FULL;
    }
    *out = fd;
    return ERR_OK;
}

/* Each try begins at the file's beginning: after a failure it holds rubbish. */
static enum err fetch(struct worker *w, const struct pending *p, int fd)
{
    char key[PENDING_KEY_SIZE], version[STAMP_HEX_SIZE];
    const struct record *r = &p->doc.record;
    struct read_bytes b;
    pending_key(p->id, key);
    stamp_hex(r->id, version);
    enum err e = read_bytes(w, &(struct read_target){.key = key, .version = version}, &b);
    if (e != ERR_OK)
        return e;
    const struct view *v = view_get(w->app->view);
    uint64_t epoch = v->ring == NULL ? 0 : v->ring->epoch;
    view_put(w->app->view, v);
    e = ERR_UNAVAILABLE;
    for (size_t i = 0; i < b.n_sources && e != ERR_OK; i++) {
        const struct peer_blob blob = {.base_url = b.sources[i].url, .to = b.sources[i].node, .sha256 = r->sha256, .size = r->size};
        if (ftruncate(fd, 0) != 0 || lseek(fd, 0, SEEK_SET) != 0)
            e = ERR_IO;
        else
            e = peer_fetch_blob(w->peer, &blob, epoch, fd, STALL_MS);
    }
    read_bytes_release(&b);
    return e;
}

/* ---- to those of its course */

static long read_fd(void *ctx, void *into, size_t n)
{
    ssize_t got;
    do
        got = read(*(int *)ctx, into, n);
    while (got < 0 && errno == EINTR);
    return (long)got;
}

static enum err store(struct worker *w, const struct pending *p, int fd, struct upload_result *out)
{
    char once[ONCE_SIZE];
    const struct record *r = &p->doc.record;
    make_once(p, once);
    struct upload_input in = {.course = r->course,
        .key = r->key,
        .term = r->term,
        .title = r->title,
        .instructor = r->instructor,
        .note = r->note,
        .filename = r->filename,
        .uploader = r->uploader,
        .claimed_type = r->type,
        .match = MATCH_NOTHING,
        .idempotency_key = once,
        .body = {.read = read_fd, .ctx = &fd, .size = r->size}};
    if (lseek(fd, 0, SEEK_SET) != 0)
        return ERR_IO;
    return upload(w, &in, out);
}

static enum err deliver(struct worker *w, const struct pending *p, struct upload_result *out)
{
    int fd;
    enum err e = open_file(w, p->doc.record.size, &fd);
    if (e != ERR_OK)
        return e;
    e = fetch(w, p, fd);
    if (e == ERR_OK)
        e = store(w, p, fd, out);
    close(fd);
    return e;
}

/* It arrived before: its record among those of the course, by the upload id that it got there. */
static enum err find_delivered(struct worker *w, const struct pending *p, struct upload_result *out)
{
    char once[ONCE_SIZE], upload_id[RECORD_UPLOAD_ID_SIZE];
    struct course c;
    make_once(p, once);
    commit_upload_id(p->doc.record.uploader, p->doc.record.key, once, upload_id);
    enum err e = course_read(w, p->doc.record.key, &c);
    if (e != ERR_OK)
        return e;
    const struct history_entry *entry = history_find_upload(&c.history, upload_id);
    e = entry == NULL ? ERR_NOT_FOUND : record_copy(&out->record, &entry->record);
    if (e == ERR_OK) {
        out->outcome = UPLOAD_UNCHANGED;
        out->version = history_version(&c.history, (size_t)(entry - c.history.entries));
    }
    course_release(&c);
    return e;
}

/* Who sent something that was accepted need not wait the next time. Failing that, the next one waits too. */
static void make_known(struct worker *w, const char *name, const char *by)
{
    struct docs_account a;
    const char *detail;
    enum err e = accounts_read(w, name, &a, NULL);
    if (e == ERR_OK && !a.known)
        e = accounts_change(w, name, &(struct accounts_change){.what = ACCOUNTS_KNOWN, .known = 1}, NULL, by, &a, NULL, &detail);
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        log_write(LOG_WARN, "pending", "uploads of %s wait on: %s", name, err_text(e));
}

enum err pending_accept(struct worker *w, const char *id, const char *by, struct upload_result *out)
{
    struct pending p;
    memset(out, 0, sizeof(*out));
    enum err e = pending_decide(w, id, DOCS_ACCEPTED, by, "", &p);
    if (e != ERR_OK)
        return e;
    e = p.has_bytes ? deliver(w, &p, out) : find_delivered(w, &p, out);
    if (e == ERR_OK && p.has_bytes)
        pending_drop_bytes(w, &p, p.doc.record.uploader);
    if (e == ERR_OK)
        make_known(w, p.doc.record.uploader, by);
    pending_release(&p);
    return e;
}
