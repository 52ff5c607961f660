/* Who asks, and whether the front lets them in: cookies, tokens, proxies, origins. */
#include "tests/unit/fcgi/memory.h"

#include "lib/auth/csrf.h"

#define COOKIE "sid=" PEOPLE_SECRET
#define GET_SESSION "/api/v1/session"
#define OWN_TOKENS "/api/v1/tokens" /* anybody who is somebody */
#define SETTINGS "/api/v1/settings" /* the admin alone */

struct asked {
    const char *method, *uri, *from, *scheme, *cookie, *authorization, *user, *site, *origin, *csrf;
};

static int serve(struct memory *m, const struct asked *a)
{
    const struct {
        const char *name, *value;
    } rows[] = {{"REMOTE_ADDR", a->from ? a->from : "127.0.0.1"}, {"REQUEST_SCHEME", a->scheme ? a->scheme : "http"},
        {"HTTP_HOST", "rb.example"}, {"HTTP_COOKIE", a->cookie}, {"HTTP_AUTHORIZATION", a->authorization}, {"HTTP_X_REMOTE_USER", a->user},
        {"HTTP_SEC_FETCH_SITE", a->site}, {"HTTP_ORIGIN", a->origin}, {"HTTP_RB_CSRF", a->csrf}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].value)
            memory_set(m, rows[i].name, rows[i].value);
    }
    return memory_serve(m);
}

/* The status of a GET of what only somebody may have. */
static int get(const struct asked *a)
{
    struct memory m;
    memory_init(&m, "GET", a->uri ? a->uri : OWN_TOKENS);
    int status = serve(&m, a);
    if (status == 401)
        assert_header(&m, "WWW-Authenticate", "Bearer realm=\"ringbinder\"");
    memory_release(&m);
    return status;
}

static void each_way_of_showing_who_one_is_is_known(void **state)
{
    (void)state;
    assert_int_equal(get(&(struct asked){0}), 401);
    assert_int_equal(get(&(struct asked){.cookie = COOKIE}), 200);
    assert_int_equal(get(&(struct asked){.cookie = "a=b; " COOKIE "; c=d"}), 200);
    assert_int_equal(get(&(struct asked){.authorization = "Bearer " PEOPLE_TOKEN}), 200);
    assert_int_equal(get(&(struct asked){.authorization = "bearer " PEOPLE_TOKEN}), 200);
    assert_int_equal(get(&(struct asked){.cookie = "a=b"}), 401);
}

static void what_is_not_exactly_one_good_proof_is_refused(void **state)
{
    (void)state;
    static const struct {
        int status;
        struct asked asked;
    } rows[] = {
        {400, {.cookie = COOKIE, .authorization = "Bearer " PEOPLE_TOKEN}},
        {400, {.cookie = "sid=x", .authorization = "Bearer x"}},
        {401, {.cookie = COOKIE "; " COOKIE}},
        {401, {.cookie = "sid="}},
        {401, {.cookie = "sid=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9"}}, /* the last bit */
        {401, {.cookie = "sid=" PEOPLE_SECRET "A"}},
        {401, {.authorization = "Bearer rb_0123456789abcdef_x"}},
        {401, {.authorization = "Bearer  " PEOPLE_TOKEN}},
        {401, {.authorization = "Basic " PEOPLE_TOKEN}},
        {401, {.authorization = PEOPLE_TOKEN}},
        {401, {.authorization = ""}},
        /* over TLS another cookie is the session's, and over plain http none from elsewhere is */
        {401, {.cookie = COOKIE, .scheme = "https"}},
        {200, {.cookie = "__Host-" COOKIE, .scheme = "https"}},
        {200, {.cookie = "__Host-" COOKIE, .scheme = "https", .from = "203.0.113.9"}},
        {401, {.cookie = "__Host-" COOKIE}},
        {401, {.cookie = COOKIE, .from = "203.0.113.9"}},
        {200, {.cookie = COOKIE, .from = "::1"}},
        {200, {.cookie = COOKIE, .from = "127.1.2.3"}},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int status = get(&rows[i].asked);
        if (status != rows[i].status)
            fail_msg("row %zu: %d", i, status);
    }
}

static void a_long_cookie_header_is_refused(void **state)
{
    (void)state;
    char cookie[5200];
    memset(cookie, 'x', sizeof(cookie) - 1);
    cookie[sizeof(cookie) - 1] = '\0';
    cookie[1] = '=';
    memcpy(cookie + 5000, "; " COOKIE, sizeof("; " COOKIE));
    assert_int_equal(get(&(struct asked){.cookie = cookie}), 401);
}

