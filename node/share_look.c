#include "node/share_look.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "node/share_dirty.h"
#include "node/share_kept.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

/* Times in the file system go by the kernel's tick (at most 10 ms): a younger change may be followed by one with the very same times, which nothing would show. */
#define TICKS_MS 20u
#define ROUNDS_MAX 64 /* of events, until what was seen is put off */

struct share_look {
    struct share_folder *folder;
    struct share_list *list;
    struct db *db;
    struct share_watch *watch;
    struct share_dirty *dirty;
    int away;                        /* the folder is gone */
    int read_all;                    /* events were lost, or none were heard yet */
    int check_root;                  /* something happened to the folder itself */
    int blind;                       /* some folder below it has no watch */
    int full;                        /* more files than can be listed; said once */
    int huge;                        /* a file whose size cannot be told; said once */
    uint64_t root_at_ms, all_due_ms; /* boot clock: when it was last looked for, and when it is read as a whole again */
};

/* Folders that are still to be read. */
struct pile {
    char **at;
    size_t n, cap;
};

static enum err pile_add(struct pile *p, const char *name)
{
    if (p->n == p->cap) {
        size_t cap = p->cap ? 2 * p->cap : 16;
        char **at = reallocarray(p->at, cap, sizeof(*at));
        if (!at)
            return ERR_NOMEM;
        p->at = at;
        p->cap = cap;
    }
    p->at[p->n] = strdup(name);
    return p->at[p->n] ? (p->n++, ERR_OK) : ERR_NOMEM;
}

static void pile_release(struct pile *p)
{
    while (p->n > 0)
        free(p->at[--p->n]);
    free(p->at);
}

/* "folder/name". Returns 0 when no shared name can begin with it. */
static int join(const char *folder, const char *name, char out[SHARED_NAME_MAX + 1])
{
    int n = snprintf(out, SHARED_NAME_MAX + 1, "%s%s%s", folder, *folder ? "/" : "", name);
    return n > 0 && n <= SHARED_NAME_MAX && shared_name_check(out, (size_t)n) == ERR_OK;
}

/* Memory for a note that is missing: then all has to be read again. */
static void wait_for(struct share_look *l, const char *name, enum share_wait wait, uint64_t *since_ms)
{
    if (share_dirty_add(l->dirty, name, wait, clock_boot_ms(), since_ms) != ERR_OK)
        l->read_all = 1;
}

/* ---- one file */

/* Lists a file, with its hash when that is remembered. */
static void list_file(struct share_look *l, const char *name, const struct share_stat *st, struct db_conn *conn)
{
    struct share_stat listed;
    uint8_t sha256[HASH_SIZE];
    char hex[HASH_HEX_SIZE];
    enum err e = share_list_get(l->list, name, &listed, hex);
    int fresh = e == ERR_NOT_FOUND || (!e && !share_stat_same(&listed, st));
    int kept = fresh && conn && share_kept_hash(conn, name, st, sha256) == ERR_OK;
    e = share_list_put(l->list, name, st, kept ? sha256 : NULL);
    if (e == ERR_NOMEM)
        wait_for(l, name, SHARE_LATER, NULL);
    if (e == ERR_FULL && !l->full) {
        log_write(LOG_WARN, "share", "only %d files of %s are shared: it has more", SHARED_FILES_MAX, share_folder_path(l->folder));
        l->full = 1;
    }
}

/* Whether somebody is about to change what was just changed. Its events do not tell: a truncate(2) that waits for the disk has changed the file and said nothing yet. */
static int is_written(struct share_look *l, const char *name)
{
    struct stat st;
    int fd = -1;
    if (share_folder_open(l->folder, name, &fd, &st) != ERR_OK)
        return 0;
    int written = share_folder_is_written(fd) == 1;
    close(fd);
    return written;
}

/* Whether a file's size can be told: JSON's numbers are exact up to 8 PiB, and sparse files get larger. */
static int is_tellable(struct share_look *l, const char *name, const struct share_stat *st)
{
    if (st->size <= JSON_EXACT_MAX)
        return 1;
    if (!l->huge)
        log_write(LOG_WARN, "share", "%s is not shared: it has more than 8 PiB", name);
    l->huge = 1;
    return 0;
}

/* A name and what stands there. settled: it was closed, or left alone for long enough. */
static void take_file(struct share_look *l, const char *name, const struct stat *found, int settled, struct db_conn *conn)
{
    struct share_stat st = share_stat_of(found);
    if (!S_ISREG(found->st_mode) || !share_folder_name_ok(name) || !is_tellable(l, name, &st)) {
        share_list_remove(l->list, name);
        return;
    }
    uint64_t age = share_stat_age_ms(&st), least = settled ? TICKS_MS : SHARE_QUIET_MS;
    int waits = !settled && share_dirty_waits(l->dirty, name, SHARE_QUIET);
    int written = !waits && age >= least && age < SHARE_OPEN_MS && is_written(l, name);
    /* A new file is empty before its maker has opened it, and before anything is told of it: that state is never worth a hurry. */
    int fresh = st.size == 0 && age < SHARE_QUIET_MS;
    if (!waits && !written && !fresh && age >= least) {
        list_file(l, name, &st, conn);
        return;
    }
    if (written && age >= SHARE_QUIET_MS)
        share_list_remove(l->list, name);
    share_list_keep(l->list, name);
    if (!waits)
        wait_for(l, name, settled && !written && !fresh ? SHARE_SOON : SHARE_QUIET, NULL);
}

