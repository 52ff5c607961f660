#include "lib/jail/internal.h"

#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SORTED_TREE 2 /* libseccomp: compare in a binary tree instead of one number after the other */

/* A filter that is being filled; the first error stays. */
struct filter {
    scmp_filter_ctx ctx;
    unsigned n_calls;
    int error; /* an errno, or 0 */
};

static void add(struct filter *f, uint32_t action, const char *name, unsigned n_args, const struct scmp_arg_cmp *args)
{
    int number = seccomp_syscall_resolve_name(name);
    if (f->error || number == __NR_SCMP_ERROR) /* newer than libseccomp: it stays forbidden */
        return;
    int rc = seccomp_rule_add_array(f->ctx, action, number, n_args, args);
    f->error = rc < 0 ? -rc : 0;
    f->n_calls++;
}

static void add_list(struct filter *f, uint32_t action, const char *const *names)
{
    for (size_t i = 0; names && names[i]; i++)
        add(f, action, names[i], 0, NULL);
}

static void add_bounded(struct filter *f)
{
    for (const struct call_rule *r = calls_bounded; r->name; r++) {
        struct scmp_arg_cmp args[2];
        for (unsigned i = 0; i < r->n_args; i++)
            args[i] = SCMP_CMP64(r->args[i].number, SCMP_CMP_MASKED_EQ, r->args[i].mask, r->args[i].want);
        add(f, SCMP_ACT_ALLOW, r->name, r->n_args, args);
    }
    /* A signal to ourselves: abort(), and a thread that is to be woken. */
    add(f, SCMP_ACT_ALLOW, "tgkill", 1, (struct scmp_arg_cmp[]){SCMP_CMP64(0, SCMP_CMP_EQ, (uint64_t)getpid(), 0)});
}

static void set(struct filter *f, enum scmp_filter_attr what, uint32_t value)
{
    int rc = f->error ? 0 : seccomp_attr_set(f->ctx, what, value);
    f->error = f->error ? f->error : -rc;
}

/* The filter that counts. A rule that says what is done anyway is refused by libseccomp, so each list goes in only where it makes a difference. */
static void fill(struct filter *f, const char *const *more, int kill)
{
    add_list(f, SCMP_ACT_ALLOW, calls_allowed);
    add_list(f, SCMP_ACT_ALLOW, more);
    add_bounded(f);
    if (kill) {
        add_list(f, SCMP_ACT_ERRNO(ENOSYS), calls_absent);
        return;
    }
    add_list(f, SCMP_ACT_KILL_PROCESS, calls_fatal);
    set(f, SCMP_FLTATR_CTL_LOG, 1);             /* what fails is told to the kernel's audit log, with the number of the call */
    add(f, SCMP_ACT_ALLOW, "seccomp", 0, NULL); /* for the next one, which takes it away */
}

/* Fails what is tried and done without all day, and so must not fill the log: of filters that agree the newest one counts, and this one does not log. */
static void fill_quiet(struct filter *f)
{
    add_list(f, SCMP_ACT_ERRNO(ENOSYS), calls_absent);
    add(f, SCMP_ACT_ERRNO(ENOSYS), "seccomp", 0, NULL);
}

static void begin(struct filter *f, uint32_t others)
{
    *f = (struct filter){.ctx = seccomp_init(others)};
    f->error = f->ctx ? 0 : ENOSYS;
    set(f, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    set(f, SCMP_FLTATR_CTL_OPTIMIZE, SORTED_TREE);
    set(f, SCMP_FLTATR_CTL_NNP, 0); /* process.c has seen to it */
}

/* Puts the filter in force. An errno, or 0. */
static int load(struct filter *f)
{
    int rc = f->error ? 0 : seccomp_load(f->ctx);
    if (f->ctx)
        seccomp_release(f->ctx);
    return f->error ? f->error : -rc;
}

enum err filter_install(const char *const *more, int kill, char report[JAIL_REPORT_MAX])
{
    struct filter f, quiet;
    if (JAIL_SANITIZED) {
        snprintf(report, JAIL_REPORT_MAX, "seccomp is left off under a sanitizer");
        return ERR_UNAVAILABLE;
    }
    begin(&f, kill ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ERRNO(ENOSYS));
    fill(&f, more, kill);
    int error = load(&f);
    if (!error && !kill) {
        begin(&quiet, SCMP_ACT_ALLOW);
        fill_quiet(&quiet);
        error = load(&quiet);
    }
    if (error) {
        snprintf(report, JAIL_REPORT_MAX, "seccomp is refused: %s", strerror(error));
        return ERR_UNAVAILABLE;
    }
    snprintf(report, JAIL_REPORT_MAX, "seccomp: %u rules, others %s", f.n_calls, kill ? "end the process" : "fail");
    return ERR_OK;
}
