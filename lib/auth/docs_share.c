/* What people let others see: share links, and uploads that wait for a maintainer. */
#include "lib/auth/internal.h"

#include "lib/auth/link.h"
#include "lib/name/reserved.h"

#include <string.h>

/* ---- links */

struct json *docs_link_to_json(const struct docs_link *l)
{
    struct json *j = docs_object();
    json_set_str(j, "id", l->id);
    json_set_str(j, "course", l->course);
    json_set_stamp(j, "record", l->record);
    json_set_str(j, "label", l->label);
    json_set_str(j, "by", l->by);
    json_set_u64(j, "created_at", l->created_at_ms);
    json_set_u64(j, "expires_at", l->expires_at_ms);
    docs_set_text_or_null(j, "password", l->password);
    docs_set_u64_or(j, "downloads_max", l->downloads_max, DOCS_NO_LIMIT);
    json_set_bool(j, "revoked", l->revoked);
    return j;
}

enum err docs_link_from_json(const struct json *j, struct docs_link *out)
{
    struct docs_link l = {0};
    struct docs_reader r = docs_begin(j);
    docs_read_hex(&r, "id", AUTH_ID_SIZE - 1, l.id);
    docs_read_text(&r, "course", NAME_KEY_BYTES_MAX, l.course, sizeof(l.course));
    docs_expect(&r, r.e || (*l.course && !name_is_reserved(l.course, strlen(l.course))));
    if (!r.e)
        r.e = json_get_stamp(j, "record", &l.record);
    docs_read_text(&r, "label", DOCS_SHOWN_CHARS_MAX, l.label, sizeof(l.label));
    docs_read_name(&r, "by", l.by);
    docs_read_time(&r, "created_at", &l.created_at_ms);
    docs_read_time(&r, "expires_at", &l.expires_at_ms);
    docs_expect(&r, r.e || (l.expires_at_ms > l.created_at_ms && l.expires_at_ms - l.created_at_ms <= 1000 * LINK_LIFE_MAX_S));
    docs_read_password(&r, "password", l.password);
    docs_read_u64_or(&r, "downloads_max", JSON_EXACT_MAX, DOCS_NO_LIMIT, &l.downloads_max);
    docs_expect(&r, l.downloads_max > 0);
    docs_read_bool(&r, "revoked", &l.revoked);
    if (!r.e)
        *out = l;
    return r.e;
}

/* ---- uploads that wait */

static const char *const states[] = {[DOCS_WAITING] = "waiting", [DOCS_ACCEPTED] = "accepted", [DOCS_REJECTED] = "rejected"};
#define STATES (sizeof(states) / sizeof(states[0]))

struct json *docs_pending_to_json(const struct docs_pending *p)
{
    struct json *j = docs_object();
    json_set(j, "record", record_to_json(&p->record));
    json_set_str(j, "state", states[p->state]);
    docs_set_text_or_null(j, "by", p->by);
    docs_set_u64_or(j, "at", p->at_ms, 0);
    json_set_str(j, "reason", p->reason);
    return j;
}

static void read_state(struct docs_reader *r, enum docs_state *out)
{
    char name[16];
    size_t i = 0;
    docs_read_text(r, "state", sizeof(name), name, sizeof(name));
    while (!r->e && i < STATES && strcmp(states[i], name) != 0)
        i++;
    docs_expect(r, i < STATES);
    if (!r->e)
        *out = (enum docs_state)i;
}

enum err docs_pending_from_json(const struct json *j, struct docs_pending *out)
{
    struct docs_pending p = {0};
    struct docs_reader r = docs_begin(j);
    read_state(&r, &p.state);
    docs_read_name_or_null(&r, "by", p.by);
    docs_read_time_or_null(&r, "at", &p.at_ms);
    docs_expect(&r, r.e || (*p.by != '\0') == (p.state != DOCS_WAITING));
    docs_expect(&r, r.e || (p.at_ms != 0) == (p.state != DOCS_WAITING));
    docs_read_text(&r, "reason", DOCS_REASON_CHARS_MAX, p.reason, sizeof(p.reason));
    if (!r.e)
        r.e = record_from_json(json_get(j, "record"), &p.record);
    if (!r.e && record_is_tombstone(&p.record)) {
        r.e = ERR_INVALID;
        docs_pending_release(&p);
    }
    if (!r.e)
        *out = p;
    return r.e;
}

void docs_pending_release(struct docs_pending *p)
{
    record_release(&p->record);
}
