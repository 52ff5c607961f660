/* What the files of lib/jail share. */
#ifndef RB_LIB_JAIL_INTERNAL_H
#define RB_LIB_JAIL_INTERNAL_H

#include "lib/jail/jail.h"

/* Sanitizers map and unmap as they like, read /proc and start a symbolizer: seccomp is left off under them. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define JAIL_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define JAIL_SANITIZED 1
#endif
#endif
#ifndef JAIL_SANITIZED
#define JAIL_SANITIZED 0
#endif

#define JAIL_REPORT_MAX 160

/* ---- process.c */

/* No core file, no new privileges, no capabilities; with `hide`, no debugger and no look at its memory by others of the same user. ERR_DENIED when the kernel will not promise "no new
 * privileges": then neither Landlock nor seccomp can be had. */
enum err process_give_up(int hide) MUST_CHECK;

/* ---- places.c: Landlock */

/* Allows what `j` and every program need, nothing else. Says into report what is in force, or why nothing is. ERR_UNAVAILABLE: the kernel has no Landlock that fits. */
enum err places_close(const struct jail *j, char report[JAIL_REPORT_MAX]) MUST_CHECK;

/* ---- landlock.c: the three system calls, for which glibc has no names */

/* The kernel's ABI, 0 when it has none or it is switched off. */
int landlock_abi(void);
/* A rule set that knows as much as the ABI can. The descriptor; -1 and errno. */
int landlock_new(int abi);
/* Allows `use` below path. 0; -1 and errno (ENOENT: it is not there). */
int landlock_allow_path(int set, int abi, const char *path, enum jail_use use);
/* Allows to bind a TCP port. 0; -1 and errno; nothing to do below ABI 4. */
int landlock_allow_port(int set, int abi, uint64_t port);
/* The calling thread lives by the rules from here on. 0; -1 and errno. */
int landlock_enforce(int set);

/* ---- calls.c: the table of system calls */

struct call_rule {
    const char *name;
    struct {
        unsigned number;     /* of the argument, from 0 */
        uint64_t mask, want; /* allowed when (argument & mask) == want */
    } args[2];
    unsigned n_args;
};

/* Always allowed. NULL ends it. */
extern const char *const calls_allowed[];
/* Allowed with these arguments only; several rows of one name: any of them. A row without a name ends it. */
extern const struct call_rule calls_bounded[];
/* Only an intruder asks for these: the process ends at once. NULL ends it. */
extern const char *const calls_fatal[];
/* What libraries try first and do without when the kernel says that it has no such call. NULL ends it. */
extern const char *const calls_absent[];

/* ---- filter.c: seccomp */

/* Installs the filter of calls.c and `more` (NULL ends it; may be NULL). Other calls fail with ENOSYS or, with `kill`, end the process. Says into report what is in force, or why
 * nothing is: ERR_UNAVAILABLE. */
enum err filter_install(const char *const *more, int kill, char report[JAIL_REPORT_MAX]) MUST_CHECK;

#endif
