/* The programs beside this one, run in the foreground. */
#ifndef RB_CLI_SPAWN_H
#define RB_CLI_SPAWN_H

#include "cli/cli.h"

#include <limits.h>
#include <sys/types.h>

#define SPAWN_ARGS_MAX 32 /* with the program's name and the NULL */

/* A command line that is built argument by argument; what is added is borrowed. */
struct spawn {
    char program[PATH_MAX];
    char *argv[SPAWN_ARGS_MAX];
    size_t n;
};

/* For the program `name` in the folder of this one. ERR_NOT_FOUND: it is not there (said). */
enum err spawn_init(const struct cli *c, const char *name, struct spawn *out) MUST_CHECK;
/* "--option VALUE"; nothing when value is NULL. */
void spawn_add(struct spawn *s, const char *option, const char *value);
/* Starts it. log_path: where its standard error goes (a new file), NULL: where ours goes; its standard output goes nowhere. ERR_IO (said). */
enum err spawn_start(const struct cli *c, struct spawn *s, const char *log_path, pid_t *pid) MUST_CHECK;
/* Waits for its end, or with WNOHANG looks. *ended: it has ended. Returns its exit status, 128 + signal when it was killed. */
int spawn_wait(pid_t pid, int options, int *ended);

#endif
