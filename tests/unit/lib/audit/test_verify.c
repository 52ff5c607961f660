/* A log that was harmed: the harm is named, where it is. The clock is the test's. */
#include "tests/unit/unit.h"

#include "lib/audit/verify.h"
#include "lib/audit/writer.h"
#include "lib/base/fs.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define UNIX_MS UINT64_C(1795337100123)
#define PROCESS "node:node-1"
#define LINES_MAX 64

static const uint8_t master[AUDIT_KEY_SIZE] = "the master key of these tests 32";

struct log {
    char folder[64];
    struct audit_writer writer;
    struct audit_limits limits;
    uint64_t unix_ms, boot_ms;
    struct audit_kept heads[8];
    size_t n_heads;
    struct audit_verified result;
    struct audit_finding first; /* of the findings */
    char first_file[AUDIT_NAME_SIZE];
    size_t found;
};

static int setup(void **state)
{
    struct log *l = calloc(1, sizeof *l);
    strcpy(l->folder, "/tmp/rb-audit-XXXXXX");
    if (!l || !mkdtemp(l->folder))
        return -1;
    l->limits = (struct audit_limits){AUDIT_FILE_BYTES, AUDIT_KEEP_BYTES, AUDIT_KEEP_MS, AUDIT_KEY_MS};
    l->unix_ms = UNIX_MS;
    l->boot_ms = 1000;
    *state = l;
    return 0;
}

static int teardown(void **state)
{
    struct log *l = *state;
    char command[128];
    audit_writer_release(&l->writer);
    snprintf(command, sizeof command, "rm -r '%s'", l->folder);
    int gone = system(command);
    free(l);
    return gone;
}

static void begin(struct log *l)
{
    audit_writer_init(&l->writer, l->folder, PROCESS, master, &l->limits);
    assert_ok(audit_writer_begin(&l->writer, l->unix_ms, l->boot_ms));
}

static void end(struct log *l)
{
    assert_ok(audit_writer_end(&l->writer, l->unix_ms));
    audit_writer_release(&l->writer);
}

static void write_events(struct log *l, int n)
{
    static const char members[] =
        ",\"who\":\"-\",\"what\":\"upload\",\"on\":\"cs 101\",\"from\":\"-\",\"result\":\"201\",\"request\":\"-\",\"detail\":\"-\"";
    for (int i = 0; i < n; i++) {
        l->unix_ms += 7;
        assert_ok(audit_writer_add(&l->writer, l->unix_ms, AUDIT_EVENT, members, sizeof members - 1));
        assert_ok(audit_writer_flush(&l->writer));
        assert_ok(audit_writer_tend(&l->writer, l->unix_ms, l->boot_ms));
    }
    assert_ok(audit_writer_sync(&l->writer));
}

static void keep_head(struct log *l)
{
    struct audit_kept *k = &l->heads[l->n_heads++];
    audit_writer_head(&l->writer, l->unix_ms, &k->head);
    strcpy(k->node, "node-2");
}

static void found(void *ctx, const struct audit_finding *f)
{
    struct log *l = ctx;
    const char *slash = strrchr(f->file, '/');
    if (l->found++ > 0)
        return;
    l->first = *f;
    snprintf(l->first_file, sizeof l->first_file, "%s", slash ? slash + 1 : "");
}

static void verify_with(struct log *l, const uint8_t *key)
{
    struct audit_files files;
    char paths[LINES_MAX][128];
    const char *list[LINES_MAX];
    assert_ok(audit_folder_list(l->folder, &files));
    assert_true(files.n <= LINES_MAX);
    for (size_t i = 0; i < files.n; i++) {
        snprintf(paths[i], sizeof paths[i], "%s/%s", l->folder, files.at[i].name);
        list[i] = paths[i];
    }
    struct audit_verify_settings s = {.master = key, .heads = l->heads, .n_heads = l->n_heads, .found = found, .ctx = l};
    l->found = 0;
    assert_ok(audit_verify(&s, list, files.n, &l->result));
    assert_int_equal(l->result.findings, l->found);
    audit_files_release(&files);
}

static void verify(struct log *l)
{
    verify_with(l, master);
}

