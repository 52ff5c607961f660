/* What the files of accounts share, and links.c. */
#ifndef RB_FCGI_SERVICE_ACCOUNTS_INSIDE_H
#define RB_FCGI_SERVICE_ACCOUNTS_INSIDE_H

#include "fcgi/service/accounts.h"

#define ACCOUNTS_KEY_SIZE (sizeof(DOCS_USER_PREFIX) + AUTH_NAME_SIZE - 1)
#define ACCOUNTS_PAGE_MAX 200u

/* The key of an account's document. */
void accounts_key(const char *name, char out[ACCOUNTS_KEY_SIZE]);

/* A password that somebody chose, judged and hashed. ERR_INVALID with *detail; errors of hasher_hash(). */
enum err accounts_choose(
    struct worker *w, const char *name, const char *password, size_t len, char out[PASSWORD_HASH_SIZE], const char **detail) MUST_CHECK;

#endif
