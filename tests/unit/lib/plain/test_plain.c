#include "tests/unit/unit.h"

#include "lib/plain/plain.h"

#include <stdlib.h>
#include <string.h>

/* Feeds text in pieces of `piece` bytes and writes down each message, with '|' behind it. */
static void talk(const char *bytes, size_t len, size_t piece, char *out, size_t size)
{
    struct plain p;
    plain_init(&p);
    out[0] = '\0';
    for (size_t at = 0; at < len; at += piece) {
        struct pickle m;
        enum err e;
        assert_ok(plain_feed(&p, bytes + at, len - at < piece ? len - at : piece));
        while ((e = plain_next(&p, &m)) == ERR_OK) {
            size_t used = strlen(out);
            assert_true(used + m.text_len + 2 < size);
            memcpy(out + used, m.text, m.text_len);
            memcpy(out + used + m.text_len, "|", 2);
        }
        if (e != ERR_NOT_FOUND) {
            strcat(out, "!");
            break;
        }
    }
    plain_release(&p);
}

static void lines_come_out_the_same_in_any_cut(void **state)
{
    (void)state;
    static const char said[] = "SEARCH:0:a:b\r\nEXIT\n\nREGISTER:1:\xc3\xa9\nhalf";
    char got[200];
    for (size_t piece = 1; piece <= sizeof said; piece++) {
        talk(said, sizeof said - 1, piece, got, sizeof got);
        assert_string_equal(got, "SEARCH:0:a:b|EXIT||REGISTER:1:\xc3\xa9|");
    }
}

static void pickles_come_out_the_same_in_any_cut(void **state)
{
    (void)state;
    char got[200];
    struct buf said;
    buf_init(&said, 1000);
    assert_ok(pickle_text(&said, "REGISTER:0:a", 12));
    assert_ok(pickle_text(&said, "SEARCH:0:b", 10));
    for (size_t piece = 1; piece <= said.len; piece++) {
        talk(said.data, said.len, piece, got, sizeof got);
        assert_string_equal(got, "REGISTER:0:a|SEARCH:0:b|");
    }
    buf_release(&said);
}

static void a_line_has_a_longest_length(void **state)
{
    (void)state;
    char *line = malloc(10001), got[5000];
    memset(line, 'x', 10001);
    line[PLAIN_LINE_MAX] = '\n';
    talk(line, PLAIN_LINE_MAX + 1, 1000, got, sizeof got);
    assert_int_equal(strlen(got), PLAIN_LINE_MAX + 1);
    line[PLAIN_LINE_MAX] = 'x';
    line[PLAIN_LINE_MAX + 1] = '\n';
    talk(line, PLAIN_LINE_MAX + 2, 1000, got, sizeof got);
    assert_string_equal(got, "!");
    line[10000] = '\n';
    line[PLAIN_LINE_MAX + 1] = 'x';
    talk(line, 10001, PLAIN_PIECE_MAX, got, sizeof got);
    assert_string_equal(got, "!");
    free(line);
}

static void rubbish_is_refused(void **state)
{
    (void)state;
    char got[100];
    talk("\xff\xfe\n", 3, 3, got, sizeof got);
    assert_string_equal(got, "!");
    talk("a\0b\n", 4, 4, got, sizeof got);
    assert_string_equal(got, "!");
    talk("\x80\x02q\n", 4, 1, got, sizeof got);
    assert_string_equal(got, "!");
}

static void a_connection_between_messages_holds_nothing(void **state)
{
    (void)state;
    struct plain p;
    struct pickle m;
    plain_init(&p);
    assert_int_equal(p.form, PLAIN_UNKNOWN);
    assert_null(p.in.data);
    assert_ok(plain_feed(&p, "EXIT\nEX", 7));
    assert_int_equal(p.form, PLAIN_LINES);
    assert_ok(plain_next(&p, &m));
    assert_err(ERR_NOT_FOUND, plain_next(&p, &m));
    assert_int_equal(plain_half(&p), 2);
    plain_release(&p);
}

static void commands_come_apart(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum plain_word word;
        int32_t id;
        const char *name;
        uint16_t port;
    } rows[] = {
        {"REGISTER:0:file9_2.txt", PLAIN_REGISTER, 0, "file9_2.txt", 0},
        {"REGISTER:2147483647: a b ", PLAIN_REGISTER, 2147483647, " a b ", 0},
        {"SEARCH:-1:a:b:", PLAIN_SEARCH, -1, "a:b:", 0},
        {"OBTAIN:12:x/y", PLAIN_OBTAIN, 12, "x/y", 0},
        {"OBTAIN:12::", PLAIN_OBTAIN, 12, ":", 0},
        {"LISTEN:3:65535", PLAIN_LISTEN, 3, NULL, 65535},
        {"LISTEN:3:0", PLAIN_LISTEN, 3, NULL, 0},
        {"DONE", PLAIN_DONE, 0, NULL, 0},
        {"EXIT", PLAIN_EXIT, 0, NULL, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct plain_command c;
        assert_ok(plain_command(rows[i].text, strlen(rows[i].text), &c));
        assert_int_equal(c.word, rows[i].word);
        assert_int_equal(c.id, rows[i].id);
        assert_int_equal(c.port, rows[i].port);
        assert_int_equal(c.name_len, rows[i].name ? strlen(rows[i].name) : 0);
        if (rows[i].name)
            assert_memory_equal(c.name, rows[i].name, c.name_len);
    }
}

static void other_commands_are_refused(void **state)
{
    (void)state;
    static const char *const unknown[] = {"", "exit", "EXIT ", "EXIT:0", "DONE:", "HELP", "REGISTERS:0:a", "GET / HTTP/1.1", ":0:a", "REG"};
    static const char *const wrong[] = {"REGISTER", "REGISTER:", "REGISTER:0", "REGISTER:0:", "REGISTER::a", "SEARCH:-2:a", "SEARCH:+1:a",
        "SEARCH:01:a", "SEARCH:2147483648:a", "SEARCH:99999999999999999999:a", "SEARCH: 1:a", "SEARCH:1 :a", "OBTAIN:a:b", "LISTEN:0",
        "LISTEN:0:", "LISTEN:0:65536", "LISTEN:0:80:", "LISTEN:0:-1", "SEARCH:-:a"};
    struct plain_command c;
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
        assert_err(ERR_SYNTAX, plain_command(unknown[i], strlen(unknown[i]), &c));
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_err(ERR_INVALID, plain_command(wrong[i], strlen(wrong[i]), &c));
}

static void answers_have_the_form_of_the_questions(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 100);
    assert_ok(plain_say_id(&b, PLAIN_LINES, 12));
    assert_ok(plain_say(&b, PLAIN_UNKNOWN, "END"));
    assert_string_equal(buf_str(&b), "12\nEND\n");
    buf_reset(&b);
    assert_ok(plain_say_id(&b, PLAIN_PICKLES, 0));
    assert_int_equal(b.len, 5);
    assert_memory_equal(b.data, "\x80\x04K\0.", 5);
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_come_out_the_same_in_any_cut),
        cmocka_unit_test(pickles_come_out_the_same_in_any_cut),
        cmocka_unit_test(a_line_has_a_longest_length),
        cmocka_unit_test(rubbish_is_refused),
        cmocka_unit_test(a_connection_between_messages_holds_nothing),
        cmocka_unit_test(commands_come_apart),
        cmocka_unit_test(other_commands_are_refused),
        cmocka_unit_test(answers_have_the_form_of_the_questions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
