#include "lib/audit/chain.h"

#include "lib/base/num.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define MEMBERS_MAX_BYTES 1024u

int audit_process_ok(const char *process)
{
    size_t len = strlen(process);
    for (const char *c = process; *c; c++) {
        if (*c <= ' ' || *c >= 0x7f || *c == '"' || *c == '\\')
            return 0;
    }
    return len > 0 && len < AUDIT_PROCESS_SIZE;
}

void audit_chain_init(struct audit_chain *c, const uint8_t seed[AUDIT_KEY_SIZE], uint64_t start, const char *process, const char *id)
{
    assert(audit_process_ok(process) && strlen(id) == AUDIT_CHAIN_SIZE - 1);
    *c = (struct audit_chain){.start = start, .file = 1};
    memcpy(c->process, process, strlen(process) + 1);
    memcpy(c->id, id, AUDIT_CHAIN_SIZE);
    audit_key_first(seed, id, &c->key);
}

void audit_chain_release(struct audit_chain *c)
{
    explicit_bzero(&c->key, sizeof c->key);
}

enum err audit_chain_add(struct audit_chain *c, uint64_t at_ms, enum audit_kind kind, const char *members, size_t len, struct buf *out)
{
    uint8_t h[HASH_SIZE];
    size_t before = out->len;
    enum err e = audit_line_begin(out, c->n + 1, at_ms, c->key.k, kind, members, len);
    size_t text_len = out->len - before;
    if (!e && text_len > AUDIT_LINE_MAX - HASH_HEX_SIZE - sizeof ",\"h\":\"\"}")
        e = ERR_TOO_LARGE;
    if (!e) {
        audit_key_line(&c->key, c->h, out->data + before, text_len, h);
        e = audit_line_finish(out, h);
    }
    if (e) {
        buf_truncate(out, before);
        return e;
    }
    c->n++;
    memcpy(c->h, h, sizeof h);
    return ERR_OK;
}

/* Who writes, and the number of the file. */
static enum err write_self(const struct audit_chain *c, uint64_t file, struct buf *b)
{
    enum err e = audit_member_text(b, "process", c->process, AUDIT_PROCESS_SIZE);
    if (!e)
        e = audit_member_text(b, "chain", c->id, AUDIT_CHAIN_SIZE);
    if (!e)
        e = audit_member_number(b, "start", c->start);
    return e ? e : audit_member_number(b, "file", file);
}

enum err audit_chain_add_start(struct audit_chain *c, uint64_t at_ms, const char *after, struct buf *out)
{
    struct buf members;
    buf_init(&members, MEMBERS_MAX_BYTES);
    enum err e = write_self(c, 1, &members);
    if (!e)
        e = audit_member_text(&members, "after", after, MEMBERS_MAX_BYTES);
    if (!e)
        e = audit_chain_add(c, at_ms, AUDIT_START, buf_str(&members), members.len, out);
    buf_release(&members);
    return e;
}

enum err audit_chain_add_file(struct audit_chain *c, uint64_t at_ms, struct buf *out)
{
    struct buf members;
    char before[HASH_HEX_SIZE];
    num_hex(c->h, sizeof c->h, before);
    buf_init(&members, MEMBERS_MAX_BYTES);
    enum err e = write_self(c, c->file + 1, &members);
    if (!e)
        e = audit_member_text(&members, "before", before, sizeof before);
    if (!e)
        e = audit_chain_add(c, at_ms, AUDIT_FILE, buf_str(&members), members.len, out);
    if (!e)
        c->file++;
    buf_release(&members);
    return e;
}

enum err audit_chain_add_key(struct audit_chain *c, uint64_t at_ms, struct buf *out)
{
    enum err e = audit_chain_add(c, at_ms, AUDIT_KEY, "", 0, out);
    if (!e)
        audit_key_next(&c->key);
    return e;
}