/* ---- folders */

/* Watches an open folder. What cannot be watched is read again now and then. */
static void watch(struct share_look *l, int fd, const char *folder)
{
    enum err e = share_watch_add(l->watch, fd, folder);
    if (!e)
        return;
    if (!l->blind)
        log_write(LOG_WARN, "share", "%s%s%s cannot be watched (%s); all is read again every %u s instead", share_folder_path(l->folder),
            *folder ? "/" : "", folder, e == ERR_FULL ? "fs.inotify.max_user_watches is reached" : err_text(e), SHARE_BLIND_MS / 1000u);
    l->blind = 1;
}

/* One entry of a folder that is being read: folders are piled up, files taken. */
static enum err take_entry(
    struct share_look *l, int fd, const char *folder, const struct dirent *entry, struct pile *pile, struct db_conn *conn)
{
    char name[SHARED_NAME_MAX + 1];
    struct stat st;
    if (!join(folder, entry->d_name, name) || (entry->d_type != DT_REG && entry->d_type != DT_DIR && entry->d_type != DT_UNKNOWN))
        return ERR_OK;
    if (entry->d_type == DT_DIR)
        return pile_add(pile, name);
    if (fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return ERR_OK;
    if (S_ISDIR(st.st_mode))
        return pile_add(pile, name);
    take_file(l, name, &st, 0, conn);
    return ERR_OK;
}

/* Reads one folder; it is watched first, so that what comes while it is read is told. */
static enum err read_folder(struct share_look *l, const char *folder, struct pile *pile)
{
    struct db_conn *conn = NULL;
    int fd = -1;
    enum err e = share_folder_open_dir(l->folder, folder, &fd);
    if (e)
        return e == ERR_NOT_FOUND ? ERR_OK : e;
    watch(l, fd, folder);
    DIR *dir = fdopendir(fd);
    if (!dir) {
        close(fd);
        return ERR_NOMEM;
    }
    if (l->db && db_read_begin(l->db, &conn) != ERR_OK)
        conn = NULL;
    for (const struct dirent *entry = readdir(dir); entry && !e; entry = readdir(dir))
        e = take_entry(l, dirfd(dir), folder, entry, pile, conn);
    if (conn)
        db_read_end(conn);
    closedir(dir);
    return e;
}

/* Reads a folder and all below it. What is listed there and was not found goes, unless the reading failed. */
static enum err read_all_below(struct share_look *l, const char *top)
{
    struct pile pile = {0};
    share_list_sweep_begin(l->list);
    enum err e = pile_add(&pile, top);
    while (!e && pile.n > 0) {
        char *folder = pile.at[--pile.n];
        e = read_folder(l, folder, &pile);
        free(folder);
    }
    pile_release(&pile);
    if (!e)
        share_list_sweep_end(l->list, top);
    return e;
}

/* The same for a folder below the whole; a reading that failed is repeated. */
static void read_tree(struct share_look *l, const char *top)
{
    if (read_all_below(l, top) != ERR_OK)
        wait_for(l, top, SHARE_LATER, NULL);
}

static void forget_folder(struct share_look *l, const char *folder)
{
    share_watch_drop(l->watch, folder);
    share_list_remove_below(l->list, folder);
}

/* ---- events */

static void folder_event(struct share_look *l, const char *name, uint32_t mask)
{
    /* At once: the sooner it is watched, the more of what happens in it is heard. */
    if (mask & (IN_CREATE | IN_MOVED_TO))
        read_tree(l, name);
    else if (mask & (IN_DELETE | IN_MOVED_FROM))
        forget_folder(l, name);
    else if (mask & IN_ATTRIB)
        wait_for(l, name, SHARE_SOON, NULL);
}

static void file_event(struct share_look *l, const char *name, uint32_t mask)
{
    uint64_t since_ms = UINT64_MAX;
    int done = (mask & (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE)) != 0;
    if (done || ((mask & IN_ATTRIB) && !share_dirty_waits(l->dirty, name, SHARE_QUIET)))
        wait_for(l, name, SHARE_SOON, NULL);
    if (done || !(mask & (IN_CREATE | IN_MODIFY)))
        return;
    wait_for(l, name, SHARE_QUIET, &since_ms);
    share_list_touch(l->list, name);
    if (since_ms <= clock_boot_ms() && clock_boot_ms() - since_ms >= SHARE_QUIET_MS)
        share_list_remove(l->list, name);
}

void share_look_event(void *look, const struct share_event *event)
{
    struct share_look *l = look;
    char name[SHARED_NAME_MAX + 1];
    if (event->mask & IN_Q_OVERFLOW) {
        log_write(LOG_INFO, "share", "more happened in %s than could be told; it is read again", share_folder_path(l->folder));
        l->read_all = 1;
    } else if (!event->name) {
        l->check_root |= *event->folder == '\0';
    } else if (join(event->folder, event->name, name)) {
        if (event->mask & IN_ISDIR)
            folder_event(l, name, event->mask);
        else if (share_folder_name_ok(name))
            file_event(l, name, event->mask);
    }
}

/* ---- its turn */

/* Takes all that happened so far. Returns 0 when it comes faster than it can be taken. */
static int catch_up(struct share_look *l)
{
    int rounds = 0;
    while (rounds < ROUNDS_MAX && share_watch_read(l->watch, share_look_event, l))
        rounds++;
    return rounds < ROUNDS_MAX;
}

static void look_at(struct share_look *l, const char *name)
{
    struct stat st;
    enum err e = share_folder_look(l->folder, name, &st);
    /* Somebody may have begun to write since its last event was read, and pause just now: what was seen only counts when nothing was told of it until after it was seen. */
    int all = catch_up(l), again = share_dirty_waits(l->dirty, name, SHARE_WAITS);
    if (!all && !again)
        wait_for(l, name, SHARE_SOON, NULL);
    if (!all || again)
        return;
    if (e && e != ERR_NOT_FOUND) {
        wait_for(l, name, SHARE_LATER, NULL);
        return;
    }
    if (!e && S_ISDIR(st.st_mode)) {
        share_list_remove(l->list, name);
        read_tree(l, name);
        return;
    }
    share_list_remove_below(l->list, name);
    if (e) {
        share_list_remove(l->list, name);
        return;
    }
    struct db_conn *conn = NULL;
    if (l->db && db_read_begin(l->db, &conn) != ERR_OK)
        conn = NULL;
    take_file(l, name, &st, 1, conn);
    if (conn)
        db_read_end(conn);
}

/* Whether the folder is still, or again, where it is looked for. */
static void look_for_root(struct share_look *l)
{
    int changed = 0;
    enum err e = share_folder_check(l->folder, &changed);
    l->check_root = 0;
    l->root_at_ms = clock_boot_ms();
    if (!changed)
        return;
    share_watch_drop(l->watch, "");
    share_dirty_clear(l->dirty);
    l->away = e != ERR_OK;
    l->read_all = !l->away;
    if (l->away)
        share_list_remove_below(l->list, "");
    log_write(LOG_WARN, "share", "%s %s", share_folder_path(l->folder),
        l->away ? "is gone; nothing is shared" : "is another folder now, or back");
}

static void read_all(struct share_look *l)
{
    l->read_all = l->blind = l->full = 0;
    enum err e = read_all_below(l, "");
    if (e)
        log_write(LOG_WARN, "share", "%s could not be read as a whole: %s", share_folder_path(l->folder), err_text(e));
    l->all_due_ms = clock_boot_ms() + (e ? SHARE_LATER_MS : l->blind ? SHARE_BLIND_MS : SHARE_AGAIN_MS);
}

int share_look_step(struct share_look *l)
{
    char name[SHARED_NAME_MAX + 1];
    (void)share_watch_read(l->watch, share_look_event, l);
    uint64_t now = clock_boot_ms();
    if (l->check_root || now - l->root_at_ms >= SHARE_ROOT_MS)
        look_for_root(l);
    int whole = !l->away && (l->read_all || now >= l->all_due_ms);
    if (whole)
        read_all(l);
    while (share_dirty_take(l->dirty, clock_boot_ms(), name))
        look_at(l, name);
    return whole;
}

uint64_t share_look_wait_ms(const struct share_look *l)
{
    uint64_t now = clock_boot_ms(), next = share_dirty_next_ms(l->dirty, now), since = now - l->root_at_ms;
    if (l->read_all && !l->away)
        return 0;
    uint64_t root = since < SHARE_ROOT_MS ? SHARE_ROOT_MS - since : 0;
    return next < root ? next : root;
}

int share_look_fd(const struct share_look *l)
{
    return share_watch_fd(l->watch);
}

/* ---- life */

enum err share_look_new(struct share_folder *folder, struct share_list *list, struct db *db, struct share_look **out)
{
    struct share_look *l = calloc(1, sizeof(*l));
    if (!l)
        return ERR_NOMEM;
    l->folder = folder;
    l->list = list;
    l->db = db;
    l->read_all = 1;
    l->root_at_ms = clock_boot_ms();
    l->dirty = share_dirty_new();
    enum err e = l->dirty ? share_watch_new(&l->watch) : ERR_NOMEM;
    if (e)
        share_look_free(l);
    else
        *out = l;
    return e;
}

void share_look_free(struct share_look *l)
{
    if (!l)
        return;
    share_watch_free(l->watch);
    share_dirty_free(l->dirty);
    free(l);
}
