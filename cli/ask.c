#include "cli/ask.h"

#include "lib/base/sig.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define ANSWER_MAX 256

int ask_can(void)
{
    return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

/* One byte, or a stop. By read(2), so that nothing that was typed ahead is hidden in a buffer. */
static enum err read_byte(char *byte)
{
    struct pollfd fds[] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = sig_fd(), .events = POLLIN}};

    for (;;) {
        int ready = poll(fds, 2, -1);
        if (sig_stopping())
            return ERR_GONE;
        if (ready < 0 && errno != EINTR)
            return ERR_IO;
        if (ready > 0 && fds[0].revents) {
            ssize_t got = read(STDIN_FILENO, byte, 1);
            if (got == 1)
                return ERR_OK;
            if (got == 0 || errno != EINTR)
                return ERR_GONE;
        }
    }
}

enum err ask_line(const struct cli *c, const char *question, char *line, size_t size)
{
    struct buf clean;
    size_t len = 0;
    enum err e;

    buf_init(&clean, 65536);
    e = out_clean(&clean, question);
    fprintf(c->out.errors, "%s ", buf_str(&clean));
    fflush(c->out.errors);
    buf_release(&clean);
    while (!e) {
        char byte;
        e = read_byte(&byte);
        if (!e && byte == '\n')
            break;
        if (!e && len + 1 >= size)
            e = ERR_TOO_LARGE;
        if (!e)
            line[len++] = byte;
    }
    if (e == ERR_GONE)
        fputc('\n', c->out.errors);
    line[e ? 0 : len] = '\0';
    return e;
}

enum err ask_yes(const struct cli *c, const char *fmt, ...)
{
    char *question = NULL, answer[ANSWER_MAX];
    va_list ap;
    enum err e;
    int n;

    if (c->yes)
        return ERR_OK;
    if (!ask_can()) {
        cli_usage(c, "nobody can be asked here: give --yes to go on");
        return ERR_SYNTAX;
    }
    va_start(ap, fmt);
    n = vasprintf(&question, fmt, ap);
    va_end(ap);
    if (n < 0)
        return ERR_NOMEM;
    e = ask_line(c, question, answer, sizeof answer);
    free(question);
    if (!e && (strcasecmp(answer, "y") == 0 || strcasecmp(answer, "yes") == 0))
        return ERR_OK;
    return out_fail(&c->out, ERR_DENIED, "Nothing was done.");
}
