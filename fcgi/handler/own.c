#include "fcgi/handler/own.h"

#include "fcgi/service/read.h"

#include <string.h>

/* The one account that all versions shown belong to, or NULL. */
static const char *owner_of_all(const struct history *h)
{
    const char *owner = NULL;
    for (size_t i = 0; i < h->n; i++) {
        const struct record *one = &h->entries[i].record;
        if (!history_is_shown(h, i) || record_is_tombstone(one))
            continue;
        if (owner && strcmp(owner, one->uploader) != 0)
            return NULL;
        owner = one->uploader;
    }
    return owner;
}

/* Fills *out and gives the owner, borrowed from the history; NULL when it is nobody's. */
static enum err look(const struct history *h, enum own_what what, const char *version, struct own_found *out, const char **owner)
{
    const struct record *current = history_current(h);
    *owner = NULL;
    if (!current)
        return ERR_NOT_FOUND;
    *out = (struct own_found){.looked = 1, .current = current->id, .record = current->id};
    memcpy(out->sha256, current->sha256, sizeof(out->sha256));
    if (what == OWN_ALL) {
        *owner = owner_of_all(h);
        return ERR_OK;
    }
    if (what == OWN_CURRENT) {
        *owner = record_is_tombstone(current) ? NULL : current->uploader;
        return ERR_OK;
    }
    size_t at = 0;
    enum err e = history_find_version(h, version, &at);
    if (e)
        return e;
    out->record = h->entries[at].record.id;
    *owner = h->entries[at].record.uploader;
    return ERR_OK;
}

static enum err ask_owners(struct request *r, enum act act, const char *key, enum own_what what, const char *version, struct own_found *out)
{
    struct course course;
    const char *owner;
    enum err e = course_read(request_worker(r), key, &course);
    if (e)
        return e;
    e = look(&course.history, what, version, out, &owner);
    if (!e)
        e = auth_verdict_err(allow_verdict(r, act, key, owner));
    course_release(&course);
    return e;
}

enum err own_check(struct request *r, enum act act, const char *key, enum own_what what, const char *version, struct own_found *out)
{
    const char *self = request_asker(r)->who.name;
    *out = (struct own_found){0};
    enum verdict v = allow_verdict(r, act, key, NULL);
    if (v == AUTH_ALLOWED || !*self || allow_verdict(r, act, key, self) != AUTH_ALLOWED)
        return allow(r, act, key, NULL);
    enum err e = ask_owners(r, act, key, what, version, out);
    if (e == ERR_NOT_FOUND && allow_verdict(r, ACT_READ, key, NULL) != AUTH_ALLOWED) {
        what = OWN_ALL; /* nor is it said that a version is missing: what they may not see is not there */
        e = v == AUTH_HIDDEN ? ERR_NOT_FOUND : ERR_DENIED;
    }
    if (e == ERR_DENIED)
        request_refuse(r, e,
            what == OWN_ALL ? "Some versions of this course are not yours. Say which one: ?version="
                            : "Only who uploaded this version, or a maintainer, may do this.");
    else if (e)
        response_problem(r, e, e != ERR_NOT_FOUND ? NULL : what == OWN_VERSION ? "This course has no such version." : ALLOW_MISSING);
    return e;
}
