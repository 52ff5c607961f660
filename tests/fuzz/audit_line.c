/* Lines of an audit log: what is taken has one spelling, and a whole log of any bytes is judged without harm and never found good. */
#include "tests/fuzz/fuzz.h"

#include "lib/audit/internal.h"
#include "lib/base/num.h"

static const uint8_t master[AUDIT_KEY_SIZE] = "the key of the fuzz target, 32b";

/* Prints the line anew from what was read of it. */
static void print_again(const struct audit_line *line, struct buf *out)
{
    char h[HASH_HEX_SIZE];
    num_hex(line->h, sizeof line->h, h);
    FUZZ_CHECK(buf_addf(out, "{\"n\":%llu,\"at\":\"%s\",\"k\":%llu,\"kind\":\"%s\"", (unsigned long long)line->n, line->at,
                   (unsigned long long)line->k, audit_kind_word(line->kind)) == ERR_OK);
    FUZZ_CHECK(buf_add(out, line->members, line->members_len) == ERR_OK);
    FUZZ_CHECK(out->len == line->text_len);
    FUZZ_CHECK(buf_addf(out, ",\"h\":\"%s\"}", h) == ERR_OK);
}

static void check_members(const struct audit_line *line)
{
    static const char *const names[] = {"process", "chain", "start", "file", "after", "before", "who", "what", "on", "from", "result",
        "request", "detail", "count", "last", "h_last"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t len = 0;
        uint64_t number;
        const char *value = audit_line_member(line, names[i], &len);
        FUZZ_CHECK(!value || (value >= line->members && value + len <= line->members + line->members_len));
        FUZZ_CHECK(audit_line_number(line, names[i], &number) != ERR_OK || number <= AUDIT_NUMBER_MAX);
    }
}

static void check_line(const char *text, size_t len)
{
    struct audit_line line;
    struct buf again;
    if (audit_line_read(text, len, &line) != ERR_OK)
        return;
    buf_init(&again, AUDIT_LINE_MAX + 1);
    print_again(&line, &again);
    FUZZ_CHECK(again.len == len && memcmp(again.data, text, len) == 0);
    check_members(&line);
    /* What passes for a line is JSON that every reader takes. */
    struct json *j = NULL;
    FUZZ_CHECK(json_parse(text, len, &j) == ERR_OK);
    json_free(j);
    buf_release(&again);
}

/* All lines as one file of a log: nobody without the key makes one that is whole. */
static void check_log(const uint8_t *data, size_t size)
{
    struct audit_verified result = {.files = 1};
    struct audit_verify_settings settings = {.master = master};
    struct verify *v = calloc(1, sizeof *v);
    FUZZ_CHECK(v);
    v->settings = &settings;
    v->result = &result;
    v->path = "log";
    for (size_t at = 0; at < size;) {
        const uint8_t *end = memchr(data + at, '\n', size - at);
        size_t len = end ? (size_t)(end - data) - at : size - at;
        char *text = malloc(len + 1);
        FUZZ_CHECK(text);
        memcpy(text, data + at, len);
        text[len] = '\0';
        check_line(text, len);
        v->line++;
        FUZZ_CHECK(verify_line(v, text, len) == ERR_OK);
        free(text);
        at += len + 1;
    }
    FUZZ_CHECK(v->line == 0 || result.findings > 0);
    free(v->dropped.at);
    free(v->chains.at);
    free(v->doubts);
    free(v);
}

/* A text as it is noted: it is one member, read back as one. */
static void check_text(const uint8_t *data, size_t size)
{
    char *text = fuzz_string(data, size);
    struct buf b;
    buf_init(&b, AUDIT_LINE_MAX);
    size_t max = size < 64 ? size : 64;
    FUZZ_CHECK(audit_member_text(&b, "process", text, max) == ERR_OK);
    FUZZ_CHECK(b.len <= sizeof ",\"process\":\"\"" - 1 + max);
    FUZZ_CHECK(text_is_utf8(b.data, b.len) && !memchr(b.data, '\n', b.len));
    buf_release(&b);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_text(data, size);
    check_log(data, size);
    return 0;
}
