/* A course's history: a set of records that only grows, and the pure functions over it (protocol.md P2: "Current"). */
#ifndef RB_LIB_WIRE_HISTORY_H
#define RB_LIB_WIRE_HISTORY_H

#include "lib/wire/record.h"

#define HISTORY_RECORDS_MAX 100000u

struct history_entry {
    struct record record;
    int direct;           /* taken by STORE on the owner this came from, not copied */
    unsigned seen;        /* how many owners showed it; kept by history_add and history_merge */
    unsigned direct_seen; /* on how many of them it was direct */
};

struct history_view; /* what follows from the records, worked out when it is first asked for after a change */

/* Belongs to one thread at a time, also for reading. All zeroes is an empty history. */
struct history {
    struct history_entry *entries; /* sorted by stamp, oldest first; ids are unique */
    size_t n, cap;
    struct history_view *view; /* owned */
};

void history_init(struct history *h);
void history_release(struct history *h);
/* Adds a copy of r; when the id is there already only seen/direct_seen grow. ERR_NOMEM, ERR_TOO_LARGE past HISTORY_RECORDS_MAX. */
enum err history_add(struct history *h, const struct record *r, int direct) MUST_CHECK;
/* Adds all of `from`: seen and direct_seen are added up. On failure some may have been added. */
enum err history_merge(struct history *into, const struct history *from) MUST_CHECK;

/* The entry with this id, or NULL. */
const struct history_entry *history_find(const struct history *h, struct stamp id);
/* The newest entry of an upload id, or NULL. */
const struct history_entry *history_find_upload(const struct history *h, const char *upload);

/* The version that people mean by a number from 1 on or a record's id: its place in entries. ERR_NOT_FOUND when none that is shown is meant. */
enum err history_find_version(const struct history *h, const char *version, size_t *at) MUST_CHECK;

/* The current record: the one with the largest stamp that no tombstone of one version removed; a tombstone of everything there means "deleted" and is returned.
 * NULL for an empty history. Of several attempts of one upload only the newest counts (protocol.md P2, rule 4). */
const struct record *history_current(const struct history *h);
/* True when record i is a version whose bytes may still be read: not a tombstone, not covered by one, not a superseded attempt. */
int history_is_live(const struct history *h, size_t i);
/* True when a tombstone that erases (record.h) covers record i: nothing is to bring its bytes back. */
int history_is_erased(const struct history *h, size_t i);
/* True when record i is shown: everything but superseded attempts of one upload. */
int history_is_shown(const struct history *h, size_t i);
/* The version number of record i: its place among the shown ones, from 1. 0 when it is not shown. */
uint64_t history_version(const struct history *h, size_t i);
/* How many live versions there are. */
uint64_t history_live_count(const struct history *h);
/* SHA-256 over the sorted ids: equal sets have equal digests. */
void history_digest(const struct history *h, char out[HASH_HEX_SIZE]);

#endif
