/* Whole requests through the api's front to its real handlers, over fakes of the use cases: there is one answer, well-formed, none of our own faults; nobody
 * changes anything that nobody may; and no header leads nginx where it must not go. Input, in lines:
 *
 *   WHO CODE RULES         WHO: nobody, a role (by token), session, proxy; CODE: what use cases come to, an err_code(); RULES: open, closed, moderate, unsure
 *   METHOD URI
 *   Header: value          any number; NAME=value is a FastCGI parameter; "Leader: STATUS JSON" is what the leader answers, "Kind: TYPE" what the file is,
 *                          "Owner: NAME" whose
 *   <an empty line>
 *   the body */
#include "tests/unit/fcgi/memory.h"

#include "tests/fuzz/fakes/services.h"

#include "fcgi/routes.h"
#include "lib/auth/csrf.h"
#include "lib/base/log.h"

#include <ctype.h>

#define CLOSED 1u
#define MODERATE 2u
#define UNSURE 4u     /* who asks cannot be looked up */
#define PARAMS_KEPT 8 /* of MEMORY_PARAMS_MAX, for those that are set here */

/* A request, taken out of the input; owns its strings. */
struct asked {
    char *control, *method, *uri, *lines[MEMORY_PARAMS_MAX];
    size_t n_lines;
    char *body;
    size_t len;
    enum err error;
    unsigned rules;
    char who[16];
};

/* ---- reading the input */

/* The next word of a line, cut to what fits. */
static void take_word(const char **at, char *out, size_t size)
{
    *at += strspn(*at, " ");
    size_t n = strcspn(*at, " "), kept = n < size ? n : size - 1;
    memcpy(out, *at, kept);
    out[kept] = '\0';
    *at += n;
}

static void read_control(struct asked *a)
{
    char code[32], rules[16];
    const char *at = a->control;
    take_word(&at, a->who, sizeof(a->who));
    take_word(&at, code, sizeof(code));
    take_word(&at, rules, sizeof(rules));
    a->error = ERR_OK;
    for (enum err e = ERR_OK; e < ERR_COUNT; e++)
        if (strcmp(err_code(e), code) == 0 && e != ERR_INTERNAL && e != ERR_NOMEM)
            a->error = e;
    a->rules = strcmp(rules, "closed") == 0     ? CLOSED
               : strcmp(rules, "moderate") == 0 ? MODERATE
               : strcmp(rules, "unsure") == 0   ? UNSURE
                                                : 0;
}

static void take_input(const uint8_t *data, size_t size, struct asked *a)
{
    *a = (struct asked){.control = fuzz_line(&data, &size)};
    a->method = fuzz_line(&data, &size);
    char *space = strchr(a->method, ' ');
    a->uri = space ? space + 1 : "";
    if (space)
        *space = '\0';
    while (size > 0) {
        char *line = fuzz_line(&data, &size);
        if (*line && a->n_lines < MEMORY_PARAMS_MAX - PARAMS_KEPT) {
            a->lines[a->n_lines++] = line;
            continue;
        }
        int last = *line == '\0';
        free(line);
        if (last)
            break;
    }
    a->body = malloc(size + 1);
    FUZZ_CHECK(a->body);
    memcpy(a->body, data, size);
    a->len = size;
    read_control(a);
}

static void release_input(struct asked *a)
{
    for (size_t i = 0; i < a->n_lines; i++)
        free(a->lines[i]);
    free(a->control);
    free(a->method);
    free(a->body);
}

/* "If-Match: x" becomes HTTP_IF_MATCH, as nginx would pass it; control characters that nginx refuses do not come. */
static void take_line(struct memory *m, char *line, char name[80])
{
    char *equals = strchr(line, '='), *colon = strchr(line, ':');
    if (colon && (!equals || colon < equals)) {
        *colon = '\0';
        const char *value = colon + 1 + strspn(colon + 1, " ");
        if (strcmp(line, "Leader") == 0) {
            fake.leader = value;
        } else if (strcmp(line, "Kind") == 0) {
            fake.type = value;
        } else if (strcmp(line, "Owner") == 0) {
            fake.owner = value;
        } else {
            int plain = strcasecmp(line, "Content-Type") == 0 || strcasecmp(line, "Content-Length") == 0;
            snprintf(name, 80, "%s%s", plain ? "" : "HTTP_", line);
            for (char *c = name; *c; c++)
                *c = (char)(*c == '-' ? '_' : toupper((unsigned char)*c));
            memory_set(m, name, value);
        }
    } else if (equals) {
        *equals = '\0';
        memory_set(m, line, equals + 1);
    }
}

