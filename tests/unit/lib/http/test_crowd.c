/* Who leaves when places run out: the line itself, and a small server that many idle clients crowd. */
#include "tests/unit/lib/http/served.h"

#include "lib/http/internal.h"

#include <pthread.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define PLACES 16
#define FULL 12u /* the rest is for those who are leaving */

/* ---- the line */

struct guest {
    int fds[2]; /* the server's end, the client's */
    struct crowd_place *place;
};

static void arrive(struct crowd *c, struct guest *g)
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, g->fds), 0);
    g->place = crowd_enter(c, g->fds[0]);
    assert_non_null(g->place);
}

/* Its connection was ended: the client reads an end. */
static int was_ended(const struct guest *g)
{
    char c;
    return recv(g->fds[1], &c, 1, MSG_DONTWAIT) == 0;
}

static void go(struct guest *g)
{
    crowd_leave(g->place);
    close(g->fds[0]);
    close(g->fds[1]);
}

static unsigned count_ended(const struct guest *g, unsigned n)
{
    unsigned ended = 0;
    for (unsigned i = 0; i < n; i++)
        ended += (unsigned)was_ended(&g[i]);
    return ended;
}

static void who_has_been_idle_the_longest_leaves_first(void **state)
{
    struct crowd *c = crowd_new(PLACES, 100);
    struct guest g[FULL + 3];
    (void)state;
    for (unsigned i = 0; i < FULL; i++)
        arrive(c, &g[i]);
    assert_int_equal(count_ended(g, FULL), 0);
    crowd_is_busy(g[0].place);
    crowd_is_idle(g[0].place); /* it said something: now it is the last one */
    arrive(c, &g[FULL]);
    assert_true(was_ended(&g[1]));
    assert_int_equal(count_ended(g, FULL + 1), 1);
    arrive(c, &g[FULL + 1]);
    assert_true(was_ended(&g[2]));
    assert_int_equal(count_ended(g, FULL + 2), 2);
    assert_int_equal(crowd_pause_ms(c), 0);
    go(&g[3]); /* one left by itself, so nobody has to for the next one */
    arrive(c, &g[FULL + 2]);
    assert_int_equal(count_ended(g, 3), 2);
    for (unsigned i = 0; i < FULL + 3; i++) {
        if (i != 3)
            go(&g[i]);
    }
    crowd_free(c);
}

static void many_who_leave_hold_the_next_up(void **state)
{
    struct crowd *c = crowd_new(PLACES, 100);
    struct guest g[FULL + 3];
    (void)state;
    for (unsigned i = 0; i < FULL + 3; i++)
        arrive(c, &g[i]);
    assert_int_equal(count_ended(g, FULL + 3), 3);
    assert_in_range(crowd_pause_ms(c), 1, 20);
    for (unsigned i = 0; i < FULL + 3; i++) {
        go(&g[i]);
        assert_true(i < 1 || crowd_pause_ms(c) == 0);
    }
    crowd_free(c);
}

static void the_busy_stay(void **state)
{
    struct crowd *c = crowd_new(PLACES, 100);
    struct guest g[PLACES];
    (void)state;
    for (unsigned i = 0; i < PLACES; i++) {
        arrive(c, &g[i]);
        crowd_is_busy(g[i].place);
    }
    assert_int_equal(count_ended(g, PLACES), 0);
    crowd_thin(c); /* nobody is idle */
    assert_int_equal(count_ended(g, PLACES), 0);
    crowd_is_idle(g[5].place);
    crowd_thin(c);
    assert_true(was_ended(&g[5]));
    crowd_is_idle(g[6].place);
    crowd_thin(c); /* one is leaving: that is enough */
    assert_int_equal(count_ended(g, PLACES), 1);
    for (unsigned i = 0; i < PLACES; i++)
        go(&g[i]);
    crowd_free(c);
    crowd_free(NULL);
    assert_false(crowd_leave(NULL));
}

static void the_end_of_a_rush_is_told_once(void **state)
{
    struct crowd *c = crowd_new(4 * CROWD_RUSH, 100);
    struct crowd_place *places[CROWD_RUSH];
    unsigned over = 0;
    (void)state;
    for (unsigned few = 1; few <= CROWD_RUSH; few += CROWD_RUSH - 1) { /* one guest is no rush */
        for (unsigned i = 0; i < few; i++)
            places[i] = crowd_enter(c, -1);
        for (unsigned left = few; left-- > 0;) {
            over += (unsigned)crowd_leave(places[left]);
            assert_int_equal(over, few == CROWD_RUSH && left <= CROWD_RUSH / 4);
        }
    }
    crowd_free(c);
}

static void who_reads_for_long_leaves_when_nobody_is_idle(void **state)
{
    struct crowd *c = crowd_new(PLACES, 100);
    struct guest g[FULL + 4];
    (void)state;
    for (unsigned i = 0; i < FULL; i++) {
        arrive(c, &g[i]);
        crowd_is_busy(g[i].place);
    }
    crowd_is_reading(g[7].place);
    crowd_is_reading(g[3].place);
    arrive(c, &g[FULL]);
    crowd_is_busy(g[FULL].place);
    assert_int_equal(count_ended(g, FULL + 1), 0); /* nobody has been reading for long */
    clock_sleep_ms(120);
    arrive(c, &g[FULL + 1]);
    assert_true(was_ended(&g[7]));
    arrive(c, &g[FULL + 2]);
    assert_true(was_ended(&g[FULL + 1])); /* the idle go first */
    assert_int_equal(count_ended(g, FULL + 3), 2);
    crowd_is_idle(g[7].place); /* its thread saw the end: it comes to no line any more */
    crowd_is_idle(g[3].place);
    arrive(c, &g[FULL + 3]);
    assert_int_equal(count_ended(g, FULL + 4), 3);
    for (unsigned i = 0; i < FULL + 4; i++)
        go(&g[i]);
    crowd_free(c);
}

