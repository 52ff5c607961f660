/* The route table against itself and against the contract: what is served is what is documented, parameter by parameter. */
#include "tests/unit/fcgi/people.h"
#include "tests/unit/unit.h"

#include "fcgi/openapi.h"
#include "fcgi/routes.h"
#include "lib/wire/json.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static struct json *contract;

static int setup(void **state)
{
    (void)state;
    return json_parse(openapi_json, (size_t)(openapi_json_end - openapi_json), &contract) == ERR_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    json_free(contract);
    return 0;
}

/* "/courses/{course}" → "/courses/{}". */
static void strip_names(const char *path, char out[256])
{
    size_t n = 0;
    int inside = 0;
    for (; *path; path++) {
        if (*path == '}')
            inside = 0;
        if (!inside) {
            assert_true(n < 255);
            out[n++] = *path;
        }
        if (*path == '{')
            inside = 1;
    }
    out[n] = '\0';
}

static int is_method(const char *word)
{
    return !strcmp(word, "get") || !strcmp(word, "put") || !strcmp(word, "post") || !strcmp(word, "delete") || !strcmp(word, "patch") ||
           !strcmp(word, "head") || !strcmp(word, "options");
}

static const struct route *find_row(const char *method, const char *path)
{
    char pattern[256];
    size_t n;
    strip_names(path, pattern);
    const struct route *rows = routes_all(&n);
    for (size_t i = 0; i < n; i++) {
        if (strcasecmp(rows[i].method, method) == 0 && strcmp(rows[i].pattern, pattern) == 0)
            return &rows[i];
    }
    return NULL;
}

/* A parameter or what it refers to. */
static const struct json *follow(const struct json *p)
{
    const char *ref = json_get_str(p, "$ref");
    if (!ref)
        return p;
    const char *name = strrchr(ref, '/') + 1;
    const struct json *found = json_get(json_get(json_get(contract, "components"), "parameters"), name);
    assert_non_null(found);
    return found;
}

static int has_word(const char *words, const char *word)
{
    char all[256], one[64];
    snprintf(all, sizeof(all), " %s ", words);
    snprintf(one, sizeof(one), " %s ", word);
    return strstr(all, one) != NULL;
}

static void check_params(const struct route *row, const struct json *operation)
{
    size_t documented = 0, known = *row->params != '\0';
    for (const char *c = row->params; *c; c++)
        known += *c == ' ';
    for (const struct json *p = json_first(json_get(operation, "parameters")); p; p = json_next(p)) {
        const struct json *parameter = follow(p);
        if (strcmp(json_get_str(parameter, "in"), "query") != 0)
            continue;
        documented++;
        if (!has_word(row->params, json_get_str(parameter, "name")))
            fail_msg("%s %s does not know %s", row->method, row->pattern, json_get_str(parameter, "name"));
    }
    if (documented != known)
        fail_msg("%s %s knows %zu parameters, %zu are documented", row->method, row->pattern, known, documented);
}

static void the_contract_documents_exactly_the_table(void **state)
{
    (void)state;
    size_t n, documented = 0;
    routes_all(&n);
    for (const struct json *path = json_first(json_get(contract, "paths")); path; path = json_next(path)) {
        for (const struct json *operation = json_first(path); operation; operation = json_next(operation)) {
            if (!is_method(json_name(operation)))
                continue;
            const struct route *row = find_row(json_name(operation), json_name(path));
            if (!row)
                fail_msg("%s %s is documented and not served", json_name(operation), json_name(path));
            check_params(row, operation);
            assert_string_equal(json_get_str(operation, "x-act"), act_name(row->act));
            documented++;
        }
    }
    assert_int_equal(documented, n);
}

static void each_row_is_found_by_its_own_pattern(void **state)
{
    (void)state;
    struct arena arena;
    size_t n;
    const struct route *rows = routes_all(&n);
    arena_init(&arena, 1u << 20);
    for (size_t i = 0; i < n; i++) {
        char uri[256];
        size_t at = 0;
        for (const char *c = rows[i].pattern; *c; c++) {
            const char one[] = {*c, '\0'}, *text = *c == '{' ? "a%2Fb" : *c == '}' ? "" : one;
            at += (size_t)snprintf(uri + at, sizeof(uri) - at, "%s", text);
        }
        struct target t;
        struct routes_match m;
        assert_ok(target_parse(uri, &arena, &t));
        assert_ok(routes_find(&t, rows[i].method, &m));
        assert_ptr_equal(m.route, &rows[i]);
        for (size_t c = 0; c < m.n_captures; c++)
            assert_string_equal(m.captures[c]->text, "a/b");
        if (strcmp(rows[i].method, "GET") == 0) {
            assert_ok(routes_find(&t, "HEAD", &m));
            assert_ptr_equal(m.route, &rows[i]);
        }
    }
    arena_release(&arena);
}

static void a_parameter_is_known_as_a_whole_word_only(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 1u << 16);
    const struct route row = {"GET", "/x", "term sort", ACT_READ, NULL};
    static const char *const unknown[] = {"/x?ter=1", "/x?terms=1", "/x?term%20sort=1", "/x?=1", "/x?%20=1", "/x?Term=1"};
    struct target t;
    for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
        assert_ok(target_parse(unknown[i], &arena, &t));
        assert_non_null(routes_unknown_param(&row, &t));
    }
    assert_ok(target_parse("/x?sort=1&term=2", &arena, &t));
    assert_null(routes_unknown_param(&row, &t));
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_contract_documents_exactly_the_table),
        cmocka_unit_test(each_row_is_found_by_its_own_pattern),
        cmocka_unit_test(a_parameter_is_known_as_a_whole_word_only),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
