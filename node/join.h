/* How a folder becomes a node's where the cluster's key is not at hand: by a join token, which an operator made (POST /api/v1/join-tokens) and which is good once.
 *
 * The token itself never travels. The joiner draws a claim, proves by an HMAC under the token's secret that it has the token, and gets its keys sealed under a key that
 * follows from secret and claim. DATA/join.json keeps the claim until all is on disk: whoever asks again with the same claim gets the same answer, so a
 * crash or a lost answer uses no second token, while nobody else can use this one. */
#ifndef RB_NODE_JOIN_H
#define RB_NODE_JOIN_H

#include "lib/base/err.h"

struct buf;

#define JOIN_WHY_SIZE 512

/* Makes data the folder of the node that the token in token_file is for, asking the portal at url (http://HOST:PORT), and appends its identity to line. weight: its share. Done before:
 * only appends the line, and asks nobody. After a failure `why` is a sentence: ERR_DENIED: the file is not private, or the token is refused (expired, revoked, unknown);
 * ERR_CONFLICT: the token was used, or the folder is another node's; ERR_SYNTAX: it is no token; ERR_NOT_FOUND; ERR_UNAVAILABLE: the portal cannot answer now;
 * ERR_AUTH: what answered does not know the token; ERR_IO, ERR_FULL, ERR_NOMEM. */
enum err join_folder(
    const char *data, const char *token_file, const char *url, unsigned weight, struct buf *line, char why[JOIN_WHY_SIZE]) MUST_CHECK;

#endif
