/* The first admin: from a file that whoever starts the cluster has written. */
#include "fcgi/service/accounts.h"
#include "fcgi/service/tokens.h"
#include "lib/base/log.h"

#include <string.h>

/* The next line, without its end; 0 when there is none. */
static int next_line(const char **text, size_t *left, const char **line, size_t *len)
{
    if (*left == 0)
        return 0;
    const char *end = memchr(*text, '\n', *left);
    *line = *text;
    *len = end == NULL ? *left : (size_t)(end - *text);
    size_t used = end == NULL ? *len : *len + 1;
    *text += used;
    *left -= used;
    return 1;
}

static enum err copy_line(const char *line, size_t len, char *out, size_t size)
{
    if (len == 0 || len >= size || memchr(line, '\0', len) != NULL || memchr(line, '\r', len) != NULL)
        return ERR_SYNTAX;
    memcpy(out, line, len);
    out[len] = '\0';
    return ERR_OK;
}

enum err accounts_admin_parse(const char *text, size_t len, struct accounts_admin *out)
{
    struct accounts_admin a;
    char id[AUTH_ID_SIZE];
    const char *line;
    size_t n;
    memset(&a, 0, sizeof(a));
    enum err e = next_line(&text, &len, &line, &n) ? copy_line(line, n, a.name, sizeof(a.name)) : ERR_SYNTAX;
    if (e == ERR_OK)
        e = auth_name_ok(a.name) ? ERR_OK : ERR_SYNTAX;
    if (e == ERR_OK)
        e = next_line(&text, &len, &line, &n) ? copy_line(line, n, a.password, sizeof(a.password)) : ERR_SYNTAX;
    if (e == ERR_OK && next_line(&text, &len, &line, &n))
        e = secret_token_parse(SECRET_API, line, n, id) == ERR_OK ? copy_line(line, n, a.token, sizeof(a.token)) : ERR_SYNTAX;
    if (e == ERR_OK && len > 0)
        e = ERR_SYNTAX;
    if (e == ERR_OK)
        *out = a;
    secret_wipe(&a, sizeof(a));
    return e;
}

static enum err make_account(struct worker *w, const struct accounts_admin *in, const char **detail)
{
    struct docs_account a;
    struct accounts_new fresh = {.name = in->name,
        .shown = "",
        .role = ROLE_ADMIN,
        .password = in->password,
        .password_len = strlen(in->password),
        .known = 1,
        .quota_bytes = DOCS_NO_LIMIT};
    enum err e = accounts_read(w, in->name, &a, NULL);
    if (e != ERR_NOT_FOUND)
        return e;
    e = accounts_create(w, &fresh, "", &a, detail);
    if (e == ERR_OK)
        log_write(LOG_INFO, "account", "the account %s of the first administrator was made", in->name);
    return e == ERR_CONFLICT ? ERR_OK : e; /* another api was first */
}

enum err accounts_bootstrap(struct worker *w, const struct accounts_admin *in)
{
    const char *detail = NULL;
    struct tokens_new token = {.user = in->name, .label = "first administrator", .acts = ACTS_ALL};
    enum err e = make_account(w, in, &detail);
    if (e == ERR_OK && in->token[0] != '\0')
        e = tokens_adopt(w, &token, in->token);
    if (e == ERR_CONFLICT) /* it was made before */
        e = ERR_OK;
    if (e == ERR_INVALID)
        log_write(
            LOG_ERROR, "account", "the first administrator cannot be made as the file says: %s", detail == NULL ? err_text(e) : detail);
    return e == ERR_TIMEOUT ? ERR_UNAVAILABLE : e;
}
