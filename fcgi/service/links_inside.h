/* What the files of links share. */
#ifndef RB_FCGI_SERVICE_LINKS_INSIDE_H
#define RB_FCGI_SERVICE_LINKS_INSIDE_H

#include "fcgi/service/links.h"

#define LINKS_KEYS_KEY "sys/keys"

/* The live keys (links_keys.c). ERR_NOT_FOUND: there are none yet; ERR_UNAVAILABLE; ERR_INVALID: a document that cannot be read. The caller wipes *out. */
enum err links_keys_read(struct worker *w, struct link_keys *out) MUST_CHECK;
/* The same; where there are none, the first one is drawn. */
enum err links_keys_need(struct worker *w, const char *by, struct link_keys *out) MUST_CHECK;

/* {"v": 1, "keys": [{"id": 8 hex digits, "key": 64 hex digits}]}, the one that signs first. Pure. NULL: out of memory. ERR_SYNTAX, ERR_INVALID (a later version). */
struct json *links_keys_to_json(const struct link_keys *keys);
enum err links_keys_from_json(const struct json *j, struct link_keys *out) MUST_CHECK;

#endif
