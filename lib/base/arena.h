/* Memory that lives exactly as long as one request: many allocations, one release. */
#ifndef RB_LIB_BASE_ARENA_H
#define RB_LIB_BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

struct arena_block;
struct arena {
    struct arena_block *head;
    size_t used; /* bytes handed out since the last reset */
    size_t max;  /* never hands out more than this */
};

/* An empty arena that hands out at most max bytes between two resets. */
void arena_init(struct arena *a, size_t max);
/* Gives everything back; the arena is usable again. */
void arena_release(struct arena *a);
/* Like release, but keeps one block for the next request. */
void arena_reset(struct arena *a);

/* n zeroed bytes, aligned for anything; NULL past the maximum or out of memory. */
void *arena_alloc(struct arena *a, size_t n);
/* Copies, NUL-terminated. NULL as above. arena_strdup(NULL) is NULL. */
char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, const char *s, size_t n);
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
