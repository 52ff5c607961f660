/* What the jail forbids is tried from inside: each test forks a child, shuts it in, and lets it try. */
#include "tests/unit/unit.h"

#include "lib/jail/internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NOT_ENTERED 250
#define SKIPPED 251

static int abi; /* of Landlock; inside it cannot be asked for any more */

/* One test's folders: what is the process's own, what it may read, and what is not its business. */
struct place {
    char dir[64], own[96], shown[96], other[96];
};

static void write_file(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "text\n", 5), 5);
    close(fd);
}

static int make_place(void **state)
{
    char path[128];
    struct place *p = calloc(1, sizeof(*p));
    if (!p)
        return -1;
    strcpy(p->dir, "/tmp/ringbinder-test-XXXXXX");
    if (!mkdtemp(p->dir)) {
        free(p);
        return -1;
    }
    char *const folders[] = {p->own, p->shown, p->other};
    const char *const names[] = {"own", "shown", "other"};
    for (size_t i = 0; i < 3; i++) {
        snprintf(folders[i], sizeof(p->own), "%s/%s", p->dir, names[i]);
        assert_int_equal(mkdir(folders[i], 0755), 0);
        snprintf(path, sizeof(path), "%s/file", folders[i]);
        write_file(path);
    }
    *state = p;
    return 0;
}

static int remove_place(void **state)
{
    struct place *p = *state;
    char command[100];
    snprintf(command, sizeof(command), "rm -rf '%s'", p->dir);
    int status = system(command);
    free(p);
    return status;
}

/* A free TCP port on the loopback; 0 when there is none. */
static uint16_t free_port(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    close(fd);
    return ntohs(a.sin_port);
}

/* What the child tries, once it is inside. Its value becomes the exit code: 0 when all was as it should be. */
typedef int attempt(const struct place *p, uint16_t port);

/* The status of a child that went in and tried. */
static int status_inside(const struct place *p, const char *words, attempt *try)
{
    static const char *const more[] = {"inotify_init1", NULL};
    char listen[32];
    uint16_t port = free_port();
    snprintf(listen, sizeof(listen), "127.0.0.1:%u", port);
    const struct jail_place places[] = {{p->own, JAIL_OWN}, {p->shown, JAIL_READ}, {NULL, JAIL_OWN}, {"/nowhere/at/all", JAIL_READ}};
    const struct jail jail = {.words = words, .places = places, .n_places = 4, .listen = listen, .calls = more};
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int quiet = open("/dev/null", O_WRONLY);
        dup2(quiet, STDERR_FILENO);
        _exit(jail_enter(&jail) == ERR_OK ? try(p, port) : NOT_ENTERED);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static int exit_inside(const struct place *p, const char *words, attempt *try)
{
    int status = status_inside(p, words, try);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == SKIPPED)
        skip();
    return WEXITSTATUS(status);
}

/* The number of the first attempt that did not end as it should. */
#define EXPECT(condition)              \
    do {                               \
        if (!(condition))              \
            return __LINE__ % 240 + 1; \
    } while (0)

static int refused(int rc, int error)
{
    return rc < 0 && errno == error;
}

static int open_in(const char *folder, const char *name, int flags)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return open(path, flags, 0600);
}

/* ---- folders */

static int use_own_folder(const struct place *p, uint16_t port)
{
    char from[128], to[128], folder[128];
    (void)port;
    if (abi < 2)
        return SKIPPED;
    snprintf(folder, sizeof(folder), "%s/new", p->own);
    snprintf(from, sizeof(from), "%s/file", p->own);
    snprintf(to, sizeof(to), "%s/new/moved", p->own);
    EXPECT(mkdir(folder, 0700) == 0);
    EXPECT(rename(from, to) == 0); /* from folder to folder, as a node does with each file */
    EXPECT(open_in(folder, "moved", O_RDWR | O_TRUNC) >= 0);
    EXPECT(open_in(p->own, "made", O_CREAT | O_EXCL | O_WRONLY) >= 0);
    EXPECT(open(p->own, O_TMPFILE | O_RDWR, 0600) >= 0 || errno == EOPNOTSUPP);
    EXPECT(unlink(to) == 0 && rmdir(folder) == 0);
    return 0;
}

