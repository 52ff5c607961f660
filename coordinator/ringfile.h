/* Ring documents in files: the founding one, and the last one a coordinator knew. */
#ifndef RB_COORDINATOR_RINGFILE_H
#define RB_COORDINATOR_RINGFILE_H

#include "lib/wire/ringdoc.h"

/* Reads one. ERR_NOT_FOUND, ERR_IO, ERR_SYNTAX, ERR_INVALID, ERR_NOMEM. */
enum err ringfile_read(const char *path, struct ringdoc **out) MUST_CHECK;
/* The last one known, in the folder of a coordinator. */
enum err ringfile_load(const char *data, struct ringdoc **out) MUST_CHECK;
enum err ringfile_save(const char *data, const struct ringdoc *d) MUST_CHECK;

/* Writes the founding document of a cluster, ring 1: k copies, on the nodes whose node.json files are named, with commas between them. Says what it did,
 * or why not. The same document again is fine; another one is refused. Exit code: 0, 1 failed or refused, 2 bad arguments. */
int ringfile_found(const char *path, uint64_t k, const char *node_files);

#endif
