/* The index by the line protocol, from sockets, against a real Redis. */
#include "coordinator/index_port.h"

#include "lib/base/num.h"
#include "lib/plain/port.h"
#include "lib/store/plain.h"
#include "tests/unit/lib/store/peers_lists.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdarg.h>
#include <sys/socket.h>

#define WAIT_MS 20000 /* for something that is to come; much less on a quiet machine */

struct stage {
    struct redis_server redis;
    struct store *store;
    struct coordinator_settings settings;
    struct coordinator *c;
    struct index_port *port;
};

static struct stage stage;

/* A port that is free now. */
static uint16_t free_port(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    close(fd);
    return ntohs(a.sin_port);
}

static int begin(void **state)
{
    (void)state;
    log_init("test", LOG_ERROR);
    if (!redis_server_init(&stage.redis))
        return -1;
    stage.store = store_new(&(struct store_config){.address = stage.redis.address, .timeout_ms = 20000});
    begin_index(stage.store);
    stage.c = calloc(1, sizeof *stage.c);
    stage.c->settings = &stage.settings;
    stage.settings = (struct coordinator_settings){.listen = "127.0.0.1:1", .redis = stage.redis.address, .index_port = free_port()};
    return index_port_start(stage.c, &stage.port) == ERR_OK ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    index_port_stop(stage.port);
    free(stage.c);
    store_free(stage.store);
    redis_server_release(&stage.redis);
    return 0;
}

/* ---- a peer's side */

static int dial(void)
{
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)stage.settings.index_port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

static void put(int fd, const void *bytes, size_t n)
{
    assert_int_equal(send(fd, bytes, n, MSG_NOSIGNAL), n);
}

__attribute__((format(printf, 2, 3))) static void put_line(int fd, const char *fmt, ...)
{
    char text[8192];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    put(fd, text, (size_t)n);
}

/* One byte; 0 at the end of the connection. */
static int get_byte(int fd, char *byte)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&p, 1, WAIT_MS), 1);
    return recv(fd, byte, 1, 0) == 1;
}

static const char *get_line(int fd)
{
    static char line[8192];
    size_t n = 0;
    while (n < sizeof line - 1 && get_byte(fd, &line[n]) && line[n] != '\n')
        n++;
    line[n] = '\0';
    return line;
}

static int get_id(int fd)
{
    uint64_t id;
    assert_ok(num_parse_u64(get_line(fd), INT32_MAX, &id));
    return (int)id;
}

static void assert_over(int fd)
{
    char byte;
    assert_false(get_byte(fd, &byte));
    close(fd);
}

static struct pickle get_pickle(int fd)
{
    static char bytes[PICKLE_BYTES_MAX];
    struct pickle p;
    size_t n = 0, used = 0;
    while (used == 0) {
        assert_true(n < sizeof bytes && get_byte(fd, &bytes[n]));
        n++;
        assert_ok(pickle_decode(bytes, n, &p, &used));
    }
    return p;
}

static void assert_says(int fd, const char *text)
{
    struct pickle p = get_pickle(fd);
    assert_int_equal(p.kind, PICKLE_TEXT);
    assert_int_equal(p.text_len, strlen(text));
    assert_memory_equal(p.text, text, p.text_len);
}

__attribute__((format(printf, 2, 3))) static void put_pickle(int fd, const char *fmt, ...)
{
    char text[1024];
    struct buf b;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    buf_init(&b, 2000);
    assert_ok(pickle_text(&b, text, strlen(text)));
    put(fd, b.data, b.len);
    buf_release(&b);
}

/* Introduces itself; the number it is given. */
static int greet_pickle(int fd, int id, int port)
{
    struct buf b;
    buf_init(&b, 100);
    assert_ok(pickle_pair(&b, id, port));
    put(fd, b.data, b.len);
    buf_release(&b);
    struct pickle p = get_pickle(fd);
    assert_int_equal(p.kind, PICKLE_NUMBER);
    return p.number[0];
}

/* ---- */

static void a_file_is_registered_and_found_by_others(void **state)
{
    (void)state;
    int one = dial(), two = dial();
    int a = get_id(one), b = get_id(two);
    assert_int_not_equal(a, b);
    put_line(one, "LISTEN:%d:9001\nREGISTER:%d:a:b.txt\nREGISTER:%d:folder/c.txt\n", a, a, a);
    for (int i = 0; i < 3; i++)
        assert_string_equal(get_line(one), "DONE");
    put_line(two, "SEARCH:%d:a:b.txt\n", b);
    char want[64];
    snprintf(want, sizeof want, "%d:127.0.0.1:9001", a);
    assert_string_equal(get_line(two), want);
    assert_string_equal(get_line(two), "END");
    put_line(one, "SEARCH:%d:a:b.txt\nSEARCH:-1:folder/c.txt\n", a);
    assert_string_equal(get_line(one), "NONE");
    assert_string_equal(get_line(one), want);
    assert_string_equal(get_line(one), "END");
    put_line(one, "EXIT\n");
    assert_string_equal(get_line(one), "DONE");
    assert_over(one);
    put_line(two, "SEARCH:%d:a:b.txt\n", b);
    assert_string_equal(get_line(two), "NONE");
    close(two);
}