/* The path of the i-th file. */
static const char *path_of(struct log *l, size_t i)
{
    static char path[128];
    struct audit_files files;
    assert_ok(audit_folder_list(l->folder, &files));
    assert_true(i < files.n);
    snprintf(path, sizeof path, "%s/%s", l->folder, files.at[i].name);
    audit_files_release(&files);
    return path;
}

/* The lines of a file, to be put back in another way. */
struct lines {
    char *at[LINES_MAX];
    size_t n;
};

static struct lines take_lines(const char *path)
{
    struct lines l = {.n = 0};
    size_t room = 0;
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    while (l.n < LINES_MAX && getline(&l.at[l.n], &room, f) > 0) {
        room = 0;
        l.n++;
    }
    free(l.at[l.n < LINES_MAX ? l.n : 0]);
    fclose(f);
    return l;
}

static void put_lines(const char *path, struct lines *l)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    for (size_t i = 0; i < l->n; i++) {
        if (l->at[i])
            fputs(l->at[i], f);
        free(l->at[i]);
    }
    fclose(f);
}

static void assert_found(const struct log *l, enum audit_fault fault, uint64_t line)
{
    assert_true(l->found > 0);
    assert_int_equal(l->first.fault, fault);
    assert_int_equal(l->first.line, line);
}

static void a_log_that_nobody_touched_is_fine(void **state)
{
    struct log *l = *state;
    begin(l);
    write_events(l, 3);
    keep_head(l);
    l->boot_ms += AUDIT_KEY_MS;
    write_events(l, 3);
    keep_head(l);
    end(l);
    begin(l);
    write_events(l, 2);
    keep_head(l);
    verify(l); /* the chain is still being written */
    assert_int_equal(l->found, 0);
    assert_int_equal(l->result.chains, 2);
    assert_int_equal(l->result.events, 8);
    assert_int_equal(l->result.heads, 3);
    assert_string_equal(l->result.process, PROCESS);
}

static void a_changed_line_is_named(void **state)
{
    struct log *l = *state;
    begin(l);
    write_events(l, 5);
    end(l);
    struct lines lines = take_lines(path_of(l, 0));
    memcpy(strstr(lines.at[3], "cs 101"), "cs 102", 6);
    put_lines(path_of(l, 0), &lines);
    verify(l);
    assert_found(l, AUDIT_CHANGED, 4);
    assert_int_equal(l->found, 1); /* one harm, one finding */
}

static void a_broken_line_is_named(void **state)
{
    struct log *l = *state;
    begin(l);
    write_events(l, 5);
    end(l);
    struct lines lines = take_lines(path_of(l, 0));
    lines.at[3][2] = 'N';
    put_lines(path_of(l, 0), &lines);
    verify(l);
    assert_found(l, AUDIT_CHANGED, 4);
    assert_int_equal(l->found, 1);
}

static void a_removed_line_is_named(void **state)
{
    struct log *l = *state;
    begin(l);
    write_events(l, 5);
    end(l);
    struct lines lines = take_lines(path_of(l, 0));
    free(lines.at[2]);
    lines.at[2] = NULL;
    put_lines(path_of(l, 0), &lines);
    verify(l);
    assert_found(l, AUDIT_MISSING, 3);
    assert_int_equal(l->found, 1);
}

static void swapped_lines_are_named(void **state)
{
    struct log *l = *state;
    begin(l);
    write_events(l, 5);
    end(l);
    struct lines lines = take_lines(path_of(l, 0));
    char *third = lines.at[2];
    lines.at[2] = lines.at[3];
    lines.at[3] = third;
    put_lines(path_of(l, 0), &lines);
    verify(l);
    assert_found(l, AUDIT_MISSING, 3);
    assert_int_equal(l->found, 2); /* the one that is too early, and the one that is too late */
}

static void a_line_that_was_put_in_is_named(void **state)
{
    struct log *l = *state;
    begin(l);
    write_events(l, 5);
    end(l);
    struct lines lines = take_lines(path_of(l, 0));
    memmove(&lines.at[4], &lines.at[3], (lines.n - 3) * sizeof lines.at[0]);
    lines.at[3] = strdup(lines.at[2]);
    lines.n++;
    put_lines(path_of(l, 0), &lines);
    verify(l);
    assert_found(l, AUDIT_MOVED, 4);
    assert_int_equal(l->found, 1);
}

