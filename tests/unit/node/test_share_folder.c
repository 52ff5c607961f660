/* A shared folder and its list: what is in it, what is left out, and how changes are followed. */
#include "tests/unit/node/peerbox.h"

#include "lib/base/log.h"
#include "node/share_folder.h"
#include "node/share_look.h"

#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/un.h>

static void a_folder_is_listed_with_all_below_it_soon_after_the_start(void **state)
{
    struct box *b = *state;
    box_write(b, "one.txt", "1");
    box_mkdir(b, "sub");
    box_mkdir(b, "sub/deeper");
    box_write(b, "sub/deeper/two.txt", "2");
    box_write(b, "empty", "");
    uint64_t began = clock_boot_ms();
    box_start(b);
    box_await(b, "empty one.txt sub/deeper/two.txt");
    box_await_hash(b, "sub/deeper/two.txt", "2");
    box_await_hash(b, "empty", "");
    box_await_told(b);
    assert_true(clock_boot_ms() - began < 2000);
    assert_string_equal(box_names(b->index.files), "empty one.txt sub/deeper/two.txt");
}

static void hidden_unfinished_and_special_files_are_left_out(void **state)
{
    struct box *b = *state;
    static const char *const not_listed[] = {
        ".hidden", ".dir/x", "a.part", "a.part.map", "a.TMP", "a.crdownload", "a~", "new\nline", "bad\xff"};
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    box_mkdir(b, ".dir");
    box_start(b);
    for (size_t i = 0; i < sizeof(not_listed) / sizeof(not_listed[0]); i++)
        box_write(b, not_listed[i], "x");
    assert_int_equal(mkfifo(box_path(b, "pipe"), 0644), 0);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(a.sun_path, sizeof(a.sun_path), "%s", box_path(b, "socket"));
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    close(fd);
    box_write(b, "good", "x");
    box_await(b, "good");
    clock_sleep_ms(700);
    assert_string_equal(box_list(b), "good");
    box_stop(b);
    box_start(b);
    box_await(b, "good");
}

static void links_are_followed_nowhere(void **state)
{
    struct box *b = *state;
    box_mkdir(b, "in");
    box_write(b, "in/file", "x");
    assert_int_equal(symlink("/etc/passwd", box_path(b, "absolute")), 0);
    assert_int_equal(symlink("../key", box_path(b, "up")), 0);
    assert_int_equal(symlink("..", box_path(b, "out")), 0);
    assert_int_equal(symlink("in", box_path(b, "again")), 0);
    assert_int_equal(symlink("in/file", box_path(b, "same")), 0);
    box_start(b);
    box_await(b, "in/file");
    assert_int_equal(symlink("/etc", box_path(b, "in/etc")), 0);
    assert_int_equal(symlink("/etc/passwd", box_path(b, "in/passwd")), 0);
    clock_sleep_ms(700);
    assert_string_equal(box_list(b), "in/file");
    /* A link that takes the place of a listed file, or of a folder. */
    assert_int_equal(rename(box_path(b, "absolute"), box_path(b, "in/file")), 0);
    box_await(b, "");
    box_write(b, "in/file2", "x");
    box_await(b, "in/file2");
    assert_int_equal(rename(box_path(b, "in"), folder_at(&b->folder, "elsewhere")), 0);
    assert_int_equal(symlink("../elsewhere", box_path(b, "in")), 0);
    box_await(b, "");
    clock_sleep_ms(700);
    assert_string_equal(box_list(b), "");
}

static void changes_are_listed_and_told_at_once(void **state)
{
    struct box *b = *state;
    box_start(b);
    box_await_told(b);
    box_write(b, "a", "first");
    assert_true(box_await(b, "a") < BOX_SOON_MS);
    box_await_hash(b, "a", "first");
    box_write(b, "a", "second");
    box_await_hash(b, "a", "second");
    assert_int_equal(rename(box_path(b, "a"), box_path(b, "b")), 0);
    assert_true(box_await(b, "b") < BOX_SOON_MS);
    box_mkdir(b, "dir");
    box_mkdir(b, "dir/sub");
    box_write(b, "dir/sub/c", "c");
    assert_true(box_await(b, "b dir/sub/c") < BOX_SOON_MS);
    assert_int_equal(rename(box_path(b, "dir"), box_path(b, "moved")), 0);
    assert_true(box_await(b, "b moved/sub/c") < BOX_SOON_MS);
    box_write(b, "moved/sub/d", "d");
    assert_true(box_await(b, "b moved/sub/c moved/sub/d") < BOX_SOON_MS);
    assert_int_equal(unlink(box_path(b, "moved/sub/c")), 0);
    assert_int_equal(unlink(box_path(b, "moved/sub/d")), 0);
    assert_int_equal(rmdir(box_path(b, "moved/sub")), 0);
    assert_true(box_await(b, "b") < BOX_SOON_MS);
    box_await_hash(b, "b", "second");
    box_await_told(b);
    assert_string_equal(box_names(b->index.files), "b");
    assert_int_equal(b->wholes, 1);
}