static void a_connection_that_breaks_takes_its_files_along(void **state)
{
    (void)state;
    int one = dial(), two = dial();
    int a = get_id(one);
    get_id(two);
    put_line(one, "REGISTER:%d:gone.txt\n", a);
    assert_string_equal(get_line(one), "DONE");
    close(one);
    for (int tries = 0; tries < 100; tries++) {
        put_line(two, "SEARCH:-1:gone.txt\n");
        if (strcmp(get_line(two), "NONE") == 0)
            break;
        assert_string_equal(get_line(two), "END");
        clock_sleep_ms(20);
        assert_true(tries < 99);
    }
    close(two);
}

static void pickle_peers_are_answered_in_pickles(void **state)
{
    (void)state;
    int one = dial(), two = dial(), three = dial();
    int a = greet_pickle(one, -1, 9001), b = greet_pickle(two, -1, 9002), c = greet_pickle(three, -1, 9003);
    put_pickle(one, "REGISTER:%d:file10_2.txt", a);
    assert_says(one, "DONE");
    put_pickle(two, "REGISTER:%d:file10_2.txt", b);
    assert_says(two, "DONE");
    put_pickle(three, "SEARCH:%d:file10_2.txt", c);
    int seen = 0;
    for (int i = 0; i < 2; i++) {
        struct pickle p = get_pickle(three);
        char got[64], want[2][64];
        snprintf(got, sizeof got, "%.*s", (int)p.text_len, p.text);
        snprintf(want[0], sizeof want[0], "%d:9001", a);
        snprintf(want[1], sizeof want[1], "%d:9002", b);
        seen |= strcmp(got, want[0]) == 0 ? 1 : strcmp(got, want[1]) == 0 ? 2 : 4;
        put_pickle(three, "DONE");
    }
    assert_int_equal(seen, 3);
    assert_says(three, "-2");
    put_pickle(two, "SEARCH:%d:nowhere.txt", b);
    assert_says(two, "-1");
    close(one);
    close(two);
    close(three);
}

static void two_commands_in_one_segment_and_one_in_many(void **state)
{
    (void)state;
    int one = dial();
    int a = greet_pickle(one, -1, 9001);
    char text[64];
    struct buf b;
    buf_init(&b, 1000);
    snprintf(text, sizeof text, "REGISTER:%d:both.txt", a);
    assert_ok(pickle_text(&b, text, strlen(text)));
    assert_ok(pickle_text(&b, "SEARCH:-1:both.txt", 18));
    put(one, b.data, b.len);
    assert_says(one, "DONE");
    snprintf(text, sizeof text, "%d:9001", a);
    assert_says(one, text);
    put_pickle(one, "DONE");
    assert_says(one, "-2");
    for (size_t i = 0; i < b.len; i++) {
        put(one, b.data + i, 1);
        clock_sleep_ms(1);
    }
    assert_says(one, "DONE");
    assert_says(one, text);
    buf_release(&b);
    close(one);
}

static void a_peer_that_comes_back_keeps_its_number(void **state)
{
    (void)state;
    int one = dial();
    int a = greet_pickle(one, -1, 9001);
    int again = dial();
    assert_int_equal(greet_pickle(again, a, 9001), a); /* a further connection */
    put_pickle(one, "REGISTER:%d:mine.txt", a);
    assert_says(one, "DONE");
    int other = dial();
    assert_int_not_equal(greet_pickle(other, a, 9009), a); /* somebody else */
    int greedy = dial(), next = dial();
    assert_int_equal(greet_pickle(greedy, INT32_MAX, 1), INT32_MAX);
    int n = greet_pickle(next, -1, 1);
    assert_true(n >= 0 && n < 1000000); /* numbers are not used up by who asks for the last one */
    close(one);
    close(again);
    close(other);
    close(greedy);
    close(next);
}

static void what_is_no_command_ends_the_connection(void **state)
{
    (void)state;
    static const char *const said[] = {"HELP\n", "REGISTER:%d:../etc/passwd\n", "REGISTER:%d:/etc/passwd\n", "REGISTER:%d:a/../b\n",
        "REGISTER:%d:.hidden\n", "REGISTER:%d:a\001b\n", "REGISTER:%d:a\rb\n", "REGISTER:%d:\n", "REGISTER:999999:x\n", "OBTAIN:%d:x\n",
        "DONE\n", "\xff\xfe\n", "LISTEN:999999:1\n", "GET / HTTP/1.1\r\n"};
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
        int fd = dial(), id = get_id(fd);
        char line[256], *place;
        snprintf(line, sizeof line, "%s", said[i]);
        place = strstr(line, "%d");
        if (place)
            snprintf(place, sizeof line - (size_t)(place - line), "%d%s", id, strstr(said[i], "%d") + 2);
        put(fd, line, strlen(line));
        assert_int_equal(strncmp(get_line(fd), "ERROR ", 6), 0);
        assert_over(fd);
    }
}

