/* Shared files by the line protocol: what is given out, in both forms, and what is not. */
#include "tests/unit/node/peerbox.h"

#include "lib/base/log.h"
#include "lib/plain/pickle.h"
#include "node/obtain_port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#define BIG (8u << 20) /* more than the kernel keeps for one connection */

static char heard[BIG + 1024];

static uint16_t free_port(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    close(fd);
    return ntohs(a.sin_port);
}

static int dial(const struct box *b)
{
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)b->settings.obtain_port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    return fd;
}

static void put(int fd, const void *bytes, size_t n)
{
    assert_int_equal(send(fd, bytes, n, MSG_NOSIGNAL), n);
}

/* All until the end; -1 when that is a reset. Closes. */
static ssize_t hear(int fd)
{
    size_t n = 0;
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        assert_int_equal(poll(&p, 1, BOX_WAIT_MS), 1);
        ssize_t got = recv(fd, heard + n, sizeof(heard) - 1 - n, 0);
        if (got <= 0) {
            assert_true(got == 0 || errno == ECONNRESET);
            heard[n] = '\0';
            close(fd);
            return got < 0 ? -1 : (ssize_t)n;
        }
        n += (size_t)got;
    }
}

static const char *ask(const struct box *b, const char *line)
{
    int fd = dial(b);
    put(fd, line, strlen(line));
    assert_true(hear(fd) >= 0);
    return heard;
}

/* The same in pickles: the answer must be the text as a pickle, and then the bytes. */
static void assert_pickled(const struct box *b, const char *command, const char *text, const char *bytes)
{
    struct buf said, want;
    buf_init(&said, 10000);
    buf_init(&want, 10000);
    assert_ok(pickle_text(&said, command, strlen(command)));
    assert_ok(pickle_text(&want, text, strlen(text)));
    assert_ok(buf_add_str(&want, bytes));
    int fd = dial(b);
    put(fd, said.data, said.len);
    assert_int_equal(hear(fd), want.len);
    assert_memory_equal(heard, want.data, want.len);
    buf_release(&said);
    buf_release(&want);
}

static int obtain_setup(void **state)
{
    box_setup(state);
    struct box *b = *state;
    b->settings.obtain_port = free_port();
    box_mkdir(b, "sub");
    box_write(b, "a:b.txt", "0123456789");
    box_write(b, "sub/c d.txt", "deep");
    box_write(b, "empty", "");
    box_write(b, ".hidden", "secret");
    int fd = open(folder_at(&b->folder, "secret"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    assert_ok(fs_write_all(fd, "secret", 6));
    close(fd);
    assert_int_equal(symlink("../secret", box_path(b, "link")), 0);
    assert_int_equal(symlink("..", box_path(b, "up")), 0);
    box_start(b);
    box_await(b, "a:b.txt empty sub/c d.txt");
    box_await_hashes(b);
    return 0;
}

static void a_listed_file_is_given_in_both_forms(void **state)
{
    struct box *b = *state;
    assert_string_equal(ask(b, "OBTAIN:0:a:b.txt\n"), "True 10\n0123456789");
    assert_string_equal(ask(b, "OBTAIN:-1:sub/c d.txt\r\n"), "True 4\ndeep");
    assert_string_equal(ask(b, "OBTAIN:7:empty\n"), "True 0\n");
    assert_pickled(b, "OBTAIN:0:a:b.txt", "True", "0123456789");
    assert_pickled(b, "OBTAIN:0:empty", "True", "");
    assert_pickled(b, "OBTAIN:0:nothing", "False", "");
}

static void nothing_else_is_given(void **state)
{
    struct box *b = *state;
    static const char *const names[] = {"../secret", "sub/../../secret", "/etc/passwd", "link", "up/secret", ".hidden", "sub", "sub/", "",
        "nothing", "./a:b.txt", "sub//c d.txt", "%2e%2e/secret"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char line[256];
        snprintf(line, sizeof(line), "OBTAIN:0:%s\n", names[i]);
        assert_string_equal(ask(b, line), names[i][0] ? "False\n" : "ERROR the command is not complete\n");
    }
    assert_string_equal(ask(b, "SEARCH:0:a:b.txt\n"), "ERROR a peer knows OBTAIN and EXIT only\n");
    assert_string_equal(ask(b, "EXIT\n"), "");
    assert_pickled(b, "OBTAIN:0:../secret", "False", "");
    assert_string_equal(ask(b, "OBTAIN:0:a:b.txt\nOBTAIN:0:empty\n"), "True 10\n0123456789"); /* one file a connection */
}

static void a_command_may_come_a_byte_at_a_time(void **state)
{
    struct box *b = *state;
    int fd = dial(b);
    for (const char *p = "OBTAIN:0:a:b.txt\n"; *p; p++) {
        put(fd, p, 1);
        clock_sleep_ms(2);
    }
    assert_int_equal(hear(fd), 18);
    assert_string_equal(heard, "True 10\n0123456789");
}

static void a_file_that_changes_on_the_way_ends_in_a_reset(void **state)
{
    struct box *b = *state;
    static char big[BIG + 1];
    memset(big, 'a', BIG);
    box_write(b, "big", big);
    box_await(b, "a:b.txt big empty sub/c d.txt");
    box_await_hashes(b);
    int fd = dial(b);
    put(fd, "OBTAIN:0:big\n", 13);
    struct pollfd p = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&p, 1, BOX_WAIT_MS), 1);
    memset(big, 'b', BIG);
    box_write(b, "big", big);
    assert_int_equal(hear(fd), -1);
}

static void who_reads_nothing_holds_nobody_up_and_the_node_stops_all_the_same(void **state)
{
    struct box *b = *state;
    static char big[BIG + 1];
    int fds[OBTAIN_DOWNLOADS_MAX];
    memset(big, 'a', BIG);
    box_write(b, "big", big);
    box_await(b, "a:b.txt big empty sub/c d.txt");
    box_await_hashes(b);
    for (size_t i = 0; i + 1 < OBTAIN_DOWNLOADS_MAX; i++) {
        fds[i] = dial(b);
        put(fds[i], "OBTAIN:0:big\n", 13);
    }
    assert_string_equal(ask(b, "OBTAIN:0:a:b.txt\n"), "True 10\n0123456789");
    uint64_t began_ms = clock_boot_ms();
    box_stop(b);
    assert_true(clock_boot_ms() - began_ms < BOX_WAIT_MS);
    for (size_t i = 0; i + 1 < OBTAIN_DOWNLOADS_MAX; i++)
        close(fds[i]);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, obtain_setup, box_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_listed_file_is_given_in_both_forms),
        TEST(nothing_else_is_given),
        TEST(a_command_may_come_a_byte_at_a_time),
        TEST(a_file_that_changes_on_the_way_ends_in_a_reset),
        TEST(who_reads_nothing_holds_nobody_up_and_the_node_stops_all_the_same),
    };
    log_init("test", LOG_ERROR);
    if (peer_global_init() != ERR_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
