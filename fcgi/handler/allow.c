#include "fcgi/handler/allow.h"

#include <string.h>

enum verdict allow_verdict(const struct request *r, enum act act, const char *key, const char *owner)
{
    const struct asker *a = request_asker(r);
    return auth_may(&a->who, act, &a->settings.rules, key, owner);
}

enum err allow(struct request *r, enum act act, const char *key, const char *owner)
{
    enum verdict v = allow_verdict(r, act, key, owner);
    if (v == AUTH_HIDDEN)
        response_problem(r, ERR_NOT_FOUND, ALLOW_MISSING);
    else if (v != AUTH_ALLOWED)
        request_refuse(r, auth_verdict_err(v), NULL);
    return auth_verdict_err(v);
}

int allow_whole(const struct request *r, enum act act)
{
    return allow_verdict(r, act, NULL, NULL) == AUTH_ALLOWED;
}

int allow_is_self(const struct request *r, const char *name)
{
    const struct who *who = &request_asker(r)->who;
    return *who->name && strcmp(who->name, name) == 0;
}

enum err allow_account(struct request *r, char name[AUTH_NAME_SIZE])
{
    size_t len;
    const char *typed = request_capture(r, 0, &len);
    enum err e = auth_name(typed, len, name);
    if (e)
        response_problem(r, e, "An account's name has 1 to 64 of a–z, 0–9 and . _ @ + -, beginning with a letter or digit.");
    else if (!allow_is_self(r, name) && !allow_whole(r, ACT_ACCOUNTS))
        request_refuse(r, e = ERR_DENIED, NULL);
    return e;
}
