/* The JSON shapes that more than one answer has (fcgi/openapi.json: Record, Owner). */
#ifndef RB_FCGI_HANDLER_SHAPES_H
#define RB_FCGI_HANDLER_SHAPES_H

#include "fcgi/service/read.h"

/* A record as clients see it. version: 0 = not known (the index is away), shown as null. live: its bytes may be read. copies: an array of shapes_copy(), taken. */
struct json *shapes_record(const struct record *r, uint64_t version, int live, struct json *copies);

/* Appends {"node", "name", "state"} to copies when the node has the bytes on disk; other states say something about owners, not about copies. */
void shapes_add_copy(struct json *copies, const char *node, const char *name, enum blob_state state);

/* One owner of a course; a verified_at of 0 is shown as null. */
struct json *shapes_owner(const struct course_owner *o);

/* {"node", "name", "zone"} of a member of the ring. */
struct json *shapes_node(const struct ring_member *m);

/* A place on the ring: 16 hex digits. */
#define SHAPES_POINT_SIZE 17
void shapes_point(uint64_t point, char out[SHAPES_POINT_SIZE]);

/* Sets an RFC 3339 time, null for 0. */
void shapes_set_time(struct json *object, const char *key, uint64_t unix_ms);

#endif
