/* The index of courses and records in Redis. It may be lost at any time: truth is on the nodes.
 *
 * rb:v:<key>   hash   record id → record JSON                 every record of a course
 * rb:c:<key>   hash   cur, n (live versions), head (stamp)    what lists and downloads need
 * rb:byname    zset   score 0, member key                     listed courses (not deleted), by key
 * rb:newest    zset   score 0, member <inverted stamp hex>:<key>   the same, newest first
 * rb:words     zset   score 0, member <word>\0<key>           words of course, title, instructor of the current record, and "=<key>" for the key itself
 */
#ifndef RB_LIB_STORE_INDEX_H
#define RB_LIB_STORE_INDEX_H

#include "lib/store/conn.h"
#include "lib/wire/history.h"

/* Adds records of one course (any order, repeats are fine) by one Lua script that only adds, and rewrites the derived parts: current, counts, sorted sets,
 * words, in the same script. The caller gives the words of each record (index_words). An event {kind, course, key, node, at} goes to the stream
 * when `event` is not NULL ("upload", "delete", "restore"). */
enum err index_add(struct store *s, const struct record *records, size_t n, const char *event) MUST_CHECK;

/* All records of a course. ERR_NOT_FOUND: the index has none. */
enum err index_history(struct store *s, const char *key, struct history *out) MUST_CHECK;

/* The current record, and how many live versions; one HMGET. ERR_NOT_FOUND. */
enum err index_current(struct store *s, const char *key, struct record *out, uint64_t *versions) MUST_CHECK;

struct index_item { struct record current; uint64_t versions; };
struct index_page { struct index_item *items; size_t n; char *next; /* cursor, or NULL at the end */ };
void index_page_release(struct index_page *p);

enum index_sort { INDEX_BY_NAME, INDEX_NEWEST };
#define INDEX_LIMIT_MAX 200u
#define INDEX_CANDIDATES_MAX 20000u /* courses one search looks at; a more common first word is narrowed by the others, then cut here */

/* A page of listed courses. q: NULL or words (every word is a prefix of a word of course, title or instructor) or a prefix of the key; term: NULL or the term, compared
 * by its key. cursor: NULL or a page's next. ERR_SYNTAX: not a cursor of ours. */
enum err index_list(struct store *s, const char *q, const char *term, enum index_sort sort, const char *cursor, unsigned limit, struct index_page *out) MUST_CHECK;
/* How many courses are listed. */
enum err index_count(struct store *s, uint64_t *out) MUST_CHECK;

#endif
