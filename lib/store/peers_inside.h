/* What the files of the index of peers share: names as words, the keys that entries are found by, and answers of lua/peers_rows.lua as rows. */
#ifndef RB_LIB_STORE_PEERS_INSIDE_H
#define RB_LIB_STORE_PEERS_INSIDE_H

#include "lib/store/call.h"
#include "lib/store/peers.h"

#define PEERS_NAME_HASH_SIZE 8
#define PEERS_FOLD_MAX \
    48 /* bytes of a name's words run together that its key has: with the 13 behind them, what Redis keeps small (zset-max-listpack-value) */
#define PEERS_MIDDLE_MAX 24 /* bytes of a key that begins at a later word */
#define PEERS_NAMES_TREE "rb:p2:n"
#define PEERS_MIDDLE_TREE "rb:p2:w"
#define PEERS_NUMBERS_KEY "rb:p2:numbers"
#define PEERS_NODES_KEY "rb:nodes"

/* The words of a text (name_words): folded to one case, without accents, split at whatever is neither letter nor digit. */
struct peers_words {
    struct buf fold; /* all of them run together */
    size_t *starts;  /* where each begins in fold; n + 1 of them, the last is the end */
    size_t n, cap;
};
/* ERR_INVALID: not UTF-8; ERR_NOMEM. peers_words_release in every case. */
enum err peers_words_init(struct peers_words *w, const char *text) MUST_CHECK;
void peers_words_release(struct peers_words *w);
/* Word i, and its length; it does not end with a NUL. */
const char *peers_word(const struct peers_words *w, size_t i, size_t *len);
/* Appends the key of the name from word i on, at most PEERS_MIDDLE_MAX bytes, words parted by spaces. */
enum err peers_words_middle(const struct peers_words *w, size_t i, struct buf *out) MUST_CHECK;

/* What the scripts need to know of a name. */
struct peers_keys {
    uint8_t name_hash[PEERS_NAME_HASH_SIZE];
    struct buf keys; /* the whole name's key, then those of its later words, each with a NUL behind it */
};
/* peers_keys_release in every case. */
enum err peers_keys_init(struct peers_keys *k, const char *name) MUST_CHECK;
void peers_keys_release(struct peers_keys *k);
void peers_name_hash(const char *name, uint8_t out[PEERS_NAME_HASH_SIZE]);

/* An answer of lua/peers_rows.lua. */
struct peers_answer {
    redisReply *reply;
    const redisReply *last; /* where the walk goes on after; empty at its end */
    size_t effort;          /* what the walk cost, in records read */
    size_t n_rows, n_peers;
    struct peers_told *peers; /* whoever holds something in these rows */
};
/* A peer as an answer tells it; its facts are read when they are first asked for, once for all rows. */
struct peers_told {
    uint64_t number;
    redisReply *const *parts;
    int is_read;
    enum peers_state state;
    struct peers_holder holder; /* file is NULL */
};
/* Starts a call of it. */
void peers_rows_call(struct call *c, const char *what, const char *exclude);
/* Sends it. ERR_STALE_INDEX; other errors as in conn.h. peers_answer_release when ERR_OK. */
enum err peers_rows_send(struct store *s, struct call *c, struct peers_answer *out) MUST_CHECK;
void peers_answer_release(struct peers_answer *a);
/* The i-th row as it stands: its member ("" when it was not a walk), and how many entries. */
const redisReply *peers_answer_row(const struct peers_answer *a, size_t i);
/* One entry of a row: the peer's number, and its record cut into parts; name is borrowed. */
struct peers_entry {
    uint64_t number, size, mtime_ms;
    char sha256[HASH_HEX_SIZE];
    const char *name;
};
size_t peers_row_entries(const redisReply *row);
enum err peers_row_entry(const redisReply *row, size_t i, struct peers_entry *out) MUST_CHECK;
/* The row made whole, with its holders by their number; named after its first entry. state (or NULL) gets that of the first holder. ERR_NOT_FOUND: it has no entry. */
enum err peers_answer_take(const struct peers_answer *a, size_t i, struct peers_row *out, enum peers_state *state) MUST_CHECK;
/* A node's facts; 0 when they cannot be read. */
int peers_read_facts(const redisReply *text, struct member *out);

#endif
