/* What the command line is told: tables to import, what the api says of files and of where they are, speeds, and names for files. What is taken is within its
 * bounds, and a name that was made stays in its folder. Input: tried as each of them; its first line is the name that is looked for. */
#include "tests/fuzz/fuzz.h"

#include "cli/download.h"
#include "cli/import_table.h"
#include "cli/obtain_find.h"
#include "cli/obtain_offer.h"
#include "cli/rate.h"
#include "lib/base/num.h"
#include "lib/wire/json.h"

static void check_table(const uint8_t *data, size_t size)
{
    struct import_table t;
    enum err e = import_table_read(&t, (const char *)data, size);
    FUZZ_CHECK(e == ERR_OK || (e == ERR_SYNTAX && *t.why));
    for (size_t i = 0; !e && i < t.n; i++) {
        FUZZ_CHECK(t.lines[i].line > (i > 0 ? t.lines[i - 1].line : 0));
        FUZZ_CHECK(t.lines[i].wrong || (t.lines[i].cells[IMPORT_COURSE] && t.lines[i].cells[IMPORT_FILE]));
    }
    import_table_release(&t);
}

static void check_found(const struct json *j, const char *name)
{
    struct found_list f;
    if (found_parse(j, name, NULL, &f) == ERR_OK) {
        for (size_t i = 0; i < f.n; i++) {
            size_t n = strlen(f.items[i].file), len = strlen(name);
            FUZZ_CHECK(n >= len && strcmp(f.items[i].file + n - len, name) == 0 && (n == len || f.items[i].file[n - len - 1] == '/'));
            FUZZ_CHECK(*f.items[i].sha256 == '\0' || num_is_hex(f.items[i].sha256, 64));
        }
        FUZZ_CHECK(!found_agree(&f) || f.n > 0);
        found_release(&f);
    }
    if (found_parse(j, name, "lab", &f) == ERR_OK)
        found_release(&f);
}

static void check_offer(const struct json *j)
{
    static const char sha[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    struct offer o;
    uint64_t bytes = 0;
    if (offer_parse(j, sha, &o))
        return;
    FUZZ_CHECK(o.n_sources <= OFFER_SOURCES_MAX && (o.size == 0 || (o.block_bytes > 0 && o.block_bytes <= OFFER_BLOCK_BYTES_MAX)));
    for (size_t i = 0; i < o.n_blocks; i++)
        bytes += offer_block_len(&o, i);
    FUZZ_CHECK(bytes == o.size);
    for (size_t i = 0; i < o.n_sources; i++)
        FUZZ_CHECK(strncmp(o.sources[i].url, "http://", 7) == 0 || strncmp(o.sources[i].url, "https://", 8) == 0);
    offer_keep(&o, "ring");
    for (size_t i = 0; i < o.n_sources; i++)
        FUZZ_CHECK(o.sources[i].is_ring);
    offer_release(&o);
}

static void check_words(const char *text)
{
    uint64_t rate = 0;
    size_t pick = 0;
    struct buf name;
    buf_init(&name, 4096);
    if (rate_parse(text, &rate) == ERR_OK)
        FUZZ_CHECK(rate >= RATE_MIN && rate <= RATE_MAX);
    if (found_answer(text, 3, 1, &pick) == ERR_OK)
        FUZZ_CHECK(pick < 3 || pick == SIZE_MAX);
    FUZZ_CHECK(download_name(text, &name) == ERR_OK && name.len > 0 && name.len <= DOWNLOAD_NAME_MAX);
    FUZZ_CHECK(name.data[0] != '.' && !memchr(name.data, '/', name.len) && !memchr(name.data, '\\', name.len));
    for (size_t i = 0; i < name.len; i++)
        FUZZ_CHECK((unsigned char)name.data[i] >= 0x20 && name.data[i] != 0x7f);
    buf_release(&name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json *j = NULL;
    check_table(data, size);
    char *line = fuzz_line(&data, &size);
    check_words(line);
    if (json_parse((const char *)data, size, &j) == ERR_OK) {
        check_found(j, line);
        check_offer(j);
    }
    json_free(j);
    free(line);
    return 0;
}
