#include "cli/cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

int cli_exit_code(enum err e)
{
    switch (e) {
    case ERR_OK: return CLI_OK;
    case ERR_NOT_FOUND:
    case ERR_GONE: return CLI_NOT_FOUND;
    case ERR_UNAVAILABLE:
    case ERR_TIMEOUT:
    case ERR_STALE_INDEX:
    case ERR_MISDIRECTED:
    case ERR_RATE: return CLI_UNREACHABLE;
    case ERR_CONFLICT:
    case ERR_PRECONDITION:
    case ERR_FENCED:
    case ERR_STALE_RING: return CLI_CONFLICT;
    case ERR_AUTH:
    case ERR_CLOCK:
    case ERR_DENIED: return CLI_DENIED;
    default: return CLI_FAILED;
    }
}

int cli_usage(const struct cli *c, const char *fmt, ...)
{
    char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    if (vasprintf(&text, fmt, ap) < 0)
        text = NULL;
    va_end(ap);
    out_fail(&c->out, ERR_SYNTAX, "%s", text ? text : err_text(ERR_NOMEM));
    free(text);
    if (c->command) {
        out_note(&c->out, "usage: ringbinder %s%s%s", c->command->name, *c->command->usage ? " " : "", c->command->usage);
        out_note(&c->out, "`ringbinder %s --help` says more.", c->command->name);
    } else {
        out_note(&c->out, "`ringbinder --help` lists the commands.");
    }
    return CLI_USAGE;
}
