/* Request targets of the api: decoded segments hold no way up, and encoded anew they are the same segments and parameters. */
#include "tests/fuzz/fuzz.h"

#include "fcgi/target.h"
#include "lib/base/text.h"

static int same(struct target_text a, struct target_text b)
{
    return a.len == b.len && memcmp(a.text, b.text, a.len) == 0;
}

static void check_segment(struct target_text s)
{
    FUZZ_CHECK(strlen(s.text) == s.len && text_is_utf8(s.text, s.len));
    FUZZ_CHECK(strcmp(s.text, ".") != 0 && strcmp(s.text, "..") != 0);
    FUZZ_CHECK(strncmp(s.text, "../", 3) != 0 && !strstr(s.text, "/../") && !strstr(s.text, "\\..\\"));
}

static void check_taken(const struct target *t)
{
    struct arena a;
    struct target again;
    struct buf b;
    buf_init(&b, 4 * TARGET_BYTES_MAX);
    arena_init(&a, 1u << 20);
    for (size_t i = 0; i < t->n_segments; i++) {
        check_segment(t->segments[i]);
        FUZZ_CHECK(buf_add(&b, "/", 1) == ERR_OK && text_percent_encode(&b, t->segments[i].text, t->segments[i].len) == ERR_OK);
    }
    for (size_t i = 0; i < t->n_params; i++) {
        const struct target_param *p = &t->params[i];
        FUZZ_CHECK(buf_add(&b, i ? "&" : "?", 1) == ERR_OK && text_percent_encode(&b, p->name.text, p->name.len) == ERR_OK);
        FUZZ_CHECK(buf_add(&b, "=", 1) == ERR_OK && text_percent_encode(&b, p->value.text, p->value.len) == ERR_OK);
    }
    /* Encoding may make it too long, which is the only excuse. */
    enum err e = target_parse(b.data, &a, &again);
    FUZZ_CHECK(e == ERR_OK || (e == ERR_URI_TOO_LONG && b.len > TARGET_BYTES_MAX));
    if (!e) {
        FUZZ_CHECK(again.n_segments == t->n_segments && again.n_params == t->n_params);
        for (size_t i = 0; i < t->n_segments; i++)
            FUZZ_CHECK(same(t->segments[i], again.segments[i]));
        for (size_t i = 0; i < t->n_params; i++)
            FUZZ_CHECK(same(t->params[i].name, again.params[i].name) && same(t->params[i].value, again.params[i].value));
    }
    arena_release(&a);
    buf_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *raw = fuzz_string(data, size);
    struct arena a;
    struct target t;
    arena_init(&a, 1u << 20);
    enum err e = target_parse(raw, &a, &t);
    FUZZ_CHECK(e == ERR_OK || e == ERR_SYNTAX || e == ERR_URI_TOO_LONG);
    if (e == ERR_SYNTAX)
        FUZZ_CHECK(t.detail && text_is_utf8(t.detail, strlen(t.detail)));
    if (!e && t.n_segments <= TARGET_SEGMENTS_MAX)
        check_taken(&t);
    arena_release(&a);
    free(raw);
    return 0;
}