static void own_folder_is_read_written_and_rearranged(void **state)
{
    assert_int_equal(exit_inside(*state, "on", use_own_folder), 0);
}

static int leave_own_folder(const struct place *p, uint16_t port)
{
    char from[128], to[128];
    (void)port;
    if (abi < 2)
        return SKIPPED;
    EXPECT(refused(open_in(p->other, "file", O_RDONLY), EACCES));
    EXPECT(refused(open_in(p->other, "new", O_CREAT | O_WRONLY), EACCES));
    EXPECT(refused(open(p->other, O_RDONLY | O_DIRECTORY), EACCES));
    EXPECT(refused(open("/etc/passwd", O_RDONLY), EACCES));
    EXPECT(refused(open_in(p->own, "../other/file", O_RDONLY), EACCES));
    snprintf(from, sizeof(from), "%s/file", p->own);
    snprintf(to, sizeof(to), "%s/taken", p->other);
    EXPECT(rename(from, to) < 0 && link(from, to) < 0);
    snprintf(to, sizeof(to), "%s/file", p->other);
    EXPECT(refused(unlink(to), EACCES));
    return 0;
}

static void nothing_is_reached_beside_them(void **state)
{
    assert_int_equal(exit_inside(*state, "on", leave_own_folder), 0);
}

static int write_shown(const struct place *p, uint16_t port)
{
    (void)port;
    if (abi < 2)
        return SKIPPED;
    EXPECT(open_in(p->shown, "file", O_RDONLY) >= 0);
    EXPECT(open(p->shown, O_RDONLY | O_DIRECTORY) >= 0);
    EXPECT(refused(open_in(p->shown, "file", O_WRONLY), EACCES));
    EXPECT(refused(open_in(p->shown, "new", O_CREAT | O_WRONLY), EACCES));
    return 0;
}

static void what_is_shown_is_read_and_never_written(void **state)
{
    assert_int_equal(exit_inside(*state, "on", write_shown), 0);
}

static int make_odd_files(const struct place *p, uint16_t port)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    (void)port;
    if (abi < 2)
        return SKIPPED;
    snprintf(a.sun_path, sizeof(a.sun_path), "%s/odd", p->own);
    EXPECT(refused(symlink("/etc/passwd", a.sun_path), EACCES));
    EXPECT(refused(mkfifo(a.sun_path, 0600), EACCES));
    EXPECT(refused(bind(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&a, sizeof(a)), EACCES));
    return 0;
}

static void own_folder_takes_no_links_pipes_or_sockets(void **state)
{
    assert_int_equal(exit_inside(*state, "on,no-seccomp", make_odd_files), 0);
}

