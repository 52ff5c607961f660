#include "lib/wire/message.h"

#include "lib/base/num.h"
#include "lib/ring/ring.h"
#include "lib/wire/frame.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum need { NO, MAY, MUST };

/* What a verb's request holds. */
struct verb {
    const char *name;
    enum need ballot, record, target;
    int conditional; /* what record.conditional must be */
    int blob;        /* staging or bytes may come along */
    int known;
};

static const struct verb verbs[] = {
    [MESSAGE_STORE] = {"store", .record = MUST, .conditional = 0, .blob = 1},
    [MESSAGE_PREPARE] = {"prepare", .ballot = MUST},
    [MESSAGE_ACCEPT] = {"accept", .ballot = MUST, .record = MAY, .conditional = 1, .blob = 1, .known = 1},
    [MESSAGE_LEARN] = {"learn", .record = MUST, .conditional = 1},
    [MESSAGE_PULL] = {"pull", .target = MUST},
    [MESSAGE_HINT] = {"hint", .target = MUST},
};
#define VERBS (sizeof(verbs) / sizeof(verbs[0]))

static const char *const blob_state_names[] = {
    [BLOB_STORED] = "stored", [BLOB_MISSING] = "missing", [BLOB_BAD] = "bad", [BLOB_UNKNOWN] = "unknown"};
#define BLOB_STATES (sizeof(blob_state_names) / sizeof(blob_state_names[0]))

const char *message_verb_name(enum message_verb v)
{
    return verbs[v].name;
}

int message_verb_parse(const char *word)
{
    for (size_t i = 0; i < VERBS; i++) {
        if (strcmp(word, verbs[i].name) == 0)
            return (int)i;
    }
    return -1;
}

const char *blob_state_name(enum blob_state s)
{
    return blob_state_names[s];
}

enum blob_state blob_state_parse(const char *word)
{
    for (size_t i = 0; word && i < BLOB_STATES; i++) {
        if (strcmp(word, blob_state_names[i]) == 0)
            return (enum blob_state)i;
    }
    return BLOB_UNKNOWN;
}

/* ---- requests */

void message_request_init(struct message_request *m, enum message_verb verb)
{
    *m = (struct message_request){.verb = verb};
}

void message_request_release(struct message_request *m)
{
    free(m->key);
    record_release(&m->record);
    history_release(&m->known);
    message_request_init(m, m->verb);
}

struct json *message_request_to_json(const struct message_request *m)
{
    struct json *j = json_object();
    json_set_u64(j, "ring", m->ring);
    json_set_str(j, "key", m->key);
    if (!stamp_is_zero(m->ballot))
        json_set_stamp(j, "ballot", m->ballot);
    if (m->has_record)
        json_set(j, "record", record_to_json(&m->record));
    if (m->staging[0])
        json_set_str(j, "staging", m->staging);
    if (m->known.n > 0) {
        struct json *known = json_array();
        for (size_t i = 0; i < m->known.n; i++)
            json_append(known, record_to_json(&m->known.entries[i].record));
        json_set(j, "known", known);
    }
    if (m->target[0])
        json_set_str(j, "target", m->target);
    return j;
}

enum err message_request_print(const struct message_request *m, struct buf *out)
{
    struct json *j = message_request_to_json(m);
    /* A head that does not fit is told from one for which there is no memory. */
    struct buf head;
    buf_init(&head, MESSAGE_BODY_MAX);
    enum err e = json_print(j, &head);
    if (!e)
        e = frame_head(out, buf_str(&head), head.len);
    buf_release(&head);
    json_free(j);
    return e;
}

/* Copies a string member into a field of `size` bytes. A missing one leaves the field; an empty one is malformed. */
static enum err read_text(const struct json *j, const char *name, char *out, size_t size)
{
    if (!json_get(j, name))
        return ERR_OK;
    enum err e = json_copy_str(j, name, out, size);
    return !e && *out == '\0' ? ERR_SYNTAX : e;
}

static enum err read_ballot(const struct json *j, struct stamp *out)
{
    if (!json_get(j, "ballot"))
        return ERR_OK;
    enum err e = json_get_stamp(j, "ballot", out);
    return !e && stamp_is_zero(*out) ? ERR_SYNTAX : e;
}

static enum err read_record(const struct json *j, const char *key, struct record *out)
{
    enum err e = record_from_json(j, out);
    if (!e && strcmp(out->key, key) != 0) {
        record_release(out);
        return ERR_SYNTAX;
    }
    return e;
}

