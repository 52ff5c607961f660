/* What an account has uploaded: listed for the export, and erased. */
#include "fcgi/service/accounts_inside.h"

#include "fcgi/service/links.h"
#include "fcgi/service/upload.h"
#include "lib/base/log.h"
#include "lib/name/reserved.h"
#include "lib/store/sys.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define ERASE_PAGE 100u
#define STAMP_DIGITS (STAMP_HEX_SIZE - 1)

/* True for keys of documents, which belong to the system; what waits for a maintainer is its sender's. */
static int is_document(const char *key)
{
    return strncmp(key, RESERVED_SYS, strlen(RESERVED_SYS)) == 0 && strncmp(key, DOCS_PENDING_PREFIX, strlen(DOCS_PENDING_PREFIX)) != 0;
}

/* A page of the places of a user's records; *places is the caller's after ERR_OK. */
static enum err read_places(
    struct worker *w, const char *name, const char *after_key, struct stamp after, unsigned limit, struct sys_places *places)
{
    struct store *s = worker_store(w);
    if (!auth_name_ok(name))
        return ERR_NOT_FOUND;
    if (s == NULL)
        return ERR_UNAVAILABLE;
    enum err e = worker_store_said(w, sys_by(s, name, "", after_key, after, limit, places));
    return e == ERR_TIMEOUT ? ERR_UNAVAILABLE : e;
}

/* The history of the course whose turn it is: records of one course follow each other. */
struct reading {
    struct worker *w;
    const char *key; /* of `history`; NULL: none was read yet */
    struct history history;
};

static enum err read_course(struct reading *r, const char *key)
{
    struct store *s = worker_store(r->w);
    if (r->key != NULL && strcmp(r->key, key) == 0)
        return ERR_OK;
    history_release(&r->history);
    history_init(&r->history);
    r->key = key;
    enum err e = s == NULL ? ERR_UNAVAILABLE : worker_store_said(r->w, index_history(s, key, &r->history));
    return e == ERR_TIMEOUT ? ERR_UNAVAILABLE : e == ERR_NOT_FOUND ? ERR_OK : e; /* purged a moment ago */
}

/* ---- the list */

void accounts_versions_release(struct accounts_versions *v)
{
    for (size_t i = 0; i < v->n; i++)
        record_release(&v->items[i].record);
    v->n = 0;
}

static enum err add_version(struct reading *r, const struct sys_place *place, struct accounts_versions *out)
{
    struct accounts_version *v = &out->items[out->n];
    enum err e = read_course(r, place->key);
    const struct history_entry *entry = e == ERR_OK ? history_find(&r->history, place->record) : NULL;
    if (entry == NULL)
        return e;
    size_t at = (size_t)(entry - r->history.entries);
    e = record_copy(&v->record, &entry->record);
    if (e != ERR_OK)
        return e;
    v->version = history_version(&r->history, at);
    v->live = history_is_live(&r->history, at);
    out->n++;
    return ERR_OK;
}

/* "<record id>:<key>" */
static enum err read_after(const char *after, struct stamp *record, const char **key)
{
    char hex[STAMP_HEX_SIZE];
    *record = STAMP_ZERO;
    *key = "";
    if (after[0] == '\0')
        return ERR_OK;
    if (strlen(after) < STAMP_DIGITS + 2 || strlen(after) > STAMP_DIGITS + 1 + NAME_KEY_BYTES_MAX || after[STAMP_DIGITS] != ':')
        return ERR_SYNTAX;
    memcpy(hex, after, STAMP_DIGITS);
    hex[STAMP_DIGITS] = '\0';
    *key = after + STAMP_DIGITS + 1;
    return stamp_parse(hex, record);
}

static const char *make_next(struct worker *w, const struct sys_place *last)
{
    char hex[STAMP_HEX_SIZE];
    stamp_hex(last->record, hex);
    return arena_printf(&w->arena, "%s:%s", hex, last->key);
}

