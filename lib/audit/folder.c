#include "lib/audit/folder.h"

#include "lib/base/fs.h"
#include "lib/base/num.h"
#include "lib/wire/json.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_SHAPE "AUDIT-0000000000000-000000.jsonl"
#define SEED_FILE "seed"
#define SEED_BYTES_MAX 256u
#define TAIL_BYTES (2 * AUDIT_LINE_MAX + 2) /* holds a whole line behind a broken one */

static int is_ours(const char *name)
{
    static const char shape[] = NAME_SHAPE;
    for (size_t i = 0; i < sizeof shape; i++) {
        int is_digit = name[i] >= '0' && name[i] <= '9';
        if (shape[i] == '0' ? !is_digit : name[i] != shape[i])
            return 0;
    }
    return 1;
}

void audit_folder_name(uint64_t started_ms, uint64_t file, char out[AUDIT_NAME_SIZE])
{
    snprintf(out, AUDIT_NAME_SIZE, "AUDIT-%013llu-%06llu.jsonl", (unsigned long long)(started_ms % 10000000000000ull),
        (unsigned long long)(file % 1000000));
}

enum err audit_folder_path(const char *folder, const char *name, char out[AUDIT_PATH_SIZE])
{
    int len = snprintf(out, AUDIT_PATH_SIZE, "%s/%s", folder, name);
    return len > 0 && (size_t)len < AUDIT_PATH_SIZE ? ERR_OK : ERR_TOO_LARGE;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct audit_file *)a)->name, ((const struct audit_file *)b)->name);
}

