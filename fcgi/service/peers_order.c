#include "fcgi/service/peers_order.h"

#include "lib/name/name.h"

#include <string.h>

#define WORDS_MAX (18u * PEERS_QUERY_MAX) /* what folding can make of a search */

/* The words of a search with a NUL behind each, and how far a name has followed them. */
struct walk {
    struct buf words;
    size_t at;
};

static int add_word(const char *word, size_t len, void *ctx)
{
    struct walk *w = ctx;
    return buf_add(&w->words, word, len) != ERR_OK || buf_add(&w->words, "", 1) != ERR_OK;
}

/* The last word may go on in the name, the others are whole. Stops at the first that differs, and when all were there. */
static int follow(const char *word, size_t len, void *ctx)
{
    struct walk *w = ctx;
    const char *want = w->words.data + w->at;
    size_t want_len = strlen(want), next = w->at + want_len + 1;
    int is_last = next == w->words.len;
    if (len < want_len || memcmp(word, want, want_len) != 0 || (len > want_len && !is_last))
        return 1;
    w->at = next;
    return is_last;
}

static int begins_so(struct walk *w, const char *name)
{
    w->at = 0;
    (void)name_words(name, strlen(name), follow, w);
    return w->at == w->words.len;
}

void peers_order(struct peers_row *rows, size_t n, const char *q)
{
    struct walk w = {.at = 0};
    size_t first = 0;
    buf_init(&w.words, WORDS_MAX);
    int end = q == NULL ? 0 : name_words(q, strlen(q), add_word, &w);
    for (size_t i = 0; end == 0 && w.words.len > 0 && i < n; i++) {
        if (!begins_so(&w, rows[i].name))
            continue;
        struct peers_row row = rows[i];
        memmove(&rows[first + 1], &rows[first], (i - first) * sizeof(row));
        rows[first++] = row;
    }
    buf_release(&w.words);
}
