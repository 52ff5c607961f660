/* audit verify, audit heads. */
#include "cli/audit.h"

#include "cli/args.h"
#include "lib/audit/folder.h"
#include "lib/base/fs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FINDINGS_SHOWN 100u /* of one log, for people; --json tells all */

/* One run of `audit verify`. */
struct check {
    const struct cli *cli;
    struct sign_key key;
    struct audit_heads heads;
    int has_heads;
    struct json *logs;     /* with --json */
    struct json *findings; /* of the present log */
    uint64_t told;         /* findings of the present log */
    uint64_t findings_all;
};

static void tell_finding(void *ctx, const struct audit_finding *f)
{
    struct check *k = ctx;
    k->told++;
    if (k->cli->out.json) {
        struct json *j = json_object();
        json_set_str(j, "file", f->file);
        json_set_u64(j, "line", f->line);
        json_set_str(j, "fault", audit_fault_word(f->fault));
        json_set_str(j, "text", f->text);
        json_append(k->findings, j);
    } else if (k->told <= FINDINGS_SHOWN) {
        if (*f->file)
            out_say(&k->cli->out, "%s:%llu: %s: %s.", f->file, (unsigned long long)f->line, audit_fault_word(f->fault), f->text);
        else
            out_say(&k->cli->out, "%s: %s.", audit_fault_word(f->fault), f->text);
    }
}

static void add_json(struct check *k, const char *path, const struct audit_verified *v)
{
    struct json *j = json_object();
    json_set_str(j, "path", path);
    json_set_str(j, "process", v->process);
    json_set_u64(j, "files", v->files);
    json_set_u64(j, "chains", v->chains);
    json_set_u64(j, "lines", v->lines);
    json_set_u64(j, "events", v->events);
    json_set_u64(j, "lost", v->lost);
    json_set_u64(j, "more", v->more);
    json_set_u64(j, "heads", v->heads);
    json_set_u64(j, "heads_before", v->heads_before);
    json_set_u64(j, "heads_false", v->heads_false);
    json_set_u64(j, "unfinished_bytes", v->unfinished_bytes);
    json_set_str(j, "newest", *v->newest ? v->newest : NULL);
    json_set(j, "findings", k->findings);
    k->findings = NULL;
    json_append(k->logs, j);
}

static void say(const struct check *k, const char *path, const struct audit_verified *v)
{
    const struct out *o = &k->cli->out;
    if (v->findings > FINDINGS_SHOWN)
        out_say(o, "%s: and %llu more.", path, (unsigned long long)(v->findings - FINDINGS_SHOWN));
    out_say(o, "%s: %s: %llu lines in %llu files, the newest of %s; %llu heads: %s", path, *v->process ? v->process : "?",
        (unsigned long long)v->lines, (unsigned long long)v->files, *v->newest ? v->newest : "-", (unsigned long long)v->heads,
        v->findings ? "NOT what was written" : "whole");
    if (v->lost)
        out_note(o, "The log says itself that %llu lines are missing: its disk or queue was full.", (unsigned long long)v->lost);
    if (v->heads_false)
        out_note(o, "%llu heads are not under this key and count for nothing.", (unsigned long long)v->heads_false);
}

/* Verifies the files at these paths as one log, or as a part of one. */
static enum err check_log(struct check *k, const char *name, const char *const *paths, size_t n, int is_part)
{
    struct audit_verified v;
    struct audit_verify_settings s = {
        .master = k->key.bytes, .heads = k->heads.at, .n_heads = k->heads.n, .is_part = is_part, .found = tell_finding, .ctx = k};
    k->told = 0;
    k->findings = k->cli->out.json ? json_array() : NULL;
    enum err e = audit_verify(&s, paths, n, &v);
    if (e) {
        json_free(k->findings);
        k->findings = NULL;
        return out_fail(&k->cli->out, e, "%s cannot be read: %s.", name, err_text(e));
    }
    if (v.lines == 0 && v.findings == 0) {
        json_free(k->findings);
        k->findings = NULL;
        return out_fail(&k->cli->out, ERR_NOT_FOUND, "%s: no line is there.", name);
    }
    k->findings_all += v.findings;
    if (k->cli->out.json)
        add_json(k, name, &v);
    else
        say(k, name, &v);
    return ERR_OK;
}

static enum err check_files_of(struct check *k, const char *folder, const struct audit_files *files)
{
    char(*paths)[AUDIT_PATH_SIZE] = calloc(files->n, sizeof *paths);
    const char **list = calloc(files->n, sizeof *list);
    enum err e = paths && list ? ERR_OK : ERR_NOMEM;
    for (size_t i = 0; i < files->n && !e; i++) {
        e = audit_folder_path(folder, files->at[i].name, paths[i]);
        list[i] = paths[i];
    }
    if (e)
        (void)out_fail(&k->cli->out, e, "%s: %s.", folder, err_text(e));
    else
        e = check_log(k, folder, list, files->n, 0);
    free(paths);
    free(list);
    return e;
}

/* A folder with a log in it, or a process's folder that has one in audit/. */
static enum err check_folder(struct check *k, const char *word)
{
    struct audit_files files;
    char below[AUDIT_PATH_SIZE];
    const char *folder = word;
    enum err e = audit_folder_list(folder, &files);
    if (!e && files.n == 0 && audit_folder_path(word, "audit", below) == ERR_OK && audit_folder_list(below, &files) == ERR_OK)
        folder = below;
    if (e)
        return out_fail(&k->cli->out, e, "%s: %s.", word, err_text(e));
    if (files.n == 0)
        e = out_fail(&k->cli->out, ERR_NOT_FOUND, "%s: no audit log is there.", word);
    else
        e = check_files_of(k, folder, &files);
    audit_files_release(&files);
    return e;
}

