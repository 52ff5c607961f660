/* GET /courses/{course}/access: who may replace, take down and restore a version, for who may it themselves. */
#include "fcgi/handler/allow.h"
#include "fcgi/handler/course_name.h"
#include "fcgi/handler/handlers.h"
#include "fcgi/handler/people.h"
#include "fcgi/service/read.h"

#include <string.h>

/* The version that is meant: the one that was named, else the newest that is no tombstone. */
static enum err find_version(const struct history *h, const char *version, size_t *at)
{
    if (version)
        return history_find_version(h, version, at);
    for (size_t i = h->n; i-- > 0;) {
        if (history_is_shown(h, i) && !record_is_tombstone(&h->entries[i].record)) {
            *at = i;
            return ERR_OK;
        }
    }
    return ERR_NOT_FOUND;
}

/* *owner: in the arena; "" = nobody's. */
static enum err read_owner(struct request *r, const char *key, const char *version, const char **owner)
{
    struct course course;
    size_t at = 0;
    enum err e = course_read(request_worker(r), key, &course);
    if (e)
        return e;
    e = find_version(&course.history, version, &at);
    if (!e)
        *owner = arena_strdup(request_arena(r), course.history.entries[at].record.uploader);
    course_release(&course);
    return e || *owner ? e : ERR_NOMEM;
}

/* May who asks see it: as they may alter that version. After an error the problem is answered already. */
static enum err admit(struct request *r, const char *key, const char *version, const char **owner)
{
    enum err e = allow(r, ACT_ALTER, key, request_asker(r)->who.name);
    if (e)
        return e;
    *owner = NULL;
    e = read_owner(r, key, version, owner);
    if (!e)
        e = auth_verdict_err(allow_verdict(r, ACT_ALTER, key, *owner));
    int names_version = version && allow_verdict(r, ACT_READ, key, NULL) == AUTH_ALLOWED;
    if (e == ERR_DENIED)
        request_refuse(r, e, "Only who uploaded this version, or a maintainer, may see who may alter it.");
    else if (e)
        response_problem(r, e, e != ERR_NOT_FOUND ? NULL : names_version ? "This course has no such version." : ALLOW_MISSING);
    return e;
}

static struct json *item(const struct docs_account *a, const char *owner)
{
    struct json *j = json_object();
    json_set_str(j, "name", a->name);
    json_set_str(j, "shown", *a->shown ? a->shown : a->name);
    json_set_str(j, "role", role_name(a->role));
    json_set_bool(j, "owns", strcmp(a->name, owner) == 0);
    return j;
}

static struct json *who_may(const struct request *r, const struct accounts_page *page, const char *key, const char *owner)
{
    const struct rules *rules = &request_asker(r)->settings.rules;
    struct json *items = json_array();
    for (size_t i = 0; i < page->n; i++) {
        struct who who;
        docs_who(&page->items[i], HOW_SESSION, &who);
        if (auth_may(&who, ACT_ALTER, rules, key, owner) == AUTH_ALLOWED)
            json_append(items, item(&page->items[i], owner));
    }
    return items;
}

void access_get(struct request *r)
{
    struct course_name course;
    struct people_page wish;
    struct accounts_page page;
    const char *owner;
    if (course_name_read(r, &course) || people_read_page(r, &wish) || admit(r, course.key, request_query(r, "version"), &owner))
        return;
    enum err e = accounts_list(request_worker(r), wish.after, wish.limit, &page);
    if (e) {
        people_send_no_list(r, e);
        return;
    }
    struct json *j = json_object();
    json_set_str(j, "owner", *owner ? owner : NULL);
    json_set_bool(j, "public_read", request_asker(r)->settings.rules.public_read);
    json_set(j, "items", who_may(r, &page, course.key, owner));
    json_set_str(j, "next", page.next);
    response_json(r, 200, j);
}
