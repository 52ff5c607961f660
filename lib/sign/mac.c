#include "lib/sign/internal.h"

#include "lib/base/num.h"

#include <string.h>

static void add_bytes(struct mac_input *m, const void *data, size_t n)
{
    if (m->overflow || n > sizeof m->bytes - 4 || m->len > sizeof m->bytes - 4 - n) {
        m->overflow = 1;
        return;
    }
    num_store_be32(m->bytes + m->len, (uint32_t)n);
    memcpy(m->bytes + m->len + 4, data, n);
    m->len += 4 + n;
}

void mac_start(struct mac_input *m, const char *purpose)
{
    m->len = 0;
    m->overflow = 0;
    add_bytes(m, "ringbinder 1", 12);
    mac_add(m, purpose);
}

void mac_add(struct mac_input *m, const char *field)
{
    add_bytes(m, field, strlen(field));
}

void mac_add_u64(struct mac_input *m, uint64_t value)
{
    uint8_t bytes[8];

    num_store_be64(bytes, value);
    add_bytes(m, bytes, sizeof bytes);
}

enum err mac_end(const struct mac_input *m, const struct sign_key *key, uint8_t out[HASH_SIZE])
{
    if (m->overflow)
        return ERR_INVALID;
    hash_hmac(key->bytes, sizeof key->bytes, m->bytes, m->len, out);
    return ERR_OK;
}
