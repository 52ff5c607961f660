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

/* All lines as one log, an empty one between two files: nobody without the key makes one that is whole. Seeds have lines under this key, each with one harm. */
static void check_log(const uint8_t *data, size_t size)
{
    struct audit_verified result = {.files = 1};
    struct audit_verify_settings settings = {.master = master};
    struct verify *v = calloc(1, sizeof *v);
    FUZZ_CHECK(v);
    v->settings = &settings;
    v->result = &result;
    v->path = "log";
    size_t lines = 0;
    for (size_t at = 0; at < size;) {
        const uint8_t *end = memchr(data + at, '\n', size - at);
        size_t len = end ? (size_t)(end - data) - at : size - at;
        char *text = malloc(len + 1);
        FUZZ_CHECK(text);
        memcpy(text, data + at, len);
        text[len] = '\0';
        check_line(text, len);
        v->line = len == 0 ? 0 : v->line + 1;
        lines += len > 0;
        FUZZ_CHECK(len == 0 || verify_line(v, text, len) == ERR_OK);
        free(text);
        at += len + 1;
    }
    verify_chain_end(v);
    FUZZ_CHECK(lines == 0 || result.findings > 0);
    free(v->dropped.at);
    free(v->chains.at);
    free(v->doubts);
    free(v);
}

/* A text as it is noted: it is one member of one line, which is read again, and its h is right. */
static void check_text(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"who", "what", "on", "from", "result", "request", "detail"};
    static const char id[] = "0123456789abcdef0123456789abcdef";
    char *text = fuzz_string(data, size);
    size_t max = size < 64 ? size : 64, len = 0;
    struct audit_chain c;
    struct audit_line line;
    struct buf members, b;
    uint8_t h[HASH_SIZE];
    buf_init(&members, AUDIT_LINE_MAX);
    buf_init(&b, AUDIT_LINE_MAX + 1);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        FUZZ_CHECK(audit_member_text(&members, names[i], text, max) == ERR_OK);
    audit_chain_init(&c, master, 0, "api:fuzz", id);
    struct audit_key key = c.key;
    FUZZ_CHECK(audit_chain_add(&c, 1795338732848u, AUDIT_EVENT, buf_str(&members), members.len, &b) == ERR_OK);
    FUZZ_CHECK(memchr(b.data, '\n', b.len) == b.data + b.len - 1);
    FUZZ_CHECK(audit_line_read(b.data, b.len - 1, &line) == ERR_OK);
    FUZZ_CHECK(audit_line_member(&line, "detail", &len) && len <= max);
    audit_key_line(&key, (const uint8_t[HASH_SIZE]){0}, b.data, line.text_len, h);
    FUZZ_CHECK(memcmp(h, line.h, sizeof h) == 0);
    check_line(b.data, b.len - 1);
    buf_release(&members);
    buf_release(&b);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_text(data, size);
    check_log(data, size);
    return 0;
}
