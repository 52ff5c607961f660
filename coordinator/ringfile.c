#include "coordinator/ringfile.h"

#include "lib/base/fs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RING_FILE "ring.json"
#define PATH_MAX_BYTES 4096
#define NODE_JSON_MAX 4096
#define FILE_MODE 0644

enum err ringfile_read(const char *path, struct ringdoc **out)
{
    struct buf text;
    buf_init(&text, RINGDOC_BYTES_MAX);
    enum err e = fs_read_file(path, &text);
    if (e == ERR_OK)
        e = ringdoc_parse(buf_str(&text), text.len, out);
    buf_release(&text);
    return e;
}

static enum err path_in(const char *data, char out[PATH_MAX_BYTES])
{
    int n = snprintf(out, PATH_MAX_BYTES, "%s/" RING_FILE, data);
    return n < 0 || n >= PATH_MAX_BYTES ? ERR_INVALID : ERR_OK;
}

enum err ringfile_load(const char *data, struct ringdoc **out)
{
    char path[PATH_MAX_BYTES];
    enum err e = path_in(data, path);
    return e != ERR_OK ? e : ringfile_read(path, out);
}

enum err ringfile_save(const char *data, const struct ringdoc *d)
{
    char path[PATH_MAX_BYTES];
    enum err e = path_in(data, path);
    return e != ERR_OK ? e : fs_replace_file(path, d->text, d->text_len, FILE_MODE);
}

static int fits(const char *text, char *out, size_t size)
{
    if (!text || strlen(text) >= size)
        return 0;
    memcpy(out, text, strlen(text) + 1);
    return 1;
}

/* A node's identity as `ringbinder-node --init` wrote it. */
static enum err read_node(const char *path, struct ring_member *out)
{
    struct buf text;
    struct json *j = NULL;
    uint64_t weight = 0;
    buf_init(&text, NODE_JSON_MAX);
    enum err e = fs_read_file(path, &text);
    if (e == ERR_OK)
        e = json_parse(buf_str(&text), text.len, &j);
    if (e == ERR_OK)
        e = json_get_u64(j, "weight", RING_WEIGHT_MAX, &weight);
    *out = (struct ring_member){.weight = (uint32_t)weight};
    if (e == ERR_OK &&
        (!fits(json_get_str(j, "id"), out->id, sizeof out->id) || !fits(json_get_str(j, "name"), out->name, sizeof out->name) ||
            !fits(json_get_str(j, "zone"), out->zone, sizeof out->zone)))
        e = ERR_SYNTAX;
    json_free(j);
    buf_release(&text);
    return e;
}

/* Reads the nodes of a list; *out is the caller's. Says which file is at fault. */
static enum err read_nodes(const char *node_files, struct ring_member **out, size_t *n)
{
    char path[PATH_MAX_BYTES];
    struct ring_member *members = calloc(RING_MEMBERS_MAX, sizeof *members);
    if (!members)
        return ERR_NOMEM;
    enum err e = ERR_OK;
    size_t count = 0;
    for (const char *p = node_files; e == ERR_OK && *p;) {
        size_t len = strcspn(p, ",");
        e = len == 0 || len >= sizeof path || count == RING_MEMBERS_MAX ? ERR_INVALID : ERR_OK;
        if (e != ERR_OK) {
            fprintf(stderr, "--members is a list of 1 to %d paths of node.json files\n", RING_MEMBERS_MAX);
            break;
        }
        memcpy(path, p, len);
        path[len] = '\0';
        e = read_node(path, &members[count++]);
        if (e != ERR_OK)
            fprintf(stderr, "%s is not a node's identity: %s\n", path, err_text(e));
        p += len + (p[len] == ',');
    }
    if (e != ERR_OK) {
        free(members);
        return e;
    }
    *out = members;
    *n = count;
    return ERR_OK;
}

/* Writes it, or compares it with what is there. */
static int settle(const char *path, const struct ringdoc *doc)
{
    struct buf old;
    int code = 1;
    buf_init(&old, RINGDOC_BYTES_MAX);
    enum err e = fs_read_file(path, &old);
    if (e == ERR_NOT_FOUND) {
        e = fs_replace_file(path, doc->text, doc->text_len, FILE_MODE);
        if (e == ERR_OK)
            printf("%s: ring 1, %zu nodes, %u copies\n", path, doc->ring->n_members, doc->ring->k);
        else
            fprintf(stderr, "%s cannot be written: %s\n", path, err_text(e));
        code = e != ERR_OK;
    } else if (e != ERR_OK) {
        fprintf(stderr, "%s cannot be read: %s\n", path, err_text(e));
    } else if (old.len != doc->text_len || memcmp(old.data, doc->text, old.len) != 0) {
        fprintf(stderr, "%s exists and founds another cluster; it is never changed\n", path);
    } else {
        printf("%s: the same document is there already\n", path);
        code = 0;
    }
    buf_release(&old);
    return code;
}

int ringfile_found(const char *path, uint64_t k, const char *node_files)
{
    struct ring_member *members = NULL;
    struct ringdoc *doc = NULL;
    size_t n;
    if (read_nodes(node_files, &members, &n) != ERR_OK)
        return 2;
    enum err e = ringdoc_new(members, n, (uint32_t)k, 1, &(struct ballot){0}, &doc);
    free(members);
    if (e != ERR_OK) {
        fprintf(stderr, "these nodes make no ring: %s (double or odd names, ids, zones or weights, or none)\n", err_text(e));
        return 2;
    }
    int code = settle(path, doc);
    ringdoc_free(doc);
    return code;
}
