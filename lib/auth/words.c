/* The words for roles, acts and ways, and what people type: names of accounts, scopes. */
#include "lib/auth/internal.h"

#include "lib/name/name.h"

#include <string.h>

static const char *const role_names[ROLE_COUNT] = {"nobody", "reader", "contributor", "maintainer", "admin"};
static const char *const act_names[ACT_COUNT] = {"none", "read", "upload", "alter", "link", "moderate", "operate", "accounts", "self"};
static const char *const how_names[] = {"nobody", "session", "token", "proxy", "link"};

/* The place of a word among n, or n. */
static size_t find(const char *const words[], size_t n, const char *word)
{
    size_t i = 0;
    while (i < n && strcmp(words[i], word) != 0)
        i++;
    return i;
}

const char *role_name(enum role r)
{
    return (unsigned)r < ROLE_COUNT ? role_names[r] : "unknown";
}

enum err role_parse(const char *name, enum role *out)
{
    size_t i = find(role_names, ROLE_COUNT, name);
    if (i == ROLE_COUNT)
        return ERR_SYNTAX;
    *out = (enum role)i;
    return ERR_OK;
}

const char *act_name(enum act a)
{
    return (unsigned)a < ACT_COUNT ? act_names[a] : "unknown";
}

enum err act_parse(const char *name, enum act *out)
{
    size_t i = find(act_names, ACT_COUNT, name);
    if (i == ACT_COUNT)
        return ERR_SYNTAX;
    *out = (enum act)i;
    return ERR_OK;
}

const char *how_name(enum how h)
{
    return (size_t)h < sizeof(how_names) / sizeof(how_names[0]) ? how_names[h] : "unknown";
}

static int is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

int auth_name_ok(const char *name)
{
    size_t n = 0;
    for (; name[n]; n++)
        if (n == AUTH_NAME_SIZE - 1 || (!is_alnum(name[n]) && (n == 0 || !strchr("._@+-", name[n]))))
            return 0;
    return n > 0;
}

void auth_lower(const char *s, size_t len, char *out)
{
    for (size_t i = 0; i < len; i++) {
        out[i] = s[i];
        if (s[i] >= 'A' && s[i] <= 'Z')
            out[i] = (char)(s[i] - 'A' + 'a');
    }
}

enum err auth_name(const char *typed, size_t len, char out[AUTH_NAME_SIZE])
{
    char name[AUTH_NAME_SIZE];
    if (len >= sizeof(name) || memchr(typed, '\0', len))
        return ERR_SYNTAX;
    auth_lower(typed, len, name);
    name[len] = '\0';
    if (!auth_name_ok(name))
        return ERR_SYNTAX;
    memcpy(out, name, len + 1);
    return ERR_OK;
}

enum err auth_scope_add(struct auth_scopes *scopes, const char *typed, size_t len)
{
    struct buf name, key;
    buf_init(&name, NAME_BYTES_MAX);
    buf_init(&key, NAME_KEY_BYTES_MAX);
    enum err e = name_course(typed, len, &name, &key);
    if (e)
        goto done;
    for (size_t i = 0; i < scopes->n; i++)
        if (strcmp(scopes->prefix[i], key.data) == 0)
            goto done;
    if (scopes->n == AUTH_SCOPES_MAX || key.len >= AUTH_SCOPE_SIZE)
        e = ERR_INVALID;
    else
        memcpy(scopes->prefix[scopes->n++], key.data, key.len + 1);
done:
    buf_release(&name);
    buf_release(&key);
    return e;
}
