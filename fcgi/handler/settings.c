/* /settings: what holds for everybody; POST /join-tokens: what lets a new machine in. */
#include "fcgi/handler/handlers.h"
#include "fcgi/handler/people.h"
#include "fcgi/handler/shapes.h"
#include "fcgi/service/joins.h"
#include "fcgi/service/rules.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static struct json *settings_json(const struct docs_settings *s)
{
    struct json *j = json_object(), *proxies = json_array();
    json_set_bool(j, "public_read", s->rules.public_read);
    json_set_bool(j, "public_upload", s->rules.public_upload);
    json_set_bool(j, "moderate", s->rules.moderate);
    people_set_limit(j, "quota_user_bytes", s->quota_user_bytes);
    people_set_limit(j, "quota_cluster_bytes", s->quota_cluster_bytes);
    for (size_t i = 0; i < s->n_proxies; i++)
        json_append(proxies, json_string(s->proxies[i]));
    json_set(j, "trusted_proxies", proxies);
    json_set_u64(j, "session_idle_s", s->session_idle_s);
    json_set_u64(j, "session_end_s", s->session_end_s);
    return j;
}

static void send_settings(struct request *r, const struct docs_settings *s, struct stamp record)
{
    char id[STAMP_HEX_SIZE], tag[STAMP_HEX_SIZE + 2];
    stamp_hex(record, id);
    snprintf(tag, sizeof(tag), "\"%s\"", id);
    response_header(r, "ETag", tag);
    response_json(r, 200, settings_json(s));
}

void settings_get(struct request *r)
{
    struct docs_settings now;
    struct stamp record;
    enum err e = rules_read_now(request_worker(r), &now, &record);
    if (e)
        response_problem(r, e, NULL);
    else
        send_settings(r, &now, record);
}

/* ---- changing them: the whole of them, so that nobody changes what they have not seen ---- */

#define SESSION_MIN_S 60u
#define SESSION_MAX_S UINT64_C(34560000) /* 400 days: longer no browser keeps a cookie */

static enum err take_proxy(void *ctx, const char *text, const char **detail)
{
    struct docs_settings *s = ctx;
    unsigned char address[sizeof(struct in6_addr)];
    int family = strchr(text, ':') ? AF_INET6 : AF_INET;
    *detail = "“trusted_proxies” is a list of at most 8 numeric addresses.";
    if (inet_pton(family, text, address) != 1)
        return ERR_INVALID;
    return inet_ntop(family, address, s->proxies[s->n_proxies++], DOCS_ADDRESS_SIZE) ? ERR_OK : ERR_INTERNAL;
}

static void read_settings(struct posted *p, struct docs_settings *out)
{
    const struct posted_range session = {.min = SESSION_MIN_S, .max = SESSION_MAX_S};
    memset(out, 0, sizeof(*out));
    out->rules.public_read = posted_flag(p, "public_read", POSTED_MUST, 0);
    out->rules.public_upload = posted_flag(p, "public_upload", POSTED_MUST, 0);
    out->rules.moderate = posted_flag(p, "moderate", POSTED_MUST, 0);
    out->quota_user_bytes = people_read_limit(p, "quota_user_bytes", POSTED_MUST, 0, 0);
    out->quota_cluster_bytes = people_read_limit(p, "quota_cluster_bytes", POSTED_MUST, 0, 0);
    posted_list(p, "trusted_proxies", POSTED_MUST, DOCS_PROXIES_MAX, take_proxy, out);
    out->session_idle_s = posted_number(p, "session_idle_s", POSTED_MUST, &session);
    out->session_end_s = posted_number(p, "session_end_s", POSTED_MUST, &session);
    if (out->session_idle_s > out->session_end_s)
        posted_fail(p, ERR_INVALID, "“session_idle_s” is at most “session_end_s”.");
}

/* If-Match: the settings' ETag. Without one: whatever they are now. */
static enum err find_base(struct request *r, struct stamp *base)
{
    struct docs_settings now;
    enum err e = rules_read_now(request_worker(r), &now, base);
    const char *given = request_header(r, "If-Match");
    char id[STAMP_HEX_SIZE], tag[STAMP_HEX_SIZE + 2];
    if (e || !given)
        return e;
    stamp_hex(*base, id);
    snprintf(tag, sizeof(tag), "\"%s\"", id);
    return strcmp(given, tag) == 0 ? ERR_OK : ERR_PRECONDITION;
}

void settings_put(struct request *r)
{
    struct posted p;
    struct docs_settings fresh;
    struct stamp base, record;
    if (posted_open(
            &p, r, "public_read public_upload moderate quota_user_bytes quota_cluster_bytes trusted_proxies session_idle_s session_end_s"))
        return;
    read_settings(&p, &fresh);
    if (!posted_check(&p)) {
        enum err e = find_base(r, &base);
        if (!e)
            e = rules_write(request_worker(r), &fresh, base, request_asker(r)->who.name, &record);
        if (e)
            response_problem(r, e, e == ERR_CONFLICT ? "Somebody else changed the settings just now. Look at them again." : NULL);
        else
            send_settings(r, &fresh, record);
    }
    posted_close(&p);
}

/* ---- join tokens ---- */

#define JOIN_LIFE_MAX_S UINT64_C(604800) /* a week */

static void make_join(struct request *r, const struct joins_new *in)
{
    struct docs_join made;
    char text[SECRET_TOKEN_SIZE];
    const char *detail = NULL;
    enum err e = joins_make(request_worker(r), in, request_asker(r)->who.name, &made, text, &detail);
    if (e) {
        response_problem(r, e, detail);
        return;
    }
    struct json *j = json_object();
    json_set_str(j, "id", made.id);
    json_set_str(j, "name", made.node);
    json_set_str(j, "zone", made.zone);
    shapes_set_time(j, "expires_at", made.expires_at_ms);
    json_set_str(j, "token", text);
    secret_wipe(text, sizeof(text));
    request_note_detail(r, made.id);
    response_json(r, 201, j);
}

void settings_post_join(struct request *r)
{
    struct posted p;
    if (posted_open(&p, r, "name zone expires_s"))
        return;
    const char *zone = posted_text(&p, "zone", POSTED_MAY, RING_ZONE_MAX - 1);
    struct joins_new in = {.node = posted_text(&p, "name", POSTED_MUST, RING_NAME_MAX - 1), .zone = zone ? zone : ""};
    in.expires_at_ms = people_read_end(&p, POSTED_MUST, JOIN_LIFE_MAX_S, 0);
    if (!posted_check(&p))
        make_join(r, &in);
    posted_close(&p);
}
