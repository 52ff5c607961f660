#include "fcgi/multipart_header.h"

#include "lib/base/text.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>
#include <strings.h>

/* A piece of the header section; not NUL-terminated. */
struct piece {
    const char *at;
    size_t len;
};

static enum err fail(enum err e, const char **detail, const char *sentence)
{
    *detail = sentence;
    return e;
}

static int is(const struct piece *p, const char *word)
{
    return p->len == strlen(word) && strncasecmp(p->at, word, p->len) == 0;
}

static void skip_blank(struct piece *p)
{
    while (p->len > 0 && (*p->at == ' ' || *p->at == '\t')) {
        p->at++;
        p->len--;
    }
}

static int is_token_char(char c)
{
    return c > ' ' && c < 0x7f && !strchr("\"(),/:;<=>?@[\\]{}", c);
}

static struct piece take_token(struct piece *p)
{
    struct piece t = {p->at, 0};
    while (p->len > 0 && is_token_char(*p->at)) {
        p->at++;
        p->len--;
        t.len++;
    }
    return t;
}

/* What stands for a quote at p: browsers write %22 (WHATWG HTML §4.10.22.8), others \" as in RFC 9110 §5.6.4, which also has \\. Its length, or 0. */
static size_t escape_at(const struct piece *p, char *out)
{
    if (p->len > 2 && memcmp(p->at, "%22", 3) == 0) {
        *out = '"';
        return 3;
    }
    if (p->len > 1 && *p->at == '\\' && (p->at[1] == '"' || p->at[1] == '\\')) {
        *out = p->at[1];
        return 2;
    }
    return 0;
}

/* A quoted string into out. */
static enum err take_quoted(struct piece *p, char *out, size_t max)
{
    size_t n = 0;
    p->at++;
    p->len--;
    while (p->len > 0 && *p->at != '"') {
        char c = *p->at;
        size_t escape = escape_at(p, &c), taken = escape ? escape : 1;
        if (n == max)
            return ERR_TOO_LARGE;
        out[n++] = c;
        p->at += taken;
        p->len -= taken;
    }
    if (p->len == 0)
        return ERR_SYNTAX;
    p->at++;
    p->len--;
    out[n] = '\0';
    return ERR_OK;
}

static enum err copy(const struct piece *p, char *out, size_t max)
{
    if (p->len > max)
        return ERR_TOO_LARGE;
    memcpy(out, p->at, p->len);
    out[p->len] = '\0';
    return ERR_OK;
}

/* UTF-8''percent-encoded (RFC 8187), as some clients name files in other scripts. */
static enum err decode_extended(const char *value, char *out)
{
    size_t n;
    const char *quote = strncasecmp(value, "UTF-8'", 6) == 0 ? strchr(value + 6, '\'') : NULL;
    if (!quote)
        return ERR_SYNTAX;
    return text_percent_decode(quote + 1, strlen(quote + 1), 0, out, &n); /* never longer than the value */
}

static enum err set_param(const struct piece *name, const char *value, struct multipart_part *part, int *extended)
{
    if (is(name, "name")) {
        if (strlen(value) > MULTIPART_NAME_MAX)
            return ERR_TOO_LARGE;
        memcpy(part->name, value, strlen(value) + 1);
    } else if (is(name, "filename*")) {
        *extended = part->has_filename = 1;
        return decode_extended(value, part->filename);
    } else if (is(name, "filename") && !*extended) {
        part->has_filename = 1;
        memcpy(part->filename, value, strlen(value) + 1);
    }
    return ERR_OK;
}

/* The next `; name=value` of a parameter list; name->len is 0 at its end. Clients leave values unquoted that are no tokens (boundaries with a slash),
 * so an unquoted value goes on to the next semicolon or blank. */
static enum err take_param(struct piece *p, struct piece *name, char *value, size_t max)
{
    *name = (struct piece){p->at, 0};
    skip_blank(p);
    if (p->len == 0)
        return ERR_OK;
    if (*p->at != ';')
        return ERR_SYNTAX;
    p->at++;
    p->len--;
    skip_blank(p);
    *name = take_token(p);
    if (name->len == 0 || p->len < 2 || *p->at != '=')
        return ERR_SYNTAX;
    p->at++;
    p->len--;
    if (*p->at == '"')
        return take_quoted(p, value, max);
    struct piece bare = {p->at, 0};
    while (p->len > 0 && !strchr("; \t", *p->at)) {
        p->at++;
        p->len--;
        bare.len++;
    }
    return copy(&bare, value, max);
}

