/* Heads of audit logs as they come from other processes and from files: one spelling, within their bounds, bound by their MAC. */
#include "tests/fuzz/fuzz.h"

#include "lib/audit/head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct audit_key key = {.bytes = "the key of the fuzz target, 32b", .k = 0};
    struct audit_head head, again;
    struct json *j = NULL;
    struct buf text;
    if (json_parse((const char *)data, size, &j) != ERR_OK)
        return 0;
    enum err e = audit_head_from_json(j, &head);
    json_free(j);
    if (e)
        return 0;
    FUZZ_CHECK(audit_process_ok(head.process) && head.n > 0 && head.k <= AUDIT_STEPS_MAX);
    FUZZ_CHECK(!audit_head_ok(&head, &key)); /* nobody without the key makes one */
    buf_init(&text, 4096);
    j = audit_head_to_json(&head);
    FUZZ_CHECK(json_print(j, &text) == ERR_OK);
    json_free(j);
    FUZZ_CHECK(json_parse(text.data, text.len, &j) == ERR_OK && audit_head_from_json(j, &again) == ERR_OK);
    FUZZ_CHECK(strcmp(head.process, again.process) == 0 && strcmp(head.chain, again.chain) == 0 && head.n == again.n && head.k == again.k &&
               head.start == again.start && head.at_ms == again.at_ms && memcmp(head.h, again.h, sizeof head.h) == 0 &&
               memcmp(head.mac, again.mac, sizeof head.mac) == 0);
    json_free(j);
    buf_release(&text);
    return 0;
}
