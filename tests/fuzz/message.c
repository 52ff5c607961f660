/* Messages that were taken print to a text that reads back to the same print. Input: a first line with the verb or "answer", a second line with the JSON, and
 * the bytes of the blob. Frames have a target of their own. */
#include "tests/fuzz/fuzz.h"

#include "lib/wire/frame.h"
#include "lib/wire/message.h"

#define BODY_MAX (8u << 20)

/* Reads a frame of head and blob, and prints what was read behind `out`. */
static enum err reprint_request(
    enum message_verb verb, const char *head, size_t head_len, const void *blob, size_t blob_len, struct buf *out)
{
    struct buf body;
    struct message_request m;
    const void *bytes;
    size_t bytes_len;
    buf_init(&body, BODY_MAX);
    if (frame_head(&body, head, head_len) || buf_add(&body, blob, blob_len)) {
        buf_release(&body);
        return ERR_TOO_LARGE;
    }
    enum err e = message_request_parse(verb, body.data, body.len, &m, &bytes, &bytes_len);
    if (!e) {
        FUZZ_CHECK(bytes_len == blob_len);
        FUZZ_CHECK(!m.has_record || strcmp(m.record.key, m.key) == 0);
        FUZZ_CHECK(message_request_print(&m, out) == ERR_OK);
        message_request_release(&m);
    }
    buf_release(&body);
    return e;
}

static void fuzz_request(enum message_verb verb, const char *head, const uint8_t *blob, size_t blob_len)
{
    struct buf once, twice;
    const char *again;
    const void *none;
    size_t again_len, none_len;
    buf_init(&once, BODY_MAX);
    buf_init(&twice, BODY_MAX);
    if (reprint_request(verb, head, strlen(head), blob, blob_len, &once) == ERR_OK) {
        FUZZ_CHECK(frame_split(once.data, once.len, &again, &again_len, &none, &none_len) == ERR_OK && none_len == 0);
        FUZZ_CHECK(reprint_request(verb, again, again_len, blob, blob_len, &twice) == ERR_OK);
        FUZZ_CHECK(once.len == twice.len && memcmp(once.data, twice.data, once.len) == 0);
    }
    buf_release(&once);
    buf_release(&twice);
}

static enum err reprint_answer(const char *text, size_t len, struct buf *out)
{
    struct message_answer a;
    enum err e = message_answer_parse(text, len, &a);
    if (e)
        return e;
    FUZZ_CHECK(a.ok == (a.error == ERR_OK));
    FUZZ_CHECK(!a.has_history || (a.blobs && a.verified_at_ms));
    FUZZ_CHECK(message_answer_print(&a, out) == ERR_OK);
    message_answer_release(&a);
    return ERR_OK;
}

static void fuzz_answer(const char *text)
{
    struct buf once, twice;
    buf_init(&once, BODY_MAX);
    buf_init(&twice, BODY_MAX);
    if (reprint_answer(text, strlen(text), &once) == ERR_OK) {
        FUZZ_CHECK(reprint_answer(once.data, once.len, &twice) == ERR_OK);
        FUZZ_CHECK(strcmp(once.data, twice.data) == 0);
    }
    buf_release(&once);
    buf_release(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *word = fuzz_line(&data, &size), *text = fuzz_line(&data, &size);
    int verb = message_verb_parse(word);
    if (verb >= 0)
        fuzz_request((enum message_verb)verb, text, data, size);
    else
        fuzz_answer(text);
    free(word);
    free(text);
    return 0;
}
