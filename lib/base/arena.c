#include "lib/base/arena.h"

#include <assert.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_SIZE 8192
#define ALIGN alignof(max_align_t)

/* Blocks form a list, newest first. Only the head has room; a request that does not fit gets a block of its own. */
struct arena_block {
    struct arena_block *next;
    size_t size; /* bytes in data */
    size_t used;
    alignas(max_align_t) unsigned char data[];
};

void arena_init(struct arena *a, size_t max)
{
    *a = (struct arena){.max = max};
}

static void free_blocks(struct arena_block *b)
{
    while (b) {
        struct arena_block *next = b->next;
        free(b);
        b = next;
    }
}

void arena_release(struct arena *a)
{
    free_blocks(a->head);
    arena_init(a, a->max);
}

void arena_reset(struct arena *a)
{
    if (a->head) {
        free_blocks(a->head->next);
        a->head->next = NULL;
        a->head->used = 0;
    }
    a->used = 0;
}

static struct arena_block *add_block(struct arena *a, size_t n)
{
    size_t size = n > BLOCK_SIZE ? n : BLOCK_SIZE;
    if (size > SIZE_MAX - sizeof(struct arena_block))
        return NULL;
    struct arena_block *b = malloc(sizeof(*b) + size);
    if (!b)
        return NULL;
    b->next = a->head;
    b->size = size;
    b->used = 0;
    a->head = b;
    return b;
}

void *arena_alloc(struct arena *a, size_t n)
{
    if (n == 0)
        n = 1; /* every allocation has an address of its own */
    if (n > SIZE_MAX - (ALIGN - 1))
        return NULL;
    n = (n + ALIGN - 1) / ALIGN * ALIGN;
    if (n > a->max - a->used)
        return NULL;
    struct arena_block *b = a->head;
    if (!b || n > b->size - b->used)
        b = add_block(a, n);
    if (!b)
        return NULL;
    void *p = b->data + b->used;
    b->used += n;
    a->used += n;
    assert(a->used <= a->max);
    return memset(p, 0, n);
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
    size_t len = strnlen(s, n);
    char *copy = arena_alloc(a, len + 1);
    if (copy)
        memcpy(copy, s, len);
    return copy;
}

char *arena_strdup(struct arena *a, const char *s)
{
    return s ? arena_strndup(a, s, strlen(s)) : NULL;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    char *text = n < 0 ? NULL : arena_alloc(a, (size_t)n + 1);
    if (text)
        vsnprintf(text, (size_t)n + 1, fmt, ap);
    va_end(ap);
    return text;
}
