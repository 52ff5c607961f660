#include "lib/wire/frame.h"

#include "lib/base/num.h"

#include <string.h>

static const char magic[4] = {'R', 'B', 'F', '1'};

enum err frame_head(struct buf *out, const char *head, size_t head_len)
{
    if (head_len > FRAME_HEAD_MAX)
        return ERR_TOO_LARGE;
    char prefix[FRAME_PREFIX];
    memcpy(prefix, magic, sizeof(magic));
    num_store_be32(prefix + sizeof(magic), (uint32_t)head_len);
    enum err e = buf_reserve(out, FRAME_PREFIX + head_len);
    if (!e)
        e = buf_add(out, prefix, sizeof(prefix));
    if (!e)
        e = buf_add(out, head, head_len);
    return e;
}

enum err frame_split(const void *body, size_t len, const char **head, size_t *head_len, const void **bytes, size_t *bytes_len)
{
    const char *p = body;
    if (len < FRAME_PREFIX || memcmp(p, magic, sizeof(magic)) != 0)
        return ERR_SYNTAX;
    size_t n = num_load_be32(p + sizeof(magic));
    if (n > FRAME_HEAD_MAX || n > len - FRAME_PREFIX)
        return ERR_SYNTAX;
    *head = p + FRAME_PREFIX;
    *head_len = n;
    *bytes = p + FRAME_PREFIX + n;
    *bytes_len = len - FRAME_PREFIX - n;
    return ERR_OK;
}
