/* ringbinder, the command line: takes out the options that every command knows, finds the command's row and runs it. */
#include "cli/cli.h"
#include "lib/base/log.h"
#include "lib/base/sig.h"
#include "lib/peer/peer.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>

#define URL_DEFAULT "http://127.0.0.1:8080"
#define URL_MAX 1024

static const struct cli_command *find_command(const char *name)
{
    for (unsigned i = 0; i < cli_n_commands; i++) {
        if (strcmp(cli_commands[i].name, name) == 0)
            return &cli_commands[i];
    }
    return NULL;
}

static void print_commands(FILE *out)
{
    fputs("usage: ringbinder COMMAND [WORD | OPTION]...\n\n", out);
    for (unsigned i = 0; i < cli_n_commands; i++)
        fprintf(out, "  %-9s %s\n", cli_commands[i].name, cli_commands[i].summary);
    fputs("\nEvery command takes:\n"
          "  --json       print one JSON value instead of lines, and errors as JSON\n"
          "  --url URL    the front to ask (RB_URL; " URL_DEFAULT ")\n"
          "  --yes, -y    do not ask\n"
          "  --quiet, -q  no notes and no progress bar\n"
          "  --help, -h   what the command takes\n"
          "\nRB_TOKEN holds the token to sign in with. Exit status: 0 done, 1 failed, 2 not understood, 3 not found, 4 not reachable,\n"
          "5 conflict, 6 not allowed. The manual page says more: man ringbinder.\n",
        out);
}

static void print_help(const struct cli_command *command, FILE *out)
{
    fprintf(out, "usage: ringbinder %s%s%s\n\n%s.\n\n%s", command->name, *command->usage ? " " : "", command->usage, command->summary,
        command->help);
}

/* What main found among the words. */
struct common {
    const char *url;
    int help;
};

static int is_one_of(const char *word, const char *name, const char *letter)
{
    return strcmp(word, name) == 0 || strcmp(word, letter) == 0;
}

/* True when the word is a common option without a value, which is noted. */
static int take_flag(struct cli *c, const char *word, struct common *common)
{
    int *flag = strcmp(word, "--json") == 0        ? &c->out.json
                : is_one_of(word, "--yes", "-y")   ? &c->yes
                : is_one_of(word, "--quiet", "-q") ? &c->out.quiet
                : is_one_of(word, "--help", "-h")  ? &common->help
                                                   : NULL;

    if (flag)
        *flag = 1;
    return flag != NULL;
}

/* Takes the common options out of argv, up to "--"; the rest moves together. ERR_SYNTAX: --url without a value (said). */
static enum err take_common(struct cli *c, int *argc, char **argv, struct common *common)
{
    int kept = 1, ended = 0;

    for (int i = 1; i < *argc; i++) {
        char *word = argv[i];
        ended = ended || strcmp(word, "--") == 0;
        if (!ended && take_flag(c, word, common))
            continue;
        if (!ended && strncmp(word, "--url=", 6) == 0) {
            common->url = word + 6;
        } else if (!ended && strcmp(word, "--url") == 0) {
            if (++i == *argc) {
                cli_usage(c, "--url: this option needs a value");
                return ERR_SYNTAX;
            }
            common->url = argv[i];
        } else {
            argv[kept++] = word;
        }
    }
    argv[kept] = NULL;
    *argc = kept;
    return ERR_OK;
}

/* The front's address without slashes at its end. */
static enum err set_url(struct cli *c, const char *given, char url[URL_MAX])
{
    const char *from_env = getenv("RB_URL");
    const char *from = given ? given : from_env && *from_env ? from_env : URL_DEFAULT;
    size_t len = strlen(from);

    while (len > 0 && from[len - 1] == '/')
        len--;
    if ((strncmp(from, "http://", 7) != 0 && strncmp(from, "https://", 8) != 0) || len >= URL_MAX || len <= 8) {
        cli_usage(c, "%s: the front's address looks like %s", from, URL_DEFAULT);
        return ERR_SYNTAX;
    }
    memcpy(url, from, len);
    url[len] = '\0';
    c->url = url;
    return ERR_OK;
}

static int run(struct cli *c, int argc, char **argv)
{
    int code;

    if (peer_global_init())
        return cli_exit_code(out_fail(&c->out, ERR_INTERNAL, "libcurl cannot be used"));
    c->client = client_new();
    if (!c->client)
        return cli_exit_code(out_fail(&c->out, ERR_NOMEM, "%s", err_text(ERR_NOMEM)));
    code = c->command->run(c, argc, argv);
    client_free(c->client);
    if (code != CLI_OK && sig_stopping())
        code = CLI_FAILED;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    return cli_exit_code(out_fail(&c->out, ERR_IO, "The output could not be written."));
}

int main(int argc, char **argv)
{
    struct cli c = {0};
    struct common common = {0};
    char url[URL_MAX];
    const char *token = getenv("RB_TOKEN");

    setlocale(LC_CTYPE, "C.UTF-8"); /* for the width of characters; all text is UTF-8 */
    log_init("ringbinder", LOG_ERROR);
    sig_init();
    out_init(&c.out);
    if (argc < 1 || take_common(&c, &argc, argv, &common))
        return CLI_USAGE;
    c.token = token && *token ? token : NULL;
    if (argc > 1 && strcmp(argv[1], "help") == 0) {
        common.help = 1;
        argv++;
        argc--;
    }
    if (argc < 2) {
        print_commands(common.help ? stdout : stderr);
        return common.help ? CLI_OK : CLI_USAGE;
    }
    c.command = find_command(argv[1]);
    if (!c.command)
        return cli_usage(&c, "%s: there is no such command", argv[1]);
    if (common.help) {
        print_help(c.command, stdout);
        return CLI_OK;
    }
    if (set_url(&c, common.url, url))
        return CLI_USAGE;
    return run(&c, argc - 1, argv + 1);
}
