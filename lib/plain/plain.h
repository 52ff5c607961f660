/* The line protocol of the index and of peers: messages out of bytes that arrive in any cut, commands out of messages, answers. Pure.
 *
 * Both forms carry the same commands. Lines: one command a line, ended by LF or CR LF. Pickles: one pickle a message (pickle.h), one behind the other. The first byte of a
 * connection tells which; it is never changed afterwards. docs/plain.md has the whole protocol. */
#ifndef RB_LIB_PLAIN_PLAIN_H
#define RB_LIB_PLAIN_PLAIN_H

#include "lib/plain/pickle.h"

#define PLAIN_LINE_MAX 4096u                   /* bytes of a line without its end */
#define PLAIN_PIECE_MAX 16384u                 /* bytes given to plain_feed() at once */
#define PLAIN_IN_MAX (PLAIN_PIECE_MAX + 8192u) /* bytes waiting: a message that is not whole yet, and one piece */
#define PLAIN_ID_MAX INT32_MAX                 /* ids of peers are 0 to this */
#define PLAIN_NOBODY (-1)                      /* instead of an id: a peer that has none yet */

enum plain_form { PLAIN_UNKNOWN, PLAIN_LINES, PLAIN_PICKLES };

/* What one connection said and nobody took yet. */
struct plain {
    enum plain_form form;
    struct buf in;
    size_t at; /* bytes of `in` that were taken */
};

void plain_init(struct plain *p);
void plain_release(struct plain *p);

/* Appends n bytes (at most PLAIN_PIECE_MAX, after plain_next() found nothing more). The first one decides the form. ERR_NOMEM. Whatever plain_next() gave is void. */
enum err plain_feed(struct plain *p, const void *bytes, size_t n) MUST_CHECK;

/* Takes the next whole message: ERR_OK and *out, borrowed until the next plain_feed(); a line is a PICKLE_TEXT. ERR_NOT_FOUND: none is whole yet. ERR_TOO_LARGE: it is longer than
 * a message may be. ERR_SYNTAX: no UTF-8, a NUL, or no pickle of ours. After these two nothing more can be made of the connection. */
enum err plain_next(struct plain *p, struct pickle *out) MUST_CHECK;
/* How many bytes of a message that is not whole are waiting: 0 between two messages. */
size_t plain_half(const struct plain *p);

enum plain_word { PLAIN_REGISTER, PLAIN_SEARCH, PLAIN_OBTAIN, PLAIN_LISTEN, PLAIN_DONE, PLAIN_EXIT };

struct plain_command {
    enum plain_word word;
    int32_t id;       /* of REGISTER, SEARCH, OBTAIN, LISTEN: the peer's, or PLAIN_NOBODY */
    const char *name; /* of REGISTER, SEARCH, OBTAIN: all behind the second colon, colons too; borrowed from the text, not NUL-terminated */
    size_t name_len;
    uint16_t port; /* of LISTEN; 0: nowhere */
};

/* REGISTER:<id>:<name>, SEARCH:<id>:<name>, OBTAIN:<id>:<name>, LISTEN:<id>:<port>, DONE, EXIT: in just this spelling. Whether the name can be a shared file's is looked
 * at elsewhere. ERR_SYNTAX: an unknown word. ERR_INVALID: a known one, and behind it no id, no name or no port. */
enum err plain_command(const char *text, size_t len, struct plain_command *out) MUST_CHECK;

/* Append an answer in the connection's form (PLAIN_UNKNOWN: as lines). ERR_NOMEM: out is unchanged. */
enum err plain_say(struct buf *out, enum plain_form form, const char *text) MUST_CHECK;
enum err plain_say_id(struct buf *out, enum plain_form form, int32_t id) MUST_CHECK;

#endif
