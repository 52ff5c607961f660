/* What verify.c and verify_put.c share. */
#ifndef RB_NODE_VERIFY_INSIDE_H
#define RB_NODE_VERIFY_INSIDE_H

#include "node/verify.h"

/* Where the blobs are; borrowed. */
struct blobs *verify_blobs(const struct verify *v);
/* Remembers a check that was just made, here and soon in the database. sha256 is the hash's bytes. */
void verify_note(struct verify *v, const uint8_t *sha256, const struct stat *st);

#endif
