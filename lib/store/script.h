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
    SCRIPT_COUNT
};

/* The text of a script, NUL-terminated. */
const char *script_text(enum script s);

#endif
