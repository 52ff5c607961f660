/* Records that are stored but could not be added to the index: kept in memory, tried again each second. What is lost with this process, or when the list
 * overflows, comes back with the leader's next sweep over the owners: at the latest when Redis is back, or after RB_SWEEP_S. */
#ifndef RB_FCGI_SERVICE_REINDEX_H
#define RB_FCGI_SERVICE_REINDEX_H

#include "fcgi/service/app.h"
#include "lib/wire/record.h"

#define REINDEX_MAX 4096u /* records; then the oldest gives way, with a log line */

enum err reindex_start(struct app *a, struct index_retry **out) MUST_CHECK;
/* NULL is fine. What still waits is forgotten. */
void reindex_stop(struct index_retry *r);

/* Puts a copy on the list. Never fails: without memory the record is only logged. */
void reindex_add(struct index_retry *r, const struct record *record);
/* How many wait. */
size_t reindex_waiting(struct index_retry *r);

#endif