/* The problem's detail and the cookie that is taken away. */
static void a_session_that_is_over_is_taken_away(void **state)
{
    (void)state;
    struct memory m;
    memory_init(&m, "GET", "/api/v1/courses/x");
    people.account.disabled = 1;
    assert_int_equal(serve(&m, &(struct asked){.cookie = COOKIE}), 401);
    assert_header(&m, "Set-Cookie", "sid=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax");
    memory_release(&m);
    /* where nobody has to be anybody they are nobody, and rid of it */
    memory_init(&m, "GET", GET_SESSION);
    people.account.disabled = 1;
    assert_int_equal(serve(&m, &(struct asked){.cookie = COOKIE}), 200);
    assert_header(&m, "Set-Cookie", "sid=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax");
    struct json *j = memory_json(&m);
    assert_true(json_is_null(json_get(j, "user")));
    assert_string_equal(json_get_str(j, "role"), "nobody");
    json_free(j);
    memory_release(&m);
    memory_init(&m, "GET", "/healthz"); /* and who answers everybody looks at no cookie at all */
    assert_int_equal(serve(&m, &(struct asked){.cookie = COOKIE, .authorization = "x"}), 200);
    memory_release(&m);
}

static int behind_proxy(const char *from, const char *user, const char *cookie)
{
    struct memory m;
    memory_init(&m, "GET", OWN_TOKENS);
    people.settings.n_proxies = 1;
    snprintf(people.settings.proxies[0], sizeof(people.settings.proxies[0]), "192.0.2.1");
    int status = serve(&m, &(struct asked){.from = from, .user = user, .cookie = cookie});
    memory_release(&m);
    return status;
}

static void a_name_is_believed_from_a_listed_proxy_alone(void **state)
{
    (void)state;
    assert_int_equal(behind_proxy("192.0.2.1", "ada", NULL), 200);
    assert_int_equal(behind_proxy("192.0.2.1", "ADA", NULL), 200);
    assert_int_equal(behind_proxy("192.0.2.10", "ada", NULL), 401);
    assert_int_equal(behind_proxy("127.0.0.1", "ada", NULL), 401);
    assert_int_equal(behind_proxy("192.0.2.1", "bob", NULL), 401); /* no account: nobody */
    assert_int_equal(behind_proxy("192.0.2.1", "ada, bob", NULL), 401);
    assert_int_equal(behind_proxy("192.0.2.1", "", NULL), 401);
    assert_int_equal(get(&(struct asked){.from = "192.0.2.1", .user = "ada"}), 401); /* none is listed */
}

/* ---- where a request comes from ---- */

static int delete_session(const struct asked *a)
{
    struct memory m;
    memory_init(&m, a->method ? a->method : "DELETE", a->uri ? a->uri : GET_SESSION);
    int status = serve(&m, a);
    memory_release(&m);
    return status;
}

static void with_a_cookie_only_our_own_pages_change_anything(void **state)
{
    (void)state;
    char csrf[CSRF_SIZE], other[CSRF_SIZE];
    csrf_make(PEOPLE_SECRET, csrf);
    memcpy(other, csrf, sizeof(other));
    other[5] = (char)(other[5] == '0' ? '1' : '0');
    const struct {
        int status;
        struct asked asked;
    } rows[] = {
        {204, {.cookie = COOKIE, .csrf = csrf, .site = "same-origin"}},
        {204, {.cookie = COOKIE, .csrf = csrf, .origin = "http://rb.example"}},
        {204, {.cookie = COOKIE, .csrf = csrf, .site = "same-origin", .origin = "http://rb.example"}},
        {403, {.cookie = COOKIE, .csrf = csrf}},
        {403, {.cookie = COOKIE, .site = "same-origin"}},
        {403, {.cookie = COOKIE, .csrf = "", .site = "same-origin"}},
        {403, {.cookie = COOKIE, .csrf = other, .site = "same-origin"}},
        {403, {.cookie = COOKIE, .csrf = csrf, .site = "cross-site"}},
        {403, {.cookie = COOKIE, .csrf = csrf, .site = "same-site"}},
        {403, {.cookie = COOKIE, .csrf = csrf, .origin = "http://evil.example"}},
        {403, {.cookie = COOKIE, .csrf = csrf, .origin = "null"}},
        {403, {.cookie = COOKIE, .csrf = csrf, .origin = "https://rb.example"}},
        {403, {.cookie = COOKIE, .csrf = csrf, .site = "same-origin", .origin = "http://evil.example"}},
        /* a token is sent by nobody's browser; where there is no session there is none to end */
        {409, {.authorization = "Bearer " PEOPLE_TOKEN, .site = "cross-site"}},
        /* also who has not signed in is not to be used by strangers' pages */
        {403, {.method = "PUT", .uri = "/api/v1/courses/--/syllabus", .site = "cross-site"}},
        {400, {.method = "PUT", .uri = "/api/v1/courses/--/syllabus"}},
        {403, {.method = "POST", .site = "cross-site"}},
        {403, {.method = "POST", .uri = "/api/v1/links/x", .origin = "null"}},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int status = delete_session(&rows[i].asked);
        if (status != rows[i].status)
            fail_msg("row %zu: %d", i, status);
    }
    assert_int_equal(get(&(struct asked){.cookie = COOKIE, .site = "cross-site"}), 200); /* a link to us is no harm */
}

