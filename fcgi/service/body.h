/* An upload's bytes on their way to the owners: small ones in memory, larger ones staged at the owners while they are hashed. */
#ifndef RB_FCGI_SERVICE_BODY_H
#define RB_FCGI_SERVICE_BODY_H

#include "fcgi/service/quorum.h"
#include "fcgi/service/upload.h"

#define BODY_PIECE_BYTES (256u << 10)

/* Bytes that a message to the owners can carry. Nothing (all zero) when the owners have them, or there are none. */
struct payload {
    void *bytes; /* small: owned, sent behind the message */
    size_t len;
    struct room *room;                     /* where `len` bytes were taken for them */
    char staging[MESSAGE_STAGING_ID_SIZE]; /* large: staged under this id, else "" */
    const char *staged[OWNERS_MAX];        /* at these nodes (ids, arena) */
    size_t n_staged;
};
void payload_release(struct payload *p);
/* True when this node can get the bytes with a message, or needs none. */
int payload_reaches(const struct payload *p, const char *node_id);
/* True when a write quorum can. It could when the body was staged; a ring change may have made owners of other nodes since. */
int payload_reaches_quorum(const struct payload *p, const struct quorum *q);
/* How long owners may take for it: the base, and for staged bytes what a slow disk needs to flush them. */
unsigned payload_timeout_ms(const struct payload *p, uint64_t size, unsigned base_ms);

/* What was learnt of a body while it was read. */
struct body {
    struct payload payload;
    char sha256[HASH_HEX_SIZE];
    uint8_t hash[HASH_SIZE];
    const char *type;
};

/* Reads the bytes, tells their type and brings large ones to the owners. The quorum's deadline plays no part. filename and claimed as for type_check().
 * ERR_SYNTAX: the body ended early; ERR_TYPE (*detail says why); ERR_INVALID: empty; ERR_FULL, ERR_UNAVAILABLE: fewer than a write quorum staged it; ERR_NOMEM. */
enum err body_read(struct quorum *q, const struct upload_body *in, uint64_t small_max_bytes, const char *claimed, const char *filename,
    struct body *out, const char **detail) MUST_CHECK;

/* Brings the bytes of a foreign record that has to be finished (protocol.md P3, rule 6) to owners that lack them: fetched from the owner of this number.
 * ERR_NOT_FOUND, ERR_CORRUPT, ERR_UNAVAILABLE, ERR_TIMEOUT, ERR_IO, ERR_FULL, ERR_NOMEM. */
enum err body_carry(struct quorum *q, const struct record *r, size_t holder, struct payload *out) MUST_CHECK;

#endif
