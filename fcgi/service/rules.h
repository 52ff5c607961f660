/* The settings of the cluster (sys/settings), which every request needs. */
#ifndef RB_FCGI_SERVICE_RULES_H
#define RB_FCGI_SERVICE_RULES_H

#include "fcgi/service/sysdoc.h"

#define RULES_FRESH_MS 1000u   /* for so long what was read is used again: so late a change comes to other apis at worst */
#define RULES_STALE_MS 600000u /* for so long what was read is used when nobody can be asked */

struct rules_keeper;                  /* thread-safe: the last settings that were read */
struct rules_keeper *rules_new(void); /* NULL when out of memory */
void rules_free(struct rules_keeper *k);

/* The settings now; as installed (docs_settings_default) where nobody has changed any. ERR_UNAVAILABLE: nobody can be asked, and what was known is older than RULES_STALE_MS: never
 * is somebody let in for want of an answer. ERR_INVALID: written by a newer program. */
enum err rules_read(struct worker *w, struct docs_settings *out) MUST_CHECK;
/* With the record for rules_write (zero: nobody has changed any yet), asked anew. */
enum err rules_read_now(struct worker *w, struct docs_settings *out, struct stamp *record) MUST_CHECK;
/* Writes them. base: as read, zero where there were none. ERR_CONFLICT and the other errors of sysdoc_write(). This process uses them at once. */
enum err rules_write(struct worker *w, const struct docs_settings *s, struct stamp base, const char *by, struct stamp *record) MUST_CHECK;

#endif
