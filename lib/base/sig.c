#include "lib/base/sig.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Written by a signal handler in whatever thread, so it is as global as signals are. */
static volatile sig_atomic_t stopping;
static int stop_fd = -1;

void sig_stop(void)
{
    int saved = errno;
    stopping = 1;
    /* Nobody reads the counter, so it stays readable; the write can only fail when it is full, and then it is readable as well. */
    uint64_t one = 1;
    ssize_t ignored = stop_fd >= 0 ? write(stop_fd, &one, sizeof(one)) : 0;
    (void)ignored;
    errno = saved;
}

static void on_signal(int number)
{
    (void)number;
    sig_stop();
}

void sig_init(void)
{
    stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (stop_fd < 0)
        abort(); /* no descriptor free at the very start */
    /* Without SA_RESTART, so that a blocking call comes back with EINTR and its loop looks at sig_stopping(). */
    struct sigaction stop = {.sa_handler = on_signal};
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigemptyset(&stop.sa_mask);
    sigemptyset(&ignore.sa_mask);
    if (sigaction(SIGTERM, &stop, NULL) || sigaction(SIGINT, &stop, NULL) || sigaction(SIGPIPE, &ignore, NULL))
        abort();
}

int sig_stopping(void)
{
    return stopping != 0;
}

int sig_fd(void)
{
    return stop_fd;
}
