#include "lib/base/stamp.h"

#include "lib/base/num.h"

int stamp_cmp(struct stamp a, struct stamp b)
{
    if (a.clock != b.clock)
        return a.clock < b.clock ? -1 : 1;
    if (a.process != b.process)
        return a.process < b.process ? -1 : 1;
    return 0;
}

int stamp_is_zero(struct stamp s)
{
    return s.clock == 0 && s.process == 0;
}

void stamp_hex(struct stamp s, char out[STAMP_HEX_SIZE])
{
    uint8_t bytes[STAMP_BYTES];
    stamp_bytes(s, bytes);
    num_hex(bytes, sizeof(bytes), out);
}

enum err stamp_parse(const char *hex, struct stamp *out)
{
    uint8_t bytes[STAMP_BYTES];
    enum err e = num_unhex(hex, bytes, sizeof(bytes));
    if (e)
        return e;
    *out = stamp_from_bytes(bytes);
    return ERR_OK;
}

void stamp_bytes(struct stamp s, uint8_t out[STAMP_BYTES])
{
    num_store_be64(out, s.clock);
    num_store_be64(out + 8, s.process);
}

struct stamp stamp_from_bytes(const uint8_t in[STAMP_BYTES])
{
    return (struct stamp){.clock = num_load_be64(in), .process = num_load_be64(in + 8)};
}
