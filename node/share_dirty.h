/* Names below the shared folder that something happened to, and that wait until they have been quiet for a moment before they are looked at. One thread uses it. */
#ifndef RB_NODE_SHARE_DIRTY_H
#define RB_NODE_SHARE_DIRTY_H

#include "lib/wire/shared.h"

enum share_wait {
    SHARE_SOON,  /* closed, renamed, removed: what belongs together comes together */
    SHARE_QUIET, /* being written, or found as if it were */
    SHARE_LATER, /* could not be looked at: out of descriptors or memory */
    SHARE_WAITS
};
#define SHARE_SOON_MS 50u
#define SHARE_QUIET_MS 500u
#define SHARE_LATER_MS 1000u

struct share_dirty;

/* NULL when out of memory. */
struct share_dirty *share_dirty_new(void);
void share_dirty_free(struct share_dirty *d);

/* Lets a name wait from now on, or waits anew. One that has been waiting for SHARE_QUIET_MS is not put off by SHARE_SOON any more. *since_ms (may be NULL) is when it began to wait.
 * ERR_NOMEM. Times are of the boot clock. */
enum err share_dirty_add(struct share_dirty *d, const char *name, enum share_wait wait, uint64_t now_ms, uint64_t *since_ms) MUST_CHECK;
/* Whether it waits like that; SHARE_WAITS: at all. */
int share_dirty_waits(const struct share_dirty *d, const char *name, enum share_wait wait);
/* Takes one whose time has come. Returns 0 when there is none. */
int share_dirty_take(struct share_dirty *d, uint64_t now_ms, char name[SHARED_NAME_MAX + 1]);
/* Milliseconds until the next one; UINT64_MAX when none waits. */
uint64_t share_dirty_next_ms(const struct share_dirty *d, uint64_t now_ms);
void share_dirty_clear(struct share_dirty *d);

#endif