/* Whoever asks, with what proves it. */
static void set_who(struct memory *m, const struct asked *a, char csrf[CSRF_SIZE])
{
    for (enum role role = ROLE_READER; role <= ROLE_ADMIN; role++)
        if (strcmp(a->who, role_name(role)) == 0)
            memory_sign_in(m, role);
    if (strcmp(a->who, "session") == 0) {
        people.account.role = ROLE_MAINTAINER;
        csrf_make(PEOPLE_SECRET, csrf);
        memory_set(m, "HTTP_COOKIE", "sid=" PEOPLE_SECRET);
        memory_set(m, "HTTP_RB_CSRF", csrf);
        memory_set(m, "HTTP_SEC_FETCH_SITE", "same-origin");
    }
    if (strcmp(a->who, "proxy") == 0) {
        people.account.role = ROLE_MAINTAINER;
        people.settings.n_proxies = 1;
        snprintf(people.settings.proxies[0], sizeof(people.settings.proxies[0]), "127.0.0.1");
        memory_set(m, "HTTP_X_REMOTE_USER", "ada");
        memory_set(m, "HTTP_SEC_FETCH_SITE", "same-origin");
    }
}

/* ---- what every answer is held to */

static void check_redirect(const char *to)
{
    static const char *const places[] = {"/_blob/", "/_small/"};
    for (size_t i = 0; i < 2; i++) {
        size_t n = strlen(places[i]);
        if (strncmp(to, places[i], n) == 0) {
            FUZZ_CHECK(num_is_hex(to + n, 64));
            return;
        }
    }
    FUZZ_CHECK(strcmp(to, "/_shared") == 0);
}

/* Header lines have a name and no control characters; each is there once, but cookies. */
static void check_headers(const struct memory *m)
{
    const char *end = memory_body(m) - 2;
    for (const char *line = buf_str(&m->answer); line < end;) {
        const char *stop = strstr(line, "\r\n"), *colon = memchr(line, ':', (size_t)(stop - line));
        FUZZ_CHECK(colon && colon > line);
        for (const char *c = line; c < stop; c++)
            FUZZ_CHECK((unsigned char)*c >= 0x20 && *c != 0x7f);
        line = stop + 2;
    }
    char to[256];
    if (memory_header(m, "X-Accel-Redirect", to, sizeof(to)))
        check_redirect(to);
}

static void check_body(const struct memory *m, const char *method)
{
    char type[256];
    if (strcmp(method, "HEAD") == 0 || !memory_header(m, "Content-Type", type, sizeof(type)))
        return;
    int problem = strcmp(type, "application/problem+json") == 0;
    if (!problem && strcmp(type, "application/json") != 0)
        return;
    const char *body = memory_body(m);
    struct json *j = NULL;
    FUZZ_CHECK(json_parse(body, m->answer.len - (size_t)(body - m->answer.data), &j) == ERR_OK);
    FUZZ_CHECK(!problem || (json_get_str(j, "type") && json_get_str(j, "request_id")));
    json_free(j);
}

/* Nobody's request, with reading and uploading closed to them: only what is open to all is answered, and nothing was changed. */
static void check_nobody(const struct asked *a, int status)
{
    if (strcmp(a->who, "nobody") != 0 || !(a->rules & CLOSED) || a->n_lines > 0)
        return;
    FUZZ_CHECK(fake.changes == 0);
    if (status >= 400)
        return;
    FUZZ_CHECK(strstr(a->uri, "session") || strstr(a->uri, "links/") || strstr(a->uri, "join") || strstr(a->uri, "openapi") ||
               strstr(a->uri, "healthz") || strstr(a->uri, "readyz") || strstr(a->uri, "metrics"));
}

/* ---- one request */

static void serve(struct asked *a)
{
    struct memory m;
    char names[MEMORY_PARAMS_MAX][80], length[24], csrf[CSRF_SIZE];
    memory_init(&m, a->method, a->uri);
    memset(&fake, 0, sizeof(fake));
    people.error = fake.error = a->error;
    fake.leader = "202 {\"ring\": 9}";
    fake.type = "application/pdf";
    fake.owner = "ada";
    if (a->rules & CLOSED)
        people.settings.rules = (struct rules){0};
    people.settings.rules.moderate = (a->rules & MODERATE) != 0;
    people.away = a->rules & UNSURE ? ERR_UNAVAILABLE : ERR_OK;
    set_who(&m, a, csrf);
    snprintf(length, sizeof(length), "%zu", a->len);
    for (size_t i = 0; i < a->n_lines; i++)
        take_line(&m, a->lines[i], names[i]);
    m.body = a->body;
    m.body_len = a->len;
    m.piece = 1 + a->len % 61;
    if (!memory_param(&m, "REMOTE_ADDR"))
        memory_set(&m, "REMOTE_ADDR", "127.0.0.1");
    if (a->len > 0 && !memory_param(&m, "CONTENT_LENGTH"))
        memory_set(&m, "CONTENT_LENGTH", length);
    m.app.settings.data = "/dev/shm";
    int status = memory_serve(&m);
    FUZZ_CHECK(status >= 200 && status <= 599 && status != 500);
    FUZZ_CHECK(people.held == 0); /* room that was taken was given back */
    check_headers(&m);
    check_body(&m, a->method);
    check_nobody(a, status);
    memory_release(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int is_ready;
    struct asked a;
    if (!is_ready++)
        log_init("fuzz", LOG_ERROR);
    take_input(data, size, &a);
    serve(&a);
    release_input(&a);
    return 0;
}
