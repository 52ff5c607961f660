/* Media types of uploaded bytes: what they are, and whether what was claimed is true. The only home of libmagic. */
#ifndef RB_FCGI_SERVICE_TYPE_H
#define RB_FCGI_SERVICE_TYPE_H

#include "lib/base/arena.h"
#include "lib/base/err.h"

#include <stddef.h>

struct type_sniffer; /* one libmagic handle behind a lock: each costs 16 MiB resident, and a look at a file about half a millisecond */

#define TYPE_HEAD_BYTES 65536u /* how much of a file's beginning is wanted */

/* Loads the database. ERR_IO with a log line when it is not there. */
enum err type_sniffer_new(struct type_sniffer **out) MUST_CHECK;
void type_sniffer_free(struct type_sniffer *s);

/* Tells the type to store (static) from the first bytes of a file, at most TYPE_HEAD_BYTES. claimed: Content-Type without parameters, "" = none; filename: cleaned, "" = none.
 * ERR_TYPE when a claim is contradicted: *detail is then a sentence for people (arena). ERR_INTERNAL when libmagic fails (logged). */
enum err type_check(struct type_sniffer *s, const void *head, size_t n, const char *claimed, const char *filename, struct arena *arena,
    const char **type, const char **detail) MUST_CHECK;

#endif
