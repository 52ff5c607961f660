#include "lib/store/script.h"

#include <assert.h>

/* The assembler copies the file in as it stands and ends it with a NUL, so that the Lua stays a Lua file: editors and linters know it.
 * The path counts from the root, where make compiles. A script may stand behind pieces of Lua that it builds on; Redis counts its lines through all of them. */
#define PIECE(name) ".incbin \"lib/store/lua/" #name ".lua\"\n"
#define SCRIPT_AFTER(pieces, name)                                     \
    __asm__(".pushsection .rodata\n"                                   \
            ".global script_" #name "\n"                               \
            ".hidden script_" #name "\n"                               \
            "script_" #name ":\n" pieces PIECE(name) ".byte 0\n"       \
                                                     ".popsection\n"); \
    extern const char script_##name[] __attribute__((visibility("hidden")));
#define SCRIPT(name) SCRIPT_AFTER("", name)
#define PEERS_TREE PIECE(peers_tree)
#define PEERS_ENTRY PEERS_TREE PIECE(peers_entry)
#define INDEX_OWNER PEERS_ENTRY PIECE(index_owner)

SCRIPT(lock_release)
SCRIPT(lease_renew)
SCRIPT(lease_release)
SCRIPT(heartbeat)
SCRIPT(members)
SCRIPT(ring_publish)
SCRIPT(wishes_remove)
SCRIPT_AFTER(INDEX_OWNER, index_add)
SCRIPT(index_list)
SCRIPT(index_read)
SCRIPT_AFTER(INDEX_OWNER, index_remove)
SCRIPT(mark_begin)
SCRIPT(mark_set)
SCRIPT(mark_read)
SCRIPT_AFTER(PEERS_ENTRY, peers_apply)
SCRIPT_AFTER(PEERS_ENTRY, peers_names)
SCRIPT_AFTER(PEERS_ENTRY, peers_rows)
SCRIPT_AFTER(PEERS_TREE, peers_count)
SCRIPT(peers_lists)
SCRIPT(plain_id)
SCRIPT(bytes_hold)
SCRIPT(count_up)
SCRIPT(rate)
SCRIPT(session)

const char *script_text(enum script s)
{
    switch (s) {
    case SCRIPT_LOCK_RELEASE: return script_lock_release;
    case SCRIPT_LEASE_RENEW: return script_lease_renew;
    case SCRIPT_LEASE_RELEASE: return script_lease_release;
    case SCRIPT_HEARTBEAT: return script_heartbeat;
    case SCRIPT_MEMBERS: return script_members;
    case SCRIPT_RING_PUBLISH: return script_ring_publish;
    case SCRIPT_WISHES_REMOVE: return script_wishes_remove;
    case SCRIPT_INDEX_ADD: return script_index_add;
    case SCRIPT_INDEX_LIST: return script_index_list;
    case SCRIPT_INDEX_READ: return script_index_read;
    case SCRIPT_INDEX_REMOVE: return script_index_remove;
    case SCRIPT_MARK_BEGIN: return script_mark_begin;
    case SCRIPT_MARK_SET: return script_mark_set;
    case SCRIPT_MARK_READ: return script_mark_read;
    case SCRIPT_PEERS_APPLY: return script_peers_apply;
    case SCRIPT_PEERS_NAMES: return script_peers_names;
    case SCRIPT_PEERS_ROWS: return script_peers_rows;
    case SCRIPT_PEERS_COUNT: return script_peers_count;
    case SCRIPT_PEERS_LISTS: return script_peers_lists;
    case SCRIPT_PLAIN_ID: return script_plain_id;
    case SCRIPT_BYTES_HOLD: return script_bytes_hold;
    case SCRIPT_COUNT_UP: return script_count_up;
    case SCRIPT_RATE: return script_rate;
    case SCRIPT_SESSION: return script_session;
    case SCRIPT_COUNT: break;
    }
    assert(s < SCRIPT_COUNT); /* there is no such script */
    return "";
}

int script_only_reads(enum script s)
{
    switch (s) {
    case SCRIPT_MEMBERS:
    case SCRIPT_INDEX_LIST:
    case SCRIPT_INDEX_READ:
    case SCRIPT_MARK_READ:
    case SCRIPT_PEERS_NAMES:
    case SCRIPT_PEERS_ROWS:
    case SCRIPT_PEERS_COUNT:
    case SCRIPT_PEERS_LISTS: return 1;
    default: return 0;
    }
}