/* form-data; name="x"; filename="y" */
static enum err read_disposition(struct piece p, struct multipart_part *part)
{
    int extended = 0;
    char value[MULTIPART_FILENAME_MAX + 1];
    struct piece kind = take_token(&p), name;
    if (!is(&kind, "form-data"))
        return ERR_SYNTAX;
    enum err e = take_param(&p, &name, value, sizeof(value) - 1);
    while (!e && name.len > 0) {
        e = set_param(&name, value, part, &extended);
        if (!e)
            e = take_param(&p, &name, value, sizeof(value) - 1);
    }
    return e;
}

static enum err read_field(const struct piece *name, struct piece value, struct multipart_part *part, const char **detail)
{
    skip_blank(&value);
    if (is(name, "Content-Disposition")) {
        enum err e = read_disposition(value, part);
        return e ? fail(e, detail, "A part of the form has a Content-Disposition that cannot be read.") : ERR_OK;
    }
    if (is(name, "Content-Type")) {
        enum err e = copy(&value, part->type, sizeof(part->type) - 1);
        return e ? fail(e, detail, "A part of the form has too long a Content-Type.") : ERR_OK;
    }
    if (is(name, "Content-Transfer-Encoding") && !is(&value, "binary") && !is(&value, "8bit") && !is(&value, "7bit"))
        return fail(ERR_SYNTAX, detail, "A part of the form is encoded; send its bytes as they are.");
    return ERR_OK;
}

static int is_clean(const char *s)
{
    size_t len = strlen(s);
    return text_is_utf8(s, len) && !text_has_control(s, len);
}

enum err multipart_header_parse(const char *text, size_t len, struct multipart_part *part, const char **detail)
{
    struct piece rest = {text, len};
    assert(len == 0 || (len >= 2 && memcmp(text, "\r\n", 2) == 0));
    *part = (struct multipart_part){0};
    while (rest.len > 0) {
        rest.at += 2; /* the CRLF in front of the line */
        rest.len -= 2;
        const char *end = memmem(rest.at, rest.len, "\r\n", 2);
        struct piece line = {rest.at, end ? (size_t)(end - rest.at) : rest.len};
        rest.at += line.len;
        rest.len -= line.len;
        struct piece name = take_token(&line);
        if (name.len == 0 || line.len == 0 || *line.at != ':' || memchr(line.at, '\0', line.len))
            return fail(ERR_SYNTAX, detail, "A header line of a part of the form cannot be read.");
        struct piece value = {line.at + 1, line.len - 1};
        enum err e = read_field(&name, value, part, detail);
        if (e)
            return e;
    }
    if (!*part->name)
        return fail(ERR_SYNTAX, detail, "A part of the form has no name.");
    if (!is_clean(part->name) || !is_clean(part->filename) || !is_clean(part->type))
        return fail(ERR_SYNTAX, detail, "A name in the form is not clean UTF-8 text.");
    return ERR_OK;
}

/* RFC 2046 §5.1.1: bchars, not ending in a space. */
static int boundary_is_ok(const char *s)
{
    size_t n = strlen(s);
    if (n == 0 || n > MULTIPART_BOUNDARY_MAX || s[n - 1] == ' ')
        return 0;
    for (size_t i = 0; i < n; i++) {
        if (!isalnum((unsigned char)s[i]) && !strchr("'()+_,-./:=? ", s[i]))
            return 0;
    }
    return 1;
}

enum err multipart_boundary(const char *content_type, char out[MULTIPART_BOUNDARY_MAX + 1])
{
    static const char wanted[] = "multipart/form-data";
    size_t n = sizeof(wanted) - 1;
    if (!content_type || strncasecmp(content_type, wanted, n) != 0 || !strchr("; \t", content_type[n]))
        return ERR_TYPE;
    struct piece p = {content_type + n, strlen(content_type + n)}, name;
    char value[MULTIPART_BOUNDARY_MAX + 1] = "";
    enum err e = take_param(&p, &name, value, sizeof(value) - 1);
    while (!e && name.len > 0 && !is(&name, "boundary"))
        e = take_param(&p, &name, value, sizeof(value) - 1);
    if (e || name.len == 0 || !boundary_is_ok(value))
        return ERR_SYNTAX;
    memcpy(out, value, strlen(value) + 1);
    return ERR_OK;
}
