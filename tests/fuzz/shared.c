/* A delta that was taken is within its bounds and prints to a text that reads back as the same delta; so do the hashes of blocks. */
#include "tests/fuzz/fuzz.h"

#include "lib/base/text.h"
#include "lib/wire/shared.h"
#include "lib/wire/shared_blocks.h"

static void check_name(const char *name)
{
    size_t len = strlen(name);
    FUZZ_CHECK(len > 0 && len <= SHARED_NAME_MAX && text_is_utf8(name, len) && !text_has_control(name, len));
    FUZZ_CHECK(name[0] != '/' && name[0] != '.' && name[len - 1] != '/' && !strstr(name, "//") && !strstr(name, "/."));
}

static void check_delta(const struct shared_delta *d)
{
    struct buf once, twice;
    struct shared_delta again;
    FUZZ_CHECK(d->n_add + d->n_remove <= SHARED_DELTA_FILES);
    for (size_t i = 0; i < d->n_add; i++) {
        struct shared_digest digest = {0}, zero = {0};
        check_name(d->add[i].name);
        FUZZ_CHECK(d->add[i].size <= JSON_EXACT_MAX && d->add[i].mtime_ms <= JSON_EXACT_MAX);
        shared_digest_toggle(&digest, &d->add[i]);
        FUZZ_CHECK(memcmp(&digest, &zero, sizeof digest) != 0);
        shared_digest_toggle(&digest, &d->add[i]);
        FUZZ_CHECK(memcmp(&digest, &zero, sizeof digest) == 0);
    }
    for (size_t i = 0; i < d->n_remove; i++)
        check_name(d->remove[i]);
    buf_init(&once, SHARED_DELTA_BYTES);
    buf_init(&twice, SHARED_DELTA_BYTES);
    FUZZ_CHECK(shared_delta_print(d, &once) == ERR_OK && once.len <= d->json_bytes);
    FUZZ_CHECK(shared_delta_parse(once.data, once.len, &again) == ERR_OK);
    FUZZ_CHECK(shared_delta_print(&again, &twice) == ERR_OK);
    FUZZ_CHECK(strcmp(buf_str(&once), buf_str(&twice)) == 0);
    shared_delta_release(&again);
    buf_release(&once);
    buf_release(&twice);
}

static void check_blocks(const struct shared_blocks *b)
{
    struct shared_blocks again;
    FUZZ_CHECK(b->n <= SHARED_BLOCKS_MAX && b->n == shared_block_count(b->size));
    struct json *j = shared_blocks_to_json(b, NULL);
    FUZZ_CHECK(shared_blocks_from_json(j, &again) == ERR_OK && shared_blocks_equal(b, &again));
    shared_blocks_release(&again);
    json_free(j);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct shared_delta d;
    struct shared_blocks b;
    if (shared_delta_parse((const char *)data, size, &d) == ERR_OK) {
        check_delta(&d);
        shared_delta_release(&d);
    }
    if (shared_blocks_parse((const char *)data, size, &b) == ERR_OK) {
        check_blocks(&b);
        shared_blocks_release(&b);
    }
    if (size > 0 && memchr(data, 0, size) == NULL && size <= SHARED_NAME_MAX) {
        char name[SHARED_NAME_MAX + 1];
        memcpy(name, data, size);
        name[size] = '\0';
        if (shared_name_check(name, size) == ERR_OK)
            check_name(name);
    }
    return 0;
}
