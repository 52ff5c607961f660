#include "tests/unit/unit.h"

#include "fcgi/multipart.h"
#include "lib/base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the sink saw, as text: "name[filename](type)=data;" for each part. */
struct seen {
    struct buf text;
    enum err refuse; /* what begin answers */
};

static enum err on_begin(void *ctx, const struct multipart_part *p, const char **detail)
{
    struct seen *s = ctx;
    (void)detail;
    if (s->refuse)
        return s->refuse;
    return buf_addf(&s->text, "%s%s%s%s(%s)=", p->name, p->has_filename ? "[" : "", p->filename, p->has_filename ? "]" : "", p->type);
}

static enum err on_data(void *ctx, const void *data, size_t n, const char **detail)
{
    struct seen *s = ctx;
    (void)detail;
    return buf_add(&s->text, data, n);
}

static enum err on_end(void *ctx, const char **detail)
{
    struct seen *s = ctx;
    (void)detail;
    return buf_add(&s->text, ";", 1);
}

/* Parses body in pieces of at most `piece` bytes. */
static enum err parse(const char *body, size_t len, size_t piece, struct seen *s)
{
    const struct multipart_sink sink = {on_begin, on_data, on_end, s};
    static struct multipart m;
    multipart_init(&m, "b", &sink);
    enum err e = ERR_OK;
    for (size_t at = 0; at < len && !e; at += piece)
        e = multipart_push(&m, body + at, len - at < piece ? len - at : piece);
    if (!e)
        e = multipart_finish(&m);
    if (e && !s->refuse)
        assert_non_null(m.detail);
    return e;
}

static void expect(const char *body, const char *wanted)
{
    size_t len = strlen(body);
    for (size_t piece = 1; piece <= len; piece++) {
        struct seen s = {.refuse = ERR_OK};
        buf_init(&s.text, 1u << 16);
        enum err e = parse(body, len, piece, &s);
        if (e)
            fail_msg("pieces of %zu: %s\n%s", piece, err_code(e), body);
        assert_string_equal(buf_str(&s.text), wanted);
        buf_release(&s.text);
    }
}

static void refuse(enum err wanted, const char *body, size_t len)
{
    static const size_t pieces[] = {1, 7, 4096, SIZE_MAX};
    for (size_t i = 0; i < 4; i++) {
        struct seen s = {.refuse = ERR_OK};
        buf_init(&s.text, 1u << 20);
        enum err e = parse(body, len, pieces[i] < len ? pieces[i] : len, &s);
        buf_release(&s.text);
        if (e != wanted)
            fail_msg("%s instead of %s for\n%.200s", err_code(e), err_code(wanted), body);
    }
}

#define FIELD(name, value) "\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" value "\r\n--b"

static void fields_and_a_file_in_any_order_and_any_pieces(void **state)
{
    (void)state;
    expect("--b" FIELD("term", "2026 Fall") "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.pdf\"\r\nContent-Type: "
                                            "application/pdf\r\n\r\n%PDF-1.4\r\n--b" FIELD("note", "") "--\r\n",
        "term()=2026 Fall;file[a.pdf](application/pdf)=%PDF-1.4;note()=;");
}

static void bytes_that_nearly_are_a_boundary_are_data(void **state)
{
    (void)state;
    expect("--b" FIELD("f", "\r\n--\r\n-\r\r\n--a\r\n--\r\r\n") "--", "f()=\r\n--\r\n-\r\r\n--a\r\n--\r\r\n;");
}

static void preamble_padding_and_epilogue_are_ignored(void **state)
{
    (void)state;
    expect("hello\r\nthere\r\n--b \t" FIELD("f", "x") "--\r\nbye\r\n--b\r\n", "f()=x;");
}

