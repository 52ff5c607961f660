/* A frame that comes apart is put together again from its parts, byte for byte; and any bytes make a head that comes apart. */
#include "tests/fuzz/fuzz.h"

#include "lib/wire/frame.h"

static void fuzz_split(const uint8_t *data, size_t size)
{
    const char *head;
    const void *bytes;
    size_t head_len, bytes_len;
    struct buf b;
    if (frame_split(data, size, &head, &head_len, &bytes, &bytes_len))
        return;
    FUZZ_CHECK((const uint8_t *)head == data + FRAME_PREFIX);
    FUZZ_CHECK((const uint8_t *)bytes + bytes_len == data + size);
    buf_init(&b, size);
    FUZZ_CHECK(frame_head(&b, head, head_len) == ERR_OK && buf_add(&b, bytes, bytes_len) == ERR_OK);
    FUZZ_CHECK(b.len == size && memcmp(b.data, data, size) == 0);
    buf_release(&b);
}

static void fuzz_join(const uint8_t *data, size_t size)
{
    const char *head;
    const void *bytes;
    size_t head_len, bytes_len, half = size / 2;
    struct buf b;
    buf_init(&b, size + FRAME_PREFIX);
    FUZZ_CHECK(frame_head(&b, (const char *)data, half) == ERR_OK && buf_add(&b, data + half, size - half) == ERR_OK);
    FUZZ_CHECK(frame_split(b.data, b.len, &head, &head_len, &bytes, &bytes_len) == ERR_OK);
    FUZZ_CHECK(head_len == half && bytes_len == size - half);
    FUZZ_CHECK(half == 0 || memcmp(head, data, half) == 0);
    FUZZ_CHECK(bytes_len == 0 || memcmp(bytes, data + half, bytes_len) == 0);
    buf_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_split(data, size);
    if (size <= FRAME_HEAD_MAX)
        fuzz_join(data, size);
    return 0;
}
