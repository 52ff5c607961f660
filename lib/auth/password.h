/* Passwords: what is a fit one, and its hash (argon2id, RFC 9106). The only home of libsodium. */
#ifndef RB_LIB_AUTH_PASSWORD_H
#define RB_LIB_AUTH_PASSWORD_H

#include "lib/base/err.h"

#include <stddef.h>

#define PASSWORD_CHARS_MIN 8
#define PASSWORD_BYTES_MAX 1024
#define PASSWORD_HASH_SIZE 128          /* text of a hash and NUL (crypto_pwhash_STRBYTES) */
#define PASSWORD_MEMORY_BYTES 19922944u /* 19 MiB: each hash being computed takes so much, and 20 to 30 ms of a processor */
#define PASSWORD_PASSES 2u

/* Hashes len bytes, as they are, with a fresh salt. Takes PASSWORD_MEMORY_BYTES: the caller lets few run at once. ERR_INVALID above
 * PASSWORD_BYTES_MAX, ERR_NOMEM. */
enum err password_hash(const char *password, size_t len, char out[PASSWORD_HASH_SIZE]) MUST_CHECK;
/* ERR_OK when the password fits the hash, else ERR_AUTH; ERR_NOMEM. hash NULL, "", or no argon2id of ours: the same work is done, and ERR_AUTH comes out, so that the time
 * does not tell which names exist. So does a password that is too long, which is not hashed whole. */
enum err password_verify(const char *hash, const char *password, size_t len) MUST_CHECK;
/* True when the hash was made with other cost than today's: hash anew at the next sign-in. */
int password_stale(const char *hash);
/* True when the text may be an account's hash: argon2id with one lane, whose passes and memory are at most 4 times today's. Cheaper ones are stale, but good. */
int password_hash_ok(const char *hash);

/* The passwords that too many people have, from a text: the words of 8 to 64 bytes that stand between white space, commas and quotes. 8 bytes of memory a word. */
struct password_list;
#define PASSWORD_LIST_BYTES_MAX (16u << 20)
#define PASSWORD_LIST_WORDS_MAX (1u << 20)
/* Where Debian's python3-zxcvbn keeps 11,600 frequent passwords of at least 8 bytes, most frequent first, and the most frequent names and words of English. */
#define PASSWORD_LIST_FILE "/usr/lib/python3/dist-packages/zxcvbn/frequency_lists.py"
/* ERR_TOO_LARGE, ERR_NOMEM. */
enum err password_list_new(const char *text, size_t len, struct password_list **out) MUST_CHECK;
void password_list_free(struct password_list *list); /* NULL is fine */
size_t password_list_count(const struct password_list *list);

enum password_fault {
    PASSWORD_FINE,
    PASSWORD_TEXT,   /* not UTF-8, or with control characters */
    PASSWORD_SHORT,  /* fewer than PASSWORD_CHARS_MIN characters */
    PASSWORD_LONG,   /* more than PASSWORD_BYTES_MAX bytes */
    PASSWORD_COMMON, /* in the list, among the few that are built in, or made of one short piece or one run of the keyboard */
    PASSWORD_NAME    /* little more than the account's name */
};
/* Judges a new password (never one at sign-in). list may be NULL: then only what is built in counts. Upper and lower case are one here. */
enum password_fault password_check(const char *password, size_t len, const char *name, const struct password_list *list) MUST_CHECK;
/* One English sentence for the person, without a full stop. */
const char *password_fault_text(enum password_fault f);

#endif
