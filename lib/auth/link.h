/* Share links: a text that opens one course to whoever holds it, until it expires. HMAC-SHA256 with one of two live keys, so that keys can be changed without
 * breaking the links of yesterday.
 *
 *   l1.<key id: 8 hex>.<link id: 16 hex>.<expiry: unix seconds>.<43 characters of base64url>
 *
 * The MAC is over the fields "l1", method, course key, record id or "", expiry, key id, link id, each behind its length as a 64-bit big-endian number, so that no
 * two different sets of fields have one input. Course and record do not stand in the text: they are in the document sys/link/<link id>. */
#ifndef RB_LIB_AUTH_LINK_H
#define RB_LIB_AUTH_LINK_H

#include "lib/auth/role.h"
#include "lib/base/hash.h"

#define LINK_KEYS_MAX 2
#define LINK_KEY_ID_SIZE 9
#define LINK_TEXT_SIZE 96                        /* the longest text and NUL */
#define LINK_LIFE_MAX_S UINT64_C(31622400)       /* 366 days */
#define LINK_EXPIRY_MAX_S UINT64_C(253402300799) /* the last second of the year 9999 */

struct link_key {
    char id[LINK_KEY_ID_SIZE]; /* 8 lower-case hex digits */
    uint8_t bytes[HASH_SIZE];
};
/* The first one signs; all of them open. */
struct link_keys {
    size_t n;
    struct link_key key[LINK_KEYS_MAX];
};

/* What a link is for. */
struct link_claim {
    const char *method; /* "GET" (HEAD is asked for as GET) */
    const char *course; /* the course's key */
    const char *record; /* a record's id, or "": always the newest */
};

/* What its text says by itself. */
struct link_text {
    char key_id[LINK_KEY_ID_SIZE];
    char id[AUTH_ID_SIZE];
    uint64_t expiry_s;
    uint8_t mac[HASH_SIZE];
};

/* A key drawn anew. */
void link_key_new(struct link_key *out);
/* Writes the text of a link. id: 16 hex digits. ERR_INVALID: no key, or an expiry that is not after now_s and within LINK_LIFE_MAX_S of it. */
enum err link_make(const struct link_keys *keys, const struct link_claim *claim, const char *id, uint64_t expiry_s, uint64_t now_s,
    char out[LINK_TEXT_SIZE]) MUST_CHECK;
/* Takes a text of len bytes apart, in its one spelling. ERR_DENIED. Nothing is proved yet. */
enum err link_parse(const char *text, size_t len, struct link_text *out) MUST_CHECK;
/* ERR_OK when one of our keys made this text for just this claim and it has not expired; else ERR_DENIED, whatever the reason. */
enum err link_check(const struct link_keys *keys, const struct link_text *text, const struct link_claim *claim, uint64_t now_s) MUST_CHECK;

#endif
