#include "cli/upload.h"

#include "cli/api.h"
#include "lib/base/id.h"
#include "lib/base/num.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define KEY_BYTES 16 /* of an Idempotency-Key */

static int open_below(int dir_fd, const char *path)
{
    /* O_NONBLOCK: a named pipe must not hold us up before we see what it is. */
    struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};

    if (dir_fd == AT_FDCWD)
        return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    return (int)syscall(SYS_openat2, dir_fd, path, &how, sizeof how);
}

static enum err explain_errno(int number, const char **why)
{
    switch (number) {
    case ENOENT:
    case ENOTDIR: *why = "there is no such file"; return ERR_NOT_FOUND;
    case EACCES:
    case EPERM: *why = "you may not read it"; return ERR_DENIED;
    case EXDEV:
    case ELOOP: *why = "it lies outside of the folder"; return ERR_DENIED;
    default: *why = strerrordesc_np(number) ? strerrordesc_np(number) : "it cannot be opened"; return ERR_IO;
    }
}

static enum err look_at(struct upload *u, const char **why)
{
    struct stat st;

    if (fstat(u->fd, &st))
        return explain_errno(errno, why);
    if (!S_ISREG(st.st_mode)) {
        *why = "it is not a file";
        return ERR_INVALID;
    }
    if (hash_fd(u->fd, u->sha256, &u->size)) {
        *why = "it cannot be read";
        return ERR_IO;
    }
    return ERR_OK;
}

enum err upload_open(struct upload *u, int dir_fd, const char *path, const char **why)
{
    const char *slash = strrchr(path, '/');
    enum err e;

    u->filename = slash ? slash + 1 : path;
    u->fd = open_below(dir_fd, path);
    if (u->fd < 0)
        return explain_errno(errno, why);
    e = look_at(u, why);
    if (e)
        upload_close(u);
    return e;
}

void upload_close(struct upload *u)
{
    if (u->fd >= 0)
        close(u->fd);
    u->fd = -1;
}

static enum err make_path(const struct upload *u, struct buf *path)
{
    enum err e = api_path(path, "/courses/{}/syllabus", u->course);

    if (!e)
        e = api_query(path, "filename", u->filename);
    if (!e)
        e = api_query(path, "term", u->term);
    if (!e)
        e = api_query(path, "title", u->title);
    if (!e)
        e = api_query(path, "instructor", u->instructor);
    return e ? e : api_query(path, "note", u->note);
}

#define LINE_SIZE 160

struct lines {
    char digest[LINE_SIZE], key[LINE_SIZE], condition[LINE_SIZE];
    const char *all[4];
    size_t n;
};

static enum err make_lines(const struct upload *u, struct lines *l)
{
    char digest[4 * ((HASH_SIZE + 2) / 3) + 1], key[2 * KEY_BYTES + 1];

    num_base64(u->sha256, HASH_SIZE, digest);
    id_random_hex(key, KEY_BYTES);
    snprintf(l->digest, LINE_SIZE, "Content-Digest: sha-256=:%s:", digest);
    snprintf(l->key, LINE_SIZE, "Idempotency-Key: %s", key);
    l->all[0] = "Content-Type: application/octet-stream"; /* no claim: the server looks at the bytes */
    l->all[1] = l->digest;
    l->all[2] = l->key;
    l->n = 3;
    if (!u->if_match && !u->only_new)
        return ERR_OK;
    l->all[l->n++] = l->condition;
    if (u->only_new)
        snprintf(l->condition, LINE_SIZE, "If-None-Match: *");
    else if (snprintf(l->condition, LINE_SIZE, "If-Match: \"%s\"", u->if_match) >= LINE_SIZE)
        return ERR_TOO_LARGE;
    return ERR_OK;
}

static enum err send_it(struct cli *c, const struct upload *u, const char *path, struct progress *bar, struct client_answer *a)
{
    struct lines lines;
    struct api_call call;
    enum err e = make_lines(u, &lines);

    if (e)
        return e;
    call = (struct api_call){
        .q = {.method = "PUT",
            .headers = lines.all,
            .n_headers = lines.n,
            .body_is_file = 1,
            .body_fd = u->fd,
            .body_len = u->size,
            .watch = bar ? progress_watch_send : NULL,
            .ctx = bar},
        .path = path,
        .again = 1, /* the Idempotency-Key makes twice once */
        .quiet = 1,
    };
    return api_do(c, &call, a);
}

enum err upload_send(
    struct cli *c, const struct upload *u, struct progress *bar, struct json **answer, enum upload_end *end, char *why, size_t why_size)
{
    struct client_answer a = {0};
    struct buf path;
    enum err e;

    buf_init(&path, API_PATH_MAX);
    e = make_path(u, &path);
    if (!e)
        e = send_it(c, u, buf_str(&path), bar, &a);
    else
        snprintf(a.why, sizeof a.why, "the names are too long");
    if (e) {
        api_explain(c, e, &a, why, why_size);
    } else if (json_parse(buf_str(&a.body), a.body.len, answer)) {
        e = ERR_INTERNAL;
        snprintf(why, why_size, "%s answered with something that is no JSON: is it a Ringbinder?", c->url);
    } else {
        *end = a.status == 200 ? UPLOAD_SAME : a.status == 202 ? UPLOAD_WAITS : UPLOAD_NEW;
    }
    client_answer_release(&a);
    buf_release(&path);
    return e;
}
