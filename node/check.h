/* Looking at a node's folder without the network; the node may be running. */
#ifndef RB_NODE_CHECK_H
#define RB_NODE_CHECK_H

#include "lib/base/err.h"

/* Prints "sha256 path offset length" for each stored blob, path as seen from here. ERR_NOT_FOUND, ERR_IO. */
enum err check_list_blobs(const char *data) MUST_CHECK;
/* Says on standard output whether all is well: the database is whole and this node's, and each live record's blob is here with its size and hash. Changes
 * nothing. *wrong is how many things are not well, one line each. ERR_*: it could not look. */
enum err check_folder(const char *data, unsigned long *wrong) MUST_CHECK;

#endif
