#include "fcgi/service/links_inside.h"

#include "fcgi/service/accounts_inside.h"
#include "fcgi/service/hasher.h"
#include "lib/auth/secret.h"
#include "lib/base/clock.h"
#include "lib/base/id.h"
#include "lib/base/num.h"
#include "lib/store/sys.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define KEY_SIZE (sizeof(DOCS_LINK_PREFIX) + AUTH_ID_SIZE - 1)
#define COURSE_DIGITS 8 /* of an id: the beginning of the hash of its course's key, so that a course's links stand together */
#define PAGE_MAX 200u
#define COUNT_KEPT_S (400u * 86400u)
#define STRANGE "The label, the end, the password or the number of downloads of the link are not as they have to be."

static void make_key(const char *id, char out[KEY_SIZE])
{
    snprintf(out, KEY_SIZE, DOCS_LINK_PREFIX "%s", id);
}

/* The key up to where a course's links begin. */
static void make_prefix(const char *course, char out[KEY_SIZE])
{
    char hex[HASH_HEX_SIZE];
    hash_sha256_hex(course, strlen(course), hex);
    snprintf(out, KEY_SIZE, DOCS_LINK_PREFIX "%.*s", COURSE_DIGITS, hex);
}

static void make_use(const char *id, char out[32])
{
    snprintf(out, 32, "link:%s", id);
}

static enum err parse(const struct sysdoc *d, struct docs_link *out)
{
    enum err e = docs_link_from_json(d->doc, out);
    return e == ERR_SYNTAX ? ERR_INVALID : e;
}

enum err links_read(struct worker *w, const char *id, struct docs_link *out)
{
    char key[KEY_SIZE];
    struct sysdoc d;
    make_key(id, key);
    enum err e = sysdoc_read(w, key, &d);
    if (e != ERR_OK)
        return e;
    e = parse(&d, out);
    sysdoc_release(&d);
    return e;
}

static void make_claim(const struct docs_link *l, char record[STAMP_HEX_SIZE], struct link_claim *out)
{
    record[0] = '\0';
    if (!stamp_is_zero(l->record))
        stamp_hex(l->record, record);
    *out = (struct link_claim){.method = "GET", .course = l->course, .record = record};
}

/* ---- making */

static enum err write_new(struct worker *w, const struct docs_link *l, const char *by, const char **detail)
{
    char key[KEY_SIZE];
    struct docs_link checked;
    struct json *j = docs_link_to_json(l);
    enum err e = j == NULL ? ERR_NOMEM : docs_link_from_json(j, &checked);
    if (e == ERR_SYNTAX || e == ERR_INVALID) {
        *detail = STRANGE;
        e = ERR_INVALID;
    }
    make_key(l->id, key);
    if (e == ERR_OK)
        e = sysdoc_write(w, key, j, NULL, by, NULL);
    json_free(j);
    return e;
}

/* ERR_CONFLICT when the course has as many as it may; without the index nobody can count. */
static enum err has_room(struct worker *w, const char *course, const char **detail)
{
    char prefix[KEY_SIZE];
    struct sysdoc_keys keys;
    make_prefix(course, prefix);
    enum err e = sysdoc_list(w, prefix, "", LINKS_PER_COURSE_MAX, &keys);
    if (e == ERR_UNAVAILABLE || e == ERR_STALE_INDEX)
        return ERR_OK;
    if (e == ERR_OK && keys.n >= LINKS_PER_COURSE_MAX) {
        *detail = "This course has as many links as it may: those that ended are removed after a while.";
        return ERR_CONFLICT;
    }
    return e;
}

static enum err fill(const struct links_new *in, const char *by, struct docs_link *l)
{
    char prefix[KEY_SIZE];
    uint64_t now_ms = clock_unix_ms();
    *l = (struct docs_link){.record = in->record,
        .created_at_ms = now_ms,
        .expires_at_ms = in->expires_at_ms - in->expires_at_ms % 1000u,
        .downloads_max = in->downloads_max};
    if (strlen(in->course) >= sizeof(l->course) || strlen(in->label) >= sizeof(l->label) || strlen(by) >= sizeof(l->by) ||
        l->expires_at_ms <= now_ms || l->expires_at_ms - now_ms > LINK_LIFE_MAX_S * 1000u)
        return ERR_INVALID;
    snprintf(l->course, sizeof(l->course), "%s", in->course);
    snprintf(l->label, sizeof(l->label), "%s", in->label);
    snprintf(l->by, sizeof(l->by), "%s", by);
    make_prefix(in->course, prefix);
    memcpy(l->id, prefix + strlen(DOCS_LINK_PREFIX), COURSE_DIGITS);
    id_random_hex(l->id + COURSE_DIGITS, (AUTH_ID_SIZE - 1 - COURSE_DIGITS) / 2);
    return ERR_OK;
}

static enum err sign(const struct link_keys *keys, const struct docs_link *l, char text[LINK_TEXT_SIZE])
{
    char record[STAMP_HEX_SIZE];
    struct link_claim claim;
    make_claim(l, record, &claim);
    return link_make(keys, &claim, l->id, l->expires_at_ms / 1000u, clock_unix_ms() / 1000u, text);
}

