/* Every allocation fails once, in turn: each call says ERR_NOMEM, leaks nothing, and changes nothing that it says it leaves alone. The linker sends the
 * allocations of our own files to the wrappers below (see the Makefile), and cJSON takes them as its hooks. */
#include "tests/unit/unit.h"

#include "lib/name/name.h"
#include "lib/wire/message.h"
#include "lib/wire/ringdoc.h"
#include "tests/unit/lib/wire/records.h"

#include <cjson/cJSON.h>

/* ---- the fault injector */

static long left = -1; /* allocations until one fails; below zero: none does */

static int fails(void)
{
    return left >= 0 && left-- == 0;
}

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__real_reallocarray(void *p, size_t n, size_t size);
char *__real_strdup(const char *s);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_reallocarray(void *p, size_t n, size_t size);
char *__wrap_strdup(const char *s);

void *__wrap_malloc(size_t n)
{
    return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
    return fails() ? NULL : __real_realloc(p, n);
}

void *__wrap_reallocarray(void *p, size_t n, size_t size)
{
    return fails() ? NULL : __real_reallocarray(p, n, size);
}

char *__wrap_strdup(const char *s)
{
    return fails() ? NULL : __real_strdup(s);
}

/* Runs a scenario with the first, the second … allocation failing, until it comes through. */
static void fail_each(enum err (*scenario)(void))
{
    cJSON_InitHooks(&(cJSON_Hooks){.malloc_fn = __wrap_malloc, .free_fn = free});
    enum err e = ERR_NOMEM;
    long n = 0;
    for (; e != ERR_OK; n++) {
        left = n;
        e = scenario();
        left = -1;
        assert_true(e == ERR_OK || e == ERR_NOMEM);
        assert_true(n < 100000);
    }
    cJSON_InitHooks(NULL);
    assert_true(n > 1); /* something did fail */
}

/* ---- the scenarios */

static struct record record; /* one to work with, made while memory was there */
static struct buf record_text;
static struct buf request_body, answer_text;
static struct ringdoc *founding;

static enum err parse_record(void)
{
    struct record r;
    enum err e = record_parse(record_text.data, record_text.len, &r);
    if (!e)
        record_release(&r);
    return e;
}

static enum err print_record(void)
{
    struct buf b;
    buf_init(&b, RECORD_JSON_MAX);
    enum err e = record_print(&record, &b);
    assert_true(e || strcmp(buf_str(&b), buf_str(&record_text)) == 0);
    assert_true(!e || b.len == 0);
    buf_release(&b);
    return e;
}

static enum err copy_record(void)
{
    struct record r, copy;
    enum err e = record_init(&r);
    if (e)
        return e;
    e = record_copy(&copy, &record);
    record_release(&r);
    if (!e)
        record_release(&copy);
    return e;
}

static enum err set_field(void)
{
    enum err e = record_set(&record.term, "2027 Spring");
    assert_string_equal(record.term, e ? "2026 Fall" : "2027 Spring");
    left = -1;
    assert_ok(record_set(&record.term, "2026 Fall"));
    return e;
}

static enum err fill_history(void)
{
    struct history h, copy;
    enum err e = ERR_OK;
    struct record r = record; /* borrows its strings */
    history_init(&h);
    history_init(&copy);
    for (uint64_t i = 1; !e && i <= 20; i++) {
        size_t before = h.n;
        r.id.clock = i;
        e = history_add(&h, &r, 0);
        assert_int_equal(h.n, before + !e);
        /* What follows from the set is answered whether or not the last one came in. */
        assert_true(h.n == 0 || history_current(&h)->id.clock == h.n);
    }
    if (!e)
        e = history_merge(&copy, &h);
    history_release(&h);
    history_release(&copy);
    return e;
}

static enum err parse_request(void)
{
    struct message_request m;
    const void *bytes;
    size_t n;
    enum err e = message_request_parse(MESSAGE_ACCEPT, request_body.data, request_body.len, &m, &bytes, &n);
    if (!e)
        message_request_release(&m);
    return e;
}