static void a_finished_download_is_listed_under_its_new_name(void **state)
{
    struct box *b = *state;
    box_start(b);
    box_write(b, "film.part", "half");
    clock_sleep_ms(600);
    assert_string_equal(box_list(b), "");
    assert_int_equal(rename(box_path(b, "film.part"), box_path(b, "film")), 0);
    assert_true(box_await(b, "film") < BOX_SOON_MS);
    box_await_hash(b, "film", "half");
}

static void a_file_that_is_being_written_is_left_out_until_it_is_closed(void **state)
{
    struct box *b = *state;
    box_write(b, "log", "listed");
    box_start(b);
    box_await_hash(b, "log", "listed");
    int fd = open(box_path(b, "log"), O_WRONLY | O_APPEND);
    int fresh = open(box_path(b, "fresh"), O_WRONLY | O_CREAT, 0644);
    assert_true(fd >= 0 && fresh >= 0);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(write(fd, "+", 1), 1);
        assert_int_equal(write(fresh, "+", 1), 1);
        clock_sleep_ms(100);
        assert_null(strstr(box_list(b), "fresh"));
    }
    assert_string_equal(box_list(b), "");
    close(fd);
    close(fresh);
    assert_true(box_await(b, "fresh log") < BOX_SOON_MS);
    box_await_hash(b, "log", "listed++++++++++");
    box_await_hash(b, "fresh", "++++++++++");
}

static void a_folder_that_goes_away_and_comes_back_is_followed(void **state)
{
    struct box *b = *state;
    box_mkdir(b, "sub");
    box_write(b, "sub/a", "a");
    box_start(b);
    box_await_hash(b, "sub/a", "a");
    assert_int_equal(rename(b->share, folder_at(&b->folder, "away")), 0);
    assert_true(box_await(b, "") < 2000);
    box_await_told(b);
    assert_string_equal(box_names(b->index.files), "");
    assert_int_equal(rename(folder_at(&b->folder, "away"), b->share), 0);
    box_await(b, "sub/a");
    box_await_hash(b, "sub/a", "a");
    box_write(b, "sub/b", "b");
    box_await(b, "sub/a sub/b");
    /* Removed and made anew. */
    assert_int_equal(unlink(box_path(b, "sub/a")) | unlink(box_path(b, "sub/b")) | rmdir(box_path(b, "sub")) | rmdir(b->share), 0);
    box_await(b, "");
    clock_sleep_ms(1200);
    assert_int_equal(mkdir(b->share, 0755), 0);
    box_write(b, "new", "n");
    box_await(b, "new");
    box_await_hash(b, "new", "n");
}

static void what_the_kernel_could_not_tell_is_found_by_reading_all(void **state)
{
    struct box *b = *state;
    struct share_folder *folder;
    struct share_list *list = share_list_new();
    struct share_look *look;
    uint64_t queue = 0;
    FILE *f = fopen("/proc/sys/fs/inotify/max_queued_events", "r");
    assert_int_equal(fscanf(f, "%lu", &queue), 1);
    fclose(f);
    box_write(b, "a", "a");
    box_write(b, "b", "b");
    box_mkdir(b, "sub");
    clock_sleep_ms(550);
    assert_ok(share_folder_new(b->share, &folder));
    assert_ok(share_look_new(folder, list, NULL, &look));
    assert_int_equal(share_look_step(look), 1);
    assert_string_equal(box_names(list), "a b");
    /* Two names in turn: equal events that follow each other become one. */
    for (uint64_t i = 0; i <= queue; i++)
        assert_int_equal(utimensat(AT_FDCWD, box_path(b, i % 2 ? "a" : "b"), NULL, 0), 0);
    assert_int_equal(unlink(box_path(b, "b")), 0);
    box_write(b, "c", "c");
    box_write(b, "sub/d", "d");
    for (uint64_t end = clock_boot_ms() + BOX_WAIT_MS; strcmp(box_names(list), "a c sub/d") != 0 && clock_boot_ms() < end;) {
        (void)share_look_step(look);
        clock_sleep_ms(10);
    }
    assert_string_equal(box_names(list), "a c sub/d");
    share_look_free(look);
    share_folder_free(folder);
    share_list_free(list);
}

