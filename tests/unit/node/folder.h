/* A node's folder for one test: made under /tmp, removed with all that is in it. */
#ifndef RB_TESTS_UNIT_NODE_FOLDER_H
#define RB_TESTS_UNIT_NODE_FOLDER_H

#include "tests/unit/unit.h"

#include "lib/base/fs.h"
#include "lib/wire/ringdoc.h"
#include "node/ledger.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct folder {
    char path[64];
    char db_path[80];
};

static inline void folder_make(struct folder *f)
{
    snprintf(f->path, sizeof(f->path), "/tmp/rb-unit-node-XXXXXX");
    assert_non_null(mkdtemp(f->path));
    snprintf(f->db_path, sizeof(f->db_path), "%s/records.db", f->path);
}

static inline int folder_remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st, (void)kind, (void)at;
    return remove(path);
}

static inline void folder_remove(struct folder *f)
{
    assert_int_equal(nftw(f->path, folder_remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

/* A path below it. Valid until the next call. */
static inline const char *folder_at(const struct folder *f, const char *below)
{
    static char path[256];
    snprintf(path, sizeof(path), "%s/%s", f->path, below);
    return path;
}

/* How many entries a folder below it has. */
static inline int folder_count(const struct folder *f, const char *below)
{
    char command[320];
    int n = -1;
    snprintf(command, sizeof(command), "ls -A %s/%s | wc -l", f->path, below);
    FILE *out = popen(command, "r");
    assert_non_null(out);
    assert_int_equal(fscanf(out, "%d", &n), 1);
    pclose(out);
    return n;
}

/* A ring of n members "node-1.a" …, all copies on k of them. */
static inline struct ringdoc *folder_ring(size_t n, uint32_t k, uint64_t epoch, uint64_t ballot)
{
    struct ring_member members[8];
    struct ballot b = {.counter = ballot, .coordinator = "co-1", .start = 1};
    struct ringdoc *doc;
    memset(members, 0, sizeof(members));
    assert_true(n <= 8);
    for (size_t i = 0; i < n; i++) {
        snprintf(members[i].id, sizeof(members[i].id), "node-%zu.a", i + 1);
        snprintf(members[i].name, sizeof(members[i].name), "node-%zu", i + 1);
        members[i].weight = 1;
    }
    assert_ok(ringdoc_new(members, n, k, epoch, &b, &doc));
    return doc;
}

/* Members "node-N.a" for each digit N of `names`. */
static inline size_t folder_members(const char *names, struct ring_member members[8])
{
    size_t n = strlen(names);
    assert_true(n <= 8);
    memset(members, 0, 8 * sizeof(*members));
    for (size_t i = 0; i < n; i++) {
        snprintf(members[i].id, sizeof(members[i].id), "node-%c.a", names[i]);
        snprintf(members[i].name, sizeof(members[i].name), "node-%c", names[i]);
        members[i].weight = 1;
    }
    return n;
}

/* A stable document of the members named by digits. */
static inline struct ringdoc *folder_stable(const char *names, uint32_t k, uint64_t epoch, uint64_t ballot)
{
    struct ring_member members[8];
    struct ballot b = {.counter = ballot, .coordinator = "co-1", .start = 1};
    struct ringdoc *doc;
    assert_ok(ringdoc_new(members, folder_members(names, members), k, epoch, &b, &doc));
    return doc;
}

/* A joint one between two sets of members. */
static inline struct ringdoc *folder_joint(const char *before, const char *now, uint32_t k, uint64_t epoch, uint64_t ballot)
{
    struct ring_member members[8];
    struct ballot b = {.counter = ballot, .coordinator = "co-1", .start = 1};
    struct ringdoc *from = folder_stable(before, k, epoch - 1, 0), *doc;
    struct ringdoc_change to = {.members = members, .n = folder_members(now, members), .k = k};
    assert_ok(ringdoc_joint(from, &to, &b, &doc));
    ringdoc_free(from);
    return doc;
}

/* Adopts a document and frees it. */
static inline void folder_take(struct ledger *l, struct ringdoc *doc)
{
    uint64_t epoch = doc->ring->epoch;
    assert_ok(ledger_adopt(l, doc));
    assert_int_equal(ledger_epoch(l), epoch);
    ringdoc_free(doc);
}

static inline void folder_adopt(struct ledger *l, size_t n, uint32_t k, uint64_t epoch)
{
    struct ringdoc *doc = folder_ring(n, k, epoch, 0);
    assert_ok(ledger_adopt(l, doc));
    assert_int_equal(ledger_epoch(l), epoch);
    ringdoc_free(doc);
}

#endif
