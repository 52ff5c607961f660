#include "cli/spawn.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum err spawn_init(const struct cli *c, const char *name, struct spawn *out)
{
    ssize_t len = readlink("/proc/self/exe", out->program, sizeof out->program - 1);
    size_t name_size = strlen(name) + 1;
    char *slash;

    out->program[len > 0 ? len : 0] = '\0';
    slash = strrchr(out->program, '/');
    if (!slash || (size_t)(slash + 1 - out->program) + name_size > sizeof out->program)
        return out_fail(&c->out, ERR_NOT_FOUND, "%s is not beside this program.", name);
    memcpy(slash + 1, name, name_size);
    if (access(out->program, X_OK))
        return out_fail(&c->out, ERR_NOT_FOUND, "%s is not beside this program.", name);
    out->argv[0] = slash + 1;
    out->argv[1] = NULL;
    out->n = 1;
    return ERR_OK;
}

void spawn_add(struct spawn *s, const char *option, const char *value)
{
    if (!value)
        return;
    assert(s->n + 3 <= SPAWN_ARGS_MAX);
    s->argv[s->n++] = (char *)(uintptr_t)option; /* posix_spawn takes them as they are and changes none */
    s->argv[s->n++] = (char *)(uintptr_t)value;
    s->argv[s->n] = NULL;
}

enum err spawn_start(const struct cli *c, struct spawn *s, const char *log_path, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    int error = posix_spawn_file_actions_init(&actions);

    if (error)
        return out_fail(&c->out, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
    error = posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    if (!error && log_path)
        error = posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, log_path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (!error)
        error = posix_spawn(pid, s->program, &actions, NULL, s->argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    return error ? out_fail(&c->out, ERR_IO, "%s cannot be started: %s.", s->program, strerrordesc_np(error)) : ERR_OK;
}

int spawn_wait(pid_t pid, int options, int *ended)
{
    int status = 0;
    pid_t got;

    do
        got = waitpid(pid, &status, options);
    while (got < 0 && errno == EINTR);
    *ended = got != 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
