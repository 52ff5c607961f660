/* A node's storage for one test: folder, database, blobs, memory of checks. */
#ifndef RB_TESTS_UNIT_NODE_STORE_H
#define RB_TESTS_UNIT_NODE_STORE_H

#include "tests/unit/node/folder.h"

#include "node/staging.h"

#define STORE_CAPACITY (1u << 20)

struct store {
    struct folder folder;
    struct db *db;
    struct blobs *blobs;
    struct verify *verify;
    struct staging *staging;
    int lost, lost_bad; /* how often a loss was told */
};

static inline void store_lost(void *ctx, const char *sha256, int bad)
{
    struct store *s = ctx;
    (void)sha256;
    s->lost++;
    s->lost_bad += bad;
}

static inline void store_open(struct store *s)
{
    struct blobs_config config = {s->folder.path, STORE_CAPACITY, 0};
    assert_ok(db_open(s->folder.db_path, &s->db));
    assert_ok(blobs_open(&config, &s->blobs));
    assert_ok(verify_open(s->db, s->blobs, &s->verify));
    verify_on_loss(s->verify, store_lost, s);
    assert_ok(staging_open(s->blobs, s->verify, &s->staging));
}

static inline void store_close(struct store *s)
{
    staging_close(s->staging);
    verify_close(s->verify);
    blobs_close(s->blobs);
    db_close(s->db);
}

static inline int store_setup(void **state)
{
    struct store *s = calloc(1, sizeof(*s));
    folder_make(&s->folder);
    assert_ok(db_create(s->folder.db_path, "node-1.a"));
    store_open(s);
    *state = s;
    return 0;
}

static inline int store_teardown(void **state)
{
    struct store *s = *state;
    store_close(s);
    folder_remove(&s->folder);
    free(s);
    return 0;
}

/* The path of a blob. */
static inline const char *store_path(struct store *s, const char *sha256)
{
    char below[128];
    snprintf(below, sizeof(below), "blobs/%.2s/%.2s/%s", sha256, sha256 + 2, sha256);
    return folder_at(&s->folder, below);
}

static inline enum err store_put(struct store *s, const char *text, char sha256[HASH_HEX_SIZE])
{
    hash_sha256_hex(text, strlen(text), sha256);
    return verify_put_bytes(s->verify, sha256, text, strlen(text));
}

/* Puts other bytes where a blob is, as a bad disk would. */
static inline void store_spoil(struct store *s, const char *sha256, const char *text)
{
    FILE *f = fopen(store_path(s, sha256), "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

static inline uint64_t store_drafts_bytes(struct store *s)
{
    struct blobs_usage usage;
    assert_ok(blobs_usage(s->blobs, &usage));
    return usage.drafts_bytes;
}

#endif
