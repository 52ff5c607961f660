#include "node/handle.h"

#include "lib/wire/json.h"
#include "node/hints.h"

#include <string.h>

#define ANSWER_MAX 4096

/* Reads {"ballot", …} and hands the tree over for what else is in it. */
static enum err read_ballot(struct http_request *r, struct ballot *ballot, struct json **out)
{
    size_t len;
    const void *body = http_body(r, &len);
    enum err e = json_parse(body, len, out);
    if (e)
        return e;
    e = ballot_from_json(json_get(*out, "ballot"), ballot);
    if (e)
        json_free(*out);
    return e ? ERR_SYNTAX : ERR_OK;
}

static void reply_json(struct http_request *r, int status, struct json *j)
{
    struct buf text;
    buf_init(&text, MESSAGE_BODY_MAX);
    enum err e = json_print(j, &text);
    json_free(j);
    if (e)
        http_reply_problem(r, e, NULL);
    else
        http_reply_json(r, status, &text);
    buf_release(&text);
}

static void reply_promised(struct http_request *r, const struct ballot *promised)
{
    struct json *j = json_object();
    json_set(j, "promised", ballot_to_json(promised));
    reply_json(r, 409, j);
}

void handle_promise(struct http_request *r, void *ctx)
{
    struct node *n = ctx;
    struct ballot ballot, promised;
    struct json *j;
    struct ledger_ring *ring = NULL;
    if (handle_refuse_suspect(r, n))
        return;
    enum err e = read_ballot(r, &ballot, &j);
    if (!e) {
        json_free(j);
        e = ledger_promise(n->ledger, &ballot, &ring, &promised);
    }
    if (e == ERR_FENCED) {
        reply_promised(r, &promised);
        return;
    }
    struct buf text;
    buf_init(&text, RINGDOC_BYTES_MAX + 64);
    if (!e)
        e = buf_addf(&text, "{\"ring\": %s}", ring ? ring->doc->text : "null");
    if (e)
        http_reply_problem(r, e, NULL);
    else
        http_reply_json(r, 200, &text);
    buf_release(&text);
    ledger_drop(ring);
}

static enum err read_ring(const struct json *j, struct ringdoc **out)
{
    struct buf text;
    buf_init(&text, RINGDOC_BYTES_MAX);
    enum err e = json_is_object(j) ? json_print(j, &text) : ERR_SYNTAX;
    if (!e)
        e = ringdoc_parse(buf_str(&text), text.len, out);
    buf_release(&text);
    return e;
}

void handle_install(struct http_request *r, void *ctx)
{
    struct node *n = ctx;
    struct ballot ballot, promised;
    struct json *j = NULL;
    struct ringdoc *doc = NULL;
    if (handle_refuse_suspect(r, n))
        return;
    enum err e = read_ballot(r, &ballot, &j);
    if (!e) {
        e = read_ring(json_get(j, "ring"), &doc);
        json_free(j);
    }
    if (!e)
        e = ledger_install(n->ledger, &ballot, doc, &promised);
    ringdoc_free(doc);
    if (e == ERR_FENCED)
        reply_promised(r, &promised);
    else if (e)
        http_reply_problem(r, e, NULL);
    else
        http_reply(r, 200, "application/json", "{}", 2);
}

void handle_lookup(struct http_request *r, void *ctx)
{
    struct node *n = ctx;
    const char *key = http_capture(r, 0);
    struct message_answer answer;
    message_answer_init(&answer);
    enum err e = records_look(&n->records, key, &answer);
    if (e) {
        message_answer_release(&answer);
        http_reply_problem(r, e, NULL);
        return;
    }
    struct json *j = json_object(), *records = json_array();
    json_set_str(j, "key", key);
    for (size_t i = 0; i < answer.history.n; i++) {
        const struct history_entry *entry = &answer.history.entries[i];
        struct json *item = json_object();
        uint64_t at_ms = 0;
        json_set(item, "record", record_to_json(&entry->record));
        json_set_bool(item, "direct", entry->direct);
        json_set_str(
            item, "blob", entry->record.sha256[0] ? blob_state_name(verify_state(n->verify, entry->record.sha256, &at_ms)) : "stored");
        json_append(records, item);
    }
    json_set(j, "records", records);
    json_set_stamp(j, "promised", answer.promised);
    json_set_u64(j, "ring", answer.ring);
    message_answer_release(&answer);
    reply_json(r, 200, j);
}

void handle_inventory(struct http_request *r, void *ctx)
{
    struct node *n = ctx;
    struct blobs_usage usage;
    uint64_t hints = 0;
    enum err e = blobs_usage(n->blobs, &usage);
    if (!e)
        e = hints_count(n->db, &hints);
    if (e) {
        http_reply_problem(r, e, NULL);
        return;
    }
    struct json *j = json_object();
    json_set_str(j, "id", n->self.id);
    json_set_u64(j, "files", usage.files);
    json_set_u64(j, "bytes", usage.bytes);
    json_set_u64(j, "capacity_bytes", usage.capacity_bytes);
    json_set_u64(j, "free_bytes", usage.free_bytes);
    json_set_u64(j, "ring", ledger_epoch(n->ledger));
    json_set_u64(j, "hints", hints);
    json_set_bool(j, "suspect", node_is_suspect(n));
    reply_json(r, 200, j);
}

void handle_healthz(struct http_request *r, void *ctx)
{
    struct node *n = ctx;
    struct json *j = json_object();
    json_set_str(j, "name", n->self.name);
    reply_json(r, 200, j);
}
