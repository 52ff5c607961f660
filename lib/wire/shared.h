/* Files that a peer shares from its own folder: their names, the digest of a list of them, and changes of a list as they travel.
 *
 * A file is {"name","size","mtime","sha256": 64 hex digits or null}; a change of a list is
 * {"base": 32 hex digits or "", "digest": 32 hex digits, "add": [file], "remove": [name]}. */
#ifndef RB_LIB_WIRE_SHARED_H
#define RB_LIB_WIRE_SHARED_H

#include "lib/base/hash.h"
#include "lib/wire/json.h"

#define SHARED_NAME_MAX 1024     /* bytes of a name */
#define SHARED_FILES_MAX 1000000 /* files of one peer */
#define SHARED_DELTA_FILES 100   /* names in one delta, added and removed together: 26 ms of Redis, which serves nobody else meanwhile */
#define SHARED_DELTA_BYTES (2u << 20)     /* bytes of one delta's JSON */
#define SHARED_DIGEST_SIZE 16             /* bytes of a digest */
#define SHARED_DIGEST_HEX_SIZE 33         /* 32 digits and NUL */
#define SHARED_BLOCK_BYTES_MIN (1u << 20) /* a block of a small file */
#define SHARED_BLOCKS_MAX 4096            /* blocks of one file */

struct shared_file {
    char *name;                 /* shared_name_check() */
    uint64_t size, mtime_ms;    /* at most JSON_EXACT_MAX each; mtime in unix ms */
    char sha256[HASH_HEX_SIZE]; /* "": not known yet */
};

/* A path below the shared folder: 1..SHARED_NAME_MAX bytes of UTF-8 without control characters, "/" between segments, and no segment that is empty or begins
 * with "." (which leaves out "." and ".." and whatever is hidden). ERR_INVALID. */
enum err shared_name_check(const char *name, size_t len) MUST_CHECK;

/* Frees the name; the struct is the caller's. Fine on all zeroes. */
void shared_file_release(struct shared_file *f);
/* A deep copy into an uninitialised *to. ERR_NOMEM. */
enum err shared_file_copy(struct shared_file *to, const struct shared_file *from) MUST_CHECK;
/* The JSON, to be freed; NULL when out of memory. */
struct json *shared_file_to_json(const struct shared_file *f);
/* Reads and checks it; *out uninitialised before, the caller's on success. ERR_SYNTAX, ERR_NOMEM. */
enum err shared_file_from_json(const struct json *j, struct shared_file *out) MUST_CHECK;

/* What a list of files comes to: the XOR over its files of the first bytes of SHA-256(name NUL size NUL mtime NUL sha256), numbers in decimal. Zero: no file.
 * It depends on the set alone, not on the order, and a file is put in and taken out by the same step. */
struct shared_digest {
    uint8_t bytes[SHARED_DIGEST_SIZE];
};
void shared_digest_toggle(struct shared_digest *d, const struct shared_file *f);
void shared_digest_hex(const struct shared_digest *d, char out[SHARED_DIGEST_HEX_SIZE]);
/* Exactly 32 lower-case hex digits. ERR_SYNTAX. */
enum err shared_digest_parse(const char *hex, struct shared_digest *out) MUST_CHECK;

/* A step from one list to the next. A changed file is in `add` alone and takes the place of the entry of that name. No name occurs twice. */
struct shared_delta {
    char base[SHARED_DIGEST_HEX_SIZE];   /* of the list before it; "": begin anew, whatever was listed goes */
    char digest[SHARED_DIGEST_HEX_SIZE]; /* of the list after it */
    struct shared_file *add;
    size_t n_add;
    char **remove;
    size_t n_remove;
    size_t json_bytes; /* at least what its JSON takes; kept by the functions below */
};

/* No step from nothing: base "", the digest of the empty list. Allocates nothing. */
void shared_delta_init(struct shared_delta *d);
/* Frees what is in it and makes it as after init. */
void shared_delta_release(struct shared_delta *d);
/* Appends a copy of a file, or a name to be removed; that the name is not in it yet is the caller's affair. ERR_FULL when the delta has SHARED_DELTA_FILES names or
 * might print to more than SHARED_DELTA_BYTES: send this one and begin the next. ERR_NOMEM. Unchanged on failure. */
enum err shared_delta_add(struct shared_delta *d, const struct shared_file *f) MUST_CHECK;
enum err shared_delta_remove(struct shared_delta *d, const char *name) MUST_CHECK;
/* Appends the JSON to out. ERR_NOMEM. */
enum err shared_delta_print(const struct shared_delta *d, struct buf *out) MUST_CHECK;
/* Reads and checks it, limits and double names too; *out uninitialised before, the caller's on success. ERR_SYNTAX, ERR_NOMEM. */
enum err shared_delta_parse(const char *text, size_t len, struct shared_delta *out) MUST_CHECK;

/* How long the blocks of a file of `size` bytes are: SHARED_BLOCK_BYTES_MIN, doubled until SHARED_BLOCKS_MAX of them hold it. The last one may be shorter. */
uint64_t shared_block_bytes(uint64_t size);
/* How many blocks that makes; none for an empty file. */
size_t shared_block_count(uint64_t size);

#endif
