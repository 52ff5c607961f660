/* A frame: a JSON head and bytes behind it in one body, so that a small upload needs one round trip.
 * Layout: "RBF1", u32 big-endian length of the head, the head (JSON text), the bytes. */
#ifndef RB_LIB_WIRE_FRAME_H
#define RB_LIB_WIRE_FRAME_H

#include "lib/base/buf.h"

#define FRAME_HEAD_MAX (1u << 20)
#define FRAME_PREFIX 8

/* Appends the 8-byte prefix and the head; the caller sends the bytes behind it. ERR_TOO_LARGE above FRAME_HEAD_MAX. */
enum err frame_head(struct buf *out, const char *head, size_t head_len) MUST_CHECK;
/* Splits a body into head and bytes, both borrowed from it. ERR_SYNTAX. */
enum err frame_split(const void *body, size_t len, const char **head, size_t *head_len, const void **bytes, size_t *bytes_len) MUST_CHECK;

#endif