static void pickles_with_code_end_the_connection(void **state)
{
    (void)state;
    static const char code[] = "\x80\x04\x95\x18\0\0\0\0\0\0\0\x8c\x05posix\x94\x8c\x06system\x94\x93\x94\x8c\x02id\x94\x85\x94R\x94.";
    int fd = dial();
    put(fd, code, sizeof code - 1);
    struct pickle p = get_pickle(fd);
    assert_memory_equal(p.text, "ERROR ", 6);
    assert_over(fd);
}

static void a_long_line_ends_the_connection(void **state)
{
    (void)state;
    static char line[10001];
    memset(line, 'x', sizeof line - 1);
    line[10000] = '\n';
    int fd = dial();
    put(fd, line, sizeof line);
    (void)get_id(fd);
    assert_string_equal(get_line(fd), "ERROR the message is too long");
    assert_over(fd);
}

static void silent_connections_hold_nobody_up_and_give_way(void **state)
{
    (void)state;
    int silent[PORT_CONNECTIONS_MAX];
    for (size_t i = 0; i < PORT_CONNECTIONS_MAX; i++)
        silent[i] = dial();
    int fd = dial(); /* one more than there may be: the oldest ends */
    int id = get_id(fd);
    put_line(fd, "REGISTER:%d:x.txt\n", id);
    assert_string_equal(get_line(fd), "DONE");
    char byte;
    while (get_byte(silent[0], &byte))
        continue;
    for (size_t i = 0; i < PORT_CONNECTIONS_MAX; i++)
        close(silent[i]);
    put_line(fd, "SEARCH:-1:x.txt\n");
    assert_non_null(strstr(get_line(fd), ":127.0.0.1:0"));
    close(fd);
}

static void a_wiped_redis_is_told_again(void **state)
{
    (void)state;
    int fd = dial(), id = get_id(fd);
    for (int i = 0; i < 250; i++)
        put_line(fd, "REGISTER:%d:file %d.txt\n", id, i);
    for (int i = 0; i < 250; i++)
        assert_string_equal(get_line(fd), "DONE");
    struct call c;
    redisReply *r;
    call_init(&c, "FLUSHALL");
    assert_ok(call_send(stage.store, &c, REDIS_REPLY_STATUS, REDIS_REPLY_STATUS, &r));
    freeReplyObject(r);
    begin_index(stage.store);
    uint64_t until_ms = clock_boot_ms() + WAIT_MS;
    for (int found = 0; !found && clock_boot_ms() < until_ms; clock_sleep_ms(50)) {
        put_line(fd, "SEARCH:-1:file 249.txt\n");
        found = strcmp(get_line(fd), "NONE") != 0;
        if (found)
            assert_string_equal(get_line(fd), "END");
    }
    put_line(fd, "SEARCH:-1:file 0.txt\n");
    assert_non_null(strstr(get_line(fd), ":127.0.0.1:0"));
    int other = dial();
    assert_int_not_equal(get_id(other), id); /* the numbers begin anew, but not with those in use */
    close(other);
    close(fd);
}

static void a_peer_of_ringbinder_has_a_number_too(void **state)
{
    (void)state;
    struct list l;
    static const char *const names[] = {"theirs.txt"};
    share(stage.store, &l, "peer-1", names, 1);
    int fd = dial(), id = get_id(fd), number, again;
    assert_ok(plain_number(stage.store, l.id, &number));
    assert_ok(plain_number(stage.store, l.id, &again));
    assert_int_equal(number, again);
    assert_int_not_equal(number, id);
    char found[RING_ID_MAX];
    assert_ok(plain_id(stage.store, number, found));
    assert_string_equal(found, l.id);
    struct member here = {.weight = 1, .shares = 1, .obtain_port = 9000, .name = "peer-1", .url = "http://[::1]:8000"};
    memcpy(here.id, l.id, sizeof here.id);
    shared_digest_hex(&l.digest, here.share_digest);
    assert_ok(members_heartbeat(stage.store, &here, clock_unix_ms()));
    put_line(fd, "SEARCH:%d:theirs.txt\nSEARCH:%d:theirs.txt\n", number, id);
    assert_string_equal(get_line(fd), "NONE"); /* the asker is left out */
    char want[64];
    snprintf(want, sizeof want, "%d:[::1]:9000", number);
    assert_string_equal(get_line(fd), want);
    assert_string_equal(get_line(fd), "END");
    close(fd);
    list_release(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_registered_and_found_by_others),
        cmocka_unit_test(a_connection_that_breaks_takes_its_files_along),
        cmocka_unit_test(pickle_peers_are_answered_in_pickles),
        cmocka_unit_test(two_commands_in_one_segment_and_one_in_many),
        cmocka_unit_test(a_peer_that_comes_back_keeps_its_number),
        cmocka_unit_test(what_is_no_command_ends_the_connection),
        cmocka_unit_test(pickles_with_code_end_the_connection),
        cmocka_unit_test(a_long_line_ends_the_connection),
        cmocka_unit_test(silent_connections_hold_nobody_up_and_give_way),
        cmocka_unit_test(a_wiped_redis_is_told_again),
        cmocka_unit_test(a_peer_of_ringbinder_has_a_number_too),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
