/* What the index has besides courses: reserved keys, what belongs to whom, how many bytes. Derived from the records by lua/index_add.lua, so it is cleared and rebuilt with the index,
 * and believed no longer (ERR_STALE_INDEX everywhere, mark.h).
 *
 * rb:sys           zset   score 0, member <key>                             reserved keys "sys/…" whose current record is no tombstone
 * rb:u:<user>      zset   score 0, member <key>\0<record id>                every record whose uploader that is
 * rb:bytes         hash   uploader → bytes of the versions that they uploaded; "" → of all. A version counts, under whatever key, until its course is purged, or until SYS_GONE_MS
 *                         after a tombstone of its own (at once when that erases); one that was restored counts twice
 * rb:gone          zset   score unix ms of a tombstone of one version, or 0; member <key>\0<record id of the version>      what still has to be taken off
 * rb:flight        hash   hold id → "<until> <bytes> <user>"                 uploads under way (may be lost)
 * rb:use:<what>    string last uses and counts with a time to live (may be lost) */
#ifndef RB_LIB_STORE_SYS_H
#define RB_LIB_STORE_SYS_H

#include "lib/base/stamp.h"
#include "lib/store/index.h"

#define SYS_KEYS_MAX 1000u
#define SYS_GONE_MS (UINT64_C(30) * 86400u * 1000u) /* RB_PURGE_AFTER_H as installed */

/* A page of texts in order of their bytes. */
struct sys_page {
    char **items; /* owned: sys_page_release */
    size_t n;
    int more;
};
void sys_page_release(struct sys_page *p);

/* Keys that begin with prefix ("sys/…"), behind after ("": from the first); at most limit of them (1 … SYS_KEYS_MAX). ERR_STALE_INDEX and those of conn.h. */
enum err sys_list(struct store *s, const char *prefix, const char *after, unsigned limit, struct sys_page *out) MUST_CHECK;

struct sys_place {
    char *key; /* owned by the page */
    struct stamp record;
};
struct sys_places {
    struct sys_place *items; /* owned: sys_places_release */
    size_t n;
    int more;
};
void sys_places_release(struct sys_places *p);
/* The records that an account uploaded, by key and then oldest first, of keys that begin with prefix (""= all), behind the place (after_key, after): key "" = from the first. */
enum err sys_by(struct store *s, const char *user, const char *prefix, const char *after_key, struct stamp after, unsigned limit,
    struct sys_places *out) MUST_CHECK;

/* ---- bytes */

struct sys_bytes {
    uint64_t user, all;               /* stored */
    uint64_t user_flight, all_flight; /* under way */
};
enum err sys_bytes(struct store *s, const char *user, struct sys_bytes *out) MUST_CHECK;
/* Notes an upload under way, in one step with the look at what is there: refused (ERR_FULL) when bytes stored, under way and these would be more than a limit (UINT64_MAX: none).
 * *whose: 'u' the user's limit, 'a' the one of all. user "": only the limit of all counts. The hold ends by itself after hold_s. */
enum err sys_flight_begin(struct store *s, const char *id, const char *user, uint64_t bytes, uint64_t user_limit, uint64_t all_limit,
    unsigned hold_s, char *whose) MUST_CHECK;
enum err sys_flight_end(struct store *s, const char *id) MUST_CHECK;

/* ---- counts and last uses, which may be lost; no mark is looked at */

/* Notes the time (Redis' clock) of a use, unless one was noted within every_s; kept for kept_s. */
enum err sys_use(struct store *s, const char *what, unsigned every_s, unsigned kept_s) MUST_CHECK;
/* When it was noted, unix ms; 0: not known. */
enum err sys_used(struct store *s, const char *what, uint64_t *at_ms) MUST_CHECK;
/* Counts up to a limit, in one step: ERR_FULL when it is reached. Kept for kept_s from the last count. */
enum err sys_count(struct store *s, const char *what, uint64_t limit, unsigned kept_s, uint64_t *count) MUST_CHECK;
enum err sys_counted(struct store *s, const char *what, uint64_t *count) MUST_CHECK;

#endif