enum err links_make(
    struct worker *w, const struct links_new *in, const char *by, struct docs_link *out, char text[LINK_TEXT_SIZE], const char **detail)
{
    struct docs_link l;
    struct link_keys keys = {.n = 0};
    *detail = NULL;
    enum err e = fill(in, by, &l);
    if (e != ERR_OK) {
        *detail = STRANGE;
        return e;
    }
    e = has_room(w, in->course, detail);
    if (e == ERR_OK && in->password != NULL)
        e = accounts_choose(w, "", in->password, in->password_len, l.password, detail);
    if (e == ERR_OK)
        e = links_keys_need(w, by, &keys);
    if (e == ERR_OK)
        e = sign(&keys, &l, text);
    if (e == ERR_OK)
        e = write_new(w, &l, by, detail);
    secret_wipe(&keys, sizeof(keys));
    if (e == ERR_OK)
        *out = l;
    return e;
}

/* ---- opening */

static enum err check_text(struct worker *w, const struct link_text *text, const struct docs_link *l)
{
    char record[STAMP_HEX_SIZE];
    struct link_claim claim;
    struct link_keys keys = {.n = 0};
    enum err e = links_keys_read(w, &keys);
    if (e == ERR_NOT_FOUND)
        return ERR_DENIED;
    if (e != ERR_OK)
        return e;
    make_claim(l, record, &claim);
    e = link_check(&keys, text, &claim, clock_unix_ms() / 1000u);
    secret_wipe(&keys, sizeof(keys));
    return e;
}

/* Whether this download may begin. Without Redis nobody counts, and it may. */
static enum err count_one(struct worker *w, const struct docs_link *l)
{
    char what[32];
    uint64_t count;
    struct store *s = worker_store(w);
    make_use(l->id, what);
    enum err e = s == NULL ? ERR_UNAVAILABLE : worker_store_said(w, sys_count(s, what, l->downloads_max, COUNT_KEPT_S, &count));
    return e == ERR_FULL ? ERR_DENIED : ERR_OK;
}

enum err links_open(
    struct worker *w, const char *text, size_t len, const char *password, size_t password_len, int count, struct docs_link *out)
{
    struct link_text parsed;
    struct docs_link l;
    enum err e = link_parse(text, len, &parsed);
    if (e != ERR_OK)
        return ERR_DENIED;
    e = links_read(w, parsed.id, &l);
    if (e == ERR_NOT_FOUND)
        return ERR_DENIED;
    if (e == ERR_OK)
        e = check_text(w, &parsed, &l);
    if (e == ERR_OK && (l.revoked || parsed.expiry_s != l.expires_at_ms / 1000u))
        e = ERR_DENIED;
    if (e == ERR_OK && l.password[0] != '\0')
        e = password == NULL ? ERR_DENIED : hasher_verify(w->app->hasher, l.password, password, password_len);
    if (e == ERR_AUTH)
        e = ERR_DENIED;
    if (e == ERR_OK && count)
        e = count_one(w, &l);
    if (e == ERR_OK)
        *out = l;
    return e;
}

/* ---- lists */

static void fill_one(struct worker *w, const struct link_keys *keys, struct links_one *one)
{
    char what[32];
    struct store *s = worker_store(w);
    make_use(one->link.id, what);
    one->downloads_known = s != NULL && worker_store_said(w, sys_counted(s, what, &one->downloads)) == ERR_OK;
    if (keys->n == 0 || one->link.revoked || sign(keys, &one->link, one->text) != ERR_OK)
        one->text[0] = '\0';
}

enum err links_list(struct worker *w, const char *course, const char *after, unsigned limit, struct links_page *out)
{
    char place[KEY_SIZE] = "", prefix[KEY_SIZE];
    struct sysdoc_keys found;
    struct link_keys keys = {.n = 0};
    struct links_page page = {.n = 0};
    assert(limit >= 1 && limit <= PAGE_MAX);
    make_prefix(course, prefix);
    if (after[0] != '\0')
        make_key(after, place);
    enum err e = sysdoc_list(w, prefix, place, limit, &found);
    if (e == ERR_OK && found.n > 0)
        e = links_keys_read(w, &keys);
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        return e;
    page.items = arena_alloc(&w->arena, (found.n + 1) * sizeof(*page.items));
    e = page.items == NULL ? ERR_NOMEM : ERR_OK;
    for (size_t i = 0; i < found.n && e == ERR_OK; i++) {
        struct links_one *one = &page.items[page.n];
        e = links_read(w, found.key[i] + strlen(DOCS_LINK_PREFIX), &one->link);
        if (e == ERR_OK && strcmp(one->link.course, course) == 0) {
            fill_one(w, &keys, one);
            page.n++;
        }
        if (e == ERR_NOT_FOUND || e == ERR_INVALID)
            e = ERR_OK;
    }
    secret_wipe(&keys, sizeof(keys));
    if (e != ERR_OK)
        return e;
    if (found.more)
        page.next = found.key[found.n - 1] + strlen(DOCS_LINK_PREFIX);
    *out = page;
    return ERR_OK;
}

/* ---- revoking */

static enum err revoke(const struct sysdoc *old, void *ctx, struct json **out)
{
    struct docs_link l;
    (void)ctx;
    if (old == NULL)
        return ERR_NOT_FOUND;
    enum err e = parse(old, &l);
    if (e != ERR_OK || l.revoked)
        return e;
    l.revoked = 1;
    *out = docs_link_to_json(&l);
    return *out == NULL ? ERR_NOMEM : ERR_OK;
}

enum err links_revoke(struct worker *w, const char *id, const char *by)
{
    char key[KEY_SIZE];
    make_key(id, key);
    return sysdoc_alter(w, key, by, revoke, NULL, NULL);
}
