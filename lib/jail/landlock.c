#include "lib/jail/internal.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The interface of linux/landlock.h, written out: the header of the machine that builds may know less than the kernel that runs. Rights are numbered in the order in which
 * the kernel learned them (Documentation/userspace-api/landlock.rst). */
#define FS_EXECUTE (1ull << 0)
#define FS_WRITE_FILE (1ull << 1)
#define FS_READ_FILE (1ull << 2)
#define FS_READ_DIR (1ull << 3)
#define FS_REMOVE_DIR (1ull << 4)
#define FS_REMOVE_FILE (1ull << 5)
#define FS_MAKE_DIR (1ull << 7)
#define FS_MAKE_REG (1ull << 8)
#define FS_MAKE_SOCK (1ull << 9)
#define FS_REFER (1ull << 13)    /* ABI 2: rename and link from folder to folder */
#define FS_TRUNCATE (1ull << 14) /* ABI 3 */
#define FS_ALL_ABI_2 ((1ull << 14) - 1)
#define FS_ALL_ABI_3 ((1ull << 15) - 1)
#define FS_ALL_ABI_5 ((1ull << 16) - 1) /* ioctl of devices */
#define FS_OF_FILES (FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE)
#define NET_BIND_TCP (1ull << 0)        /* ABI 4 */
#define SCOPE_ABSTRACT_UNIX (1ull << 0) /* ABI 6: no abstract sockets and no signals of others */
#define SCOPE_SIGNAL (1ull << 1)

#define CREATE_VERSION 1u
#define RULE_PATH 1
#define RULE_PORT 2

/* A kernel takes a longer struct than it knows as long as the rest is zero. */
struct set_attr {
    uint64_t fs, net, scoped;
};

struct port_attr {
    uint64_t allowed, port;
};

struct path_attr {
    uint64_t allowed;
    int32_t fd;
} __attribute__((packed));

/* Written out as well: the numbers are the same on every architecture. */
#define CALL_CREATE 444L
#define CALL_ADD_RULE 445L
#define CALL_RESTRICT 446L

static uint64_t known_rights(int abi)
{
    if (abi < 3)
        return FS_ALL_ABI_2;
    return abi < 5 ? FS_ALL_ABI_3 : FS_ALL_ABI_5;
}

static uint64_t rights_of(enum jail_use use)
{
    switch (use) {
    case JAIL_READ: return FS_READ_FILE | FS_READ_DIR;
    case JAIL_OWN:
        return FS_READ_FILE | FS_READ_DIR | FS_WRITE_FILE | FS_TRUNCATE | FS_MAKE_REG | FS_MAKE_DIR | FS_REMOVE_FILE | FS_REMOVE_DIR |
               FS_REFER;
    case JAIL_SOCKET: return FS_MAKE_SOCK | FS_REMOVE_FILE;
    }
    return 0;
}

int landlock_abi(void)
{
    long abi = syscall(CALL_CREATE, NULL, 0, CREATE_VERSION);
    return abi < 0 ? 0 : (int)abi;
}

int landlock_new(int abi)
{
    struct set_attr set = {
        .fs = known_rights(abi),
        .net = abi >= 4 ? NET_BIND_TCP : 0,
        .scoped = abi >= 6 ? SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL : 0,
    };
    return (int)syscall(CALL_CREATE, &set, sizeof(set), 0u);
}

int landlock_allow_path(int set, int abi, const char *path, enum jail_use use)
{
    struct stat st;
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return -1;
    int rc = fstat(fd, &st);
    if (rc == 0) {
        struct path_attr rule = {.allowed = rights_of(use) & known_rights(abi), .fd = fd};
        if (!S_ISDIR(st.st_mode))
            rule.allowed &= FS_OF_FILES;
        rc = (int)syscall(CALL_ADD_RULE, set, RULE_PATH, &rule, 0u);
    }
    close(fd);
    return rc;
}

int landlock_allow_port(int set, int abi, uint64_t port)
{
    struct port_attr rule = {.allowed = NET_BIND_TCP, .port = port};
    return abi < 4 ? 0 : (int)syscall(CALL_ADD_RULE, set, RULE_PORT, &rule, 0u);
}

int landlock_enforce(int set)
{
    return (int)syscall(CALL_RESTRICT, set, 0u);
}
