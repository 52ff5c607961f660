#include "node/blobs_inside.h"

#include "lib/base/num.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct walk {
    struct blobs *b;
    const char *after; /* names up to here are left out, and folders that hold only such */
    enum err (*each)(void *ctx, const char *sha256, const char *path, const struct stat *st);
    void *ctx;
};

static int is_wanted(const struct dirent *entry, size_t digits)
{
    return num_is_hex(entry->d_name, digits);
}

static int is_folder(const struct dirent *entry)
{
    return is_wanted(entry, 2);
}

static int is_blob(const struct dirent *entry)
{
    return is_wanted(entry, 64);
}

static enum err visit_blob(struct walk *w, const char *folder, const char *name)
{
    struct stat st;
    char path[BLOBS_PATH_SIZE + 8];
    if (strcmp(name, w->after) <= 0)
        return ERR_OK;
    enum err e = blobs_stat(w->b, name, &st);
    if (e == ERR_NOT_FOUND)
        return ERR_OK; /* went away meanwhile, or lies in a folder that is not its own */
    snprintf(path, sizeof(path), "blobs/%s/%s", folder, name);
    return e ? e : w->each(w->ctx, name, path, &st);
}

/* Calls down(w, path of the entry or folder, name) for the entries of one folder that pass, in the order of their names. */
static enum err in_order(
    struct walk *w, const char *folder, int (*pass)(const struct dirent *), enum err (*down)(struct walk *, const char *, const char *))
{
    struct dirent **names;
    int n = scandirat(w->b->blobs_fd, folder, &names, pass, alphasort);
    if (n < 0)
        return errno == ENOENT ? ERR_OK : blobs_errno("a folder of blobs", errno);
    enum err e = ERR_OK;
    for (int i = 0; i < n; i++) {
        if (!e)
            e = down(w, folder, names[i]->d_name);
        free(names[i]);
    }
    free(names);
    return e;
}

static enum err second_level(struct walk *w, const char *first, const char *name)
{
    char folder[8], digits[5];
    snprintf(digits, sizeof(digits), "%.2s%.2s", first, name);
    if (strncmp(digits, w->after, 4) < 0)
        return ERR_OK;
    snprintf(folder, sizeof(folder), "%.2s/%.2s", first, name);
    return in_order(w, folder, is_blob, visit_blob);
}

static enum err first_level(struct walk *w, const char *root, const char *name)
{
    (void)root;
    if (strncmp(name, w->after, 2) < 0)
        return ERR_OK;
    return in_order(w, name, is_folder, second_level);
}

enum err blobs_walk_after(
    struct blobs *b, const char *after, enum err (*each)(void *ctx, const char *sha256, const char *path, const struct stat *st), void *ctx)
{
    struct walk w = {b, after, each, ctx};
    return in_order(&w, ".", is_folder, first_level);
}

enum err blobs_walk(struct blobs *b, enum err (*each)(void *ctx, const char *sha256, const char *path, const struct stat *st), void *ctx)
{
    return blobs_walk_after(b, "", each, ctx);
}