enum err accounts_versions(struct worker *w, const char *name, const char *after, unsigned limit, struct accounts_versions *out)
{
    struct reading r = {.w = w};
    struct accounts_versions page = {.n = 0};
    struct sys_places places;
    struct stamp record;
    const char *key;
    assert(limit >= 1 && limit <= ACCOUNTS_PAGE_MAX);
    enum err e = read_after(after, &record, &key);
    if (e == ERR_OK)
        e = read_places(w, name, key, record, limit, &places);
    if (e != ERR_OK)
        return e;
    page.items = arena_alloc(&w->arena, (places.n + 1) * sizeof(*page.items));
    e = page.items == NULL ? ERR_NOMEM : ERR_OK;
    for (size_t i = 0; i < places.n && e == ERR_OK; i++)
        e = is_document(places.items[i].key) ? ERR_OK : add_version(&r, &places.items[i], &page);
    if (e == ERR_OK && places.more) {
        page.next = make_next(w, &places.items[places.n - 1]);
        e = page.next == NULL ? ERR_NOMEM : ERR_OK;
    }
    history_release(&r.history);
    sys_places_release(&places);
    if (e == ERR_OK)
        *out = page;
    else
        accounts_versions_release(&page);
    return e;
}

/* ---- erasing */

/* Whether the index shows bytes of it that are not erased yet. */
static int is_to_go(const struct history *h, struct stamp id)
{
    const struct history_entry *entry = history_find(h, id);
    return entry != NULL && !record_is_tombstone(&entry->record) && !history_is_erased(h, (size_t)(entry - h->entries));
}

static enum err erase_version(struct worker *w, const char *key, struct stamp id, const char *by)
{
    char version[STAMP_HEX_SIZE];
    struct upload_result result;
    stamp_hex(id, version);
    struct delete_input in = {.course = key, .key = key, .uploader = by, .version = version, .erase = 1};
    enum err e = upload_delete(w, &in, &result);
    upload_result_release(&result);
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        log_write(LOG_WARN, "erase", "version %s of %s is not erased: %s", version, key, err_text(e));
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err erase_one(struct reading *r, const struct sys_place *place, const char *by, struct accounts_erased *out)
{
    if (is_document(place->key))
        return ERR_OK;
    enum err e = read_course(r, place->key);
    if (e != ERR_OK || !is_to_go(&r->history, place->record))
        return e;
    if (erase_version(r->w, place->key, place->record, by) == ERR_OK)
        out->versions++;
    else
        out->failed++;
    return ERR_OK;
}

static enum err erase_all(struct worker *w, const char *name, const char *by, struct accounts_erased *out)
{
    enum err e = ERR_OK;
    const char *key = "";
    struct stamp record = STAMP_ZERO;
    int more = 1;
    while (e == ERR_OK && more && !out->more) {
        struct reading r = {.w = w};
        struct sys_places places;
        e = read_places(w, name, key, record, ERASE_PAGE, &places);
        if (e != ERR_OK)
            break;
        for (size_t i = 0; i < places.n && e == ERR_OK && !out->more; i++) {
            e = erase_one(&r, &places.items[i], by, out);
            out->more = out->versions + out->failed >= ACCOUNTS_ERASE_MAX;
        }
        more = places.more;
        if (places.n > 0) {
            key = arena_strdup(&w->arena, places.items[places.n - 1].key);
            record = places.items[places.n - 1].record;
        }
        if (key == NULL)
            e = ERR_NOMEM;
        history_release(&r.history);
        sys_places_release(&places);
    }
    return e;
}

static enum err revoke_links(struct worker *w, const char *name, const char *by)
{
    const char *after = "";
    while (after != NULL) {
        struct sysdoc_keys keys = {.n = 0};
        enum err e = sysdoc_list_by(w, name, DOCS_LINK_PREFIX, after, ERASE_PAGE, &keys);
        for (size_t i = 0; i < keys.n && e == ERR_OK; i++) {
            struct docs_link l;
            const char *id = keys.key[i] + strlen(DOCS_LINK_PREFIX);
            e = links_read(w, id, &l);
            if (e == ERR_OK && strcmp(l.by, name) == 0)
                e = links_revoke(w, id, by);
            if (e == ERR_NOT_FOUND)
                e = ERR_OK;
        }
        if (e != ERR_OK)
            return e;
        after = keys.more ? keys.key[keys.n - 1] : NULL;
    }
    return ERR_OK;
}

enum err accounts_erase(struct worker *w, const char *name, const char *by, struct accounts_erased *out)
{
    memset(out, 0, sizeof(*out));
    enum err e = erase_all(w, name, by, out);
    return e == ERR_OK ? revoke_links(w, name, by) : e;
}
