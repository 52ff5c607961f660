/* Request targets inside the cluster: what is routed was well-formed, its captures hold no surprise, and encoded anew they come to the same route. */
#include "tests/fuzz/fuzz.h"

#include "lib/base/text.h"
#include "lib/http/internal.h"

static const struct http_route routes[] = {
    {.method = "GET", .pattern = "/healthz"},
    {.method = "POST", .pattern = "/records/{}/store"},
    {.method = "GET", .pattern = "/records/{}/{}"},
    {.method = "PUT", .pattern = "/staging/{}"},
};

static struct http_server server = {.config = {.routes = routes, .n_routes = sizeof(routes) / sizeof(routes[0])}};

static enum err match(struct http_request *r, const char *method, const char *target)
{
    *r = (struct http_request){.server = &server, .method = method, .target = target};
    arena_init(&r->arena, HTTP_ARENA_MAX);
    return path_match(r);
}

/* The same route, captures and parameters when all that was decoded is encoded anew. */
static void check_routed(const struct http_request *r)
{
    struct http_request again;
    struct buf b;
    size_t capture = 0;
    buf_init(&b, 16 * HTTP_PATH_MAX);
    for (const char *p = r->route->pattern; *p;) {
        if (strncmp(p, "{}", 2) == 0) {
            const char *text = r->captures[capture++];
            FUZZ_CHECK(*text && strcmp(text, ".") != 0 && strcmp(text, "..") != 0);
            FUZZ_CHECK(text_percent_encode(&b, text, strlen(text)) == ERR_OK);
            p += 2;
        } else {
            FUZZ_CHECK(buf_add(&b, p++, 1) == ERR_OK);
        }
    }
    FUZZ_CHECK(capture == r->n_captures);
    for (size_t i = 0; i < r->n_params; i++) {
        FUZZ_CHECK(buf_add(&b, i ? "&" : "?", 1) == ERR_OK);
        FUZZ_CHECK(text_percent_encode(&b, r->params[i].name, strlen(r->params[i].name)) == ERR_OK && buf_add(&b, "=", 1) == ERR_OK);
        FUZZ_CHECK(text_percent_encode(&b, r->params[i].value, strlen(r->params[i].value)) == ERR_OK);
    }
    FUZZ_CHECK(match(&again, r->method, b.data) == ERR_OK && again.route == r->route && again.n_captures == r->n_captures);
    FUZZ_CHECK(again.n_params == r->n_params);
    for (size_t i = 0; i < r->n_captures; i++)
        FUZZ_CHECK(strcmp(r->captures[i], again.captures[i]) == 0);
    for (size_t i = 0; i < r->n_params; i++)
        FUZZ_CHECK(strcmp(http_query(&again, r->params[i].name), r->params[i].value) == 0);
    arena_release(&again.arena);
    buf_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const methods[] = {"GET", "HEAD", "POST", "PUT"};
    if (size > HTTP_PATH_MAX)
        return 0;
    char *target = fuzz_string(data, size);
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        struct http_request r;
        if (match(&r, methods[i], target) == ERR_OK) {
            FUZZ_CHECK(r.route && target[0] == '/');
            check_routed(&r);
        } else {
            FUZZ_CHECK(!r.route);
        }
        arena_release(&r.arena);
    }
    free(target);
    return 0;
}
