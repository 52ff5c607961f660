/* A record: one immutable version of a course's syllabus, or a tombstone. Its JSON is the same on disk, between processes and in the index.
 *
 * {"id": 32 hex digits (the stamp), "course", "key", "kind": "upload"|"delete"|"restore", "of": id or null, "term", "title", "instructor", "note",
 *  "filename", "type", "size", "sha256", "uploader", "parent": id or null, "upload": id of the request, "conditional": bool, "fields": 64 hex digits,
 *  "erase"?: true}
 */
#ifndef RB_LIB_WIRE_RECORD_H
#define RB_LIB_WIRE_RECORD_H

#include "lib/base/hash.h"
#include "lib/base/stamp.h"
#include "lib/wire/json.h"

enum record_kind {
    RECORD_UPLOAD, /* a version */
    RECORD_DELETE, /* a tombstone: of one version (`of` set) or of everything older than itself (`of` zero) */
    RECORD_RESTORE /* a version made from the fields of version `of` */
};

#define RECORD_FIELD_MAX 1024 /* bytes of term, title, instructor, note, filename, uploader (characters ≤ 255) */
#define RECORD_FIELD_CHARS_MAX 255
#define RECORD_TYPE_MAX 127      /* bytes of the media type */
#define RECORD_UPLOAD_ID_SIZE 33 /* 32 hex digits and NUL */
#define RECORD_JSON_MAX 24576    /* bytes of one record's JSON */

struct record {
    struct stamp id;
    char *course; /* as shown */
    char *key;    /* its key (lib/name) */
    enum record_kind kind;
    struct stamp of;                                                     /* zero unless kind needs it */
    char *term, *title, *instructor, *note, *filename, *type, *uploader; /* "" when not given; never NULL */
    uint64_t size;
    char sha256[HASH_HEX_SIZE];         /* "" for a tombstone */
    struct stamp parent;                /* what it was checked against or believed to follow; zero = none */
    char upload[RECORD_UPLOAD_ID_SIZE]; /* the request it belongs to; attempts of one upload share it */
    int conditional;                    /* decided by PREPARE and ACCEPT */
    int erase; /* a tombstone whose bytes are not kept for the days that a deleted version can be brought back in; written only when set */
};

/* An empty record: strings "", numbers zero. ERR_NOMEM. */
enum err record_init(struct record *r) MUST_CHECK;
/* Frees the strings; the struct is the caller's. Fine after a failed init or on all zeroes. */
void record_release(struct record *r);
/* A deep copy into an uninitialised *to. */
enum err record_copy(struct record *to, const struct record *from) MUST_CHECK;
/* Replaces one string field with a copy of value. */
enum err record_set(char **field, const char *value) MUST_CHECK;

/* Builds the JSON; the caller frees. NULL when out of memory. */
struct json *record_to_json(const struct record *r);
/* Reads and checks it (every bound above, hex, UTF-8, kind against of/sha256). *out uninitialised before, the caller's on success. ERR_SYNTAX, ERR_NOMEM. */
enum err record_from_json(const struct json *j, struct record *out) MUST_CHECK;
/* The same from text. */
enum err record_parse(const char *text, size_t len, struct record *out) MUST_CHECK;
enum err record_print(const struct record *r, struct buf *out) MUST_CHECK;

/* True when bytes and every field a person gave (term, title, instructor, note, filename, type, sha256, kind) agree: the "same again" of PUT. */
int record_same_content(const struct record *a, const struct record *b);

int record_is_tombstone(const struct record *r);
const char *record_kind_name(enum record_kind k);

#endif