static void unix_socket_is_made_and_removed_in_its_folder_only(void **state)
{
    struct place *p = *state;
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    char listen[128];
    int status;
    if (abi < 2)
        skip();
    snprintf(a.sun_path, sizeof(a.sun_path), "%s/sock", p->shown);
    snprintf(listen, sizeof(listen), "unix:%s", a.sun_path);
    const struct jail jail = {.words = "on", .listen = listen};
    pid_t child = fork();
    if (child == 0) {
        dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
        int ok = jail_enter(&jail) == ERR_OK && bind(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&a, sizeof(a)) == 0;
        ok = ok && refused(open_in(p->shown, "file", O_RDONLY), EACCES) && unlink(a.sun_path) == 0;
        _exit(!ok);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* The set knows no more than that ABI did, and its rules are none that it did not know: an older kernel takes them too. */
static void older_kernels_get_rules_that_they_know(void **state)
{
    struct place *p = *state;
    for (int old = 2; old < abi; old++) {
        int set = landlock_new(old);
        assert_true(set >= 0);
        for (enum jail_use use = JAIL_READ; use <= JAIL_SOCKET; use++)
            assert_int_equal(landlock_allow_path(set, old, p->own, use), 0);
        assert_int_equal(landlock_allow_path(set, old, "/dev/null", JAIL_OWN), 0);
        assert_int_equal(landlock_allow_port(set, old, 80), 0);
        assert_int_equal(landlock_allow_path(set, old, "/nowhere", JAIL_OWN), -1);
        assert_int_equal(errno, ENOENT);
        close(set);
    }
}

/* ---- ports */

static int bind_port(uint16_t port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    return fd < 0 ? fd : bind(fd, (struct sockaddr *)&a, sizeof(a));
}

static int bind_ports(const struct place *p, uint16_t port)
{
    (void)p;
    if (abi < 4)
        return SKIPPED;
    EXPECT(bind_port(port) == 0);
    EXPECT(refused(bind_port(port == 65535 ? 65534 : (uint16_t)(port + 1)), EACCES));
    EXPECT(refused(bind_port(0), EACCES));
    return 0;
}

static void only_its_own_port_is_bound(void **state)
{
    assert_int_equal(exit_inside(*state, "on", bind_ports), 0);
}

/* ---- system calls */

static int try_calls(const struct place *p, uint16_t port)
{
    (void)p;
    (void)port;
    if (JAIL_SANITIZED)
        return SKIPPED;
    EXPECT(refused(socket(AF_PACKET, SOCK_RAW, 0), ENOSYS));
    EXPECT(refused(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP), ENOSYS));
    EXPECT(refused(socket(AF_VSOCK, SOCK_STREAM, 0), ENOSYS));
    EXPECT(refused(socket(AF_NETLINK, SOCK_RAW, 9), ENOSYS)); /* NETLINK_AUDIT */
    EXPECT(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) >= 0);
    EXPECT(socket(AF_INET6, SOCK_DGRAM, 0) >= 0 || errno == EAFNOSUPPORT);
    EXPECT(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0) >= 0);
    EXPECT(mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
    EXPECT(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT(page != MAP_FAILED && refused(mprotect(page, 4096, PROT_READ | PROT_EXEC), ENOSYS));
    EXPECT(mprotect(page, 4096, PROT_READ) == 0);
    EXPECT(refused((int)syscall(SYS_seccomp, 0, 0, NULL), ENOSYS));
    EXPECT(refused((int)syscall(SYS_clone3, NULL, 0), ENOSYS));
    EXPECT(refused((int)syscall(SYS_io_uring_setup, 1, NULL), ENOSYS));
    EXPECT(refused(kill(getppid(), 0), ENOSYS));
    EXPECT(refused((int)syscall(SYS_tgkill, getppid(), getppid(), 0), ENOSYS));
    EXPECT(refused(fork(), ENOSYS));
    EXPECT(refused(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0), ENOSYS));
    EXPECT(inotify_init1(0) >= 0); /* asked for by `calls` */
    EXPECT(refused(inotify_add_watch(0, "/", IN_CREATE), ENOSYS));
    return 0;
}

static void calls_off_the_list_fail(void **state)
{
    assert_int_equal(exit_inside(*state, "on", try_calls), 0);
}

static int try_execve(const struct place *p, uint16_t port)
{
    char *const words[] = {"true", NULL};
    (void)p;
    (void)port;
    execve("/bin/true", words, NULL);
    return 1;
}

static int try_ptrace(const struct place *p, uint16_t port)
{
    (void)p;
    (void)port;
    return (int)syscall(SYS_ptrace, 0, 0, 0, 0);
}

static int try_mount(const struct place *p, uint16_t port)
{
    (void)port;
    return (int)syscall(SYS_mount, "none", p->own, "tmpfs", 0, NULL);
}

static int try_unshare(const struct place *p, uint16_t port)
{
    (void)p;
    (void)port;
    return unshare(CLONE_NEWUSER);
}

