/* What libmagic, the table of kinds and the claims come to together, on real beginnings of files. */
#include "tests/unit/unit.h"

#include "fcgi/service/kinds.h"
#include "fcgi/service/type.h"

#include <stdlib.h>
#include <string.h>

#define DOCX "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
#define ODT "application/vnd.oasis.opendocument.text"
#define OCTETS "application/octet-stream"

static const char pdf[] = "%PDF-1.7\n%\xE2\xE3\xCF\xD3\n1 0 obj\n<<>>\nendobj\n";
static const char html[] = "<!DOCTYPE html><html><body><p>hello</p></body></html>";
static const char script[] = "<script>alert(1)</script>";
static const char svg[] = "<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>";
static const char text[] = "CSEN 317, Distributed Systems\nWe meet on Mondays.\n";
static const char png[] = "\x89PNG\r\n\x1A\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\6\0\0\0";
static const char jpeg[] = "\xFF\xD8\xFF\xE0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0";
static const char gif[] = "GIF89a\1\0\1\0\0\0\0";
static const char rtf[] = "{\\rtf1\\ansi hello}";
static const char random_bytes[] = "\x93\x01\xFE\x88\x00\x17\xC3\x28\x9A\x03\xFF\x80\x12\x99\xA7\x5C";
static const char zip[] = "PK\x03\x04\x14\0\0\0\0\0\x4A\x5B\x6C\x5D\x11\x22\x33\x44\x05\0\0\0\x05\0\0\0\x05\0\0\0a."
                          "txthelloPK\x01\x02\x14\x03\x14\0\0\0\0\0\0\0\0\0\0\0\0\0";
static const char odt[] =
    "PK\x03\x04\x14\0\0\0\0\0\x4A\x5B\x6C\x5D\x5E\xC6\x32\x0C\x27\0\0\0\x27\0\0\0\x08\0\0\0mimetypeapplication/vnd.oasis.opendocument.text";
static const char ole[] = "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1";

struct row {
    const void *bytes;
    size_t n;
    const char *filename, *claimed;
    const char *type; /* NULL: refused */
};
#define B(x) (x), sizeof(x) - 1

static const struct row rows[] = {
    {B(pdf), "", "", "application/pdf"},
    {B(pdf), "syllabus.pdf", "", "application/pdf"},
    {B(pdf), "syllabus.PDF", "application/pdf", "application/pdf"},
    {B(pdf), "", OCTETS, "application/pdf"},
    {B(pdf), "", "APPLICATION/OCTET-STREAM", "application/pdf"},
    {B(pdf), "", "application/x-www-form-urlencoded", "application/pdf"},
    {B(pdf), "notes.txt", "", NULL},
    {B(pdf), "", "text/plain", NULL},
    {B(pdf), "", "image/x-thing", NULL},
    {B(pdf), "x.png", "application/pdf", NULL},
    {B(html), "syllabus.pdf", "", NULL},
    {B(html), "", "application/pdf", NULL},
    {B(html), "x.html", "text/html", "text/html"},
    {B(html), "x.md", "text/markdown", "text/html"},
    {B(html), "x.txt", "text/plain", "text/html"},
    {B(html), "", "", "text/html"},
    {B(script), "syllabus.pdf", "", NULL},
    {B(script), "x.docx", "", NULL},
    {B(svg), "syllabus.pdf", "", NULL},
    {B(svg), "x.png", "image/png", NULL},
    {B(svg), "x.svg", "image/svg+xml", "image/svg+xml"},
    {B(text), "", "", "text/plain"},
    {B(text), "x.md", "", "text/markdown"},
    {B(text), "x.markdown", "text/x-markdown", "text/markdown"},
    {B(text), "x.csv", "application/csv", "text/csv"},
    {B(text), "x.json", "application/json", "application/json"},
    {B(text), "x.html", "text/html", "text/plain"},
    {B(text), "x.py", "text/x-python", "text/plain"},
    {B(text), "x.pdf", "", NULL},
    {B(text), "", "image/png", NULL},
    {B(text), "", "video/x-thing", NULL},
    {B("x"), "", "", "text/plain"},
    {B("x"), "x.txt", "text/plain", "text/plain"},
    {B("x"), "x.pdf", "application/pdf", NULL},
    {B(png), "x.png", "image/x-png", "image/png"},
    {B(png), "x.jpg", "", NULL},
    {B(jpeg), "x.jpeg", "image/jpg", "image/jpeg"},
    {B(gif), "x.gif", "image/gif", "image/gif"},
    {B(gif), "x.gif", "image/png", NULL},
    {B(rtf), "x.rtf", "application/rtf", "text/rtf"},
    {B(rtf), "x.doc", "application/msword", "text/rtf"},
    {B(rtf), "x.pdf", "", NULL},
    {B(zip), "x.zip", "application/zip", "application/zip"},
    {B(zip), "x.docx", "", DOCX},
    {B(zip), "", DOCX, DOCX},
    {B(zip), "x.pdf", "", NULL},
    {B(zip), "", "text/plain", NULL},
    {B(odt), "x.odt", ODT, ODT},
    {B(odt), "x.zip", "application/zip", ODT},
    {B(odt), "x.png", "", NULL},
    {B(ole), "x.docx", "", NULL},
    {B(random_bytes), "", "", OCTETS},
    {B(random_bytes), "x.dat", "", OCTETS},
    {B(random_bytes), "", "application/x-thing", OCTETS},
    {B(random_bytes), "", "image/x-thing", OCTETS},
    {B(random_bytes), "x.pdf", "", NULL},
    {B(random_bytes), "x.txt", "", NULL},
    {B(random_bytes), "x.docx", "", NULL},
    {B("MZ\x90\0\3\0\0\0\4\0\0\0\xFF\xFF\0\0"), "x.pdf", "", NULL},
};

