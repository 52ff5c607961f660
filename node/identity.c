#include "node/identity.h"

#include "lib/base/clock.h"
#include "lib/base/fs.h"
#include "lib/base/id.h"
#include "lib/base/log.h"
#include "lib/wire/json.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MODE 0640
#define DIR_MODE 0750
#define LINE_MAX_BYTES 1024
#define INCARNATION_BYTES 8

static enum err join_path(char out[PATH_MAX], const char *data, const char *name)
{
    int len = snprintf(out, PATH_MAX, "%s/%s", data, name);
    return len < 0 || len >= PATH_MAX ? ERR_INVALID : ERR_OK;
}

static enum err print_member(const struct ring_member *m, struct buf *out)
{
    struct json *j = json_object();
    json_set_str(j, "id", m->id);
    json_set_str(j, "name", m->name);
    json_set_str(j, "zone", m->zone);
    json_set_u64(j, "weight", m->weight);
    enum err e = json_print(j, out);
    json_free(j);
    return e;
}

/* Reads a small JSON file. */
static enum err read_json(const char *data, const char *name, struct json **out)
{
    char path[PATH_MAX];
    struct buf text;
    buf_init(&text, LINE_MAX_BYTES);
    enum err e = join_path(path, data, name);
    if (!e)
        e = fs_read_file(path, &text);
    if (!e)
        e = json_parse(buf_str(&text), text.len, out);
    buf_release(&text);
    return e == ERR_SYNTAX || e == ERR_NOMEM ? ERR_CORRUPT : e;
}

/* Copies a string member; 0 when it is missing or too long. */
static int get_text(const struct json *j, const char *name, char *out, size_t size)
{
    const char *text = json_get_str(j, name);
    if (!text || strlen(text) >= size)
        return 0;
    memcpy(out, text, strlen(text) + 1);
    return 1;
}

enum err identity_read(const char *data, struct ring_member *out)
{
    struct json *j;
    struct ring *ring = NULL;
    struct ring_member m = {.weight = 0};
    uint64_t weight = 0;
    enum err e = read_json(data, "node.json", &j);
    if (e)
        return e;
    int ok =
        get_text(j, "id", m.id, sizeof(m.id)) && get_text(j, "name", m.name, sizeof(m.name)) && get_text(j, "zone", m.zone, sizeof(m.zone));
    if (!ok || json_get_u64(j, "weight", RING_WEIGHT_MAX, &weight))
        e = ERR_CORRUPT;
    json_free(j);
    m.weight = (uint32_t)weight;
    /* A ring of it alone checks what a ring would check. */
    if (!e && ring_new(&m, 1, 1, 1, &ring))
        e = ERR_CORRUPT;
    ring_free(ring);
    if (!e)
        *out = m;
    return e;
}

/* Moves a database that belonged to another life out of the way. */
static enum err set_aside(const char *data)
{
    static const char *const parts[] = {"records.db", "records.db-wal", "records.db-shm"};
    uint64_t now = clock_unix_ms();
    char from[PATH_MAX], to[PATH_MAX], name[64];
    enum err e = join_path(to, data, "quarantine");
    if (!e)
        e = fs_mkdirs(to, DIR_MODE);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && !e; i++) {
        snprintf(name, sizeof(name), "quarantine/%llu-%s", (unsigned long long)now, parts[i]);
        e = join_path(from, data, parts[i]);
        if (!e)
            e = join_path(to, data, name);
        if (!e && rename(from, to) != 0 && errno != ENOENT)
            e = ERR_IO;
    }
    return e;
}

static enum err write_marker(const char *data, const char *id, uint64_t starts)
{
    char path[PATH_MAX];
    struct buf text;
    struct json *j = json_object();
    json_set_str(j, "id", id);
    json_set_u64(j, "starts", starts);
    buf_init(&text, LINE_MAX_BYTES);
    enum err e = json_print(j, &text);
    json_free(j);
    if (!e)
        e = join_path(path, data, "marker.json");
    if (!e)
        e = fs_replace_file(path, buf_str(&text), text.len, FILE_MODE);
    buf_release(&text);
    return e;
}

