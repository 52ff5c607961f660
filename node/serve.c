#include "node/serve.h"

#include "lib/base/fs.h"

#include <stdlib.h>
#include <unistd.h>

#define WHOLE_MAX 65536u /* read before the answer begins, so that another owner can be asked instead */
#define TRIES 3

struct serve {
    int fd;
    struct stat st;   /* as it was checked */
    uint64_t at, end; /* of a large one: what is still due */
    char bytes[];     /* of a small one */
};

/* A write(2) marks the file before it changes its bytes, so this is asked after they were read. The ctime is left out: it changes with the name, too. */
static int is_as_checked(const struct serve *s)
{
    struct stat now;
    return fstat(s->fd, &now) == 0 && now.st_ino == s->st.st_ino && now.st_size == s->st.st_size &&
           now.st_mtim.tv_sec == s->st.st_mtim.tv_sec && now.st_mtim.tv_nsec == s->st.st_mtim.tv_nsec;
}

static enum err read_whole(struct serve *s)
{
    enum err e = fs_read_at(s->fd, s->bytes, (size_t)s->st.st_size, 0);
    if (e)
        return e;
    return is_as_checked(s) ? ERR_OK : ERR_CONFLICT;
}

/* ERR_CONFLICT: a small blob was changed while it was read. */
static enum err open_once(struct verify *v, const char *sha256, struct serve **out)
{
    struct stat st;
    int fd;
    enum err e = verify_get(v, sha256, &fd, &st);
    if (e)
        return e;
    int is_small = st.st_size <= WHOLE_MAX;
    struct serve *s = malloc(sizeof(*s) + (is_small ? (size_t)st.st_size : 0));
    if (!s) {
        close(fd);
        return ERR_NOMEM;
    }
    s->fd = fd;
    s->st = st;
    e = is_small ? read_whole(s) : ERR_OK;
    if (e)
        serve_free(s);
    else
        *out = s;
    return e;
}

enum err serve_open(struct verify *v, const char *sha256, struct serve **out)
{
    enum err e = open_once(v, sha256, out);
    /* The next look hashes it, and puts it away when it is bad. */
    for (int i = 1; e == ERR_CONFLICT && i < TRIES; i++)
        e = open_once(v, sha256, out);
    return e == ERR_CONFLICT ? ERR_CORRUPT : e;
}

void serve_free(struct serve *s)
{
    if (!s)
        return;
    close(s->fd);
    free(s);
}

uint64_t serve_size(const struct serve *s)
{
    return (uint64_t)s->st.st_size;
}

int serve_fd(const struct serve *s)
{
    return s->fd;
}

static enum err read_piece(void *state, void *to, size_t max, size_t *n)
{
    struct serve *s = state;
    uint64_t due = s->end - s->at;
    enum err e = fs_read_some_at(s->fd, to, due < max ? (size_t)due : max, s->at, n);
    if (e)
        return e;
    s->at += *n;
    return s->at < s->end || is_as_checked(s) ? ERR_OK : ERR_CONFLICT;
}

static void drop(void *state)
{
    serve_free(state);
}

void serve_reply(struct serve *s, struct http_request *r, int status, uint64_t first, uint64_t len)
{
    if (s->st.st_size <= WHOLE_MAX) {
        http_reply(r, status, NULL, s->bytes + first, (size_t)len);
        serve_free(s);
        return;
    }
    s->at = first;
    s->end = first + len;
    http_reply_stream(r, status, NULL, len, &(struct http_source){read_piece, drop, s});
}