static int try_setuid(const struct place *p, uint16_t port)
{
    (void)p;
    (void)port;
    return (int)syscall(SYS_setuid, 1);
}

static int try_socket_packet(const struct place *p, uint16_t port)
{
    (void)p;
    (void)port;
    return socket(AF_PACKET, SOCK_RAW, 0);
}

static void what_only_an_intruder_asks_for_ends_the_process(void **state)
{
    attempt *const attempts[] = {try_execve, try_ptrace, try_mount, try_unshare, try_setuid};
    const char *const words[] = {"on", "kill"};
    if (JAIL_SANITIZED)
        skip();
    for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
        for (size_t w = 0; w < 2; w++) {
            int status = status_inside(*state, words[w], attempts[i]);
            assert_true(WIFSIGNALED(status));
            assert_int_equal(WTERMSIG(status), SIGSYS);
            assert_false(WCOREDUMP(status));
        }
    }
}

static void kill_ends_the_process_for_any_call_off_the_list(void **state)
{
    if (JAIL_SANITIZED)
        skip();
    int status = status_inside(*state, "kill", try_socket_packet);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGSYS);
}

static int no_execution(const struct place *p, uint16_t port)
{
    char *const words[] = {"true", NULL};
    (void)p;
    (void)port;
    if (abi < 2)
        return SKIPPED;
    EXPECT(refused(execve("/bin/true", words, NULL), EACCES));
    return 0;
}

static void landlock_alone_starts_no_other_program(void **state)
{
    assert_int_equal(exit_inside(*state, "on,no-seccomp", no_execution), 0);
}

/* ---- what a server does all day */

static void *sleep_a_little(void *unused)
{
    struct timespec pause = {.tv_nsec = 1000000};
    nanosleep(&pause, NULL);
    return unused;
}

static int work(const struct place *p, uint16_t port)
{
    pthread_t thread;
    time_t now = time(NULL);
    struct tm local;
    (void)p;
    (void)port;
    EXPECT(pthread_create(&thread, NULL, sleep_a_little, NULL) == 0 && pthread_join(thread, NULL) == 0);
    tzset();
    EXPECT(localtime_r(&now, &local) != NULL);
    char *large = malloc(8u << 20);
    EXPECT(large);
    memset(large, 1, 8u << 20);
    large = realloc(large, 16u << 20);
    EXPECT(large);
    free(large);
    EXPECT(open("/dev/null", O_WRONLY) >= 0);
    EXPECT(open("/proc/self/statm", O_RDONLY) >= 0 && open("/dev/urandom", O_RDONLY) >= 0);
    EXPECT(abi == 0 || access("/etc/hosts", F_OK) != 0 || open("/etc/hosts", O_RDONLY) >= 0);
    fflush(NULL);
    return 0;
}

static void threads_time_memory_and_names_still_work(void **state)
{
    assert_int_equal(exit_inside(*state, JAIL_SANITIZED ? "on" : "kill", work), 0);
}

static int stop_by_abort(const struct place *p, uint16_t port)
{
    (void)p;
    (void)port;
    signal(SIGABRT, SIG_DFL);
    abort();
}

static void failed_assertion_still_ends_by_its_own_signal(void **state)
{
    int status = status_inside(*state, JAIL_SANITIZED ? "on" : "kill", stop_by_abort);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
    assert_false(WCOREDUMP(status));
}

/* ---- words */