/* Database first, then the marker, then node.json: whatever is missing after a crash, --init starts again. */
static enum err make_new(const char *data, const struct ring_member *m, const char *line)
{
    char path[PATH_MAX];
    enum err e = set_aside(data);
    if (!e)
        e = join_path(path, data, "records.db");
    if (!e)
        e = db_create(path, m->id);
    if (!e)
        e = write_marker(data, m->id, 0);
    if (!e)
        e = join_path(path, data, "node.json");
    return e ? e : fs_replace_file(path, line, strlen(line), FILE_MODE);
}

enum err identity_init(const char *data, const char *name, const char *zone, uint64_t weight, struct buf *line)
{
    struct ring_member m = {.weight = 0};
    char incarnation[2 * INCARNATION_BYTES + 1];
    struct ring *ring = NULL;
    enum err e = identity_read(data, &m);
    if (!e)
        return print_member(&m, line);
    if (e != ERR_NOT_FOUND)
        return e;
    if (!ring_name_ok(name) || strlen(zone) >= sizeof(m.zone) || weight > RING_WEIGHT_MAX)
        return ERR_INVALID;
    id_random_hex(incarnation, INCARNATION_BYTES);
    snprintf(m.id, sizeof(m.id), "%s.%s", name, incarnation);
    snprintf(m.name, sizeof(m.name), "%s", name);
    snprintf(m.zone, sizeof(m.zone), "%s", zone);
    m.weight = (uint32_t)weight;
    e = ring_new(&m, 1, 1, 1, &ring);
    ring_free(ring);
    if (!e)
        e = fs_mkdirs(data, DIR_MODE);
    if (!e)
        e = print_member(&m, line);
    return e ? e : make_new(data, &m, buf_str(line));
}

enum err identity_take(const char *data, const struct ring_member *self, struct buf *line)
{
    struct ring_member there;
    struct ring *ring = NULL;
    enum err e = identity_read(data, &there);
    if (!e && strcmp(there.id, self->id) != 0)
        return ERR_CONFLICT;
    if (!e)
        return print_member(&there, line);
    if (e != ERR_NOT_FOUND)
        return e;
    e = ring_new(self, 1, 1, 1, &ring);
    ring_free(ring);
    if (!e)
        e = fs_mkdirs(data, DIR_MODE);
    if (!e)
        e = print_member(self, line);
    return e ? e : make_new(data, self, buf_str(line));
}

static enum err read_marker(const char *data, char id[RING_ID_MAX], uint64_t *starts)
{
    struct json *j;
    enum err e = read_json(data, "marker.json", &j);
    if (e)
        return e == ERR_NOT_FOUND ? ERR_CORRUPT : e;
    if (!get_text(j, "id", id, RING_ID_MAX) || json_get_u64(j, "starts", INT64_MAX, starts))
        e = ERR_CORRUPT;
    json_free(j);
    return e;
}

enum err identity_claim(const char *data, const struct ring_member *self, struct db *db)
{
    char marked[RING_ID_MAX], owner[RING_ID_MAX];
    uint64_t marked_starts = 0, starts = 0;
    enum err e = read_marker(data, marked, &marked_starts);
    if (!e)
        e = db_about(db, owner, sizeof(owner), &starts);
    if (e) {
        log_write(LOG_ERROR, "identity", "%s/marker.json or the database cannot be read: %s", data, err_text(e));
        return e;
    }
    if (strcmp(marked, self->id) != 0 || strcmp(owner, self->id) != 0) {
        log_write(LOG_ERROR, "identity", "node.json says %s, marker.json %s and records.db %s: they do not belong together", self->id,
            marked, owner);
        return ERR_CORRUPT;
    }
    if (starts < marked_starts) {
        log_write(LOG_ERROR, "identity",
            "records.db knows %llu starts of this node and marker.json %llu: the database was restored from a copy",
            (unsigned long long)starts, (unsigned long long)marked_starts);
        return ERR_CORRUPT;
    }
    e = db_count_start(db, &starts);
    if (!e)
        e = write_marker(data, self->id, starts);
    if (e != ERR_FULL)
        return e;
    /* A full disk must not keep what is on it from being read. The marker never counts more than the database, whichever of the two failed. */
    log_write(LOG_WARN, "identity", "%s is full: this start is not counted", data);
    return ERR_OK;
}
