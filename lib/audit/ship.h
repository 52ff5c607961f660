/* Heads on their way to nodes: a thread of its own takes the newest ones and tells them to as many nodes as are to keep them. */
#ifndef RB_LIB_AUDIT_SHIP_H
#define RB_LIB_AUDIT_SHIP_H

#include "lib/audit/head.h"
#include "lib/sign/keys.h"
#include "lib/tls/tls.h"

#define AUDIT_SHIP_WAITING_MAX 16u /* heads; then the oldest is forgotten, for a later one vouches for all before it */
#define AUDIT_SHIP_TARGETS_MAX 64u
#define AUDIT_URL_SIZE 256u
#define AUDIT_ID_SIZE 96u
#define AUDIT_SHIP_TIMEOUT_MS 2000u

struct audit_target {
    char url[AUDIT_URL_SIZE];
    char id[AUDIT_ID_SIZE]; /* of the node meant */
};

struct audit_ship_settings {
    struct sign_keys *keys; /* of this process; borrowed until close, as is tls */
    const struct tls *tls;  /* NULL: plain http */
    /* Who may keep heads now, at most max, in any order, and how many of them are to have each: *need. Called in the sender's thread. Returns their number. */
    size_t (*targets)(void *ctx, struct audit_target *out, size_t max, size_t *need);
    void *ctx;
};

struct audit_ship; /* thread-safe */

/* ERR_NOMEM. peer_global_init() comes before. */
enum err audit_ship_open(const struct audit_ship_settings *settings, struct audit_ship **out) MUST_CHECK;
/* Takes a head: never waits. ship: a struct audit_ship, or NULL. Has the type of audit_settings.head. */
void audit_ship_head(void *ship, const struct audit_head *head);
/* Tries once more to tell what waits, and ends the thread. NULL is fine. */
void audit_ship_close(struct audit_ship *s);

/* Seconds since which a head waits for nodes; 0: none does. s may be NULL. */
uint64_t audit_ship_waits_s(struct audit_ship *s);

#endif