/* Adds one record of a list to a history. They come oldest first, so that entry i of the history is item i of the list. */
static enum err read_next(const struct json *j, const char *key, int direct, struct history *out)
{
    struct record r;
    enum err e = record_from_json(j, &r);
    if (e)
        return e;
    int in_order = out->n == 0 || stamp_cmp(out->entries[out->n - 1].record.id, r.id) < 0;
    e = in_order && strcmp(r.key, key) == 0 ? history_add(out, &r, direct) : ERR_SYNTAX;
    record_release(&r);
    return e;
}

static enum err read_known(const struct json *j, const char *key, struct history *out)
{
    const struct json *known = json_get(j, "known");
    if (known && (!json_is_array(known) || !json_first(known)))
        return ERR_SYNTAX;
    for (const struct json *item = json_first(known); item; item = json_next(item)) {
        enum err e = read_next(item, key, 0, out);
        if (e)
            return e;
    }
    return ERR_OK;
}

static enum err read_request(const struct json *j, struct message_request *m)
{
    const char *key = json_get_str(j, "key");
    if (!json_is_object(j) || !key || *key == '\0')
        return ERR_SYNTAX;
    m->key = strdup(key);
    if (!m->key)
        return ERR_NOMEM;
    if (json_get_u64(j, "ring", UINT64_MAX, &m->ring) || read_ballot(j, &m->ballot) ||
        read_text(j, "staging", m->staging, sizeof(m->staging)) || read_text(j, "target", m->target, sizeof(m->target)))
        return ERR_SYNTAX;
    if (m->staging[0] && !num_is_hex(m->staging, MESSAGE_STAGING_ID_SIZE - 1))
        return ERR_SYNTAX;
    if (m->target[0] && !ring_id_ok(m->target))
        return ERR_SYNTAX;
    enum err e = ERR_OK;
    if (json_get(j, "record")) {
        e = read_record(json_get(j, "record"), key, &m->record);
        m->has_record = !e;
    }
    return e ? e : read_known(j, key, &m->known);
}

static int fits(enum need need, int there)
{
    return need == MAY || (need == MUST) == (there != 0);
}

/* True when the request holds what its verb needs, and nothing that its verb does not take. */
static int complete(const struct message_request *m, size_t bytes_len)
{
    const struct verb *v = &verbs[m->verb];
    int blob = m->staging[0] != '\0' || bytes_len > 0;
    if (!fits(v->ballot, !stamp_is_zero(m->ballot)) || !fits(v->record, m->has_record) || !fits(v->target, m->target[0] != '\0'))
        return 0;
    if ((m->known.n > 0 && !v->known) || (m->has_record && m->record.conditional != v->conditional))
        return 0;
    if (!blob)
        return 1;
    if (!v->blob || !m->has_record || record_is_tombstone(&m->record))
        return 0;
    return m->staging[0] != '\0' ? bytes_len == 0 : bytes_len == m->record.size;
}

enum err message_request_from_json(enum message_verb verb, const struct json *j, struct message_request *out)
{
    struct message_request m;
    message_request_init(&m, verb);
    enum err e = read_request(j, &m);
    if (!e && !complete(&m, 0))
        e = ERR_SYNTAX;
    if (e)
        message_request_release(&m);
    else
        *out = m;
    return e;
}

enum err message_request_parse(
    enum message_verb verb, const void *body, size_t len, struct message_request *out, const void **bytes, size_t *bytes_len)
{
    const char *head;
    size_t head_len, blob_len;
    const void *blob;
    struct json *j = NULL;
    struct message_request m;
    message_request_init(&m, verb);
    enum err e = frame_split(body, len, &head, &head_len, &blob, &blob_len);
    if (!e)
        e = json_parse(head, head_len, &j);
    if (!e)
        e = read_request(j, &m);
    if (!e && !complete(&m, blob_len))
        e = ERR_SYNTAX;
    json_free(j);
    if (e) {
        message_request_release(&m);
        return e;
    }
    *out = m;
    *bytes = blob;
    *bytes_len = blob_len;
    return ERR_OK;
}

/* ---- answers */

void message_answer_init(struct message_answer *a)
{
    *a = (struct message_answer){0};
}

void message_answer_release(struct message_answer *a)
{
    history_release(&a->history);
    free(a->blobs);
    free(a->verified_at_ms);
    record_release(&a->slot_record);
    message_answer_init(a);
}

static struct json *records_to_json(const struct message_answer *a)
{
    struct json *records = json_array();
    for (size_t i = 0; i < a->history.n; i++) {
        const struct history_entry *entry = &a->history.entries[i];
        struct json *item = json_object();
        json_set(item, "record", record_to_json(&entry->record));
        json_set_bool(item, "direct", entry->direct);
        json_set_str(item, "blob", blob_state_name(a->blobs ? a->blobs[i] : BLOB_UNKNOWN));
        json_set_u64(item, "verified_at", a->verified_at_ms ? a->verified_at_ms[i] : 0);
        json_append(records, item);
    }
    return records;
}

