/* The JSON of accounts, tokens, links and what waits, and the reading of what several of them are asked with. Hashes and digests never leave. */
#ifndef RB_FCGI_HANDLER_PEOPLE_H
#define RB_FCGI_HANDLER_PEOPLE_H

#include "fcgi/handler/posted.h"
#include "fcgi/service/links.h"
#include "fcgi/service/pending.h"
#include "fcgi/service/tokens.h"

struct json *people_account(const struct docs_account *a);
struct json *people_token(const struct docs_token *t, uint64_t used_at_ms);
struct json *people_link(const struct links_one *l);
struct json *people_pending(const struct pending *p);

/* ["csen"], and the names of acts. */
struct json *people_scopes(const struct auth_scopes *scopes);
struct json *people_acts(uint32_t acts);
/* A number, or null for DOCS_NO_LIMIT. */
void people_set_limit(struct json *object, const char *key, uint64_t n);

/* Members of a posted body: "scopes", "acts", a limit (null: none), and how long something lasts from now on in seconds, as unix ms (null: for ever, 0). */
void people_read_scopes(struct posted *p, enum posted_need need, struct auth_scopes *out);
void people_read_acts(struct posted *p, enum posted_need need, uint32_t *out);
uint64_t people_read_limit(struct posted *p, const char *name, enum posted_need need, uint64_t min, uint64_t otherwise);
uint64_t people_read_end(struct posted *p, enum posted_need need, uint64_t max_s, int for_ever_ok);

/* ?limit= and ?cursor= of a list; the cursor is a name or an id. After an error the problem is answered already. */
struct people_page {
    unsigned limit;
    const char *after; /* "" from the first */
};
enum err people_read_page(struct request *r, struct people_page *out) MUST_CHECK;
/* Answers {"items", "next"}; takes items. */
void people_send_page(struct request *r, struct json *items, const char *next);
/* Answers an error of a list: without the index nobody knows all of them. */
void people_send_no_list(struct request *r, enum err e);

#endif
