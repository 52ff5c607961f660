#include "cli/ca.h"

#include "cli/args.h"
#include "cli/new_file.h"
#include "lib/base/clock.h"
#include "lib/base/fs.h"
#include "lib/base/num.h"
#include "lib/tls/ca.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ADDRESSES_MAX 1024u /* bytes of the list */
#define ADDRESS_DEFAULT "127.0.0.1"
#define CA_NAME "ca"

/* Where a pair is kept. */
struct place {
    char cert[PATH_MAX], key[PATH_MAX];
};

static enum err find_place(const struct cli *c, const char *folder, const char *name, struct place *out)
{
    int cert = snprintf(out->cert, sizeof out->cert, "%s/%s.crt", folder, name),
        key = snprintf(out->key, sizeof out->key, "%s/%s.key", folder, name);

    if (cert < 0 || (size_t)cert >= sizeof out->cert || key < 0 || (size_t)key >= sizeof out->key)
        return out_fail(&c->out, ERR_INVALID, "%s is too long.", folder);
    return ERR_OK;
}

static enum err write_new(const struct cli *c, const char *path, const struct buf *text, mode_t mode)
{
    int fd;
    enum err e = new_file_open(c, path, mode, &fd);

    return e ? e : new_file_write(c, path, fd, text->data, text->len);
}

/* Both or none. */
static enum err keep(const struct cli *c, const char *folder, const struct place *at, const struct ca_pair *pair)
{
    enum err e = write_new(c, at->key, &pair->key, 0600);

    if (e)
        return e;
    e = write_new(c, at->cert, &pair->cert, 0644);
    if (e)
        unlink(at->key);
    else if (fs_sync_dir(folder))
        e = out_fail(&c->out, ERR_IO, "%s cannot be flushed.", folder);
    return e;
}

static int64_t now_s(void)
{
    return (int64_t)(clock_unix_ms() / 1000);
}

static enum err say(const struct cli *c, const struct place *at, int64_t ends_s)
{
    char ends[32];
    time_t t = (time_t)ends_s;
    struct tm tm;
    struct json *j = json_object();
    enum err e;

    strftime(ends, sizeof ends, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &tm));
    json_set_str(j, "cert", at->cert);
    json_set_str(j, "key", at->key);
    json_set_str(j, "ends_at", ends);
    e = out_json(&c->out, j);
    json_free(j);
    out_say(&c->out, "%s and %s, good until %s", at->cert, at->key, ends);
    return e;
}

static enum err init(const struct cli *c, const char *folder)
{
    struct place at;
    struct ca_pair ca;
    int64_t now = now_s();
    enum err e = find_place(c, folder, CA_NAME, &at);

    if (e)
        return e;
    e = fs_mkdirs(folder, 0700);
    if (e)
        return out_fail(&c->out, e, "%s cannot be made: %s.", folder, err_text(e));
    ca_pair_init(&ca);
    e = ca_make(now, &ca);
    e = e ? out_fail(&c->out, e, "%s.", err_text(e)) : keep(c, folder, &at, &ca);
    ca_pair_release(&ca);
    return e ? e : say(c, &at, now + (int64_t)CA_DAYS * 86400);
}

/* ---- issue */

static int is_name(const char *name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
    size_t len = strspn(name, allowed);

    return len > 0 && name[len] == '\0' && len < CA_NAME_MAX && name[0] != '-' && strcmp(name, CA_NAME) != 0;
}

/* Cuts a copy of the list in place. */
static enum err split(char *list, const char **out, size_t *n)
{
    char *rest = list, *item;

    for (*n = 0; (item = strsep(&rest, ",")); (*n)++) {
        if (*n == CA_ADDRESSES_MAX || *item == '\0')
            return ERR_SYNTAX;
        out[*n] = item;
    }
    return ERR_OK;
}

static enum err read_ca(const struct cli *c, const char *folder, struct ca_pair *out)
{
    struct place at;
    enum err e = find_place(c, folder, CA_NAME, &at);

