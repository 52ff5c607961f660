/* One line of an audit log, as it stands in the file. Exactly one spelling of each value is taken:
 *
 *   {"n":N,"at":"RFC 3339, ms, Z","k":N,"kind":"WORD", members of that kind in their order ,"h":"64 hex digits"}
 *
 *   start  process chain start file after     first line of a chain; start: number of the seed; after: "chain:n:h" of the line before it, or ""
 *   file   process chain start file before    first line of a later file of the same chain; before: h of the line before it, in case that file is gone
 *   key                                       the last line under this key
 *   event  who what on from result request detail
 *   more   count                              so many refusals were not written one by one
 *   lost   count                              so many lines are missing here: the queue or the disk was full
 *   drop   chain file last h_last             that file went for its age or size; its last line was n = last with h_last
 *   end                                       an orderly stop
 *
 * The text under the MAC is the line up to the comma before "h". */
#ifndef RB_LIB_AUDIT_LINE_H
#define RB_LIB_AUDIT_LINE_H

#include "lib/audit/key.h"
#include "lib/base/buf.h"
#include "lib/base/text.h"

#define AUDIT_LINE_MAX 4096u                 /* bytes of a line without its line break */
#define AUDIT_PROCESS_SIZE 129u              /* bytes of a process's name with NUL */
#define AUDIT_CHAIN_SIZE 33u                 /* 32 hex digits and NUL */
#define AUDIT_NUMBER_MAX 9007199254740992ull /* 2^53: every reader of JSON takes it exactly */

enum audit_kind { AUDIT_START, AUDIT_FILE, AUDIT_KEY, AUDIT_EVENT, AUDIT_MORE, AUDIT_LOST, AUDIT_DROP, AUDIT_END, AUDIT_KINDS };

/* "start", "file", … */
const char *audit_kind_word(enum audit_kind kind);

/* A line that was read; texts are borrowed from it. */
struct audit_line {
    uint64_t n, k;
    char at[TEXT_TIME_SIZE];
    enum audit_kind kind;
    const char *members; /* what stands between kind and h: `,"who":"…",…`, or nothing */
    size_t members_len;
    size_t text_len; /* bytes under the MAC, from the line's beginning */
    uint8_t h[HASH_SIZE];
};

/* Reads one line without its line break. ERR_SYNTAX for anything that is not exactly a line. A parser of outside bytes: fuzzed. */
enum err audit_line_read(const char *text, size_t len, struct audit_line *out) MUST_CHECK;

/* A member of a line that was read, as it stands there: a text without its quotes and still escaped, or digits. NULL: this kind has none of that name. */
const char *audit_line_member(const struct audit_line *line, const char *name, size_t *len);
/* The same copied as a string / as a number. ERR_SYNTAX: there is none, or it is longer than size - 1. */
enum err audit_line_copy(const struct audit_line *line, const char *name, char *out, size_t size) MUST_CHECK;
enum err audit_line_number(const struct audit_line *line, const char *name, uint64_t *out) MUST_CHECK;

/* Appends `,"name":"value"` escaped; what does not fit into max bytes is cut, at a whole character. NULL counts as "". ERR_NOMEM. */
enum err audit_member_text(struct buf *b, const char *name, const char *value, size_t max) MUST_CHECK;
/* Appends `,"name":value`. ERR_NOMEM. */
enum err audit_member_number(struct buf *b, const char *name, uint64_t value) MUST_CHECK;

/* Appends the text under the MAC: everything but h. at_ms: unix. ERR_NOMEM. */
enum err audit_line_begin(
    struct buf *b, uint64_t n, uint64_t at_ms, uint64_t k, enum audit_kind kind, const char *members, size_t len) MUST_CHECK;
/* Appends the rest, and a line break. ERR_NOMEM. */
enum err audit_line_finish(struct buf *b, const uint8_t h[HASH_SIZE]) MUST_CHECK;

#endif
