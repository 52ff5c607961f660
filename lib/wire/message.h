/* What api and nodes say to each other about a course (protocol.md P2 + P3), as structs and as JSON. Bodies are frames (frame.h) whose bytes are
 * the blob for STORE and ACCEPT of a small body, else empty. Every request is POST /records/{course key, percent-encoded}/{verb}.
 *
 * request  {"ring", "key", "ballot"?, "record"?, "staging"?, "known"?: [record…], "target"?}
 * answer   200 {"ok": true, "promised", "records"?: [{"record", "direct", "blob", "verified_at"}], "slot"?: {"ballot", "record" or null}}
 * refusal  409 {"ok": false, "error": err_code, "promised", "ring"?: epoch}, other statuses as problem+json
 *
 * Stamps are 32 hex digits, null for the zero stamp. Records stand in the order of their stamps, each id once. What the verbs need and take:
 * STORE    record (an unconditional one); either staging or bytes (all of the blob), or neither when the owner has the blob
 * PREPARE  ballot
 * ACCEPT   ballot; record (a conditional one) or none; staging or bytes as for STORE; known
 * LEARN    record (a conditional one)
 * PULL     target
 * HINT     target
 */
#ifndef RB_LIB_WIRE_MESSAGE_H
#define RB_LIB_WIRE_MESSAGE_H

#include "lib/wire/history.h"

enum message_verb { MESSAGE_STORE, MESSAGE_PREPARE, MESSAGE_ACCEPT, MESSAGE_LEARN, MESSAGE_PULL, MESSAGE_HINT };

#define MESSAGE_OWNERS_MAX 16
#define MESSAGE_NODE_ID_MAX 96       /* bytes of a node id with NUL: name (≤ 63) + "." + 16 hex digits */
#define MESSAGE_STAGING_ID_SIZE 33   /* 32 hex digits and NUL */
#define MESSAGE_BODY_MAX (24u << 20) /* an answer or a request's head and known list */

/* The path word of a verb ("store") and back; -1 when unknown. */
const char *message_verb_name(enum message_verb v);
int message_verb_parse(const char *word);

struct message_request {
    enum message_verb verb;
    uint64_t ring;       /* epoch of the ring the sender uses */
    char *key;           /* course key */
    struct stamp ballot; /* PREPARE, ACCEPT */
    int has_record;      /* STORE, ACCEPT (absent = NONE), LEARN */
    struct record record;
    char staging[MESSAGE_STAGING_ID_SIZE]; /* "" or the staged body that is the record's blob */
    struct history known;                  /* ACCEPT: what that owner lacks of U */
    char target[MESSAGE_NODE_ID_MAX];      /* HINT: the owner that missed something; PULL: the puller */
};

/* How an owner has a record's blob. */
enum blob_state { BLOB_STORED, BLOB_MISSING, BLOB_BAD, BLOB_UNKNOWN };
const char *blob_state_name(enum blob_state s);
enum blob_state blob_state_parse(const char *word); /* BLOB_UNKNOWN for anything else */

struct message_answer {
    int ok;
    enum err error;           /* why not: ERR_FENCED, ERR_STALE_RING, … */
    struct stamp promised;    /* largest stamp the owner knows for the course */
    uint64_t ring;            /* owner's ring epoch, with ERR_STALE_RING */
    int has_history;          /* PREPARE, PULL */
    struct history history;   /* the owner's R; entry i's blob is blobs[i] */
    enum blob_state *blobs;   /* history.n of them, or NULL */
    uint64_t *verified_at_ms; /* unix ms of the last hash check, 0 = never; history.n of them, or NULL */
    int has_slot;             /* the last ACCEPT */
    struct stamp slot_ballot;
    int slot_has_record; /* 0: NONE was accepted */
    struct record slot_record;
};

/* Zeroed, ready to fill; and freed (the struct stays the caller's; fine on all zeroes). */
void message_request_init(struct message_request *m, enum message_verb verb);
void message_request_release(struct message_request *m);
void message_answer_init(struct message_answer *a);
void message_answer_release(struct message_answer *a);

/* Appends the request as a frame head (the caller sends the blob's bytes behind it). ERR_NOMEM, ERR_TOO_LARGE. */
enum err message_request_print(const struct message_request *m, struct buf *out) MUST_CHECK;
/* Reads a body as `verb`; *bytes is the blob part, borrowed from body. Checks that what the verb needs is there and record.key = key. ERR_SYNTAX. */
enum err message_request_parse(
    enum message_verb verb, const void *body, size_t len, struct message_request *out, const void **bytes, size_t *bytes_len) MUST_CHECK;
/* The answer as JSON text, and back. */
enum err message_answer_print(const struct message_answer *a, struct buf *out) MUST_CHECK;
enum err message_answer_parse(const char *text, size_t len, struct message_answer *out) MUST_CHECK;
/* The same as JSON values, for messages that carry many of them. What to_json gives is the caller's; NULL when out of memory. from_json checks as parse does, without
 * bytes behind it. */
struct json *message_request_to_json(const struct message_request *m);
enum err message_request_from_json(enum message_verb verb, const struct json *j, struct message_request *out) MUST_CHECK;
struct json *message_answer_to_json(const struct message_answer *a);
enum err message_answer_from_json(const struct json *j, struct message_answer *out) MUST_CHECK;

#endif
