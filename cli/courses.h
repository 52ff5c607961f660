/* Courses and their versions as the API gives them: what several commands need of them. */
#ifndef RB_CLI_COURSES_H
#define RB_CLI_COURSES_H

#include "cli/cli.h"
#include "lib/wire/json.h"

/* GET /courses/{course}. Errors are said. *out is the caller's. */
enum err courses_get(struct cli *c, const char *course, struct json **out) MUST_CHECK;
/* The version that was meant: a number or a record id; NULL: the current one. Borrowed from the course. ERR_SYNTAX: neither a number nor an id; ERR_NOT_FOUND: there is none;
 * ERR_GONE: nothing is current, all was taken down. Errors are said. */
enum err courses_version(const struct cli *c, const struct json *course, const char *version, const struct json **out) MUST_CHECK;
/* Copies a record's id. ERR_INTERNAL when the answer has none (said). */
enum err courses_id(const struct cli *c, const struct json *record, char *id, size_t size) MUST_CHECK;
/* A record's number for people; 0 when the answer has none. */
uint64_t courses_number(const struct json *record);
/* A member as text; "" when it is missing. */
const char *courses_text(const struct json *record, const char *name);
/* Appends the names of the machines in `copies`: "node-1, node-2". ERR_NOMEM. */
enum err courses_copies(const struct json *record, struct buf *b) MUST_CHECK;

#endif
