#include "lib/store/index_inside.h"

#include <string.h>

enum err index_key(struct buf *b, const char *prefix, const char *course_key)
{
    buf_init(b, sizeof RECORDS_PREFIX + NAME_KEY_BYTES_MAX);
    return buf_addf(b, "%s%s", prefix, course_key);
}

static int append_word(const char *word, size_t len, void *ctx)
{
    struct buf *b = ctx;
    return buf_add_str(b, " ") != ERR_OK || buf_add(b, word, len) != ERR_OK;
}

enum err index_words(const char *text, struct buf *out)
{
    int end = name_words(text, strlen(text), append_word, out);
    if (end < 0)
        return ERR_INVALID;
    return end > 0 ? ERR_NOMEM : ERR_OK;
}

/* White space ends a word in the facts, so whatever the key leaves of it goes. */
enum err index_term(const char *term, const char *before, struct buf *out)
{
    struct buf key;
    buf_init(&key, INDEX_TEXT_MAX * 4);
    enum err e = name_key(term, strlen(term), &key);
    size_t n = 0;
    for (size_t i = 0; e == ERR_OK && i < key.len; i++) {
        if ((unsigned char)key.data[i] > ' ')
            key.data[n++] = key.data[i];
    }
    if (e == ERR_OK && n > 0) {
        e = buf_addf(out, "%s=", before);
        if (e == ERR_OK)
            e = buf_add(out, key.data, n);
    }
    buf_release(&key);
    return e;
}