static void names_are_read_as_clients_write_them(void **state)
{
    (void)state;
    expect("--b\r\ncontent-disposition:form-data;name=file;filename=a.txt\r\n\r\nx\r\n--b--", "file[a.txt]()=x;");
    expect(
        "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a \\\"b\\\\c.pdf\"\r\n\r\nx\r\n--b--", "file[a \"b\\c.pdf]()=x;");
    expect("--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x%22%0D.pdf\"\r\n\r\nx\r\n--b--", "file[x\"%0D.pdf]()=x;");
    expect("--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"\xc3\x9c.pdf\"\r\n\r\nx\r\n--b--", "file[\xc3\x9c.pdf]()=x;");
    expect("--b\r\nContent-Disposition: form-data; name=\"file\"; filename*=utf-8''%C3%9C.pdf; filename=\"U.pdf\"\r\n\r\nx\r\n--b--",
        "file[\xc3\x9c.pdf]()=x;");
    expect("--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"\"\r\nContent-Type: application/octet-stream\r\n\r\n\r\n--b--",
        "file[](application/octet-stream)=;");
    expect(
        "--b\r\nX-Other: 1\r\nContent-Transfer-Encoding: binary\r\nContent-Disposition: form-data; name=\"f\"\r\n\r\nx\r\n--b--", "f()=x;");
}

static void malformed_forms_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "x",
        "--b",
        "--b\r\n",
        "--b" FIELD("f", "x"),
        "--b" FIELD("f", "x") "-",
        "--bx\r\n",
        "--b\r\n\r\nx\r\n--b--",
        "--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--",
        "--b\r\nContent-Disposition: attachment; name=\"f\"\r\n\r\nx\r\n--b--",
        "--b\r\nContent-Disposition: form-data; name=\"\"\r\n\r\nx\r\n--b--",
        "--b\r\nContent-Disposition: form-data; name=\"f\r\n\r\nx\r\n--b--",
        "--b\r\nContent-Disposition: form-data; name=\"f\" x\r\n\r\nx\r\n--b--",
        "--b\r\nContent-Disposition: form-data; =\"f\"\r\n\r\nx\r\n--b--",
        "--b\r\nContent-Disposition: form-data; name=\"f\"; filename*=latin1''a\r\n\r\nx\r\n--b--",
        "--b\r\nContent-Disposition: form-data; name=\"f\"; filename*=utf-8''%00\r\n\r\nx\r\n--b--",
        "--b\r\nContent-Disposition: form-data; name=\"f\"; filename*=utf-8''%0d%0aX:1\r\n\r\nx\r\n--b--",
        "--b\r\nContent-Disposition: form-data;\r\n name=\"f\"\r\n\r\nx\r\n--b--",
        "--b\r\nno colon\r\n\r\nx\r\n--b--",
        "--b\r\n: x\r\n\r\nx\r\n--b--",
        "--b\r\nContent-Disposition: form-data; name=\"\xff\"\r\n\r\nx\r\n--b--",
        "--b\r\nContent-Disposition: form-data; name=\"a\x01\"\r\n\r\nx\r\n--b--",
        "--b\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: form-data; name=\"f\"\r\n\r\neA==\r\n--b--",
        "--b" FIELD("f", "x") "  --\r\n",
        "--b" FIELD("f", "x") " -",
        "--b\nContent-Disposition: form-data; name=\"f\"\n\nx\n--b--",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        refuse(ERR_SYNTAX, bad[i], strlen(bad[i]));
    static const char nul[] = "--b\r\nContent-Disposition: form-data; name=\"f\0g\"\r\n\r\nx\r\n--b--";
    refuse(ERR_SYNTAX, nul, sizeof(nul) - 1);
}

static void an_empty_form_has_no_parts(void **state)
{
    (void)state;
    expect("--b--x", "");
}

/* A body of n copies of one part. */
static char *repeat(const char *part, size_t n, const char *head, const char *tail, size_t *len)
{
    char *body = malloc(strlen(head) + n * strlen(part) + strlen(tail) + 1);
    assert_non_null(body);
    char *at = stpcpy(body, head);
    for (size_t i = 0; i < n; i++)
        at = stpcpy(at, part);
    stpcpy(at, tail);
    *len = strlen(body);
    return body;
}

