/* The index of courses and records in Redis. It may be lost at any time: truth is on the nodes.
 *
 * rb:v:<key>   hash   record id → record JSON                 every record of a course
 * rb:c:<key>   hash   cur (JSON), n (live versions), version  what lists and downloads need: the current record, how many versions, and its number
 *                     id, kind, shown, head, del, words       what the script goes on from: the current record's id and kind (v, a, o), records shown,
 *                                                             largest stamp, newest tombstone of everything, words listed (" a b =term ", "" when the course is not listed)
 * rb:x:<key>   hash   record id → "<kind> <of> <upload> <words>"; u:<upload id> → one of its records; t:<record id> → its tombstone
 * rb:byname    zset   score 0, member <key>\0<inverted stamp hex><words>     courses (not deleted), by key
 * rb:newest    zset   score 0, member <inverted stamp hex>:<key>\0<words>    the same, newest first
 * rb:words     zset   score 0, member <word>\0<inverted stamp hex>:<key>     words of course, title, instructor of the current record, "=<key of its term>"
 *              the stamp is the current record's; each set holds all that a search needs to test and to sort, so that it asks for nothing course by course
 *
 * Every key of a course is written by one script only (lua/index_add.lua) and removed by one (lua/index_remove.lua); deleted courses are not listed but keep
 * their records. Everything that reads looks at the mark in the same step and gives ERR_STALE_INDEX when the index was not built for this Redis process
 * (mark.h): then neither what is there nor what is not means anything, and the owners are to be asked. Adding never looks at it (protocol.md P5).
 */
#ifndef RB_LIB_STORE_INDEX_H
#define RB_LIB_STORE_INDEX_H

#include "lib/store/mark.h"
#include "lib/wire/history.h"

/* Adds records of one course (any order, repeats are fine) by one Lua script that only adds, and rewrites the derived parts: current, counts, sorted sets,
 * words (of course, title and instructor: name_words), in the same script. When `event` is not NULL ("upload", "delete", "restore") an event
 * {kind, course, key, id, at} (the first one's id, the newest one's time) goes to the stream in the same step, also when somebody else had brought the record here; not a second
 * time, as far as the last 100 events tell. Of a file that the ring has adopted, which is no course, it is {kind "adopted", name, key, id, at, size}.
 * More than INDEX_BATCH records go in several steps, each complete in itself. Errors as in conn.h; ERR_INVALID when the records are of several courses. */
#define INDEX_BATCH 256u
enum err index_add(struct store *s, const struct record *records, size_t n, const char *event) MUST_CHECK;

/* What a rebuild or a sweep does; each step is refused with ERR_STALE_INDEX when hold is not the present one any more (mark.h), or Redis another process. */
struct index_set {
    const struct record *records; /* of one course */
    size_t n;
};
#define INDEX_PIPE 256u /* calls of the script under way at once */
/* Adds the records of several courses, pipelined, without events. *added grows by how many were new. Other errors as index_add(). */
enum err index_fill(struct store *s, const struct mark_hold *hold, const struct index_set *sets, size_t n, uint64_t *added) MUST_CHECK;
/* Removes every course, step by step: what is added meanwhile is whole, there or not. Once per rebuild, before its scan. */
enum err index_clear(struct store *s, const struct mark_hold *hold) MUST_CHECK;
/* Removes one course whose current record is this tombstone, with all its records, in one step (protocol.md P6). ERR_NOT_FOUND: it is not there, or has another current
 * record. */
enum err index_forget(struct store *s, const struct mark_hold *hold, const char *key, struct stamp tombstone) MUST_CHECK;

/* All records of a course, into an initialised history. ERR_NOT_FOUND: the index has none. */
enum err index_history(struct store *s, const char *key, struct history *out) MUST_CHECK;

/* The current record (a tombstone when the course is deleted), and how many live versions; one HMGET. ERR_NOT_FOUND. *out: record_release. */
enum err index_current(struct store *s, const char *key, struct record *out, uint64_t *versions) MUST_CHECK;
/* The number of the current record, when its id is `id`; one small HMGET. ERR_NOT_FOUND: another one is current, or none. */
enum err index_version(struct store *s, const char *key, struct stamp id, uint64_t *version) MUST_CHECK;

struct index_item {
    struct record current;
    uint64_t versions; /* live ones */
    uint64_t version;  /* the current one's number: history_version() */
};
struct index_page {
    struct index_item *items;
    size_t n;
    char *next; /* cursor, or NULL at the end */
};
void index_page_release(struct index_page *p);

enum index_sort { INDEX_BY_NAME, INDEX_NEWEST };
#define INDEX_LIMIT_MAX 200u
#define INDEX_CANDIDATES_MAX 20000u /* courses one page looks at; a search that needs more gives a short page and goes on from its cursor */
#define INDEX_WORDS_MAX 16u         /* words of one search; more are ignored */

/* A page of listed courses. q: NULL or words (every word is a prefix of a word of course, title or instructor) or a prefix of the key; term: NULL or the term,
 * compared by its key; text without a word or key ("", "-") is no condition. cursor: NULL or a page's next: the place in the order, so that a page neither repeats
 * nor skips a course that did not move. limit: 1 … INDEX_LIMIT_MAX. ERR_SYNTAX: not a cursor of ours, or q or term is not UTF-8. *out: index_page_release. */
enum err index_list(struct store *s, const char *q, const char *term, enum index_sort sort, const char *cursor, unsigned limit,
    struct index_page *out) MUST_CHECK;
/* How many courses are listed. */
enum err index_count(struct store *s, uint64_t *out) MUST_CHECK;

#endif
