#include "tests/unit/unit.h"

#include "lib/base/sig.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* A stop cannot be taken back, so each test runs in a child; what it returns is its exit status. */
static int in_child(int (*body)(void))
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(body());
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int readable(void)
{
    struct pollfd p = {.fd = sig_fd(), .events = POLLIN};
    return poll(&p, 1, 0) == 1;
}

static int stops_by(int number)
{
    sig_init();
    if (sig_stopping() || readable())
        return 1;
    raise(number);
    if (!sig_stopping() || !readable())
        return 2;
    raise(number);
    return readable() ? 0 : 3; /* it stays readable for all who poll it */
}

static int term(void)
{
    return stops_by(SIGTERM);
}

static int interrupt(void)
{
    return stops_by(SIGINT);
}

static void terminate_and_interrupt_ask_for_a_stop(void **state)
{
    (void)state;
    assert_int_equal(in_child(term), 0);
    assert_int_equal(in_child(interrupt), 0);
}

static int broken_pipe(void)
{
    int pair[2];
    sig_init();
    if (pipe(pair) != 0)
        return 1;
    close(pair[0]);
    if (write(pair[1], "x", 1) != -1 || errno != EPIPE)
        return 2;
    return sig_stopping();
}

static void a_broken_pipe_is_only_an_error(void **state)
{
    (void)state;
    assert_int_equal(in_child(broken_pipe), 0);
}

static int stop_from_inside(void)
{
    sig_init();
    errno = 77;
    sig_stop();
    return sig_stopping() && readable() && errno == 77 ? 0 : 1;
}

static void a_stop_can_be_asked_for_from_inside(void **state)
{
    (void)state;
    assert_int_equal(in_child(stop_from_inside), 0);
}

static int waits_interrupted(void)
{
    sig_init();
    alarm(5);
    pid_t parent = getpid();
    if (fork() == 0) {
        usleep(50000);
        kill(parent, SIGTERM);
        _exit(0);
    }
    int r = poll(NULL, 0, 4000);
    return r == -1 && errno == EINTR && sig_stopping() ? 0 : 1;
}

static void a_blocking_call_comes_back(void **state)
{
    (void)state;
    assert_int_equal(in_child(waits_interrupted), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(terminate_and_interrupt_ask_for_a_stop),
        cmocka_unit_test(a_broken_pipe_is_only_an_error),
        cmocka_unit_test(a_stop_can_be_asked_for_from_inside),
        cmocka_unit_test(a_blocking_call_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