static void bounds_hold(void **state)
{
    (void)state;
    size_t len;
    struct seen s = {.refuse = ERR_OK};
    buf_init(&s.text, 1u << 20);
    char *body = repeat(FIELD("f", "x"), MULTIPART_PARTS_MAX, "--b", "--", &len);
    assert_ok(parse(body, len, 1000, &s));
    free(body);
    body = repeat(FIELD("f", "x"), MULTIPART_PARTS_MAX + 1, "--b", "--", &len);
    refuse(ERR_TOO_LARGE, body, len);
    free(body);
    body = repeat("a", MULTIPART_HEADERS_MAX, "--b\r\nX: ", "\r\nContent-Disposition: form-data; name=\"f\"\r\n\r\n\r\n--b--", &len);
    refuse(ERR_TOO_LARGE, body, len);
    free(body);
    body = repeat("a", MULTIPART_HEADERS_MAX * 4, "--b\r\nX: ", "", &len);
    refuse(ERR_TOO_LARGE, body, len);
    free(body);
    body = repeat(" ", 129, "--b", FIELD("f", "x") "--", &len);
    refuse(ERR_SYNTAX, body, len);
    free(body);
    body = repeat("a", MULTIPART_NAME_MAX + 1, "--b\r\nContent-Disposition: form-data; name=\"", "\"\r\n\r\n\r\n--b--", &len);
    refuse(ERR_TOO_LARGE, body, len);
    free(body);
    body = repeat(
        "a", MULTIPART_FILENAME_MAX + 1, "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"", "\"\r\n\r\n\r\n--b--", &len);
    refuse(ERR_TOO_LARGE, body, len);
    free(body);
    buf_reset(&s.text);
    body = repeat("\r\n--", 50000, "--b\r\nContent-Disposition: form-data; name=\"f\"\r\n\r\n", "\r\n--b--", &len);
    assert_ok(parse(body, len, 5000, &s));
    assert_int_equal(s.text.len, 4 + 4 * 50000 + 1);
    free(body);
    buf_release(&s.text);
}

static void an_error_of_the_sink_stops_it(void **state)
{
    (void)state;
    struct seen s = {.refuse = ERR_FULL};
    const char body[] = "--b" FIELD("f", "x") "--";
    buf_init(&s.text, 100);
    assert_err(ERR_FULL, parse(body, strlen(body), 5, &s));
    buf_release(&s.text);
}

static void boundaries_are_found(void **state)
{
    (void)state;
    char b[MULTIPART_BOUNDARY_MAX + 1];
    assert_ok(multipart_boundary("multipart/form-data; boundary=abc", b));
    assert_string_equal(b, "abc");
    assert_ok(multipart_boundary("Multipart/Form-Data ; charset=utf-8; Boundary=\"a b:c\"", b));
    assert_string_equal(b, "a b:c");
    assert_ok(multipart_boundary("multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxk/=", b));
    assert_string_equal(b, "----WebKitFormBoundary7MA4YWxk/=");
    assert_err(ERR_TYPE, multipart_boundary(NULL, b));
    assert_err(ERR_TYPE, multipart_boundary("multipart/mixed; boundary=a", b));
    assert_err(ERR_TYPE, multipart_boundary("multipart/form-datax; boundary=a", b));
    static const char *const bad[] = {"multipart/form-data", "multipart/form-data;", "multipart/form-data; boundary",
        "multipart/form-data; boundary=", "multipart/form-data; boundary=\"\"", "multipart/form-data; boundary=\"a \"",
        "multipart/form-data; boundary=\"a", "multipart/form-data; boundary=a\"b", "multipart/form-data boundary=a",
        "multipart/form-data; boundary=\xc3\x85"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (multipart_boundary(bad[i], b) != ERR_SYNTAX)
            fail_msg("%s was taken", bad[i]);
    }
    char longest[200];
    snprintf(longest, sizeof(longest), "multipart/form-data; boundary=%070d", 1);
    assert_ok(multipart_boundary(longest, b));
    snprintf(longest, sizeof(longest), "multipart/form-data; boundary=%071d", 1);
    assert_err(ERR_SYNTAX, multipart_boundary(longest, b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_and_a_file_in_any_order_and_any_pieces),
        cmocka_unit_test(bytes_that_nearly_are_a_boundary_are_data),
        cmocka_unit_test(preamble_padding_and_epilogue_are_ignored),
        cmocka_unit_test(names_are_read_as_clients_write_them),
        cmocka_unit_test(malformed_forms_are_refused),
        cmocka_unit_test(an_empty_form_has_no_parts),
        cmocka_unit_test(bounds_hold),
        cmocka_unit_test(an_error_of_the_sink_stops_it),
        cmocka_unit_test(boundaries_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
