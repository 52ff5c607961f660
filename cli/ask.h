/* Questions to the person at the terminal. */
#ifndef RB_CLI_ASK_H
#define RB_CLI_ASK_H

#include "cli/cli.h"

/* True when somebody can be asked: standard input and error are terminals. */
int ask_can(void);
/* A yes-or-no question, which ends like "Go on? [y/N]"; the text is cleaned. ERR_OK: yes, or --yes. ERR_DENIED: no, or the input ended, or Ctrl-C (said: "Nothing was done."). ERR_SYNTAX: nobody can be
 * asked and there is no --yes (said). */
enum err ask_yes(const struct cli *c, const char *fmt, ...) MUST_CHECK __attribute__((format(printf, 2, 3)));
/* Reads one line of an answer to `question` without its newline. ERR_GONE: the input ended or Ctrl-C; ERR_TOO_LARGE. */
enum err ask_line(const struct cli *c, const char *question, char *line, size_t size) MUST_CHECK;

#endif
