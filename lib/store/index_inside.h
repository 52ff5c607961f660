/* What the files of the index share: the names of its keys, and texts as words. */
#ifndef RB_LIB_STORE_INDEX_INSIDE_H
#define RB_LIB_STORE_INDEX_INSIDE_H

#include "lib/name/name.h"
#include "lib/store/call.h"

#define BYNAME_KEY "rb:byname"
#define NEWEST_KEY "rb:newest"
#define WORDS_KEY "rb:words"
#define RECORDS_PREFIX "rb:v:"
#define COURSE_PREFIX "rb:c:"
#define FACTS_PREFIX "rb:x:"
#define INDEX_TEXT_MAX 4096 /* bytes of a query or a term */

/* The name of one of a course's keys, into an uninitialised buffer; buf_release in every case. */
enum err index_key(struct buf *b, const char *prefix, const char *course_key) MUST_CHECK;
/* ERR_OK when an answer that begins with the mark's run_id comes from the process for which the index was built; ERR_STALE_INDEX. */
enum err index_check_mark(const struct store *s, const redisReply *mark) MUST_CHECK;
/* Appends the words of a text, each after a space. ERR_INVALID: not UTF-8. */
enum err index_words(const char *text, struct buf *out) MUST_CHECK;
/* Appends `before`, "=" and the key of a term; nothing for a term without a key. */
enum err index_term(const char *term, const char *before, struct buf *out) MUST_CHECK;

#endif
