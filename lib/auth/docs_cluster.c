/* What concerns the whole cluster: settings, and tokens that let a node join. */
#include "lib/auth/internal.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define SESSION_MIN_S 60
#define SESSION_MAX_S UINT64_C(34560000) /* 400 days: no browser keeps a cookie for longer */
#define SESSION_IDLE_S 43200
#define SESSION_END_S 604800

/* ---- settings */

void docs_settings_default(struct docs_settings *out)
{
    *out = (struct docs_settings){
        .rules = {.public_read = 1},
        .quota_user_bytes = DOCS_NO_LIMIT,
        .quota_cluster_bytes = DOCS_NO_LIMIT,
        .session_idle_s = SESSION_IDLE_S,
        .session_end_s = SESSION_END_S,
    };
}

struct json *docs_settings_to_json(const struct docs_settings *s)
{
    struct json *j = docs_object(), *proxies = json_array();
    for (size_t i = 0; i < s->n_proxies; i++)
        json_append(proxies, json_string(s->proxies[i]));
    json_set_bool(j, "public_read", s->rules.public_read);
    json_set_bool(j, "public_upload", s->rules.public_upload);
    json_set_bool(j, "moderate", s->rules.moderate);
    docs_set_u64_or(j, "quota_user_bytes", s->quota_user_bytes, DOCS_NO_LIMIT);
    docs_set_u64_or(j, "quota_cluster_bytes", s->quota_cluster_bytes, DOCS_NO_LIMIT);
    json_set(j, "trusted_proxies", proxies);
    json_set_u64(j, "session_idle_s", s->session_idle_s);
    json_set_u64(j, "session_end_s", s->session_end_s);
    return j;
}

/* True for a numeric address in the spelling of inet_ntop(), in which the peer's address is told as well. */
static int is_address(const char *text)
{
    unsigned char bytes[sizeof(struct in6_addr)];
    char again[DOCS_ADDRESS_SIZE];
    int family = strchr(text, ':') ? AF_INET6 : AF_INET;
    return inet_pton(family, text, bytes) == 1 && inet_ntop(family, bytes, again, sizeof(again)) && strcmp(again, text) == 0;
}

static void read_proxies(struct docs_reader *r, struct docs_settings *out)
{
    const struct json *list = r->e ? NULL : json_get(r->j, "trusted_proxies");
    if (!r->e && !json_is_array(list))
        r->e = ERR_SYNTAX;
    for (const struct json *item = r->e ? NULL : json_first(list); item && !r->e; item = json_next(item)) {
        const char *address = json_as_str(item);
        if (!address)
            r->e = ERR_SYNTAX;
        docs_expect(r, r->e || (out->n_proxies < DOCS_PROXIES_MAX && is_address(address)));
        if (!r->e)
            snprintf(out->proxies[out->n_proxies++], DOCS_ADDRESS_SIZE, "%s", address);
    }
}

enum err docs_settings_from_json(const struct json *j, struct docs_settings *out)
{
    struct docs_settings s = {0};
    struct docs_reader r = docs_begin(j);
    docs_read_bool(&r, "public_read", &s.rules.public_read);
    docs_read_bool(&r, "public_upload", &s.rules.public_upload);
    docs_read_bool(&r, "moderate", &s.rules.moderate);
    docs_read_u64_or(&r, "quota_user_bytes", JSON_EXACT_MAX, DOCS_NO_LIMIT, &s.quota_user_bytes);
    docs_read_u64_or(&r, "quota_cluster_bytes", JSON_EXACT_MAX, DOCS_NO_LIMIT, &s.quota_cluster_bytes);
    read_proxies(&r, &s);
    docs_read_u64(&r, "session_idle_s", SESSION_MAX_S, &s.session_idle_s);
    docs_read_u64(&r, "session_end_s", SESSION_MAX_S, &s.session_end_s);
    docs_expect(&r, r.e || (s.session_idle_s >= SESSION_MIN_S && s.session_idle_s <= s.session_end_s));
    if (!r.e)
        *out = s;
    return r.e;
}

/* ---- tokens that let a node join */

struct json *docs_join_to_json(const struct docs_join *t)
{
    struct json *j = docs_object();
    json_set_str(j, "id", t->id);
    json_set_str(j, "node", t->node);
    json_set_str(j, "zone", t->zone);
    json_set_str(j, "digest", t->digest);
    json_set_str(j, "by", t->by);
    json_set_u64(j, "created_at", t->created_at_ms);
    json_set_u64(j, "expires_at", t->expires_at_ms);
    docs_set_u64_or(j, "used_at", t->used_at_ms, 0);
    docs_set_text_or_null(j, "used_by", t->used_by);
    return j;
}

/* A zone as rings have them; it may be empty. */
static int is_zone(const char *zone)
{
    return strspn(zone, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == strlen(zone);
}

enum err docs_join_from_json(const struct json *j, struct docs_join *out)
{
    struct docs_join t = {0};
    struct docs_reader r = docs_begin(j);
    docs_read_hex(&r, "id", AUTH_ID_SIZE - 1, t.id);
    docs_read_text(&r, "node", sizeof(t.node), t.node, sizeof(t.node));
    docs_read_text(&r, "zone", sizeof(t.zone), t.zone, sizeof(t.zone));
    docs_expect(&r, r.e || (ring_name_ok(t.node) && is_zone(t.zone)));
    docs_read_hex(&r, "digest", HASH_HEX_SIZE - 1, t.digest);
    docs_read_name(&r, "by", t.by);
    docs_read_time(&r, "created_at", &t.created_at_ms);
    docs_read_time(&r, "expires_at", &t.expires_at_ms);
    docs_expect(&r, r.e || t.expires_at_ms > t.created_at_ms);
    docs_read_time_or_null(&r, "used_at", &t.used_at_ms);
    docs_read_text_or_null(&r, "used_by", t.used_by, sizeof(t.used_by));
    docs_expect(&r, r.e || ((*t.used_by != '\0') == (t.used_at_ms != 0) && (!*t.used_by || ring_id_ok(t.used_by))));
    if (!r.e)
        *out = t;
    return r.e;
}
