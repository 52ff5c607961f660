/* A folder of audit logs as it is found at a start, and as it is verified: file names, the seed, the first and last lines of a file. Input: the name of a file, a
 * line; its bytes. */
#include "tests/fuzz/folder.h"

#include "lib/audit/folder.h"
#include "lib/audit/internal.h"
#include "lib/base/log.h"

/* Seeds were written under the first. */
static const uint8_t master[AUDIT_KEY_SIZE] = "the key of the fuzz target, 32b", other[AUDIT_KEY_SIZE] = "another key of the fuzz target.";

static void check_seed(const uint8_t *data, size_t size)
{
    uint8_t seed[AUDIT_KEY_SIZE], again[AUDIT_KEY_SIZE];
    uint64_t start = 0, start_again = 0;
    fuzz_write("seed", data, size, 0600);
    enum err e = audit_folder_read_seed(fuzz_folder(), seed, &start);
    FUZZ_CHECK(e == ERR_OK || e == ERR_CORRUPT);
    if (!e) {
        FUZZ_CHECK(audit_folder_write_seed(fuzz_folder(), seed, start) == ERR_OK);
        FUZZ_CHECK(audit_folder_read_seed(fuzz_folder(), again, &start_again) == ERR_OK && start == start_again);
        FUZZ_CHECK(memcmp(seed, again, sizeof(seed)) == 0);
    }
    unlink(fuzz_path("seed"));
}

/* Nobody without the key writes a log that is found whole; and no log is whole under two keys. */
static void check_verify(const char *path)
{
    const char *const paths[] = {path};
    struct audit_verified found;
    FUZZ_CHECK(audit_verify(&(struct audit_verify_settings){.master = master}, paths, 1, &found) == ERR_OK);
    FUZZ_CHECK(audit_verify(&(struct audit_verify_settings){.master = other}, paths, 1, &found) == ERR_OK);
    FUZZ_CHECK(found.lines == 0 || found.findings > 0);
}

static void check_file(const char *name, const uint8_t *data, size_t size)
{
    struct audit_files files;
    struct audit_tail tail;
    char path[AUDIT_PATH_SIZE];
    if (*name == '\0' || *name == '.' || strchr(name, '/') || strlen(name) > 100)
        return;
    fuzz_write(name, data, size, 0600);
    FUZZ_CHECK(audit_folder_list(fuzz_folder(), &files) == ERR_OK && files.n <= 1);
    if (files.n == 1) {
        FUZZ_CHECK(strcmp(files.at[0].name, name) == 0 && audit_folder_path(fuzz_folder(), name, path) == ERR_OK);
        enum err e = audit_folder_tail(fuzz_folder(), name, &tail);
        FUZZ_CHECK(e == ERR_OK || e == ERR_CORRUPT);
        FUZZ_CHECK(e || strlen(tail.chain) == 32);
        check_verify(path);
    }
    audit_files_release(&files);
    unlink(fuzz_path(name));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *name = fuzz_line(&data, &size);
    log_init("fuzz", LOG_ERROR);
    check_seed(data, size);
    check_file(name, data, size);
    free(name);
    return 0;
}
