#include "tests/unit/unit.h"

#include "lib/base/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CAPTURE_MAX 20000

/* Standard error goes to one end of a pair of datagram sockets while we look, so that each write(2) arrives as a message of its own. */
struct capture {
    int reader, saved;
};

static struct capture capture_start(void)
{
    int pair[2];
    struct capture c;
    assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, pair), 0);
    c.reader = pair[0];
    c.saved = dup(STDERR_FILENO);
    dup2(pair[1], STDERR_FILENO);
    close(pair[1]);
    return c;
}

/* The next message, or NULL. */
static const char *capture_next(const struct capture *c, char out[CAPTURE_MAX])
{
    ssize_t n = recv(c->reader, out, CAPTURE_MAX - 1, 0);
    if (n < 0)
        return NULL;
    out[n] = '\0';
    return out;
}

static void capture_end(const struct capture *c)
{
    dup2(c->saved, STDERR_FILENO);
    close(c->saved);
    close(c->reader);
}

static char line[CAPTURE_MAX];

static void a_line_is_one_object_in_one_write(void **state)
{
    (void)state;
    log_init("node-1", LOG_INFO);
    struct capture c = capture_start();
    log_write(LOG_WARN, "join", "%s has %d", "ring", 3);
    const char *got = capture_next(&c, line);
    char *end = strstr(line, "\",\"level\":");
    int no_more = recv(c.reader, (char[8]){0}, 8, 0) < 0;
    capture_end(&c);
    assert_non_null(got);
    assert_true(no_more);
    assert_memory_equal(line, "{\"at\":\"20", 9);
    assert_non_null(end);
    assert_string_equal(end, "\",\"level\":\"warn\",\"process\":\"node-1\",\"event\":\"join\",\"text\":\"ring has 3\"}\n");
}

static void text_cannot_forge_a_line(void **state)
{
    (void)state;
    log_init("p\"q", LOG_INFO);
    struct capture c = capture_start();
    log_write(LOG_INFO, "x", "a\"b\\c\nd\r\t\x01\xff");
    const char *got = capture_next(&c, line);
    capture_end(&c);
    assert_non_null(got);
    assert_non_null(strstr(line, "\"process\":\"p\\\"q\""));
    assert_non_null(strstr(line, "\"text\":\"a\\\"b\\\\c\\nd\\r\\t\\u0001\xef\xbf\xbd\"}\n"));
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
}

static void long_text_is_cut_between_characters(void **state)
{
    (void)state;
    log_init("n", LOG_INFO);
    char text[4000];
    for (size_t i = 0; i + 2 < sizeof(text); i += 2)
        memcpy(text + i + 1, "\xc3\xa9", 2);
    text[0] = 'x';
    text[3999] = '\0';
    struct capture c = capture_start();
    log_write(LOG_INFO, "long", "%s", text);
    const char *got = capture_next(&c, line);
    capture_end(&c);
    assert_non_null(got);
    const char *start = strstr(line, "\"text\":\"") + 8;
    assert_int_equal(strcspn(start, "\""), 1999); /* the character that would end at byte 2,001 is left out whole */
    assert_null(strstr(line, "\xef\xbf\xbd"));
}

static void a_text_of_controls_still_ends_in_a_whole_line(void **state)
{
    (void)state;
    char process[100], text[2100];
    memset(process, 1, sizeof(process));
    memset(text, 2, sizeof(text));
    process[99] = text[2099] = '\0';
    log_init(process, LOG_INFO);
    struct capture c = capture_start();
    log_write(LOG_INFO, "controls", "%s", text);
    const char *got = capture_next(&c, line);
    capture_end(&c);
    assert_non_null(got);
    assert_string_equal(line + strlen(line) - 9, "\\u0002\"}\n");
}

static void smaller_levels_are_not_written(void **state)
{
    (void)state;
    log_init("n", LOG_WARN);
    struct capture c = capture_start();
    log_write(LOG_DEBUG, "a", "no");
    log_write(LOG_INFO, "b", "no");
    log_write(LOG_ERROR, "c", "yes");
    const char *got = capture_next(&c, line);
    char more[CAPTURE_MAX];
    const char *second = capture_next(&c, more);
    capture_end(&c);
    assert_non_null(got);
    assert_non_null(strstr(line, "\"event\":\"c\""));
    assert_null(second);
}

static void errno_is_kept(void **state)
{
    (void)state;
    log_init("n", LOG_INFO);
    int saved = dup(STDERR_FILENO);
    close(STDERR_FILENO);
    errno = ENOSPC;
    log_write(LOG_ERROR, "lost", "nobody hears this");
    int after = errno;
    dup2(saved, STDERR_FILENO);
    close(saved);
    assert_int_equal(after, ENOSPC);
}

static void level_words_are_read(void **state)
{
    (void)state;
    assert_int_equal(log_level_parse("debug"), LOG_DEBUG);
    assert_int_equal(log_level_parse("info"), LOG_INFO);
    assert_int_equal(log_level_parse("warn"), LOG_WARN);
    assert_int_equal(log_level_parse("error"), LOG_ERROR);
    assert_int_equal(log_level_parse("Info"), -1);
    assert_int_equal(log_level_parse(""), -1);
    assert_int_equal(log_level_parse(NULL), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_one_object_in_one_write),
        cmocka_unit_test(text_cannot_forge_a_line),
        cmocka_unit_test(long_text_is_cut_between_characters),
        cmocka_unit_test(a_text_of_controls_still_ends_in_a_whole_line),
        cmocka_unit_test(smaller_levels_are_not_written),
        cmocka_unit_test(errno_is_kept),
        cmocka_unit_test(level_words_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