static void a_missing_first_line_is_named(void **state)
{
    struct log *l = *state;
    begin(l);
    write_events(l, 2);
    end(l);
    struct lines lines = take_lines(path_of(l, 0));
    free(lines.at[0]);
    lines.at[0] = NULL;
    put_lines(path_of(l, 0), &lines);
    verify(l);
    assert_found(l, AUDIT_MISSING, 1);
}

static void cut(const char *path, size_t keep)
{
    struct lines lines = take_lines(path);
    for (size_t i = keep; i < lines.n; i++) {
        free(lines.at[i]);
        lines.at[i] = NULL;
    }
    put_lines(path, &lines);
}

static void a_cut_tail_is_found_by_a_head(void **state)
{
    struct log *l = *state;
    begin(l);
    write_events(l, 5);
    keep_head(l);
    audit_writer_release(&l->writer); /* as a crash leaves it */
    cut(path_of(l, 0), 4);
    verify(l);
    assert_found(l, AUDIT_CUT, 4);
    assert_non_null(strstr(l->first.text, "n = 5 to 6"));
    l->n_heads = 0;
    verify(l);
    assert_int_equal(l->found, 0); /* nothing else knows of it */
}

static void a_cut_tail_is_found_by_the_next_start(void **state)
{
    struct log *l = *state;
    begin(l);
    write_events(l, 5);
    end(l);
    begin(l);
    end(l);
    cut(path_of(l, 0), 4);
    verify(l);
    assert_found(l, AUDIT_CUT, 4);
}

static void a_chain_that_is_gone_is_found_by_a_head_or_the_next_start(void **state)
{
    struct log *l = *state;
    begin(l);
    write_events(l, 2);
    keep_head(l);
    end(l);
    begin(l);
    end(l);
    assert_int_equal(unlink(path_of(l, 0)), 0);
    verify(l);
    assert_found(l, AUDIT_GONE, 1); /* the start that is left names a line that is not there */
    assert_int_equal(l->found, 2);
    /* Now with a beginning that tells of nothing before. */
    assert_int_equal(unlink(path_of(l, 0)), 0);
    char seed[128];
    snprintf(seed, sizeof seed, "%s/seed", l->folder);
    assert_int_equal(unlink(seed), 0);
    begin(l);
    end(l);
    verify(l);
    assert_found(l, AUDIT_GONE, 0);
    assert_int_equal(l->found, 1);
}

static void a_log_written_anew_with_the_key_is_found_by_a_head(void **state)
{
    struct log *l = *state;
    struct audit_chain c;
    uint8_t seed[AUDIT_KEY_SIZE];
    struct buf b;
    begin(l);
    write_events(l, 5);
    keep_head(l);
    char id[AUDIT_CHAIN_SIZE];
    memcpy(id, l->writer.chain.id, sizeof id);
    audit_writer_release(&l->writer);
    /* Somebody who has the master key makes a past that fits. */
    audit_seed_first(master, PROCESS, seed);
    audit_chain_init(&c, seed, 0, PROCESS, id);
    buf_init(&b, 65536);
    assert_ok(audit_chain_add_start(&c, UNIX_MS, "", &b));
    for (int i = 0; i < 8; i++)
        assert_ok(audit_chain_add(&c, UNIX_MS, AUDIT_LOST, ",\"count\":1", 10, &b));
    assert_ok(fs_replace_file(path_of(l, 0), b.data, b.len, 0600));
    buf_release(&b);
    verify(l);
    assert_found(l, AUDIT_REWRITTEN, 6);
    l->n_heads = 0;
    verify(l);
    assert_int_equal(l->found, 0);
}

static void a_log_written_anew_without_the_key_is_found(void **state)
{
    struct log *l = *state;
    uint8_t other[AUDIT_KEY_SIZE] = "another key that somebody made 3";
    begin(l);
    write_events(l, 3);
    end(l);
    verify_with(l, other);
    assert_found(l, AUDIT_CHANGED, 1);
    assert_int_equal(l->found, 5);
}

static void a_false_head_is_counted_and_not_believed(void **state)
{
    struct log *l = *state;
    begin(l);
    write_events(l, 3);
    keep_head(l);
    keep_head(l);
    l->heads[0].head.n = 4;
    l->heads[0].head.h[0] ^= 1;
    end(l);
    verify(l);
    assert_int_equal(l->found, 0);
    assert_int_equal(l->result.heads_false, 1);
    assert_int_equal(l->result.heads, 1);
}