    if (e)
        return e;
    e = fs_read_file(at.cert, &out->cert);
    if (e)
        return out_fail(&c->out, e, "%s cannot be read: %s. `ringbinder ca init %s` makes a CA.", at.cert, err_text(e), folder);
    e = fs_read_private(at.key, &out->key);
    if (e == ERR_DENIED)
        return out_fail(&c->out, e, "%s can be read by others, or not by us: a private key is for its owner only (chmod 600).", at.key);
    return e ? out_fail(&c->out, e, "%s cannot be read: %s.", at.key, err_text(e)) : ERR_OK;
}

static enum err why_not_issued(const struct cli *c, const char *folder, enum err e)
{
    switch (e) {
    case ERR_GONE:
        return out_fail(
            &c->out, ERR_INVALID, "The CA in %s has ended: make another one, elsewhere, and issue all certificates anew.", folder);
    case ERR_SYNTAX: return out_fail(&c->out, e, "%s/ca.crt and %s/ca.key are not what `ringbinder ca init` made.", folder, folder);
    case ERR_INVALID: return out_fail(&c->out, e, "%s/ca.key is not the key of %s/ca.crt.", folder, folder);
    default: return out_fail(&c->out, e, "%s.", err_text(e));
    }
}

static enum err issue(const struct cli *c, const char *folder, const struct ca_wish *wish)
{
    struct place at;
    struct ca_pair ca, made;
    int64_t ends_s = 0;
    enum err e = find_place(c, folder, wish->name, &at);

    if (e)
        return e;
    ca_pair_init(&ca);
    ca_pair_init(&made);
    e = read_ca(c, folder, &ca);
    if (!e) {
        e = ca_issue(&ca, wish, now_s(), &made, &ends_s);
        e = e ? why_not_issued(c, folder, e) : keep(c, folder, &at, &made);
    }
    ca_pair_release(&ca);
    ca_pair_release(&made);
    return e ? e : say(c, &at, ends_s);
}

static int run_issue(const struct cli *c, const struct args *words, const char *list, const char *days)
{
    const char *addresses[CA_ADDRESSES_MAX];
    char copy[ADDRESSES_MAX];
    struct ca_wish wish = {.name = words->words[2], .addresses = addresses, .days = CA_ISSUE_DAYS};

    if (!is_name(wish.name))
        return cli_usage(c, "%s: a name is 1 to 63 of a-z, 0-9 and -, and not \"ca\"", wish.name);
    if (days && (num_parse_u64(days, CA_ISSUE_DAYS_MAX, &wish.days) || wish.days == 0))
        return cli_usage(c, "--days is 1 to %u", CA_ISSUE_DAYS_MAX);
    if (snprintf(copy, sizeof copy, "%s", list ? list : ADDRESS_DEFAULT) >= (int)sizeof copy || split(copy, addresses, &wish.n_addresses))
        return cli_usage(c, "--address: at most %u addresses, with commas between them", CA_ADDRESSES_MAX);
    for (size_t i = 0; i < wish.n_addresses; i++) {
        if (!ca_address_ok(addresses[i]))
            return cli_usage(c, "%s: processes are called by numeric addresses, such as 192.0.2.7 or 2001:db8::7", addresses[i]);
    }
    return cli_exit_code(issue(c, words->words[1], &wish));
}

int cmd_ca(struct cli *c, int argc, char **argv)
{
    const char *list = NULL, *days = NULL;
    struct args words;
    const struct args_option options[] = {{.name = "address", .value = &list}, {.name = "days", .value = &days}};

    if (args_read(c, options, sizeof options / sizeof options[0], argc, argv, 2, 3, &words))
        return CLI_USAGE;
    if (strcmp(words.words[0], "init") == 0 && words.n_words == 2 && !list && !days)
        return cli_exit_code(init(c, words.words[1]));
    if (strcmp(words.words[0], "issue") == 0 && words.n_words == 3)
        return run_issue(c, &words, list, days);
    return cli_usage(c, "ca takes `init DIR`, or `issue DIR NAME` with --address and --days");
}