static enum err parse_and_print_answer(void)
{
    struct message_answer a;
    struct buf b;
    enum err e = message_answer_parse(answer_text.data, answer_text.len, &a);
    if (e)
        return e;
    buf_init(&b, MESSAGE_BODY_MAX);
    e = message_answer_print(&a, &b);
    assert_true(e || strcmp(buf_str(&b), buf_str(&answer_text)) == 0);
    message_answer_release(&a);
    buf_release(&b);
    return e;
}

static enum err make_ringdoc(void)
{
    struct ringdoc *d = NULL, *copy = NULL, *under = NULL;
    const struct ring *r = founding->ring;
    enum err e = ringdoc_new(r->members, r->n_members, r->k, r->epoch, &founding->ballot, &d);
    if (!e)
        e = ringdoc_copy(d, &copy);
    if (!e)
        e = ringdoc_under(d, &(struct ballot){.counter = 1}, &under);
    ringdoc_free(d);
    ringdoc_free(copy);
    ringdoc_free(under);
    return e;
}

static enum err make_name(void)
{
    struct buf name, key;
    buf_init(&name, NAME_BYTES_MAX);
    buf_init(&key, NAME_KEY_BYTES_MAX);
    enum err e = name_course("CSEN-317", 8, &name, &key);
    assert_true(!e || (name.len == 0 && key.len == 0));
    buf_release(&name);
    buf_release(&key);
    return e;
}

/* ---- the tests */

static void records_and_histories_survive_the_loss_of_any_allocation(void **state)
{
    (void)state;
    fail_each(parse_record);
    fail_each(print_record);
    fail_each(copy_record);
    fail_each(set_field);
    fail_each(fill_history);
}

static void messages_survive_the_loss_of_any_allocation(void **state)
{
    (void)state;
    fail_each(parse_request);
    fail_each(parse_and_print_answer);
}

static void ring_documents_survive_the_loss_of_any_allocation(void **state)
{
    (void)state;
    fail_each(make_ringdoc);
}

static void names_survive_the_loss_of_any_allocation(void **state)
{
    (void)state;
    fail_each(make_name);
}

static int prepare(void **state)
{
    (void)state;
    struct ring_member member = {.id = "node-1.aa", .name = "node-1", .weight = 1};
    struct message_request m;
    struct message_answer a;
    record = make_record(RECORD_UPLOAD, 100, 0, 1);
    buf_init(&record_text, RECORD_JSON_MAX);
    buf_init(&request_body, MESSAGE_BODY_MAX);
    buf_init(&answer_text, MESSAGE_BODY_MAX);
    message_request_init(&m, MESSAGE_ACCEPT);
    message_answer_init(&a);
    m.ballot = record.id;
    a.ok = a.has_history = a.has_slot = a.slot_has_record = 1;
    a.slot_ballot = record.id;
    m.key = strdup("csen317");
    enum err e = record_print(&record, &record_text);
    if (!e)
        e = history_add(&m.known, &record, 0);
    if (!e)
        e = history_add(&a.history, &record, 1);
    if (!e)
        e = record_copy(&a.slot_record, &record);
    if (!e)
        e = message_request_print(&m, &request_body);
    if (!e)
        e = message_answer_print(&a, &answer_text);
    if (!e)
        e = ringdoc_new(&member, 1, 3, 1, &(struct ballot){0}, &founding);
    message_request_release(&m);
    message_answer_release(&a);
    return e ? -1 : 0;
}

static int clean_up(void **state)
{
    (void)state;
    record_release(&record);
    buf_release(&record_text);
    buf_release(&request_body);
    buf_release(&answer_text);
    ringdoc_free(founding);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_and_histories_survive_the_loss_of_any_allocation),
        cmocka_unit_test(messages_survive_the_loss_of_any_allocation),
        cmocka_unit_test(ring_documents_survive_the_loss_of_any_allocation),
        cmocka_unit_test(names_survive_the_loss_of_any_allocation),
    };
    return cmocka_run_group_tests(tests, prepare, clean_up);
}
