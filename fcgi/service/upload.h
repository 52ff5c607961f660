/* The upload, delete and restore use cases: one new record on a write quorum of the course's owners (protocol.md P2 + P3), then in the index. */
#ifndef RB_FCGI_SERVICE_UPLOAD_H
#define RB_FCGI_SERVICE_UPLOAD_H

#include "fcgi/service/app.h"
#include "lib/wire/message.h"
#include "lib/wire/owners.h"

/* Where an upload's bytes come from: reads up to n bytes; returns how many, 0 at the end, -1 on error (short body). */
struct upload_body {
    long (*read)(void *ctx, void *into, size_t n);
    void *ctx;
    uint64_t size; /* what the sender promised */
};

/* What the change is conditional on. */
enum upload_match {
    MATCH_NOTHING,
    MATCH_RECORD /* current has this id */,
    MATCH_SHA256 /* current has these bytes */,
    MATCH_NONE /* no current, or deleted */
};

struct upload_input {
    const char *course, *key; /* shown name and key, checked (lib/name) */
    const char *term, *title, *instructor, *note, *filename,
        *uploader;            /* "" when not given; UTF-8; the service checks bounds and cleans the file name */
    const char *claimed_type; /* Content-Type without parameters, "" = no claim */
    int any_kind;             /* the file's name promises nothing: a file of another machine's folder is taken as it is */
    enum upload_match match;
    struct stamp match_record;
    char match_sha256[HASH_HEX_SIZE];
    const char *idempotency_key; /* NULL or 1…128 characters; scoped to (uploader, key) */
    int has_digest;              /* Content-Digest was sent */
    uint8_t digest[HASH_SIZE];
    struct upload_body body;
};

enum upload_outcome { UPLOAD_CREATED, UPLOAD_UNCHANGED };

struct upload_copy {
    const char *node, *name;
    enum blob_state state;
};
struct upload_result {
    enum upload_outcome outcome;
    struct record record; /* owned: upload_result_release */
    uint64_t version;     /* 0 = not known */
    struct upload_copy copies[OWNERS_MAX];
    size_t n_copies;            /* strings in the worker's arena */
    unsigned can_write, needed; /* for ERR_UNAVAILABLE and ERR_TIMEOUT */
    unsigned retry_after_s;
    const char *detail; /* a sentence for people about what went wrong, or NULL; arena or static */
};
void upload_result_release(struct upload_result *r);

/* Stores a new version. ERR_OK; ERR_PRECONDITION; ERR_TYPE; ERR_INVALID; ERR_SYNTAX (digest, short body); ERR_TOO_LARGE; ERR_FULL; ERR_UNAVAILABLE (nothing visible);
 * ERR_TIMEOUT (503: unknown, ask again with the same idempotency key). *out is always initialised. */
enum err upload(struct worker *w, const struct upload_input *in, struct upload_result *out) MUST_CHECK;

/* A tombstone: of one version (`version` = number or record id) or, with NULL, of the whole course. ERR_NOT_FOUND when there is nothing (left) to delete. */
struct delete_input {
    const char *course, *key, *uploader, *version;
    /* delete: the bytes are not kept for the days in which a restore could want them (lib/wire/record.h). `version` is then a record id, and may be one that is deleted already. */
    int erase;
    enum upload_match match;
    struct stamp match_record;
    char match_sha256[HASH_HEX_SIZE];
    const char *idempotency_key;
};
enum err upload_delete(struct worker *w, const struct delete_input *in, struct upload_result *out) MUST_CHECK;

/* A new record with the fields and bytes of an older version (number or id; NULL = the newest version that is not current, or the newest before the delete).
 * match etc. as for delete. ERR_NOT_FOUND; ERR_GONE when no owner has the bytes any more, or the version was erased. */
enum err upload_restore(struct worker *w, const struct delete_input *in, struct upload_result *out) MUST_CHECK;

#endif
