/* Accounts and tokens: their documents, and who asks with them. */
#include "lib/auth/internal.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* ---- accounts */

struct json *docs_account_to_json(const struct docs_account *a)
{
    struct json *j = docs_object();
    json_set_str(j, "name", a->name);
    json_set_str(j, "shown", a->shown);
    json_set_str(j, "role", role_name(a->role));
    docs_set_scopes(j, &a->scopes);
    docs_set_text_or_null(j, "password", a->password);
    json_set_bool(j, "disabled", a->disabled);
    json_set_bool(j, "known", a->known);
    json_set_u64(j, "created_at", a->created_at_ms);
    docs_set_u64_or(j, "quota_bytes", a->quota_bytes, DOCS_NO_LIMIT);
    json_set_u64(j, "endings", a->endings);
    return j;
}

static void read_role(struct docs_reader *r, enum role *out)
{
    char name[16];
    docs_read_text(r, "role", sizeof(name), name, sizeof(name));
    docs_expect(r, r->e || (role_parse(name, out) == ERR_OK && *out != ROLE_NOBODY));
}

enum err docs_account_from_json(const struct json *j, struct docs_account *out)
{
    struct docs_account a = {0};
    struct docs_reader r = docs_begin(j);
    docs_read_name(&r, "name", a.name);
    docs_read_text(&r, "shown", DOCS_SHOWN_CHARS_MAX, a.shown, sizeof(a.shown));
    read_role(&r, &a.role);
    docs_read_scopes(&r, &a.scopes);
    docs_read_password(&r, "password", a.password);
    docs_read_bool(&r, "disabled", &a.disabled);
    docs_read_bool(&r, "known", &a.known);
    docs_read_time(&r, "created_at", &a.created_at_ms);
    docs_read_u64_or(&r, "quota_bytes", JSON_EXACT_MAX, DOCS_NO_LIMIT, &a.quota_bytes);
    docs_read_u64(&r, "endings", JSON_EXACT_MAX, &a.endings);
    if (!r.e)
        *out = a;
    return r.e;
}

void docs_who(const struct docs_account *a, enum how how, struct who *out)
{
    assert(how == HOW_SESSION || how == HOW_PROXY || how == HOW_TOKEN);
    memset(out, 0, sizeof(*out));
    if (a->disabled)
        return;
    out->how = how;
    out->role = a->role;
    memcpy(out->name, a->name, sizeof(out->name));
    out->scopes = a->scopes;
    out->known = a->known;
}

/* ---- tokens */

struct json *docs_token_to_json(const struct docs_token *t)
{
    struct json *j = docs_object(), *acts = json_array();
    for (int act = ACT_READ; act < ACT_COUNT; act++)
        if (t->acts & ACT_BIT(act))
            json_append(acts, json_string(act_name((enum act)act)));
    json_set_str(j, "id", t->id);
    json_set_str(j, "user", t->user);
    json_set_str(j, "label", t->label);
    json_set_str(j, "digest", t->digest);
    json_set(j, "acts", acts);
    docs_set_scopes(j, &t->scopes);
    json_set_u64(j, "created_at", t->created_at_ms);
    docs_set_u64_or(j, "expires_at", t->expires_at_ms, 0);
    json_set_bool(j, "revoked", t->revoked);
    return j;
}

/* The member "acts": at least one, none twice. */
static void read_acts(struct docs_reader *r, uint32_t *out)
{
    uint32_t acts = 0;
    const struct json *list = r->e ? NULL : json_get(r->j, "acts");
    if (!r->e && !json_is_array(list))
        r->e = ERR_SYNTAX;
    for (const struct json *item = r->e ? NULL : json_first(list); item && !r->e; item = json_next(item)) {
        const char *name = json_as_str(item);
        enum act act = ACT_NONE;
        if (!name)
            r->e = ERR_SYNTAX;
        docs_expect(r, r->e || (act_parse(name, &act) == ERR_OK && act != ACT_NONE && !(acts & ACT_BIT(act))));
        acts |= ACT_BIT(act);
    }
    docs_expect(r, acts != 0);
    *out = acts;
}

enum err docs_token_from_json(const struct json *j, struct docs_token *out)
{
    struct docs_token t = {0};
    struct docs_reader r = docs_begin(j);
    docs_read_hex(&r, "id", AUTH_ID_SIZE - 1, t.id);
    docs_read_name(&r, "user", t.user);
    docs_read_text(&r, "label", DOCS_SHOWN_CHARS_MAX, t.label, sizeof(t.label));
    docs_read_hex(&r, "digest", HASH_HEX_SIZE - 1, t.digest);
    read_acts(&r, &t.acts);
    docs_read_scopes(&r, &t.scopes);
    docs_read_time(&r, "created_at", &t.created_at_ms);
    docs_read_time_or_null(&r, "expires_at", &t.expires_at_ms);
    docs_read_bool(&r, "revoked", &t.revoked);
    docs_expect(&r, t.expires_at_ms == 0 || t.expires_at_ms > t.created_at_ms);
    if (!r.e)
        *out = t;
    return r.e;
}

enum err docs_token_usable(const struct docs_account *a, const struct docs_token *t, uint64_t now_ms)
{
    int expired = t->expires_at_ms != 0 && now_ms >= t->expires_at_ms;
    return a->disabled || t->revoked || expired || strcmp(a->name, t->user) != 0 ? ERR_AUTH : ERR_OK;
}

void docs_who_token(const struct docs_account *a, const struct docs_token *t, struct who *out)
{
    docs_who(a, HOW_TOKEN, out);
    memcpy(out->token_id, t->id, sizeof(out->token_id));
    out->acts = t->acts;
    out->token_scopes = t->scopes;
}
