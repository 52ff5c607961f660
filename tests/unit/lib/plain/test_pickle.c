#include "tests/unit/unit.h"

#include "lib/plain/pickle.h"

#include <string.h>

#define BYTES(text) text, sizeof(text) - 1

/* What CPython 3.11 prints for these values by pickle.dumps(value, protocol=4). */
static const struct {
    const char *bytes;
    size_t len;
    enum pickle_kind kind;
    const char *text;
    int32_t number[2];
} known[] = {
    {BYTES("\x80\x04\x95\x08\0\0\0\0\0\0\0\x8c\x04"
           "DONE\x94."),
        PICKLE_TEXT, "DONE", {0, 0}},
    {BYTES("\x80\x04\x95\x04\0\0\0\0\0\0\0\x8c\0\x94."), PICKLE_TEXT, "", {0, 0}},
    {BYTES("\x80\x04K\0."), PICKLE_NUMBER, NULL, {0, 0}},
    {BYTES("\x80\x04K\xff."), PICKLE_NUMBER, NULL, {255, 0}},
    {BYTES("\x80\x04\x95\x04\0\0\0\0\0\0\0M,\x01."), PICKLE_NUMBER, NULL, {300, 0}},
    {BYTES("\x80\x04\x95\x06\0\0\0\0\0\0\0J\xff\xff\xff\xff."), PICKLE_NUMBER, NULL, {-1, 0}},
    {BYTES("\x80\x04\x95\x0d\0\0\0\0\0\0\0]\x94(J\xff\xff\xff\xffM(#e."), PICKLE_PAIR, NULL, {-1, 9000}},
    {BYTES("\x80\x04\x95\x0d\0\0\0\0\0\0\0]\x94(M,\x01Jp\x11\x01\0e."), PICKLE_PAIR, NULL, {300, 70000}},
};
#define N_KNOWN (sizeof known / sizeof *known)

static enum err encode(struct buf *out, const struct pickle *p)
{
    if (p->kind == PICKLE_TEXT)
        return pickle_text(out, p->text, p->text_len);
    return p->kind == PICKLE_NUMBER ? pickle_number(out, p->number[0]) : pickle_pair(out, p->number[0], p->number[1]);
}

static void values_are_read_and_written_as_python_writes_them(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_KNOWN; i++) {
        struct pickle p;
        struct buf again;
        size_t used;
        assert_ok(pickle_decode(known[i].bytes, known[i].len, &p, &used));
        assert_int_equal(used, known[i].len);
        assert_int_equal(p.kind, known[i].kind);
        if (known[i].text) {
            assert_int_equal(p.text_len, strlen(known[i].text));
            assert_memory_equal(p.text, known[i].text, p.text_len);
        }
        assert_int_equal(p.number[0], known[i].number[0]);
        assert_int_equal(p.number[1], known[i].number[1]);
        buf_init(&again, 1000);
        assert_ok(encode(&again, &p));
        assert_int_equal(again.len, known[i].len);
        assert_memory_equal(again.data, known[i].bytes, again.len);
        buf_release(&again);
    }
}

static void long_texts_have_four_bytes_of_length(void **state)
{
    (void)state;
    static const size_t lens[] = {255, 256, 4096};
    char text[PICKLE_TEXT_MAX + 1];
    memset(text, 'x', sizeof text);
    for (size_t i = 0; i < 3; i++) {
        struct buf b;
        struct pickle p;
        size_t used;
        buf_init(&b, PICKLE_BYTES_MAX);
        assert_ok(pickle_text(&b, text, lens[i]));
        assert_int_equal(b.data[11], i == 0 ? (char)0x8c : 'X');
        assert_ok(pickle_decode(b.data, b.len, &p, &used));
        assert_int_equal(used, b.len);
        assert_int_equal(p.text_len, lens[i]);
        buf_release(&b);
    }
    struct buf b;
    buf_init(&b, 2 * PICKLE_BYTES_MAX);
    assert_err(ERR_TOO_LARGE, pickle_text(&b, text, sizeof text));
    assert_int_equal(b.len, 0);
    buf_release(&b);
}

static void a_part_of_a_message_waits_for_the_rest(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_KNOWN; i++) {
        for (size_t len = 0; len < known[i].len; len++) {
            struct pickle p = {.kind = PICKLE_PAIR, .number = {7, 7}};
            size_t used = 99;
            assert_ok(pickle_decode(known[i].bytes, len, &p, &used));
            assert_int_equal(used, 0);
            assert_int_equal(p.number[0], 7);
        }
    }
}

