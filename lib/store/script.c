#include "lib/store/script.h"

#include <assert.h>

/* The assembler copies the file in as it stands and ends it with a NUL, so that the Lua stays a Lua file: editors and linters know it.
 * The path counts from the root, where make compiles. */
#define SCRIPT(name)                                    \
    __asm__(".pushsection .rodata\n"                    \
            ".global script_" #name "\n"                \
            ".hidden script_" #name "\n"                \
            "script_" #name ":\n"                       \
            ".incbin \"lib/store/lua/" #name ".lua\"\n" \
            ".byte 0\n"                                 \
            ".popsection\n");                           \
    extern const char script_##name[] __attribute__((visibility("hidden")));

SCRIPT(lock_release)
SCRIPT(lease_renew)
SCRIPT(lease_release)
SCRIPT(heartbeat)
SCRIPT(members)
SCRIPT(ring_publish)
SCRIPT(wishes_remove)
SCRIPT(index_add)
SCRIPT(index_list)
SCRIPT(index_read)
SCRIPT(index_remove)
SCRIPT(mark_begin)
SCRIPT(mark_set)
SCRIPT(mark_read)

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
    case SCRIPT_COUNT: break;
    }
    assert(s < SCRIPT_COUNT); /* there is no such script */
    return "";
}
