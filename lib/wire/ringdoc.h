/* The ring document: how a ring travels and is kept on disk (protocol.md P1).
 * {"epoch", "k", "state": "stable", "ballot": {"counter", "coordinator", "start"}, "prev": [id…], "members": [{"id","name","zone","weight"}]} */
#ifndef RB_LIB_WIRE_RINGDOC_H
#define RB_LIB_WIRE_RINGDOC_H

#include "lib/ring/ring.h"
#include "lib/wire/json.h"

/* A leader's ballot: strictly ordered by (counter, coordinator, start). */
struct ballot {
    uint64_t counter;
    char coordinator[64];
    uint64_t start; /* random id of that process's start */
};
int ballot_cmp(const struct ballot *a, const struct ballot *b);
struct json *ballot_to_json(const struct ballot *b);
enum err ballot_from_json(const struct json *j, struct ballot *out) MUST_CHECK;

#define RINGDOC_BYTES_MAX (1u << 20)

struct ringdoc {
    struct ring *ring;    /* owned */
    struct ballot ballot; /* under which it was installed; counter 0 for the founding document */
    char *text;           /* the JSON it was read from or printed to, NUL-terminated; owned */
    size_t text_len;
};

/* Reads and builds. ERR_SYNTAX, ERR_INVALID, ERR_NOMEM. *out untouched on failure. */
enum err ringdoc_parse(const char *text, size_t len, struct ringdoc **out) MUST_CHECK;
/* Makes a stable document from members. */
enum err ringdoc_new(
    const struct ring_member *members, size_t n, uint32_t k, uint64_t epoch, const struct ballot *b, struct ringdoc **out) MUST_CHECK;
/* The same document as it is kept once it was installed again under ballot b: all is kept but its "ballot". */
enum err ringdoc_under(const struct ringdoc *from, const struct ballot *b, struct ringdoc **out) MUST_CHECK;
enum err ringdoc_copy(const struct ringdoc *from, struct ringdoc **out) MUST_CHECK;
void ringdoc_free(struct ringdoc *d);

#endif