/* Appends one file; one that went meanwhile is none. */
static enum err add_file(int dir_fd, const char *name, struct audit_files *f, size_t *room)
{
    struct stat s;
    if (fstatat(dir_fd, name, &s, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? ERR_OK : ERR_IO;
    if (f->n == AUDIT_FILES_MAX)
        return ERR_TOO_LARGE;
    if (f->n == *room) {
        size_t more = *room ? 2 * *room : 16;
        struct audit_file *at = reallocarray(f->at, more, sizeof *at);
        if (!at)
            return ERR_NOMEM;
        f->at = at;
        *room = more;
    }
    struct audit_file *one = &f->at[f->n++];
    memcpy(one->name, name, sizeof NAME_SHAPE); /* is_ours: it has just that length */
    one->bytes = (uint64_t)s.st_size;
    one->changed_ms = (uint64_t)s.st_mtim.tv_sec * 1000 + (uint64_t)s.st_mtim.tv_nsec / 1000000;
    return ERR_OK;
}

enum err audit_folder_list(const char *folder, struct audit_files *out)
{
    struct audit_files f = {NULL, 0};
    size_t room = 0;
    enum err e = ERR_OK;
    DIR *dir = opendir(folder);
    if (!dir)
        return errno == ENOENT || errno == ENOTDIR ? ERR_NOT_FOUND : errno == EACCES ? ERR_DENIED : ERR_IO;
    for (const struct dirent *entry = readdir(dir); entry && !e; entry = readdir(dir)) {
        if (is_ours(entry->d_name))
            e = add_file(dirfd(dir), entry->d_name, &f, &room);
    }
    closedir(dir);
    if (e) {
        audit_files_release(&f);
        return e;
    }
    if (f.n > 1)
        qsort(f.at, f.n, sizeof *f.at, by_name);
    *out = f;
    return ERR_OK;
}

void audit_files_release(struct audit_files *f)
{
    free(f->at);
    *f = (struct audit_files){NULL, 0};
}

/* Reads up to n bytes at offset. */
static enum err read_at(int fd, char *into, size_t n, off_t offset, size_t *got)
{
    *got = 0;
    while (*got < n) {
        ssize_t r = pread(fd, into + *got, n - *got, offset + (off_t)*got);
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            return ERR_IO;
        if (r == 0)
            break;
        *got += (size_t)r;
    }
    return ERR_OK;
}

/* The first line says whose file it is. */
static enum err read_first(int fd, struct audit_tail *out)
{
    char text[AUDIT_LINE_MAX + 1];
    size_t got;
    struct audit_line line;
    enum err e = read_at(fd, text, sizeof text, 0, &got);
    if (e)
        return e;
    const char *end = memchr(text, '\n', got);
    if (!end || audit_line_read(text, (size_t)(end - text), &line) || audit_line_number(&line, "file", &out->file))
        return ERR_CORRUPT;
    return audit_line_copy(&line, "chain", out->chain, sizeof out->chain) ? ERR_CORRUPT : ERR_OK;
}

/* The last line that has its line break. */
static enum err read_last(int fd, struct audit_tail *out)
{
    char text[TAIL_BYTES];
    struct stat s;
    size_t got;
    struct audit_line line;
    if (fstat(fd, &s) != 0)
        return ERR_IO;
    off_t from = s.st_size > (off_t)sizeof text ? s.st_size - (off_t)sizeof text : 0;
    enum err e = read_at(fd, text, sizeof text, from, &got);
    if (e)
        return e;
    const char *end = memrchr(text, '\n', got);
    const char *before = end ? memrchr(text, '\n', (size_t)(end - text)) : NULL;
    const char *begin = before ? before + 1 : from == 0 ? text : NULL;
    if (!end || !begin || audit_line_read(begin, (size_t)(end - begin), &line))
        return ERR_CORRUPT;
    out->n = line.n;
    memcpy(out->h, line.h, sizeof out->h);
    return ERR_OK;
}

enum err audit_folder_tail(const char *folder, const char *name, struct audit_tail *out)
{
    char path[AUDIT_PATH_SIZE];
    struct audit_tail tail = {.n = 0};
    enum err e = audit_folder_path(folder, name, path);
    if (e)
        return e;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
    e = read_first(fd, &tail);
    if (!e)
        e = read_last(fd, &tail);
    close(fd);
    if (!e)
        *out = tail;
    return e;
}

static enum err parse_seed(const struct buf *text, uint8_t seed[AUDIT_KEY_SIZE], uint64_t *start)
{
    struct json *j;
    enum err e = json_parse(buf_str(text), text->len, &j);
    if (e)
        return e == ERR_SYNTAX ? ERR_CORRUPT : e;
    const char *hex = json_get_str(j, "seed");
    if (json_get_u64(j, "start", AUDIT_STARTS_MAX, start) || !hex || num_unhex(hex, seed, AUDIT_KEY_SIZE))
        e = ERR_CORRUPT;
    json_free(j);
    return e;
}

enum err audit_folder_read_seed(const char *folder, uint8_t seed[AUDIT_KEY_SIZE], uint64_t *start)
{
    char path[AUDIT_PATH_SIZE];
    struct buf text;
    enum err e = audit_folder_path(folder, SEED_FILE, path);
    if (e)
        return e;
    buf_init(&text, SEED_BYTES_MAX);
    e = fs_read_file(path, &text);
    if (!e)
        e = parse_seed(&text, seed, start);
    else if (e == ERR_NOMEM)
        e = ERR_CORRUPT; /* far too long */
    if (text.data)
        explicit_bzero(text.data, text.cap);
    buf_release(&text);
    return e;
}

enum err audit_folder_write_seed(const char *folder, const uint8_t seed[AUDIT_KEY_SIZE], uint64_t start)
{
    char path[AUDIT_PATH_SIZE], hex[HASH_HEX_SIZE], text[SEED_BYTES_MAX];
    enum err e = audit_folder_path(folder, SEED_FILE, path);
    if (e)
        return e;
    num_hex(seed, AUDIT_KEY_SIZE, hex);
    int len = snprintf(text, sizeof text, "{\"start\":%llu,\"seed\":\"%s\"}\n", (unsigned long long)start, hex);
    e = fs_replace_file(path, text, (size_t)len, 0600);
    explicit_bzero(hex, sizeof hex);
    explicit_bzero(text, sizeof text);
    return e;
}