static void behind_a_proxy_the_origin_has_to_be_said(void **state)
{
    (void)state;
    const struct asked asked[] = {{.site = "same-origin"}, {0}, {.site = "cross-site"}};
    const int statuses[] = {409, 403, 403};
    for (size_t i = 0; i < 3; i++) {
        struct memory m;
        struct asked a = asked[i];
        memory_init(&m, "DELETE", GET_SESSION);
        people.settings.n_proxies = 1;
        snprintf(people.settings.proxies[0], sizeof(people.settings.proxies[0]), "192.0.2.1");
        a.from = "192.0.2.1";
        a.user = "ada";
        assert_int_equal(serve(&m, &a), statuses[i]);
        memory_release(&m);
    }
}

/* ---- when nobody can be asked ---- */

static int while_away(const char *method, const char *uri, const char *cookie, const char *authorization, int public_read)
{
    struct memory m;
    memory_init(&m, method, uri);
    people.away = ERR_UNAVAILABLE;
    people.settings.rules.public_read = public_read;
    int status = serve(&m, &(struct asked){.cookie = cookie, .authorization = authorization});
    memory_release(&m);
    return status;
}

static void without_redis_who_signed_in_reads_like_anybody(void **state)
{
    (void)state;
    assert_int_equal(while_away("GET", "/api/v1/courses/--", COOKIE, NULL, 1), 400); /* it went as far as the name */
    assert_int_equal(while_away("GET", "/api/v1/courses/--", COOKIE, NULL, 0), 503);
    assert_int_equal(while_away("GET", OWN_TOKENS, COOKIE, NULL, 1), 503);
    assert_int_equal(while_away("PUT", "/api/v1/courses/--/syllabus", COOKIE, NULL, 1), 503); /* never as nobody's */
    assert_int_equal(while_away("GET", "/api/v1/courses/--", NULL, "Bearer " PEOPLE_TOKEN, 1), 503);
    assert_int_equal(while_away("GET", GET_SESSION, COOKIE, NULL, 1), 200);
}

/* ---- every route ---- */

static const char *const captures[] = {"%2D%2D", "%2D%2D"}; /* no name, no id: whoever is let in gets no further */

static int ask_route(const struct route *route, enum role role, const struct rules *rules)
{
    struct memory m;
    char uri[256];
    size_t n = 0, at = 0;
    for (const char *c = route->pattern; *c; c++) {
        if (*c == '{')
            at += (size_t)snprintf(uri + at, sizeof(uri) - at, "%s", captures[n++]);
        else if (*c != '}')
            at += (size_t)snprintf(uri + at, sizeof(uri) - at, "%c", *c);
    }
    memory_init(&m, route->method, uri);
    people.settings.rules = *rules;
    if (role != ROLE_NOBODY)
        memory_sign_in(&m, role);
    int status = memory_serve(&m);
    memory_release(&m);
    return status;
}

static void the_front_refuses_exactly_what_the_table_refuses(void **state)
{
    (void)state;
    static const struct rules all[] = {{1, 0, 0}, {1, 1, 0}, {0, 0, 0}, {0, 1, 0}};
    size_t n;
    const struct route *rows = routes_all(&n);
    for (size_t i = 0; i < n; i++) {
        if (strncmp(rows[i].pattern, "/api/v1/", 8) != 0 || rows[i].act == ACT_NONE || rows[i].act == ACT_READ)
            continue; /* readers' routes need the use cases: handler/test_handlers.c */
        for (size_t c = 0; c < sizeof(all) / sizeof(all[0]) * ROLE_COUNT; c++) {
            enum role role = (enum role)(c % ROLE_COUNT);
            struct who who = {.how = role == ROLE_NOBODY ? HOW_NOBODY : HOW_TOKEN, .role = role, .acts = ACTS_ALL};
            enum verdict v = auth_may(&who, rows[i].act, &all[c / ROLE_COUNT], NULL, NULL);
            if (v == AUTH_ALLOWED)
                continue; /* goes on to the handler */
            int status = ask_route(&rows[i], role, &all[c / ROLE_COUNT]);
            if (status != err_http_status(auth_verdict_err(v)) || people.calls != 0)
                fail_msg("%s %s as %s: %d", rows[i].method, rows[i].pattern, role_name(role), status);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_way_of_showing_who_one_is_is_known),
        cmocka_unit_test(what_is_not_exactly_one_good_proof_is_refused),
        cmocka_unit_test(a_long_cookie_header_is_refused),
        cmocka_unit_test(a_session_that_is_over_is_taken_away),
        cmocka_unit_test(a_name_is_believed_from_a_listed_proxy_alone),
        cmocka_unit_test(with_a_cookie_only_our_own_pages_change_anything),
        cmocka_unit_test(behind_a_proxy_the_origin_has_to_be_said),
        cmocka_unit_test(without_redis_who_signed_in_reads_like_anybody),
        cmocka_unit_test(the_front_refuses_exactly_what_the_table_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