static int setup(void **state)
{
    struct type_sniffer *s;
    assert_ok(type_sniffer_new(&s));
    *state = s;
    return 0;
}

static int teardown(void **state)
{
    type_sniffer_free(*state);
    return 0;
}

static void claims_that_the_bytes_contradict_are_refused(void **state)
{
    struct arena arena;
    arena_init(&arena, 1u << 20);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct row *r = &rows[i];
        const char *type = "(none)", *detail = NULL;
        enum err e = type_check(*state, r->bytes, r->n, r->claimed, r->filename, &arena, &type, &detail);
        if (e != (r->type == NULL ? ERR_TYPE : ERR_OK) || (r->type != NULL && strcmp(type, r->type) != 0))
            fail_msg("row %zu (%.10s… as \"%s\", \"%s\"): %s, %s, %s", i, (const char *)r->bytes, r->filename, r->claimed, err_code(e),
                type, detail == NULL ? "" : detail);
        if (e == ERR_TYPE)
            assert_non_null(detail);
    }
    arena_release(&arena);
}

static void the_refusal_says_what_it_is(void **state)
{
    struct arena arena;
    const char *type, *detail;
    arena_init(&arena, 1u << 20);
    assert_err(ERR_TYPE, type_check(*state, B(html), "", "syllabus.pdf", &arena, &type, &detail));
    assert_string_equal(detail, "It is named syllabus.pdf, but inside it is a web page (HTML).");
    assert_err(ERR_TYPE, type_check(*state, B(text), "application/pdf", "", &arena, &type, &detail));
    assert_string_equal(detail, "It was sent as application/pdf, but inside it is plain text.");
    arena_release(&arena);
}

static void a_pdf_mark_behind_other_bytes_is_no_pdf(void **state)
{
    char late[1100];
    struct arena arena;
    const char *type, *detail;
    memset(late, '\n', sizeof(late));
    memcpy(late + 1025, "%PDF-1.4\n", 9);
    arena_init(&arena, 1u << 20);
    assert_err(ERR_TYPE, type_check(*state, late, sizeof(late), "application/pdf", "late.pdf", &arena, &type, &detail));
    arena_release(&arena);
}

static void text_is_told_by_its_bytes(void **state)
{
    (void)state;
    assert_true(kinds_reads_as_text(B("plain\r\n\ttext\f")));
    assert_true(kinds_reads_as_text(B("Qu\xC3\xA9"
                                      "bec")));
    assert_true(kinds_reads_as_text(B("cut in a character: \xC3")));
    assert_true(kinds_reads_as_text(B("cut in a character: \xF0\x9F\x8E")));
    assert_false(kinds_reads_as_text(B("not cut: \xC3 in the middle")));
    assert_false(kinds_reads_as_text(B("latin \xE9 one")));
    assert_false(kinds_reads_as_text(B("a\0b")));
    assert_false(kinds_reads_as_text(B("\x1B[2J")));
    assert_false(kinds_reads_as_text(B("")));
    assert_false(kinds_reads_as_text(B("\xC3")));
}

static void types_have_their_usual_extension(void **state)
{
    (void)state;
    assert_string_equal(kinds_extension("application/pdf"), ".pdf");
    assert_string_equal(kinds_extension("text/plain"), ".txt");
    assert_string_equal(kinds_extension(DOCX), ".docx");
    assert_string_equal(kinds_extension(OCTETS), "");
    assert_null(kinds_of_filename("README"));
    assert_null(kinds_of_filename("archive.xyz"));
    assert_null(kinds_of_filename("pdf"));
    assert_null(kinds_of_claim("no slash"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(claims_that_the_bytes_contradict_are_refused),
        cmocka_unit_test(the_refusal_says_what_it_is),
        cmocka_unit_test(a_pdf_mark_behind_other_bytes_is_no_pdf),
        cmocka_unit_test(text_is_told_by_its_bytes),
        cmocka_unit_test(types_have_their_usual_extension),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
