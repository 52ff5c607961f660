/* What a node's parts do rarely still works once it is shut in. */
#include "tests/unit/unit.h"

#include "lib/jail/jail.h"
#include "node/confine.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct box {
    char dir[64], data[96], share[96];
};

static int make_box(void **state)
{
    struct box *b = calloc(1, sizeof(*b));
    if (!b)
        return -1;
    strcpy(b->dir, "/tmp/ringbinder-test-XXXXXX");
    if (!mkdtemp(b->dir)) {
        free(b);
        return -1;
    }
    snprintf(b->data, sizeof(b->data), "%s/data", b->dir);
    snprintf(b->share, sizeof(b->share), "%s/share", b->dir);
    *state = b;
    return mkdir(b->data, 0700) || mkdir(b->share, 0755);
}

static int remove_box(void **state)
{
    struct box *b = *state;
    char command[100];
    snprintf(command, sizeof(command), "rm -rf '%s'", b->dir);
    int status = system(command);
    free(b);
    return status;
}

/* The exit code of a child that is shut in as a node of this box and then does `what`; 100 when it cannot be shut in. */
static int inside(const struct box *b, int (*what)(const struct box *b))
{
    const struct node_settings s = {.data = b->data, .share = b->share, .listen = "127.0.0.1:1024"};
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
        _exit(confine_node(&s, "kill") == ERR_OK ? what(b) : 100);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* Three hundred thousand rows with ten pages of memory: the sorter writes files. */
static int sort_much(const struct box *b)
{
    char path[128];
    sqlite3 *db;
    snprintf(path, sizeof(path), "%s/test.db", b->data);
    if (sqlite3_open(path, &db) != SQLITE_OK)
        return 1;
    int rc = sqlite3_exec(db,
        "PRAGMA journal_mode=WAL; PRAGMA temp_store=FILE; PRAGMA cache_size=10; CREATE TABLE t(x);"
        "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 300000)"
        "INSERT INTO t SELECT hex(n * 7919 % 300007) || ' a text that takes some room' FROM c; CREATE INDEX i ON t(x);"
        "PRAGMA wal_checkpoint(TRUNCATE);",
        NULL, NULL, NULL);
    sqlite3_close(db);
    return rc;
}

static void the_database_sorts_more_than_fits_into_memory(void **state)
{
    assert_int_equal(inside(*state, sort_much), SQLITE_OK);
}

static int share_and_keep(const struct box *b)
{
    char blob[128], anonymous[64];
    int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (watch < 0 || inotify_add_watch(watch, b->share, IN_CREATE) < 0)
        return 1;
    snprintf(blob, sizeof(blob), "%s/blob", b->data);
    int fd = open(b->data, O_TMPFILE | O_RDWR, 0600);
    if (fd < 0)
        return 0; /* the file system has none; nodes then use names */
    if (fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 4096) != 0 || write(fd, "text", 4) != 4 || fsync(fd) != 0 || syncfs(fd) != 0)
        return 2;
    snprintf(anonymous, sizeof(anonymous), "/proc/self/fd/%d", fd);
    return linkat(AT_FDCWD, anonymous, AT_FDCWD, blob, AT_SYMLINK_FOLLOW) == 0 ? 0 : 3;
}

static void blobs_get_their_name_and_shares_are_watched(void **state)
{
    assert_int_equal(inside(*state, share_and_keep), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_database_sorts_more_than_fits_into_memory, make_box, remove_box),
        cmocka_unit_test_setup_teardown(blobs_get_their_name_and_shares_are_watched, make_box, remove_box),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
