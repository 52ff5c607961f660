/* ringbinder audit: what it says and with which status it ends. */
#include "tests/unit/unit.h"

#include "cli/audit.h"
#include "lib/audit/writer.h"
#include "lib/base/fs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOW_MS UINT64_C(1795337100123)
#define KEY_TEXT "the cluster's key of these tests"
#define KEY_HEX "74686520636c75737465722773206b6579206f66207468657365207465737473"

static const struct cli_command command = {.name = "audit", .usage = CMD_AUDIT_USAGE};

struct fixture {
    struct cli cli;
    char folder[64], log[96], key[96], heads[96];
    char *said, *complained;
    size_t said_len, complained_len;
};

static void write_text(const char *path, const char *text, mode_t mode)
{
    assert_ok(fs_replace_file(path, text, strlen(text), mode));
}

/* A log of a few lines; its last head goes into a file. */
static void write_log(struct fixture *f)
{
    static const char members[] =
        ",\"who\":\"-\",\"what\":\"upload\",\"on\":\"cs 101\",\"from\":\"-\",\"result\":\"201\",\"request\":\"-\",\"detail\":\"-\"";
    struct audit_limits limits = {AUDIT_FILE_BYTES, AUDIT_KEEP_BYTES, AUDIT_KEEP_MS, AUDIT_KEY_MS};
    struct audit_writer w;
    struct audit_head head;
    struct buf text;
    uint8_t master[AUDIT_KEY_SIZE];
    memcpy(master, KEY_TEXT, sizeof master);
    audit_writer_init(&w, f->log, "api:api-1", master, &limits);
    assert_ok(audit_writer_begin(&w, NOW_MS, 1000));
    for (int i = 0; i < 3; i++)
        assert_ok(audit_writer_add(&w, NOW_MS, AUDIT_EVENT, members, sizeof members - 1));
    assert_ok(audit_writer_flush(&w));
    assert_ok(audit_writer_end(&w, NOW_MS));
    audit_writer_head(&w, NOW_MS, &head);
    audit_writer_release(&w);
    struct json *j = audit_head_to_json(&head);
    buf_init(&text, 4096);
    assert_ok(json_print(j, &text));
    assert_ok(buf_add_str(&text, "\n"));
    write_text(f->heads, buf_str(&text), 0600);
    json_free(j);
    buf_release(&text);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    strcpy(f->folder, "/tmp/rb-cli-audit-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->log, sizeof f->log, "%s/audit", f->folder);
    snprintf(f->key, sizeof f->key, "%s/key", f->folder);
    snprintf(f->heads, sizeof f->heads, "%s/heads", f->folder);
    write_text(f->key, KEY_HEX "\n", 0600);
    f->cli.command = &command;
    f->cli.out.file = open_memstream(&f->said, &f->said_len);
    f->cli.out.errors = open_memstream(&f->complained, &f->complained_len);
    write_log(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    char remove[128];
    fclose(f->cli.out.file);
    fclose(f->cli.out.errors);
    free(f->said);
    free(f->complained);
    snprintf(remove, sizeof remove, "rm -r '%s'", f->folder);
    int gone = system(remove);
    free(f);
    return gone;
}

/* Runs `audit` with up to six words; the exit status. */
static int run(struct fixture *f, const char *a, const char *b, const char *c, const char *d, const char *e, const char *g)
{
    const char *words[] = {"audit", a, b, c, d, e, g};
    char *argv[8] = {NULL};
    int argc = 0;
    while (argc < 7 && words[argc]) {
        argv[argc] = strdup(words[argc]);
        argc++;
    }
    int code = cmd_audit(&f->cli, argc, argv);
    for (int i = 0; i < argc; i++)
        free(argv[i]);
    fflush(f->cli.out.file);
    fflush(f->cli.out.errors);
    return code;
}

/* The log's one file. */
static void log_path(const struct fixture *f, char path[160])
{
    struct audit_files files;
    assert_ok(audit_folder_list(f->log, &files));
    assert_int_equal(files.n, 1);
    snprintf(path, 160, "%s/%.40s", f->log, files.at[0].name);
    audit_files_release(&files);
}

static void a_whole_log_ends_with_0(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(run(f, "verify", "--key", f->key, f->folder, NULL, NULL), CLI_OK);
    assert_non_null(strstr(f->said, "api:api-1: 5 lines in 1 files"));
    assert_non_null(strstr(f->said, "0 heads: whole"));
    assert_non_null(strstr(f->complained, "Without heads"));
    assert_int_equal(run(f, "verify", "--key", f->key, "--heads", f->heads, f->log), CLI_OK);
    assert_non_null(strstr(f->said, "1 heads: whole"));
}

static void a_harmed_log_ends_with_1_and_names_the_line(void **state)
{
    struct fixture *f = *state;
    char path[160], expected[200];
    struct buf text;
    log_path(f, path);
    buf_init(&text, 65536);
    assert_ok(fs_read_file(path, &text));
    memcpy(strstr(text.data, "cs 101"), "cs 102", 6);
    write_text(path, buf_str(&text), 0600);
    buf_release(&text);
    snprintf(expected, sizeof expected, "%s:2: changed: ", path);
    assert_int_equal(run(f, "verify", "--key", f->key, f->folder, NULL, NULL), CLI_FAILED);
    assert_non_null(strstr(f->said, expected));
    assert_int_equal(run(f, "verify", "--key", f->key, path, NULL, NULL), CLI_FAILED); /* also as a single file */
}

static void a_cut_end_is_seen_with_heads_alone(void **state)
{
    struct fixture *f = *state;
    char path[160];
    struct stat s;
    log_path(f, path);
    assert_int_equal(stat(path, &s), 0);
    assert_int_equal(truncate(path, s.st_size - 150), 0);
    assert_int_equal(run(f, "verify", "--key", f->key, f->folder, NULL, NULL), CLI_OK);
    assert_int_equal(run(f, "verify", "--key", f->key, "--heads", f->heads, f->folder), CLI_FAILED);
    assert_non_null(strstr(f->said, ": cut: "));
}

static void json_is_one_value(void **state)
{
    struct fixture *f = *state;
    struct json *j;
    f->cli.out.json = 1;
    assert_int_equal(run(f, "verify", "--key", f->key, "--heads", f->heads, f->folder), CLI_OK);
    assert_ok(json_parse(f->said, f->said_len, &j));
    assert_true(json_get_bool(j, "whole", 0));
    const struct json *log = json_first(json_get(j, "logs"));
    uint64_t events;
    assert_ok(json_get_u64(log, "events", 1000, &events));
    assert_int_equal(events, 3);
    assert_int_equal(json_count(json_get(log, "findings")), 0);
    json_free(j);
}

static void other_ends_have_their_numbers(void **state)
{
    struct fixture *f = *state;
    char bad[96], empty[96];
    assert_int_equal(run(f, "verify", f->folder, NULL, NULL, NULL, NULL), CLI_USAGE);
    assert_int_equal(run(f, "verify", "--key", f->key, NULL, NULL, NULL), CLI_USAGE);
    assert_int_equal(run(f, "check", "--key", f->key, f->folder, NULL, NULL), CLI_USAGE);
    assert_int_equal(run(f, "heads", "--key", f->key, NULL, NULL, NULL), CLI_USAGE);
    assert_int_equal(run(f, "verify", "--key", f->key, "/tmp/rb-nobody-has-this", NULL, NULL), CLI_NOT_FOUND);
    snprintf(empty, sizeof empty, "%s/empty", f->folder);
    assert_int_equal(mkdir(empty, 0700), 0);
    assert_int_equal(run(f, "verify", "--key", f->key, empty, NULL, NULL), CLI_NOT_FOUND);
    snprintf(bad, sizeof bad, "%s/bad", f->folder);
    write_text(bad, "nothing\n", 0600);
    assert_int_equal(run(f, "verify", "--key", f->key, "--heads", bad, f->folder), CLI_FAILED);
    assert_non_null(strstr(f->complained, "line 1 is not a head"));
    assert_int_equal(chmod(f->key, 0644), 0); /* a key that others can read is none */
    assert_int_equal(run(f, "verify", "--key", f->key, f->folder, NULL, NULL), CLI_DENIED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_whole_log_ends_with_0),
        TEST(a_harmed_log_ends_with_1_and_names_the_line),
        TEST(a_cut_end_is_seen_with_heads_alone),
        TEST(json_is_one_value),
        TEST(other_ends_have_their_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
