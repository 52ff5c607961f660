/* Internal to lib/store: the Lua scripts, compiled in as they stand in lua/. */
#ifndef RB_LIB_STORE_SCRIPT_H
#define RB_LIB_STORE_SCRIPT_H

enum script {
    SCRIPT_LOCK_RELEASE,
    SCRIPT_LEASE_RENEW,
    SCRIPT_LEASE_RELEASE,
    SCRIPT_HEARTBEAT,
    SCRIPT_MEMBERS,
    SCRIPT_RING_PUBLISH,
    SCRIPT_WISHES_REMOVE,
    SCRIPT_INDEX_ADD,
    SCRIPT_INDEX_LIST,
    SCRIPT_INDEX_READ,
    SCRIPT_INDEX_REMOVE,
    SCRIPT_MARK_BEGIN,
    SCRIPT_MARK_SET,
    SCRIPT_MARK_READ,
    SCRIPT_PEERS_APPLY,
    SCRIPT_PEERS_NAMES,
    SCRIPT_PEERS_ROWS,
    SCRIPT_PEERS_COUNT,
    SCRIPT_PEERS_LISTS,
    SCRIPT_PLAIN_ID,
    SCRIPT_BYTES_HOLD,
    SCRIPT_COUNT_UP,
    SCRIPT_RATE,
    SCRIPT_SESSION,
    SCRIPT_COUNT
};

/* The text of a script, NUL-terminated. */
const char *script_text(enum script s);
/* True for those that change nothing. Redis asks of their keys only that one may read them (EVALSHA_RO, since 7.0). */
int script_only_reads(enum script s);

#endif
