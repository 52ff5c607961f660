/* An intruder inside a real program: loaded into it by LD_PRELOAD, it waits until the program opens its port, which is after the jail was shut, and then tries what INTRUDER
 * asks for, one word a line:
 *   call NAME            a system call that only an intruder needs
 *   read|write|make PATH open a file
 *   bind PORT            listen at another port of the loopback
 *   socket FAMILY TYPE   numbers
 *   fork | code | kill PID
 * It says "intruder LINE: done" or "intruder LINE: ERRNO" on standard error, and ends the program with 77. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define DONE 77

/* Arguments with which each call fails by itself, or does no harm, where nothing forbids it. */
static long intrude(const char *name)
{
    char *const words[] = {"/bin/true", NULL};
    if (strcmp(name, "execve") == 0)
        return syscall(SYS_execve, words[0], words, NULL);
    if (strcmp(name, "ptrace") == 0)
        return syscall(SYS_ptrace, 16 /* PTRACE_ATTACH */, getppid(), 0, 0);
    if (strcmp(name, "process_vm_readv") == 0)
        return syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0);
    if (strcmp(name, "mount") == 0)
        return syscall(SYS_mount, "none", "/nowhere", "tmpfs", 0, NULL);
    if (strcmp(name, "chroot") == 0)
        return syscall(SYS_chroot, "/nowhere");
    if (strcmp(name, "unshare") == 0)
        return syscall(SYS_unshare, 0);
    if (strcmp(name, "setuid") == 0)
        return syscall(SYS_setuid, getuid());
    if (strcmp(name, "bpf") == 0)
        return syscall(SYS_bpf, -1, NULL, 0);
    if (strcmp(name, "keyctl") == 0)
        return syscall(SYS_keyctl, -1, 0, 0, 0, 0);
    if (strcmp(name, "perf_event_open") == 0)
        return syscall(SYS_perf_event_open, NULL, 0, 0, 0, 0);
    errno = EINVAL;
    return -1;
}

static long bind_port(const char *port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)), .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    return fd < 0 ? fd : bind(fd, (struct sockaddr *)&a, sizeof(a));
}

static long fork_once(void)
{
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    return child > 0 ? waitpid(child, NULL, 0) : -1;
}

static long make_code(void)
{
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return page == MAP_FAILED ? -1 : 0;
}

static long try_line(char *line)
{
    char *word = strtok(line, " "), *first = strtok(NULL, " "), *second = strtok(NULL, " ");
    if (!word)
        return -1;
    if (strcmp(word, "fork") == 0)
        return fork_once();
    if (strcmp(word, "code") == 0)
        return make_code();
    if (!first)
        return -1;
    if (strcmp(word, "call") == 0)
        return intrude(first);
    if (strcmp(word, "read") == 0)
        return open(first, O_RDONLY);
    if (strcmp(word, "write") == 0)
        return open(first, O_WRONLY);
    if (strcmp(word, "make") == 0)
        return open(first, O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (strcmp(word, "bind") == 0)
        return bind_port(first);
    if (strcmp(word, "kill") == 0)
        return kill(atoi(first), 0);
    if (strcmp(word, "socket") == 0 && second)
        return socket(atoi(first), atoi(second), 0);
    errno = EINVAL;
    return -1;
}

/* Stands before libc's: all three programs call it once they are in the jail. */
__attribute__((visibility("default"))) int listen(int fd, int backlog)
{
    char copy[4096];
    const char *plan = getenv("INTRUDER");
    (void)fd;
    (void)backlog;
    snprintf(copy, sizeof(copy), "%s", plan ? plan : "");
    for (char *line = copy; line && *line;) {
        char *next = strchr(line, '\n'), shown[sizeof(copy)];
        if (next)
            *next++ = '\0';
        snprintf(shown, sizeof(shown), "%s", line);
        errno = 0;
        long rc = try_line(line);
        dprintf(STDERR_FILENO, "intruder %s: %s\n", shown, rc >= 0 ? "done" : strerrorname_np(errno));
        line = next;
    }
    _exit(DONE);
}