static int is_hidden(const struct place *p, uint16_t port)
{
    struct rlimit core;
    (void)p;
    (void)port;
    EXPECT(getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_cur == 0 && core.rlim_max == 0);
    EXPECT(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
    EXPECT(prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == 0);
    EXPECT(prctl(PR_CAPBSET_READ, 0, 0, 0, 0) == 0 || geteuid() != 0);
    return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
}

static void debuggers_are_kept_out_unless_they_are_asked_in(void **state)
{
    assert_int_equal(exit_inside(*state, "on,no-seccomp", is_hidden), 0);
    assert_int_equal(exit_inside(*state, "on,no-seccomp,traceable", is_hidden), 1);
}

static int is_free(const struct place *p, uint16_t port)
{
    (void)port;
    EXPECT(open_in(p->other, "file", O_RDONLY) >= 0);
    EXPECT(socket(AF_INET, SOCK_STREAM, 0) >= 0);
    EXPECT(prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == 0);
    return 0;
}

static void off_shuts_nothing(void **state)
{
    assert_int_equal(exit_inside(*state, "off", is_free), 0);
    assert_int_equal(exit_inside(*state, "no-landlock,no-seccomp", is_free), 0);
}

static int is_anything(const struct place *p, uint16_t port)
{
    (void)p;
    (void)port;
    return 0;
}

static void strict_goes_in_wholly_or_not_at_all(void **state)
{
    int whole = abi >= 2 && !JAIL_SANITIZED;
    assert_int_equal(exit_inside(*state, "strict", is_anything), whole ? 0 : NOT_ENTERED);
}

static void words_are_known_ones_and_do_not_contradict_each_other(void **state)
{
    static const char *const good[] = {"on", "off", "strict", "strict,kill", "kill,traceable", "no-seccomp,no-landlock", "on,on"};
    static const char *const bad[] = {"", ",", "on,", "On", "none", "on kill", "strict,off", "no-seccomp,strict", "killer"};
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_ok(jail_words_check(good[i]));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_err(ERR_SYNTAX, jail_words_check(bad[i]));
    assert_err(ERR_SYNTAX, jail_words_check(NULL));
}

/* ---- the table */

static void nothing_is_both_allowed_and_fatal(void **state)
{
    (void)state;
    for (size_t i = 0; calls_fatal[i]; i++) {
        for (size_t k = 0; calls_allowed[k]; k++)
            assert_string_not_equal(calls_fatal[i], calls_allowed[k]);
        for (size_t k = 0; calls_bounded[k].name; k++)
            assert_string_not_equal(calls_fatal[i], calls_bounded[k].name);
    }
}

static void no_call_is_both_free_and_bounded(void **state)
{
    (void)state;
    for (size_t i = 0; calls_bounded[i].name; i++) {
        for (size_t k = 0; calls_allowed[k]; k++)
            assert_string_not_equal(calls_bounded[i].name, calls_allowed[k]);
    }
}

#define IN_PLACE(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)

int main(void)
{
    abi = landlock_abi();
    const struct CMUnitTest tests[] = {
        IN_PLACE(own_folder_is_read_written_and_rearranged),
        IN_PLACE(nothing_is_reached_beside_them),
        IN_PLACE(what_is_shown_is_read_and_never_written),
        IN_PLACE(own_folder_takes_no_links_pipes_or_sockets),
        IN_PLACE(unix_socket_is_made_and_removed_in_its_folder_only),
        IN_PLACE(older_kernels_get_rules_that_they_know),
        IN_PLACE(only_its_own_port_is_bound),
        IN_PLACE(calls_off_the_list_fail),
        IN_PLACE(what_only_an_intruder_asks_for_ends_the_process),
        IN_PLACE(kill_ends_the_process_for_any_call_off_the_list),
        IN_PLACE(landlock_alone_starts_no_other_program),
        IN_PLACE(threads_time_memory_and_names_still_work),
        IN_PLACE(failed_assertion_still_ends_by_its_own_signal),
        IN_PLACE(debuggers_are_kept_out_unless_they_are_asked_in),
        IN_PLACE(off_shuts_nothing),
        IN_PLACE(strict_goes_in_wholly_or_not_at_all),
        cmocka_unit_test(words_are_known_ones_and_do_not_contradict_each_other),
        cmocka_unit_test(nothing_is_both_allowed_and_fatal),
        cmocka_unit_test(no_call_is_both_free_and_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
