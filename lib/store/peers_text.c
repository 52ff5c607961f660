#include "lib/store/peers_inside.h"

#include "lib/name/name.h"

#include <stdlib.h>
#include <string.h>

#define FOLD_BYTES_MAX (18u * SHARED_NAME_MAX) /* what folding can make of a name */

static int append_word(const char *word, size_t len, void *ctx)
{
    struct peers_words *w = ctx;
    if (w->n + 2 > w->cap) {
        size_t cap = w->cap ? 2 * w->cap : 16;
        size_t *starts = reallocarray(w->starts, cap, sizeof *starts);
        if (!starts)
            return 1;
        w->starts = starts;
        w->cap = cap;
    }
    if (buf_add(&w->fold, word, len) != ERR_OK)
        return 1;
    w->starts[w->n] = w->fold.len - len;
    w->starts[++w->n] = w->fold.len;
    return 0;
}

enum err peers_words_init(struct peers_words *w, const char *text)
{
    memset(w, 0, sizeof *w);
    buf_init(&w->fold, FOLD_BYTES_MAX);
    int end = name_words(text, strlen(text), append_word, w);
    if (end < 0)
        return ERR_INVALID;
    return end > 0 ? ERR_NOMEM : ERR_OK;
}

void peers_words_release(struct peers_words *w)
{
    buf_release(&w->fold);
    free(w->starts);
    w->starts = NULL;
    w->n = w->cap = 0;
}

const char *peers_word(const struct peers_words *w, size_t i, size_t *len)
{
    *len = w->starts[i + 1] - w->starts[i];
    return w->fold.data + w->starts[i];
}

enum err peers_words_middle(const struct peers_words *w, size_t i, struct buf *out)
{
    size_t left = PEERS_MIDDLE_MAX;
    enum err e = ERR_OK;
    for (size_t at = i; !e && at < w->n && left > 0; at++) {
        size_t len;
        const char *word = peers_word(w, at, &len);
        if (at > i) {
            e = buf_add(out, " ", 1);
            left--;
        }
        if (len > left)
            len = left;
        if (!e)
            e = buf_add(out, word, len);
        left -= len;
    }
    return e;
}

void peers_name_hash(const char *name, uint8_t out[PEERS_NAME_HASH_SIZE])
{
    uint8_t hash[HASH_SIZE];
    hash_sha256(name, strlen(name), hash);
    memcpy(out, hash, PEERS_NAME_HASH_SIZE);
}

enum err peers_keys_init(struct peers_keys *k, const char *name)
{
    struct peers_words w;
    buf_init(&k->keys, (PEERS_FOLD_MAX + 1) + PEERS_WORDS_MAX * (PEERS_MIDDLE_MAX + 1));
    peers_name_hash(name, k->name_hash);
    enum err e = peers_words_init(&w, name);
    if (!e)
        e = buf_add(&k->keys, buf_str(&w.fold), w.fold.len < PEERS_FOLD_MAX ? w.fold.len : PEERS_FOLD_MAX);
    if (!e)
        e = buf_add(&k->keys, "", 1);
    for (size_t i = 1; !e && i < w.n && i < PEERS_WORDS_MAX; i++) {
        e = peers_words_middle(&w, i, &k->keys);
        if (!e)
            e = buf_add(&k->keys, "", 1);
    }
    peers_words_release(&w);
    return e;
}

void peers_keys_release(struct peers_keys *k)
{
    buf_release(&k->keys);
}
