/* What the files of accounts share, and links.c. */
#ifndef RB_FCGI_SERVICE_ACCOUNTS_INSIDE_H
#define RB_FCGI_SERVICE_ACCOUNTS_INSIDE_H

#include "fcgi/service/accounts.h"

#define ACCOUNTS_KEY_SIZE (sizeof(DOCS_USER_PREFIX) + AUTH_NAME_SIZE - 1)
#define ACCOUNTS_PAGE_MAX 200u

/* The key of an account's document. */
void accounts_key(const char *name, char out[ACCOUNTS_KEY_SIZE]);

/* Takes a place among the ACCOUNTS_HASHES; ERR_UNAVAILABLE after wait_ms, or at once when ACCOUNTS_WAITING_MAX wait. After ERR_OK: accounts_gate_leave(). */
enum err accounts_gate_enter(struct accounts_gate *g, unsigned wait_ms) MUST_CHECK;
void accounts_gate_leave(struct accounts_gate *g);
/* password_hash() and password_verify() behind the gate. ERR_UNAVAILABLE and their errors. */
enum err accounts_hash(struct worker *w, const char *password, size_t len, char out[PASSWORD_HASH_SIZE]) MUST_CHECK;
enum err accounts_check_hash(struct worker *w, const char *hash, const char *password, size_t len) MUST_CHECK;

/* A password that somebody chose, judged and hashed. ERR_INVALID with *detail; errors of accounts_hash(). */
enum err accounts_choose(
    struct worker *w, const char *name, const char *password, size_t len, char out[PASSWORD_HASH_SIZE], const char **detail) MUST_CHECK;

#endif
