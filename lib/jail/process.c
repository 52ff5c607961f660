#include "lib/jail/internal.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* All three sets to nothing. The ambient set follows them; the bounding set may only be emptied while CAP_SETPCAP is there, so it goes first, and without that capability it
 * means nothing to a process without new privileges. */
static void drop_capabilities(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};
    for (unsigned long cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
        (void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
    (void)syscall(SYS_capset, &head, none); /* giving up what one has is always allowed */
}

enum err process_give_up(int hide)
{
    const struct rlimit nothing = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &nothing); /* lowering is always allowed */
    if (hide)
        (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    drop_capabilities();
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? ERR_OK : ERR_DENIED;
}