static void what_is_no_folder_is_refused_at_the_start(void **state)
{
    struct box *b = *state;
    static const char *const wrong[] = {"/nonexistent", "/etc/passwd"};
    for (size_t i = 0; i < 2; i++) {
        b->settings.share = wrong[i];
        assert_int_equal(node_open(&b->node, &b->settings), 2);
        node_close(&b->node);
    }
    /* The node's own folder and the cluster's key are never given away; below a hidden folder they are not shared. */
    b->settings.share = b->folder.path;
    assert_int_equal(node_open(&b->node, &b->settings), 2);
    node_close(&b->node);
    b->settings.share = b->data;
    assert_int_equal(node_open(&b->node, &b->settings), 2);
    node_close(&b->node);
    box_mkdir(b, ".hidden");
    assert_false(share_folder_covers(b->share, box_path(b, ".hidden")));
    assert_true(share_folder_covers("/", b->data));
    assert_false(share_folder_covers(b->share, b->data));
    assert_false(share_folder_covers(b->share, "/nonexistent"));
    b->settings.share = NULL;
    assert_int_equal(node_open(&b->node, &b->settings), 2);
    node_close(&b->node);
}

/* The node as the only member of a ring, which it knows of when it starts the next time; when `leaves`, of one that is being left. */
static void put_into_ring(struct box *b, int leaves)
{
    struct ring_member members[2] = {{.weight = 1}, {.id = "other.a", .name = "other", .weight = 1}};
    struct ballot ballot = {.counter = 1, .coordinator = "co-1", .start = 1};
    struct ringdoc_change other = {.members = members + 1, .n = 1, .k = 1};
    struct ringdoc *doc, *joint;
    b->settings.share_only = 0;
    box_start(b);
    snprintf(members[0].id, sizeof(members[0].id), "%s", b->node.self.id);
    snprintf(members[0].name, sizeof(members[0].name), "%s", b->node.self.name);
    assert_ok(ringdoc_new(members, 1, 1, leaves ? 2 : 1, &ballot, &doc));
    if (leaves) {
        assert_ok(ringdoc_joint(doc, &other, &ballot, &joint));
        ringdoc_free(doc);
        doc = joint;
    }
    folder_take(b->node.ledger, doc);
    box_stop(b);
    b->settings.share_only = 1;
}

static void who_keeps_copies_for_the_ring_cannot_only_share(void **state)
{
    struct box *b = *state;
    box_start(b);
    box_stop(b);
    for (int leaves = 0; leaves < 2; leaves++) {
        put_into_ring(b, leaves);
        assert_int_equal(node_open(&b->node, &b->settings), 2);
        node_close(&b->node);
    }
    b->settings.share_only = 0;
    box_start(b);
}

/* On a file system that takes files of such a size. */
static void a_file_whose_size_cannot_be_told_is_not_listed(void **state)
{
    struct box *b = *state;
    snprintf(b->share, sizeof(b->share), "/dev/shm/rb-unit-share-XXXXXX");
    if (!mkdtemp(b->share))
        skip();
    box_write(b, "huge", "");
    assert_int_equal(truncate(box_path(b, "huge"), (off_t)1 << 60), 0);
    box_write(b, "small", "x");
    box_start(b);
    box_await(b, "small");
    box_await_told(b);
    assert_int_equal(unlink(box_path(b, "huge")), 0);
    assert_int_equal(unlink(box_path(b, "small")), 0);
    assert_int_equal(rmdir(b->share), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, box_setup, box_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_folder_is_listed_with_all_below_it_soon_after_the_start),
        TEST(hidden_unfinished_and_special_files_are_left_out),
        TEST(links_are_followed_nowhere),
        TEST(changes_are_listed_and_told_at_once),
        TEST(a_finished_download_is_listed_under_its_new_name),
        TEST(a_file_that_is_being_written_is_left_out_until_it_is_closed),
        TEST(a_folder_that_goes_away_and_comes_back_is_followed),
        TEST(what_the_kernel_could_not_tell_is_found_by_reading_all),
        TEST(what_is_no_folder_is_refused_at_the_start),
        TEST(who_keeps_copies_for_the_ring_cannot_only_share),
        TEST(a_file_whose_size_cannot_be_told_is_not_listed),
    };
    log_init("test", LOG_ERROR);
    if (peer_global_init() != ERR_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
