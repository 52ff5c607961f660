/* The texts of documents by their hash, shared by all workers. What a hash names never changes, so nothing here is ever stale: what is current is asked elsewhere. */
#ifndef RB_FCGI_SERVICE_DOCCACHE_H
#define RB_FCGI_SERVICE_DOCCACHE_H

#include "lib/base/buf.h"
#include "lib/base/hash.h"

#define DOCCACHE_DOCS_MAX 4096u
#define DOCCACHE_BYTES_MAX ((size_t)16 << 20)

struct doccache; /* thread-safe */

/* Never holds more than so many texts, or bytes of them; the one that was not asked for the longest gives way. NULL when out of memory. */
struct doccache *doccache_new(size_t docs_max, size_t bytes_max);
void doccache_free(struct doccache *c); /* NULL is fine */

/* Appends the text to *out. ERR_NOT_FOUND: not here; ERR_NOMEM. */
enum err doccache_get(struct doccache *c, const char *sha256, struct buf *out) MUST_CHECK;
/* Keeps a copy of a text whose hash the caller has checked. What does not fit, or finds no memory, is not kept: it is a cache. */
void doccache_put(struct doccache *c, const char *sha256, const char *text, size_t len);
/* How many it holds, and their bytes. */
size_t doccache_count(struct doccache *c, size_t *bytes);

#endif
