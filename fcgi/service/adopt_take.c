/* One adoption: a popular file from its holder's folder to the owners of its key. */
#include "fcgi/service/adopt_inside.h"
#include "fcgi/service/capability.h"
#include "fcgi/service/upload.h"
#include "lib/audit/audit.h"
#include "lib/base/log.h"
#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/peer/client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define URL_MAX (CAPABILITY_ADDRESS_SIZE + 3 * SHARED_NAME_MAX + 32)
#define ANSWER_MAX 4096u /* of a refusal */
#define CONNECT_MS 1000u
#define STALL_MS 10000u /* a holder with a limit on its rate has pauses */

/* ---- from the holder */

static enum err watch(const struct client_progress *progress, void *ctx)
{
    (void)progress;
    return adopt_is_stopping(ctx) ? ERR_TIMEOUT : ERR_OK;
}

/* The request for the file at this holder: its url and the header that opens it, both in the arena. */
static enum err make_request(struct worker *w, const struct peers_holder *h, const char **url, const char **header)
{
    char address[CAPABILITY_ADDRESS_SIZE], capability[CAPABILITY_SIZE];
    const char *what = arena_printf(&w->arena, "file:%s", h->file);
    struct buf text;
    if (what == NULL)
        return ERR_NOMEM;
    enum err e = capability_address(w->app->tls, h->url, address);
    if (e != ERR_OK)
        return e;
    const struct view *v = view_get(w->app->view);
    e = capability_make(w->app, v, h->peer, what, capability);
    view_put(w->app->view, v);
    buf_init(&text, URL_MAX);
    if (e == ERR_OK)
        e = buf_addf(&text, "%s%s/files/", tls_scheme(w->app->tls), address);
    if (e == ERR_OK)
        e = text_percent_encode(&text, h->file, strlen(h->file));
    if (e == ERR_OK) {
        *url = arena_strdup(&w->arena, buf_str(&text));
        *header = arena_printf(&w->arena, "Authorization: %s", capability);
        e = *url == NULL || *header == NULL ? ERR_NOMEM : ERR_OK;
    }
    buf_release(&text);
    return e;
}

/* Fetches into the file from its beginning. ERR_CORRUPT: other bytes than the hash promises. */
static enum err fetch(
    struct adopter *a, struct worker *w, struct client *c, const struct peers_row *row, const struct peers_holder *h, int fd)
{
    const char *url, *header;
    uint8_t hash[HASH_SIZE];
    char hex[HASH_HEX_SIZE];
    struct client_answer answer;
    enum err e = make_request(w, h, &url, &header);
    if (e != ERR_OK)
        return e;
    if (ftruncate(fd, 0) != 0 || lseek(fd, 0, SEEK_SET) != 0)
        return ERR_IO;
    struct client_request q = {.method = "GET",
        .url = url,
        .headers = &header,
        .n_headers = 1,
        .to_member = 1,
        .tls = w->app->tls,
        .out_is_file = 1,
        .out_fd = fd,
        .out_max = row->size,
        .hash = hash_new(),
        .answer_max = ANSWER_MAX,
        .connect_timeout_ms = CONNECT_MS,
        .stall_ms = STALL_MS,
        .watch = watch,
        .ctx = a};
    if (q.hash == NULL)
        return ERR_NOMEM;
    e = client_do(c, &q, &answer);
    if (e == ERR_OK && answer.status != 200)
        e = ERR_UNAVAILABLE;
    if (e == ERR_OK) {
        hash_end(q.hash, hash);
        num_hex(hash, sizeof(hash), hex);
        e = answer.received == row->size && strcmp(hex, row->sha256) == 0 ? ERR_OK : ERR_CORRUPT;
    }
    client_answer_release(&answer);
    hash_free(q.hash);
    return e;
}

static enum err fetch_from_any(struct adopter *a, struct worker *w, const struct peers_row *row, int fd)
{
    struct client *c = client_new();
    enum err e = c == NULL ? ERR_NOMEM : ERR_UNAVAILABLE;
    for (size_t i = 0; i < row->n_holders && c != NULL && e != ERR_OK && !adopt_is_stopping(a); i++) {
        e = fetch(a, w, c, row, &row->holders[i], fd);
        if (e != ERR_OK)
            log_write(LOG_WARN, "adopt", "%s does not give %s: %s", row->holders[i].name, row->sha256, err_text(e));
    }
    client_free(c);
    return e;
}

/* ---- to the owners */

static long read_fd(void *ctx, void *into, size_t n)
{
    ssize_t got;
    do
        got = read(*(int *)ctx, into, n);
    while (got < 0 && errno == EINTR);
    return (long)got;
}

/* Only where there is no such record yet: of several apis that adopt one file, one does. */
static enum err store_file(struct worker *w, const struct peers_row *row, int fd)
{
    char key[ADOPT_KEY_SIZE];
    struct upload_result result;
    adopt_key(row->sha256, key);
    struct upload_input in = {.course = key,
        .key = key,
        .term = "",
        .title = "",
        .instructor = "",
        .note = "",
        .filename = adopt_filename(row->name),
        .uploader = "",
        .claimed_type = "",
        .any_kind = 1,
        .match = MATCH_NONE,
        .has_digest = 1,
        .body = {.read = read_fd, .ctx = &fd, .size = row->size}};
    if (num_unhex(row->sha256, in.digest, HASH_SIZE) != ERR_OK)
        return ERR_INTERNAL;
    if (lseek(fd, 0, SEEK_SET) != 0)
        return ERR_IO;
    enum err e = upload(w, &in, &result);
    upload_result_release(&result);
    return e == ERR_PRECONDITION ? ERR_OK : e;
}

/* An unlinked file with its space reserved, so that nothing is left behind and a full disk is known before the first byte. */
static enum err open_file(struct worker *w, uint64_t size, int *out)
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

/* An empty file is no upload, and one that is too large would be refused at its end. */
static enum err take(struct adopter *a, struct worker *w, const struct peers_row *row)
{
    int fd;
    if (row->size == 0)
        return ERR_INVALID;
    if (row->size > w->app->settings.upload_max_bytes)
        return ERR_TOO_LARGE;
    enum err e = open_file(w, row->size, &fd);
    if (e != ERR_OK)
        return e;
    e = fetch_from_any(a, w, row, fd);
    if (e == ERR_OK)
        e = store_file(w, row, fd);
    close(fd);
    return e;
}

static void note_adoption(struct app *a, const char *name, const char *sha256, enum err e)
{
    audit_note(a->audit, &(struct audit_event){.who = a->process,
                             .what = "adopt",
                             .on = name,
                             .result = e == ERR_OK ? "done" : err_code(e),
                             .detail = sha256,
                             .is_refusal = e != ERR_OK});
}

void adopt_take(struct adopter *a, struct worker *w, const char *sha256)
{
    struct peers_row row;
    struct store *s = worker_store(w);
    enum err e = s == NULL ? ERR_UNAVAILABLE : worker_store_said(w, peers_by_hash(s, sha256, &row));
    if (e != ERR_OK) {
        log_write(LOG_WARN, "adopt", "%s is not adopted now: %s", sha256, err_text(e));
        return;
    }
    if (!row.adopted) {
        e = take(a, w, &row);
        note_adoption(w->app, row.name, sha256, e);
        if (e == ERR_OK)
            log_write(LOG_INFO, "adopt", "%s was taken into the ring", sha256);
        else
            log_write(LOG_WARN, "adopt", "%s is not adopted now: %s", sha256, err_text(e));
    }
    peers_row_release(&row);
}
