/* A record that was taken is within its bounds, and prints to a text that reads back as the same record. The member "fields" is computed for the fuzzer,
 * which could never guess it. */
#include "tests/fuzz/fuzz.h"

#include "lib/base/text.h"
#include "lib/wire/record.h"

static void check_bounds(const struct record *r)
{
    const char *fields[] = {r->term, r->title, r->instructor, r->note, r->filename, r->uploader};
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        FUZZ_CHECK(strlen(fields[i]) <= RECORD_FIELD_MAX);
        FUZZ_CHECK(text_length(fields[i], strlen(fields[i])) <= RECORD_FIELD_CHARS_MAX);
    }
    FUZZ_CHECK(strlen(r->type) <= RECORD_TYPE_MAX);
    FUZZ_CHECK(*r->course && *r->key && !text_has_control(r->course, strlen(r->course)) && !text_has_control(r->key, strlen(r->key)));
    FUZZ_CHECK(!stamp_is_zero(r->id));
    FUZZ_CHECK(record_is_tombstone(r) == (r->sha256[0] == '\0'));
    FUZZ_CHECK(strlen(r->upload) == RECORD_UPLOAD_ID_SIZE - 1);
}

static void check_taken(const struct record *r)
{
    struct buf once, twice;
    struct record again, copy;
    buf_init(&once, RECORD_JSON_MAX);
    buf_init(&twice, RECORD_JSON_MAX);
    check_bounds(r);
    FUZZ_CHECK(record_print(r, &once) == ERR_OK);
    FUZZ_CHECK(record_parse(once.data, once.len, &again) == ERR_OK);
    FUZZ_CHECK(record_same_content(r, &again));
    FUZZ_CHECK(record_copy(&copy, &again) == ERR_OK);
    FUZZ_CHECK(record_print(&copy, &twice) == ERR_OK);
    FUZZ_CHECK(strcmp(buf_str(&once), buf_str(&twice)) == 0);
    record_release(&again);
    record_release(&copy);
    buf_release(&once);
    buf_release(&twice);
}

/* The digest that record_from_json() computes for these members, in their print; NULL when they are of the wrong type. */
static struct json *with_digest(const struct json *j)
{
    static const char *const given[] = {"kind", "sha256", "term", "title", "instructor", "note", "filename", "type"};
    struct buf bytes, text;
    char hex[HASH_HEX_SIZE];
    struct json *out = NULL;
    buf_init(&bytes, 1u << 20);
    buf_init(&text, 1u << 20);
    for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); i++) {
        const char *value = json_get_str(j, given[i]);
        if (!value)
            goto done;
        size_t len = strlen(value);
        uint8_t be[8] = {0, 0, 0, 0, 0, (uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len};
        FUZZ_CHECK(buf_add(&bytes, be, 8) == ERR_OK && buf_add(&bytes, value, len) == ERR_OK);
    }
    hash_sha256_hex(bytes.data, bytes.len, hex);
    FUZZ_CHECK(json_print(j, &text) == ERR_OK && json_parse(text.data, text.len, &out) == ERR_OK);
    json_set_str(out, "fields", hex);
done:
    buf_release(&bytes);
    buf_release(&text);
    return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json *j = NULL;
    struct record r;
    if (size > RECORD_JSON_MAX || json_parse((const char *)data, size, &j))
        return 0;
    if (record_parse((const char *)data, size, &r) == ERR_OK) {
        check_taken(&r);
        record_release(&r);
    }
    struct json *fixed = with_digest(j);
    if (fixed && record_from_json(fixed, &r) == ERR_OK) {
        check_taken(&r);
        record_release(&r);
    }
    json_free(fixed);
    json_free(j);
    return 0;
}
