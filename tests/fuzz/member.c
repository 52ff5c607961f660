/* A node's facts that were taken say the same when they are written again. */
#include "tests/fuzz/fuzz.h"

#include "lib/wire/member.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json *j = NULL, *again = NULL;
    struct member m, m2;
    struct buf once, twice;
    if (json_parse((const char *)data, size, &j))
        return 0;
    enum err e = member_from_json(j, &m);
    json_free(j);
    if (e)
        return 0;
    FUZZ_CHECK(ring_id_ok(m.id) && ring_name_ok(m.name) && m.weight >= 1 && m.weight <= RING_WEIGHT_MAX);
    buf_init(&once, 1u << 16);
    buf_init(&twice, 1u << 16);
    j = member_to_json(&m);
    FUZZ_CHECK(json_print(j, &once) == ERR_OK && json_parse(once.data, once.len, &again) == ERR_OK);
    FUZZ_CHECK(member_from_json(again, &m2) == ERR_OK);
    json_free(j);
    json_free(again);
    j = member_to_json(&m2);
    FUZZ_CHECK(json_print(j, &twice) == ERR_OK && strcmp(once.data, twice.data) == 0);
    json_free(j);
    buf_release(&once);
    buf_release(&twice);
    return 0;
}