struct json *message_answer_to_json(const struct message_answer *a)
{
    struct json *j = json_object();
    json_set_bool(j, "ok", a->ok);
    if (!a->ok)
        json_set_str(j, "error", err_code(a->error));
    json_set_stamp(j, "promised", a->promised);
    if (a->ring)
        json_set_u64(j, "ring", a->ring);
    if (a->has_history)
        json_set(j, "records", records_to_json(a));
    if (a->has_slot) {
        struct json *slot = json_object();
        json_set_stamp(slot, "ballot", a->slot_ballot);
        if (a->slot_has_record)
            json_set(slot, "record", record_to_json(&a->slot_record));
        else
            json_set_null(slot, "record");
        json_set(j, "slot", slot);
    }
    return j;
}

enum err message_answer_print(const struct message_answer *a, struct buf *out)
{
    struct json *j = message_answer_to_json(a);
    enum err e = json_print(j, out);
    json_free(j);
    return e;
}

/* One {"record", "direct", "blob", "verified_at"}; the first one's key is the key of all. */
static enum err read_entry(const struct json *item, struct message_answer *a)
{
    const struct json *record = json_get(item, "record");
    const char *key = a->history.n ? a->history.entries[0].record.key : json_get_str(record, "key");
    const char *blob = json_get_str(item, "blob");
    int direct = json_get_bool(item, "direct", -1);
    uint64_t verified_at_ms;
    if (!key || !blob || direct < 0 || json_get_u64(item, "verified_at", JSON_EXACT_MAX, &verified_at_ms))
        return ERR_SYNTAX;
    size_t i = a->history.n;
    a->blobs[i] = blob_state_parse(blob);
    a->verified_at_ms[i] = verified_at_ms;
    return read_next(record, key, direct, &a->history);
}

static enum err read_records(const struct json *records, struct message_answer *a)
{
    if (!json_is_array(records))
        return ERR_SYNTAX;
    size_t n = json_count(records);
    if (n > HISTORY_RECORDS_MAX)
        return ERR_SYNTAX;
    a->has_history = 1;
    a->blobs = calloc(n + 1, sizeof(a->blobs[0]));
    a->verified_at_ms = calloc(n + 1, sizeof(a->verified_at_ms[0]));
    enum err e = a->blobs && a->verified_at_ms ? ERR_OK : ERR_NOMEM;
    for (const struct json *item = json_first(records); !e && item; item = json_next(item))
        e = read_entry(item, a);
    return e;
}

static enum err read_slot(const struct json *slot, struct message_answer *a)
{
    const struct json *record = json_get(slot, "record");
    if (json_get_stamp(slot, "ballot", &a->slot_ballot) || stamp_is_zero(a->slot_ballot) || !record)
        return ERR_SYNTAX;
    a->has_slot = 1;
    if (json_is_null(record))
        return ERR_OK;
    enum err e = record_from_json(record, &a->slot_record);
    a->slot_has_record = !e;
    return e;
}

/* ok and error, of which just one is there. */
static enum err read_outcome(const struct json *j, struct message_answer *a)
{
    int ok = json_get_bool(j, "ok", -1);
    const char *code = json_get_str(j, "error");
    if (ok < 0 || (ok ? json_get(j, "error") != NULL : code == NULL))
        return ERR_SYNTAX;
    a->ok = ok;
    a->error = ok ? ERR_OK : err_from_code(code);
    return !ok && a->error == ERR_OK ? ERR_SYNTAX : ERR_OK;
}

static enum err read_answer(const struct json *j, struct message_answer *a)
{
    if (!json_is_object(j) || read_outcome(j, a) || json_get_stamp(j, "promised", &a->promised))
        return ERR_SYNTAX;
    if (json_get(j, "ring") && (json_get_u64(j, "ring", UINT64_MAX, &a->ring) || a->ring == 0))
        return ERR_SYNTAX;
    enum err e = json_get(j, "records") ? read_records(json_get(j, "records"), a) : ERR_OK;
    if (!e && json_get(j, "slot"))
        e = read_slot(json_get(j, "slot"), a);
    return e;
}

enum err message_answer_from_json(const struct json *j, struct message_answer *out)
{
    struct message_answer a;
    message_answer_init(&a);
    enum err e = read_answer(j, &a);
    if (e)
        message_answer_release(&a);
    else
        *out = a;
    return e;
}

enum err message_answer_parse(const char *text, size_t len, struct message_answer *out)
{
    struct json *j = NULL;
    enum err e = json_parse(text, len, &j);
    if (!e)
        e = message_answer_from_json(j, out);
    json_free(j);
    return e;
}