/* Folders one by one; the files among the words together, as one part of a log. */
static enum err check_words(struct check *k, const struct args *a)
{
    const char *files[ARGS_WORDS_MAX];
    size_t n = 0;
    enum err e = ERR_OK;
    for (size_t i = 0; i < a->n_words && !e; i++) {
        struct stat s;
        if (strcmp(a->words[i], "-") == 0 || stat(a->words[i], &s) != 0)
            return out_fail(&k->cli->out, ERR_NOT_FOUND, "%s: %s.", a->words[i], err_text(ERR_NOT_FOUND));
        if (S_ISDIR(s.st_mode))
            e = check_folder(k, a->words[i]);
        else
            files[n++] = a->words[i];
    }
    return !e && n > 0 ? check_log(k, files[0], files, n, 1) : e;
}

static enum err print_result(struct check *k)
{
    struct json *j = json_object();
    json_set_bool(j, "whole", k->findings_all == 0);
    json_set_bool(j, "heads_known", k->has_heads && k->heads.is_whole);
    json_set(j, "logs", k->logs);
    k->logs = NULL;
    enum err e = out_json(&k->cli->out, j);
    json_free(j);
    return e;
}

/* Changed logs are worse news than heads that could not be had. */
static int conclude(struct check *k)
{
    const struct out *o = &k->cli->out;
    if (o->json && print_result(k))
        return CLI_FAILED;
    if (k->findings_all > 0)
        return CLI_FAILED;
    if (k->has_heads && !k->heads.is_whole)
        return cli_exit_code(out_fail(o, ERR_UNAVAILABLE, "Too many nodes do not tell their heads: a cut end may have been missed."));
    if (!k->has_heads)
        out_note(o, "Without heads (--coordinators or --heads) a cut end cannot be seen.");
    return CLI_OK;
}

static enum err read_key(const struct cli *c, const char *path, struct sign_key *key)
{
    enum err e = sign_key_read(path, key);
    return e ? out_fail(&c->out, e == ERR_SYNTAX ? ERR_INVALID : e, "The cluster's key in %s cannot be used: %s.", path, sign_key_why(e))
             : ERR_OK;
}

static enum err get_heads(struct check *k, const char *coordinators, const char *file)
{
    k->has_heads = coordinators || file;
    k->heads.is_whole = 1;
    enum err e = file ? audit_heads_load(k->cli, file, &k->heads) : ERR_OK;
    /* Before the logs are read, so that what is written meanwhile is not taken for missing. */
    return !e && coordinators ? audit_heads_fetch(k->cli, &k->key, coordinators, &k->heads) : e;
}

static int print_heads(struct check *k)
{
    enum err e = ERR_OK;
    struct json *list = json_array();
    struct buf line;
    buf_init(&line, 4096);
    for (size_t i = 0; i < k->heads.n && !e; i++) {
        struct json *j = audit_head_to_json(&k->heads.at[i].head);
        json_set_str(j, "node", k->heads.at[i].node);
        if (k->cli->out.json) {
            json_append(list, j);
            continue;
        }
        buf_reset(&line);
        e = json_print(j, &line);
        if (!e)
            fprintf(k->cli->out.file, "%s\n", buf_str(&line));
        json_free(j);
    }
    if (!e)
        e = out_json(&k->cli->out, list);
    json_free(list);
    buf_release(&line);
    if (!e && !k->heads.is_whole)
        e = out_fail(&k->cli->out, ERR_UNAVAILABLE, "Too many nodes do not tell their heads.");
    return cli_exit_code(e);
}

int cmd_audit(struct cli *c, int argc, char **argv)
{
    const char *key = NULL, *coordinators = NULL, *heads = NULL;
    const struct args_option options[] = {
        {.name = "key", .value = &key}, {.name = "coordinators", .value = &coordinators}, {.name = "heads", .value = &heads}};
    struct args a;
    struct check k = {.cli = c};
    if (args_read(c, options, sizeof options / sizeof *options, argc, argv, 1, ARGS_WORDS_MAX, &a))
        return CLI_USAGE;
    int is_heads = strcmp(a.words[0], "heads") == 0;
    if (!is_heads && strcmp(a.words[0], "verify") != 0)
        return cli_usage(c, "%s: audit knows verify and heads", a.words[0]);
    if (!key)
        return cli_usage(c, "--key is missing");
    if (is_heads && (!coordinators || heads || a.n_words > 1))
        return cli_usage(c, "audit heads takes --key and --coordinators");
    if (!is_heads && a.n_words < 2)
        return cli_usage(c, "audit verify needs a folder or a file");
    memmove(&a.words[0], &a.words[1], --a.n_words * sizeof a.words[0]);
    enum err e = read_key(c, key, &k.key);
    if (!e)
        e = get_heads(&k, coordinators, heads);
    k.logs = c->out.json && !is_heads ? json_array() : NULL;
    if (!e && !is_heads)
        e = check_words(&k, &a);
    int code = e ? cli_exit_code(e) : is_heads ? print_heads(&k) : conclude(&k);
    json_free(k.logs);
    audit_heads_release(&k.heads);
    explicit_bzero(&k.key, sizeof k.key);
    return code;
}
