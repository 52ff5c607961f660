/* Internal to lib/store: one command or script to Redis and its answer. The only header that shows hiredis. */
#ifndef RB_LIB_STORE_CALL_H
#define RB_LIB_STORE_CALL_H

#include "lib/store/conn.h"
#include "lib/store/script.h"

#include <hiredis/hiredis.h>

#define CALL_INLINE 20  /* arguments that need no heap */
#define CALL_NUMBERS 10 /* numbers that one call can hold */
#define CALL_ARGS_MAX 65536u

/* A command being put together. Arguments are borrowed until call_send; user data travels only as (pointer, length). */
struct call {
    const char **argv; /* inline_argv until it grows */
    size_t *lens;
    size_t n, cap;
    int lost; /* an argument could not be kept: call_send gives ERR_NOMEM */
    int is_script;
    enum script script;
    const char *run_id; /* NULL: to whom it may be; else only to the Redis process with this run_id (borrowed) */
    size_t n_numbers;
    const char *inline_argv[CALL_INLINE];
    size_t inline_lens[CALL_INLINE];
    char numbers[CALL_NUMBERS][21];
};

/* Starts a command by its word, or a script that has n_keys keys as its first arguments. */
void call_init(struct call *c, const char *command);
void call_init_script(struct call *c, enum script script, unsigned n_keys);

/* Appends an argument. */
void call_bytes(struct call *c, const void *data, size_t len);
void call_str(struct call *c, const char *text);
void call_u64(struct call *c, uint64_t number);

/* Sends it, waits for the answer and releases the call in every case. *out (freeReplyObject) has one of the two types wanted; anything else is
 * ERR_INTERNAL. Other errors as in conn.h; also ERR_NOMEM, and ERR_STALE_INDEX when the call is for another
 * Redis process: nothing was sent. `other` may repeat `type`. */
enum err call_send(struct store *s, struct call *c, int type, int other, redisReply **out) MUST_CHECK;
/* Sends n calls of one script in one go and waits for all answers, each of the type; releases the calls in every case. out: n places, all filled after ERR_OK. The first
 * error counts; what the others did is not known then. */
enum err call_send_all(struct store *s, struct call *const *calls, size_t n, int type, redisReply **out) MUST_CHECK;
/* Releases a call that is not sent. */
void call_release(struct call *c);

/* Copies a string answer into a fixed array, NUL-terminated. ERR_INTERNAL when it is no string or does not fit. */
enum err call_copy(const redisReply *r, char *out, size_t size) MUST_CHECK;
/* Reads an integer or a string of digits. ERR_INTERNAL. */
enum err call_number(const redisReply *r, uint64_t *out) MUST_CHECK;

#endif
