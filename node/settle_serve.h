/* The receiving side of settling (protocol.md P4.3): what a node does for the mover of a course, and what it says to a former owner. Each takes a request's JSON and makes
 * the answer's; handle_settle.c serves them to others, and the mover calls its own node's directly. All need {"ring", "doc"}: number and fingerprint of the document
 * in force (doc may be missing in holds).
 *
 *   list     {"order", "mover", "after", "limit"} → {"courses": [{"key", "records", "blobs": [{"sha256", "size"}]}], "next": key or null}
 *            the moving courses known here that fall to the mover, in the order of their keys; next: ask again with it as "after", null = that was all
 *   blobs    {"blobs": [{"key", "sha256", "size"}], "from"?} → {"lack": [sha256…], "lost": [sha256…], "copied", "bytes"}
 *            fetches what is not here, from the node `from` first, then from the course's owners; lack: not had this time, ask again; lost: no living owner has it
 *   prepare  {"items": [message…]} → {"answers": [message answer…]}        both as lib/wire/message.h, one transaction
 *   accept   {"items": [message…]} → {"answers": [message answer…]}        blobs first: what `known` and values name is fetched; one that nobody has becomes a need
 *   holds    {"items": [{"key", "digest"} or {"key", "ids": [stamp…]}]} → {"holds": [bool…], "rows": [bool…], "promised": [stamp…]}
 *            whether all those records are here and every blob of theirs that is to be kept is here and verified; whether there is a row of the course at all; and the largest stamp promised or accepted
 *
 * Errors of all: ERR_SYNTAX; ERR_STALE_RING (another document is in force here); ERR_CONFLICT (it is not joint, where it has to be); ERR_UNAVAILABLE, ERR_IO, ERR_FULL, ERR_NOMEM,
 * ERR_CORRUPT. *out is the caller's. */
#ifndef RB_NODE_SETTLE_SERVE_H
#define RB_NODE_SETTLE_SERVE_H

#include "lib/wire/json.h"
#include "node/node.h"

#define SETTLE_COURSES_MAX 256 /* in one message */
#define SETTLE_LIST_BYTES (1u << 20)
#define SETTLE_VISITS_MAX 20000 /* rows that one list looks at */
#define SETTLE_BLOBS_MS 8000u   /* after so long a request for blobs says what it has; one blob alone may take longer */

enum err settle_serve_list(struct node *n, const struct json *in, struct json **out) MUST_CHECK;
enum err settle_serve_blobs(struct node *n, const struct json *in, struct json **out) MUST_CHECK;
enum err settle_serve_prepare(struct node *n, const struct json *in, struct json **out) MUST_CHECK;
enum err settle_serve_accept(struct node *n, const struct json *in, struct json **out) MUST_CHECK;
enum err settle_serve_holds(struct node *n, const struct json *in, struct json **out) MUST_CHECK;

/* The document that a request names, held when it is the one in force; asks the coordinators when the sender's is newer. ERR_SYNTAX, ERR_STALE_RING. */
enum err settle_hold_ring(struct node *n, const struct json *in, struct ledger_ring **out) MUST_CHECK;
/* Sets wanted[i] for the entries whose blobs are to be kept, and so to be copied: all but what was deleted long ago. wanted has room for h->n. */
void settle_wanted(const struct node *n, const struct history *h, unsigned char *wanted);

#endif