static void files_follow_each_other_and_the_oldest_go(void **state)
{
    struct log *l = *state;
    l->limits.file_max_bytes = 2000;
    l->limits.keep_max_bytes = 8000;
    begin(l);
    write_events(l, 6);
    keep_head(l); /* its line will be dropped */
    write_events(l, 40);
    keep_head(l);
    end(l);
    verify(l);
    assert_int_equal(l->found, 0);
    assert_in_range(l->result.files, 3, 6);
    assert_int_equal(l->result.heads, 1);
    assert_int_equal(l->result.heads_before, 1);
    /* A file in the middle that nobody dropped. */
    assert_int_equal(unlink(path_of(l, 1)), 0);
    verify(l);
    assert_found(l, AUDIT_MISSING, 1);
    assert_int_equal(l->found, 1);
    /* And the oldest: nobody said that it was to go. */
    assert_int_equal(unlink(path_of(l, 0)), 0);
    verify(l);
    assert_found(l, AUDIT_GONE, 1);
}

static void old_files_of_other_chains_go_and_what_is_left_verifies(void **state)
{
    struct log *l = *state;
    for (int i = 0; i < 4; i++) {
        begin(l);
        write_events(l, 2);
        end(l);
    }
    l->limits.keep_max_bytes = 3000;
    begin(l);
    write_events(l, 2);
    end(l);
    verify(l);
    assert_int_equal(l->found, 0);
    assert_in_range(l->result.files, 1, 3);
}

static void a_torn_last_line_is_no_harm_and_is_counted(void **state)
{
    struct log *l = *state;
    begin(l);
    write_events(l, 3);
    audit_writer_release(&l->writer);
    FILE *f = fopen(path_of(l, 0), "a");
    assert_non_null(f);
    fputs("{\"n\":5,\"at\"", f);
    fclose(f);
    verify(l);
    assert_int_equal(l->found, 0);
    assert_int_equal(l->result.unfinished_bytes, 11);
    begin(l); /* stands on the last whole line */
    end(l);
    verify(l);
    assert_int_equal(l->found, 0);
}

static void what_could_not_be_written_is_taken_back(void **state)
{
    struct log *l = *state;
    begin(l);
    write_events(l, 2);
    /* The file is made one that takes nothing. */
    int good = l->writer.fd;
    l->writer.fd = open(path_of(l, 0), O_RDONLY | O_CLOEXEC);
    assert_ok(audit_writer_add(&l->writer, l->unix_ms, AUDIT_MORE, ",\"count\":1", 10));
    assert_err(ERR_IO, audit_writer_flush(&l->writer));
    close(good);
    assert_int_equal(l->writer.fd, -1); /* ftruncate failed too: the chain is over */
    assert_err(ERR_UNAVAILABLE, audit_writer_add(&l->writer, l->unix_ms, AUDIT_MORE, ",\"count\":1", 10));
    assert_ok(audit_writer_begin(&l->writer, l->unix_ms, l->boot_ms));
    write_events(l, 1);
    end(l);
    verify(l);
    assert_int_equal(l->found, 0);
    assert_int_equal(l->result.chains, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_log_that_nobody_touched_is_fine),
        TEST(a_changed_line_is_named),
        TEST(a_broken_line_is_named),
        TEST(a_removed_line_is_named),
        TEST(swapped_lines_are_named),
        TEST(a_line_that_was_put_in_is_named),
        TEST(a_missing_first_line_is_named),
        TEST(a_cut_tail_is_found_by_a_head),
        TEST(a_cut_tail_is_found_by_the_next_start),
        TEST(a_chain_that_is_gone_is_found_by_a_head_or_the_next_start),
        TEST(a_log_written_anew_with_the_key_is_found_by_a_head),
        TEST(a_log_written_anew_without_the_key_is_found),
        TEST(a_false_head_is_counted_and_not_believed),
        TEST(files_follow_each_other_and_the_oldest_go),
        TEST(old_files_of_other_chains_go_and_what_is_left_verifies),
        TEST(a_torn_last_line_is_no_harm_and_is_counted),
        TEST(what_could_not_be_written_is_taken_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
