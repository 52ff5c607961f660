/* The system calls of a server that reads and writes files, runs threads and speaks over sockets. Found by strace(1) over the tests, and by reading what
 * glibc 2.36, libmicrohttpd, libcurl with its resolver threads, hiredis, SQLite, libmagic, libfcgi, OpenSSL and libsodium may call when disks fill up, names are looked up, threads
 * end or memory is short. What only one program needs is in that program's confine.c. */
#include "lib/jail/internal.h"

#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/sched.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

const char *const calls_allowed[] = {
    /* files */
    "openat", "close", "close_range", "read", "pread64", "readv", "preadv", "preadv2", "write", "pwrite64", "writev", "pwritev", "pwritev2",
    "sendfile", "lseek", "fsync", "fdatasync", "ftruncate", "fallocate", "fadvise64", "flock", "fcntl", "dup", "dup2", "dup3", "umask",
    "fchmod",
    /* names */
    "stat", "lstat", "fstat", "newfstatat", "fstatat64", "statx", "statfs", "fstatfs", "access", "faccessat", "faccessat2", "readlink",
    "readlinkat", "getcwd", "getdents64", "mkdir", "mkdirat", "rmdir", "unlink", "unlinkat", "rename", "renameat", "renameat2",
    /* memory; mmap and mprotect are bounded below */
    "munmap", "mremap", "brk", "madvise", "mlock", "munlock",
    /* threads and signals; clone and tgkill are bounded below */
    "futex", "set_robust_list", "get_robust_list", "rseq", "set_tid_address", "gettid", "getpid", "sched_yield", "sched_getaffinity",
    "exit", "exit_group", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigtimedwait", "rt_sigpending", "rt_sigsuspend",
    "sigaltstack", "restart_syscall", "alarm", "setitimer",
    /* time and waiting */
    "clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep", "gettimeofday", "time", "poll", "ppoll", "select", "pselect6",
    "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2", "eventfd2", "pipe2",
    /* sockets; socket and socketpair are bounded below, and what may be bound is Landlock's business */
    "bind", "listen", "accept", "accept4", "connect", "shutdown", "getsockname", "getpeername", "getsockopt", "setsockopt", "sendto",
    "sendmsg", "sendmmsg", "recvfrom", "recvmsg", "recvmmsg",
    /* what the process may know of itself and of the machine */
    "getrandom", "uname", "sysinfo", "getrusage", "getpriority", "times", "getrlimit", "getuid", "geteuid", "getgid", "getegid", NULL};

#define TYPE_MASK 0xfu /* of a socket's type: the rest is SOCK_CLOEXEC and SOCK_NONBLOCK */
#define ALL UINT64_MAX
#define INT_ALL UINT32_MAX /* of an int, whose upper half the kernel does not read */
#define NAMESPACES (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)

const struct call_rule calls_bounded[] = {
    {"socket", {{0, INT_ALL, AF_UNIX}}, 1},
    {"socket", {{0, INT_ALL, AF_INET}, {1, TYPE_MASK, SOCK_STREAM}}, 2},
    {"socket", {{0, INT_ALL, AF_INET}, {1, TYPE_MASK, SOCK_DGRAM}}, 2},
    {"socket", {{0, INT_ALL, AF_INET6}, {1, TYPE_MASK, SOCK_STREAM}}, 2},
    {"socket", {{0, INT_ALL, AF_INET6}, {1, TYPE_MASK, SOCK_DGRAM}}, 2},
    {"socket", {{0, INT_ALL, AF_NETLINK}, {2, INT_ALL, NETLINK_ROUTE}}, 2}, /* getaddrinfo() asks which addresses we have */
    {"socketpair", {{0, INT_ALL, AF_UNIX}}, 1},
    /* Memory is never both written and run, nothing becomes code that was not in a file. */
    {"mmap", {{2, PROT_EXEC, 0}}, 1},
    {"mmap", {{2, PROT_EXEC | PROT_WRITE, PROT_EXEC}, {3, MAP_ANONYMOUS, 0}}, 2},
    {"mprotect", {{2, PROT_EXEC, 0}}, 1},
    /* Threads, but no processes and no namespaces. */
    {"clone", {{0, CLONE_THREAD | NAMESPACES, CLONE_THREAD}}, 1},
    {"prctl", {{0, INT_ALL, PR_SET_NAME}}, 1},
    {"prctl", {{0, INT_ALL, PR_GET_NAME}}, 1},
    {"ioctl", {{1, INT_ALL, FIONBIO}}, 1},
    {"ioctl", {{1, INT_ALL, FIONREAD}}, 1},
    {"ioctl", {{1, INT_ALL, TCGETS}}, 1},
    {"prlimit64", {{0, INT_ALL, 0}, {2, ALL, 0}}, 2}, /* to read our own */
    {0},
};

const char *const calls_fatal[] = {
    /* another program, or another process's memory */
    "execve", "execveat", "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "pidfd_getfd", "kcmp",
    /* the kernel */
    "init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "bpf", "perf_event_open", "userfaultfd", "reboot",
    "iopl", "ioperm", "add_key", "request_key", "keyctl",
    /* the file systems and the way out of them */
    "mount", "umount2", "pivot_root", "chroot", "fsopen", "fsconfig", "fsmount", "move_mount", "open_tree", "mount_setattr",
    "open_by_handle_at", "swapon", "swapoff", "acct", "quotactl", "mknod", "mknodat",
    /* other rights, other namespaces, another time */
    "setns", "unshare", "setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setfsuid", "setfsgid", "setgroups", "capset",
    "settimeofday", "clock_settime", "adjtimex", "clock_adjtime", "sethostname", "setdomainname", NULL};

/* clone3 hides its flags from the filter, behind a pointer; glibc then takes clone. memfd_create: libffi's, for code made at run time. */
const char *const calls_absent[] = {"clone3", "memfd_create", NULL};