static void of_two_messages_the_first_is_taken(void **state)
{
    (void)state;
    char both[200];
    struct pickle p;
    size_t used;
    memcpy(both, known[0].bytes, known[0].len);
    memcpy(both + known[0].len, known[6].bytes, known[6].len);
    assert_ok(pickle_decode(both, known[0].len + known[6].len, &p, &used));
    assert_int_equal(used, known[0].len);
    assert_ok(pickle_decode(both + used, known[6].len, &p, &used));
    assert_int_equal(p.kind, PICKLE_PAIR);
}

static void everything_else_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
    } rows[] = {
        {BYTES("\x80\x03K\0.")},                                     /* another protocol */
        {BYTES("\x80\x05K\0.")},                                     /* another protocol */
        {BYTES("K\0.")},                                             /* none */
        {BYTES("\x80\x04\x88.")},                                    /* True */
        {BYTES("\x80\x04N.")},                                       /* None */
        {BYTES("\x80\x04K\0K\0.")},                                  /* two values */
        {BYTES("\x80\x04\x95\x04\0\0\0\0\0\0\0M\x07\0.")},           /* 7 in two bytes */
        {BYTES("\x80\x04M,\x01.")},                                  /* without its frame */
        {BYTES("\x80\x04\x95\x05\0\0\0\0\0\0\0M,\x01.")},            /* a frame too long */
        {BYTES("\x80\x04\x95\x03\0\0\0\0\0\0\0K\0.")},               /* a frame where none is */
        {BYTES("\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\xff\x8c")}, /* a frame without end */
        {BYTES("\x80\x04\x95\x07\0\0\0\0\0\0\0\x8c\x04"
               "DONE.")},                                                                 /* not memoized */
        {BYTES("\x80\x04\x95\x06\0\0\0\0\0\0\0\x8c\x02\xc3\x28\x94.")},                   /* no UTF-8 */
        {BYTES("\x80\x04\x95\x06\0\0\0\0\0\0\0\x8c\x02\0a\x94.")},                        /* a NUL */
        {BYTES("\x80\x04\x95\x09\0\0\0\0\0\0\0X\x02\0\0\0ab\x94.")},                      /* a short text in the long form */
        {BYTES("\x80\x04X\xff\xff\xff\xff")},                                             /* 4 GiB */
        {BYTES("\x80\x04\x95\x06\0\0\0\0\0\0\0]\x94(K\x01e.")},                           /* a list of one */
        {BYTES("\x80\x04\x95\x0a\0\0\0\0\0\0\0]\x94(K\x01K\x02K\x03e.")},                 /* of three */
        {BYTES("\x80\x04\x95\x1d\0\0\0\0\0\0\0\x8c\x05posix\x94\x8c\x06system\x94\x93")}, /* the name of a function */
        {BYTES("\x80\x04"
               "cposix\nsystem\n(S'id'\ntR.")}, /* and its call */
        {BYTES("\x80\x04\x95\x10\0\0\0\0\0\0\0"
               "cposix\nsystem\n")},
        {BYTES("\x80\x04]\x94(h\0")}, /* a memo's value */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct pickle p;
        size_t used = 5;
        enum err e = pickle_decode(rows[i].bytes, rows[i].len, &p, &used);
        if (e != ERR_SYNTAX && e != ERR_TOO_LARGE)
            fail_msg("row %zu was not refused: %d, %zu bytes used", i, (int)e, used);
        assert_int_equal(used, 5);
    }
}

/* Of all single bytes that can stand where a value begins, only those that begin ours are waited for. */
static void only_our_opcodes_are_known(void **state)
{
    (void)state;
    for (int op = 0; op < 256; op++) {
        char bytes[] = {(char)0x80, 4, (char)op};
        int ours = op != 0 && strchr("\x8cX]KMJ\x95", op) != NULL;
        struct pickle p;
        size_t used;
        assert_err(ours ? ERR_OK : ERR_SYNTAX, pickle_decode(bytes, 3, &p, &used));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_read_and_written_as_python_writes_them),
        cmocka_unit_test(long_texts_have_four_bytes_of_length),
        cmocka_unit_test(a_part_of_a_message_waits_for_the_rest),
        cmocka_unit_test(of_two_messages_the_first_is_taken),
        cmocka_unit_test(everything_else_is_refused),
        cmocka_unit_test(only_our_opcodes_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
