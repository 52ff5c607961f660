#include "lib/audit/head.h"

#include "lib/base/num.h"

#include <stdio.h>
#include <string.h>

#define HEAD_TEXT_MAX 512u

static void mac_of(const struct audit_head *head, const struct audit_key *key, uint8_t out[HASH_SIZE])
{
    char text[HEAD_TEXT_MAX], h[HASH_HEX_SIZE];
    num_hex(head->h, sizeof head->h, h);
    int len = snprintf(text, sizeof text, "%s\n%s\n%llu\n%llu\n%llu\n%llu\n%s\n", head->process, head->chain,
        (unsigned long long)head->start, (unsigned long long)head->k, (unsigned long long)head->n, (unsigned long long)head->at_ms, h);
    audit_key_head(key, text, (size_t)len, out);
}

void audit_head_make(const struct audit_chain *c, uint64_t at_ms, struct audit_head *out)
{
    *out = (struct audit_head){.start = c->start, .k = c->key.k, .n = c->n, .at_ms = at_ms};
    memcpy(out->process, c->process, sizeof out->process);
    memcpy(out->chain, c->id, sizeof out->chain);
    memcpy(out->h, c->h, sizeof out->h);
    mac_of(out, &c->key, out->mac);
}

int audit_head_ok(const struct audit_head *head, const struct audit_key *key)
{
    uint8_t mac[HASH_SIZE];
    mac_of(head, key, mac);
    return hash_equal(mac, head->mac, sizeof mac);
}

struct json *audit_head_to_json(const struct audit_head *head)
{
    char hex[HASH_HEX_SIZE];
    struct json *j = json_object();
    json_set_str(j, "process", head->process);
    json_set_str(j, "chain", head->chain);
    json_set_u64(j, "start", head->start);
    json_set_u64(j, "k", head->k);
    json_set_u64(j, "n", head->n);
    num_hex(head->h, sizeof head->h, hex);
    json_set_str(j, "h", hex);
    json_set_u64(j, "at", head->at_ms);
    num_hex(head->mac, sizeof head->mac, hex);
    json_set_str(j, "mac", hex);
    return j;
}

static enum err read_hash(const struct json *j, const char *name, uint8_t out[HASH_SIZE])
{
    const char *hex = json_get_str(j, name);
    return hex && num_unhex(hex, out, HASH_SIZE) == ERR_OK ? ERR_OK : ERR_SYNTAX;
}

enum err audit_head_from_json(const struct json *j, struct audit_head *out)
{
    struct audit_head head = {.n = 0};
    if (json_copy_str(j, "process", head.process, sizeof head.process) || !audit_process_ok(head.process))
        return ERR_SYNTAX;
    if (json_copy_str(j, "chain", head.chain, sizeof head.chain) || !num_is_hex(head.chain, AUDIT_CHAIN_SIZE - 1))
        return ERR_SYNTAX;
    if (json_get_u64(j, "start", AUDIT_STARTS_MAX, &head.start) || json_get_u64(j, "k", AUDIT_STEPS_MAX, &head.k))
        return ERR_SYNTAX;
    if (json_get_u64(j, "n", AUDIT_NUMBER_MAX, &head.n) || json_get_u64(j, "at", AUDIT_NUMBER_MAX, &head.at_ms) || head.n == 0)
        return ERR_SYNTAX;
    if (read_hash(j, "h", head.h) || read_hash(j, "mac", head.mac))
        return ERR_SYNTAX;
    *out = head;
    return ERR_OK;
}