/* ---- a server with few places */

static int setup_crowded(void **state)
{
    (void)state;
    return start(&(struct http_config){.connections_max = PLACES, .timeout_s = 30});
}

static int get_show(int fd, int timeout_ms)
{
    raw_send(fd, GET("/show"));
    return raw_answer(fd, answer, sizeof answer, 1, timeout_ms);
}

/* The promise is for what people run. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SOON_MS 60000
#else
#define SOON_MS 2000
#endif

/* Idle, and dripping a header that never ends: both hold nothing that somebody else needs. */
static void a_thousand_idle_connections_hold_nobody_up(void **state)
{
    int fds[1000];
    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        fds[i] = raw_connect(port);
        if (i % 2)
            send(fds[i], "GET /show HTTP/1.1\r\nX-A: b\r\n", 28, MSG_NOSIGNAL);
        if (i % 100 != 99)
            continue;
        int honest = raw_connect(port);
        uint64_t at = clock_boot_ms();
        assert_int_equal(get_show(honest, SOON_MS), 200);
        assert_true(clock_boot_ms() - at < SOON_MS);
        close(honest);
    }
    for (unsigned i = 0; i < 1000; i++)
        close(fds[i]);
}

static void *ask_slowly(void *ctx)
{
    int *status = ctx, fd = raw_connect(port);
    char out[1000];
    raw_send(fd, GET("/slow"));
    *status = raw_answer(fd, out, sizeof out, 1, 5000);
    close(fd);
    return NULL;
}

static void who_is_being_served_is_not_ended(void **state)
{
    pthread_t threads[PLACES / 2];
    int statuses[PLACES / 2], fds[200];
    (void)state;
    for (unsigned i = 0; i < PLACES / 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_slowly, &statuses[i]), 0);
    clock_sleep_ms(300);
    for (unsigned i = 0; i < 200; i++)
        fds[i] = raw_connect(port);
    for (unsigned i = 0; i < PLACES / 2; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(statuses[i], 200);
    }
    for (unsigned i = 0; i < 200; i++)
        close(fds[i]);
}

/* ---- no descriptors, no memory: in a child, where lower limits hurt nobody else */

static uint64_t processor_ms(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000 + (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1000;
}

static void limit(int resource, rlim_t soft)
{
    struct rlimit l;
    getrlimit((__rlimit_resource_t)resource, &l);
    l.rlim_cur = soft;
    setrlimit((__rlimit_resource_t)resource, &l);
}

/* Exit codes say which step went wrong. */
static void without_descriptors(void)
{
    int fds[40];
    struct http_config none = {.connections_max = 64};
    start(&none);
    for (int i = 0; i < 40; i++)
        fds[i] = raw_connect(port); /* they wait in the kernel, or are in already */
    int honest = fds[39];
    limit(RLIMIT_NOFILE, 3);
    uint64_t busy_ms = processor_ms();
    clock_sleep_ms(500);
    if (processor_ms() - busy_ms > 250)
        _exit(2);
    limit(RLIMIT_NOFILE, 4096);
    if (get_show(honest, 3000) != 200)
        _exit(3);
    for (int i = 0; i < 40; i++)
        close(fds[i]);
    http_stop(server);
    _exit(0);
}

static uint64_t data_bytes(void)
{
    char line[200];
    unsigned long long kib = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        sscanf(line, "VmData: %llu kB", &kib);
    if (f)
        fclose(f);
    return kib * 1024;
}

static void without_memory(void)
{
    int fds[100];
    struct http_config many = {.connections_max = 200};
    start(&many);
    limit(RLIMIT_DATA, (rlim_t)data_bytes() + (8u << 20)); /* for a dozen threads */
    for (int i = 0; i < 100; i++)
        fds[i] = raw_connect(port);
    clock_sleep_ms(200);
    int honest = raw_connect(port), served = 0;
    for (int i = 0; i < 20 && !served; i++) {
        send(honest, GET("/show"), strlen(GET("/show")), MSG_NOSIGNAL);
        served = raw_answer(honest, answer, sizeof answer, 1, 1000) == 200;
        close(honest);
        honest = raw_connect(port);
    }
    if (!served)
        _exit(4);
    for (int i = 0; i < 100; i++)
        close(fds[i]);
    http_stop(server); /* every place was given back */
    _exit(0);
}

static void in_a_child(void (*check)(void))
{
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        check();
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void without_descriptors_it_waits_and_goes_on(void **state)
{
    (void)state;
    in_a_child(without_descriptors);
}

static void without_memory_the_idle_leave(void **state)
{
    (void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    skip(); /* their shadow memory is more than any limit */
#endif
    in_a_child(without_memory);
}

int main(void)
{
#define CROWDED(name) cmocka_unit_test_setup_teardown(name, setup_crowded, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_end_of_a_rush_is_told_once),
        cmocka_unit_test(who_has_been_idle_the_longest_leaves_first),
        cmocka_unit_test(many_who_leave_hold_the_next_up),
        cmocka_unit_test(the_busy_stay),
        cmocka_unit_test(who_reads_for_long_leaves_when_nobody_is_idle),
        CROWDED(a_thousand_idle_connections_hold_nobody_up),
        CROWDED(who_is_being_served_is_not_ended),
        cmocka_unit_test(without_descriptors_it_waits_and_goes_on),
        cmocka_unit_test(without_memory_the_idle_leave),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
