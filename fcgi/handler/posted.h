/* A JSON object that was sent as a body: read strictly, member by member. The first thing that is wrong is remembered and answered once, at the end, so that
 * the reading itself is one straight line. */
#ifndef RB_FCGI_HANDLER_POSTED_H
#define RB_FCGI_HANDLER_POSTED_H

#include "fcgi/request.h"

#define POSTED_BYTES_MAX 16384u

struct posted {
    struct request *r;
    struct json *body; /* owned: posted_close */
    enum err error;
    const char *detail; /* static or in the request's arena */
};

enum posted_need { POSTED_MAY, POSTED_MUST };

/* Reads the body: Content-Type application/json, at most POSTED_BYTES_MAX, one object with no other members than `known` ("name password"). After an error
 * the problem is answered already and there is nothing to close. */
enum err posted_open(struct posted *p, struct request *r, const char *known) MUST_CHECK;
/* Frees it, and overwrites its texts: some are secrets. */
void posted_close(struct posted *p);
/* Answers what is wrong, if anything is. */
enum err posted_check(struct posted *p) MUST_CHECK;
/* Remembers that something is wrong, unless something is already. detail: a sentence. */
void posted_fail(struct posted *p, enum err e, const char *detail);

/* True when the member is there, be it null. */
int posted_has(const struct posted *p, const char *name);
/* A text of at most max bytes; borrowed until the close. NULL when it is missing or null (wrong with POSTED_MUST), or wrong. */
const char *posted_text(struct posted *p, const char *name, enum posted_need need, size_t max);
/* A text for people: trimmed, 0 to max_chars characters without control characters, copied into out, which has room for so many of 4 bytes. Missing or null: "". */
void posted_words(struct posted *p, const char *name, enum posted_need need, size_t max_chars, char *out, size_t size);
int posted_flag(struct posted *p, const char *name, enum posted_need need, int otherwise);
/* A whole number from min to max. Missing: `otherwise`; null: `none`, where null_ok, else wrong. */
struct posted_range {
    uint64_t min, max, otherwise, none;
    int null_ok;
};
uint64_t posted_number(struct posted *p, const char *name, enum posted_need need, const struct posted_range *range);
/* Calls take() for each text of a list of at most max; missing: nothing. A take() that fails says why. */
void posted_list(struct posted *p, const char *name, enum posted_need need, size_t max,
    enum err (*take)(void *ctx, const char *text, const char **detail), void *ctx);

#endif
