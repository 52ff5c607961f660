/* What a running api may do: its table of places, ports and system calls (lib/jail). */
#ifndef RB_FCGI_CONFINE_H
#define RB_FCGI_CONFINE_H

#include "lib/base/err.h"
#include "lib/tls/tls.h"

/* What the table is made of: paths and an address, borrowed for the call; NULL where there is none. */
struct confine_settings {
    const char *words;  /* of --jail */
    const char *data;   /* its folder; it is made when it is missing */
    const char *listen; /* unix:PATH or ADDRESS:PORT */
    const char *key, *redis_password_file;
    struct tls_files tls;
};

/* Shuts this process in for good, before its first thread. ERR_DENIED: `strict` and the kernel lacks something. */
enum err confine_api(const struct confine_settings *s) MUST_CHECK;

#endif
