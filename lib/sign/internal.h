/* What the files of lib/sign share: the bytes that go under a MAC, and a strict reader of "name=value, name=value". */
#ifndef RB_LIB_SIGN_INTERNAL_H
#define RB_LIB_SIGN_INTERNAL_H

#include "lib/sign/sign.h"

#include <stddef.h>
#include <stdint.h>

/* The longest path that can be signed is 8 KiB; everything else under a MAC is short. */
#define MAC_INPUT_MAX 10240u

/* The bytes under one MAC: a purpose and fields, each behind its length, so that no two lists of fields give the same bytes
 * and a MAC made for one purpose never fits another. */
struct mac_input {
    uint8_t bytes[MAC_INPUT_MAX];
    size_t len;
    int overflow;
};

/* Starts an input for one purpose ("request", "clock", "capability"). */
void mac_start(struct mac_input *m, const char *purpose);
void mac_add(struct mac_input *m, const char *field);
void mac_add_u64(struct mac_input *m, uint64_t value);
/* ERR_INVALID when the fields did not fit; out is untouched then. */
enum err mac_end(const struct mac_input *m, const struct sign_key *key, uint8_t out[HASH_SIZE]) MUST_CHECK;

/* Reads `name` and "=" at *at, then the value up to the next ", " or the end into out (size bytes with NUL), and moves *at behind it. `last`: the text must end
 * there; otherwise ", " must follow. ERR_AUTH for anything else, also an empty value. */
enum err field_read(const char **at, const char *name, int last, char *out, size_t size) MUST_CHECK;
/* The same for a number. */
enum err field_read_u64(const char **at, const char *name, int last, uint64_t *out) MUST_CHECK;
/* The same for a MAC in hex. */
enum err field_read_mac(const char **at, const char *name, int last, uint8_t out[HASH_SIZE]) MUST_CHECK;

/* Remembers a nonce (32 hex digits, checked before) of a request signed at time_ms. ERR_AUTH: it was used. ERR_CLOCK: so old that it may
 * have been forgotten. ERR_UNAVAILABLE: the table is full. */
enum err nonces_use(struct sign_nonces *n, const char *nonce, uint64_t time_ms, uint64_t now_ms) MUST_CHECK;

#endif
