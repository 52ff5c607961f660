/* A transport in memory: what a FastCGI front sends is a few strings, and the answer is text to look at. Used with front_serve() or request_init(). */
#ifndef RB_TESTS_UNIT_FCGI_MEMORY_H
#define RB_TESTS_UNIT_FCGI_MEMORY_H

#include "tests/unit/fcgi/people.h"
#include "tests/unit/unit.h"

#include "fcgi/front.h"
#include "lib/base/num.h"

#include <stdlib.h>
#include <string.h>

#define MEMORY_PARAMS_MAX 16

struct memory {
    struct {
        const char *name, *value;
    } params[MEMORY_PARAMS_MAX];
    size_t n_params;
    const char *body; /* what comes, whatever Content-Length says */
    size_t body_len, body_at;
    size_t piece; /* bytes a read gives at most; 0 = as asked */
    struct buf answer;
    struct app app;
    struct worker worker;
    struct metrics metrics;
    struct transport transport;
};

static inline const char *memory_param(void *ctx, const char *name)
{
    const struct memory *m = ctx;
    for (size_t i = 0; i < m->n_params; i++) {
        if (strcmp(m->params[i].name, name) == 0)
            return m->params[i].value;
    }
    return NULL;
}

static inline long memory_read(void *ctx, void *into, size_t n)
{
    struct memory *m = ctx;
    size_t left = m->body_len - m->body_at;
    if (m->piece && n > m->piece)
        n = m->piece;
    if (n > left)
        n = left;
    if (n > 0)
        memcpy(into, m->body + m->body_at, n);
    m->body_at += n;
    return (long)n;
}

static inline enum err memory_write(void *ctx, const void *data, size_t n)
{
    struct memory *m = ctx;
    return buf_add(&m->answer, data, n);
}

static inline void memory_set(struct memory *m, const char *name, const char *value)
{
    assert_true(m->n_params < MEMORY_PARAMS_MAX);
    m->params[m->n_params].name = name;
    m->params[m->n_params++].value = value;
}

static inline void memory_init(struct memory *m, const char *method, const char *uri)
{
    memset(m, 0, sizeof(*m));
    people_reset();
    buf_init(&m->answer, 1u << 22);
    arena_init(&m->worker.arena, 1u << 20);
    m->worker.app = &m->app;
    m->app.settings.name = "api-test";
    m->app.settings.upload_max_bytes = 1000;
    metrics_init(&m->metrics);
    m->transport = (struct transport){memory_param, memory_read, memory_write, m};
    memory_set(m, "REQUEST_METHOD", method);
    memory_set(m, "REQUEST_URI", uri);
    memory_set(m, "REQUEST_ID", "abc123");
}

/* The request comes with a token of an account of this role. */
static inline void memory_sign_in(struct memory *m, enum role role)
{
    people.account.role = role;
    memory_set(m, "HTTP_AUTHORIZATION", "Bearer " PEOPLE_TOKEN);
}

static inline void memory_release(struct memory *m)
{
    buf_release(&m->answer);
    arena_release(&m->worker.arena);
}

/* Serves and gives the status. */
static inline int memory_serve(struct memory *m)
{
    front_serve(&m->worker, &m->metrics, &m->transport);
    assert_int_equal(strncmp(buf_str(&m->answer), "Status: ", 8), 0);
    return (int)strtol(m->answer.data + 8, NULL, 10);
}

/* The body of the answer. */
static inline const char *memory_body(const struct memory *m)
{
    const char *end = strstr(buf_str(&m->answer), "\r\n\r\n");
    assert_non_null(end);
    return end + 4;
}

/* A header's value, copied into out; 0 when it is not there. */
static inline int memory_header(const struct memory *m, const char *name, char *out, size_t max)
{
    const char *line = buf_str(&m->answer), *end = memory_body(m);
    size_t n = strlen(name);
    while (line < end - 2) {
        const char *stop = strstr(line, "\r\n");
        if (strncmp(line, name, n) == 0 && strncmp(line + n, ": ", 2) == 0) {
            size_t len = (size_t)(stop - line) - n - 2;
            assert_true(len < max);
            memcpy(out, line + n + 2, len);
            out[len] = '\0';
            return 1;
        }
        line = stop + 2;
    }
    return 0;
}

#define assert_header(m, name, value)                                    \
    do {                                                                 \
        char found_[4096];                                               \
        assert_true(memory_header((m), (name), found_, sizeof(found_))); \
        assert_string_equal(found_, (value));                            \
    } while (0)

#define assert_no_header(m, name)                                         \
    do {                                                                  \
        char found_[4096];                                                \
        assert_false(memory_header((m), (name), found_, sizeof(found_))); \
    } while (0)

/* The answer's body as JSON; the caller frees. */
static inline struct json *memory_json(const struct memory *m)
{
    struct json *j = NULL;
    const char *body = memory_body(m);
    assert_ok(json_parse(body, strlen(body), &j));
    return j;
}

#endif
