/* The jail: what a process gives up for good before it reads its first byte from outside. No capabilities, no new privileges, no core file; only its own folders
 * and ports (Landlock); only the system calls that it needs (seccomp). README.md says what that stops and what it does not. */
#ifndef RB_LIB_JAIL_JAIL_H
#define RB_LIB_JAIL_JAIL_H

#include "lib/base/err.h"

#include <stddef.h>
#include <stdint.h>

#define JAIL_HELP                                                                                                                    \
    "on; or words with commas between: strict (do not start without it), kill (an unknown system call ends the process), traceable " \
    "(debuggers may "                                                                                                                \
    "attach), no-seccomp, no-landlock; or off"
#define JAIL_ENV "RB_JAIL"

/* What may be done with a file, or with all below a folder. */
enum jail_use {
    JAIL_READ,   /* read files, list folders */
    JAIL_OWN,    /* and write, make, rename and remove them; no devices, pipes, sockets or links by name */
    JAIL_SOCKET, /* make a socket in this folder, and remove it */
};

struct jail_place {
    const char *path; /* NULL or not there: gives nothing */
    enum jail_use use;
};

/* What a program needs besides what every one does (libc, the name service, the time zone). All is borrowed for the call. */
struct jail {
    const char *words; /* of --jail, as jail_words_check() took them */
    const struct jail_place *places;
    size_t n_places;
    const char *listen;    /* ADDR:PORT: may be bound; unix:PATH: may be made; anything else gives nothing; NULL: none */
    const uint64_t *ports; /* more TCP ports that may be bound; zeros are left out */
    size_t n_ports;
    const char *const *calls; /* system calls beyond lib/jail/calls.c; NULL ends it; NULL: none */
};

/* ERR_SYNTAX when `words` are not of JAIL_HELP. */
enum err jail_words_check(const char *words) MUST_CHECK;

/* Goes in, and writes to the log what is in force and what the kernel lacks. Before the first thread: only the calling thread goes in, and what it starts from then on. It cannot be
 * undone. What a kernel lacks is done without, unless `strict`: then ERR_DENIED. ERR_SYNTAX: the words. */
enum err jail_enter(const struct jail *j) MUST_CHECK;

#endif
