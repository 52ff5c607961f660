/* A conversation comes to the same messages whether it arrives whole or a byte at a time, and a command that was taken apart is written as it was. */
#include "tests/fuzz/fuzz.h"

#include "lib/plain/plain.h"

static void check_command(const char *text, size_t len)
{
    static const char *const words[] = {"REGISTER", "SEARCH", "OBTAIN", "LISTEN", "DONE", "EXIT"};
    struct plain_command c;
    struct buf again;
    if (plain_command(text, len, &c))
        return;
    buf_init(&again, len + 1);
    if (c.word == PLAIN_DONE || c.word == PLAIN_EXIT)
        FUZZ_CHECK(buf_addf(&again, "%s", words[c.word]) == ERR_OK);
    else if (c.word == PLAIN_LISTEN)
        FUZZ_CHECK(buf_addf(&again, "LISTEN:%d:%u", (int)c.id, c.port) == ERR_OK);
    else
        FUZZ_CHECK(buf_addf(&again, "%s:%d:", words[c.word], (int)c.id) == ERR_OK && buf_add(&again, c.name, c.name_len) == ERR_OK);
    FUZZ_CHECK(again.len == len && memcmp(again.data, text, len) == 0);
    buf_release(&again);
}

/* All messages, each with its length before it; the error that ended it, or ERR_NOT_FOUND. */
static enum err collect(const uint8_t *data, size_t size, size_t piece, struct buf *out)
{
    struct plain p;
    struct pickle m;
    enum err e = ERR_NOT_FOUND;
    plain_init(&p);
    for (size_t at = 0; at < size && e == ERR_NOT_FOUND; at += piece) {
        FUZZ_CHECK(plain_feed(&p, data + at, size - at < piece ? size - at : piece) == ERR_OK);
        while ((e = plain_next(&p, &m)) == ERR_OK) {
            if (m.kind == PICKLE_TEXT) {
                check_command(m.text, m.text_len);
                FUZZ_CHECK(buf_addf(out, "%zu:", m.text_len) == ERR_OK && buf_add(out, m.text, m.text_len) == ERR_OK);
            } else {
                FUZZ_CHECK(buf_addf(out, "#%d,%d", (int)m.number[0], (int)m.number[1]) == ERR_OK);
            }
        }
    }
    plain_release(&p);
    return e;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf whole, cut;
    if (size > PLAIN_PIECE_MAX)
        return 0;
    buf_init(&whole, 1u << 20);
    buf_init(&cut, 1u << 20);
    enum err e = collect(data, size, PLAIN_PIECE_MAX, &whole), in_bytes = collect(data, size, 1, &cut);
    FUZZ_CHECK(e == in_bytes);
    FUZZ_CHECK(whole.len == cut.len && (whole.len == 0 || memcmp(whole.data, cut.data, cut.len) == 0));
    buf_release(&whole);
    buf_release(&cut);
    return 0;
}
