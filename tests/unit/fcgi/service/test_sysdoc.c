/* Documents of the system against owners in memory and without Redis: compare and set, removal, the cache, and what is believed when owners lag or are away. */
#include "tests/unit/fcgi/service/owners.h"

#include "fcgi/service/doccache.h"
#include "fcgi/service/sysdoc.h"
#include "fcgi/service/type.h"
#include "lib/base/log.h"

#define KEY "sys/user/ann"
#define THREADS 4
#define ROUNDS 5

struct fixture {
    struct app app;
    struct worker w;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    owners_reset();
    owners.key = KEY;
    owners_app(&f->app);
    f->app.settings.upload_max_bytes = 1u << 20;
    f->app.documents = doccache_new(100, 1u << 20);
    assert_non_null(f->app.documents);
    assert_ok(type_sniffer_new(&f->app.sniffer));
    owners_worker(&f->w, &f->app);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    owners_worker_release(&f->w);
    type_sniffer_free(f->app.sniffer);
    doccache_free(f->app.documents);
    owners_app_release(&f->app);
    owners_reset();
    free(f);
    return 0;
}

static enum err write_number(struct worker *w, uint64_t n, const struct stamp *base, const char *by, struct stamp *record)
{
    struct json *j = json_object();
    json_set_u64(j, "n", n);
    enum err e = sysdoc_write(w, KEY, j, base, by, record);
    json_free(j);
    return e;
}

static uint64_t number_in(const struct sysdoc *d)
{
    uint64_t n = 0;
    assert_ok(json_get_u64(d->doc, "n", UINT64_MAX, &n));
    return n;
}

/* The number in the document, 0 when there is none; `record` may be NULL. */
static enum err read_number(struct worker *w, uint64_t *n, struct stamp *record)
{
    struct sysdoc d;
    enum err e = sysdoc_read(w, KEY, &d);
    if (e != ERR_OK)
        return e;
    *n = number_in(&d);
    if (record != NULL)
        *record = d.record;
    sysdoc_release(&d);
    return ERR_OK;
}

static void forget_bytes(struct fixture *f)
{
    doccache_free(f->app.documents);
    f->app.documents = doccache_new(100, 1u << 20);
}

static void a_document_is_read_as_it_was_written(void **state)
{
    struct fixture *f = *state;
    struct sysdoc d;
    struct stamp record;
    assert_err(ERR_NOT_FOUND, sysdoc_read(&f->w, KEY, &d));
    assert_ok(write_number(&f->w, 7, NULL, "root", &record));
    for (int i = 0; i < 3; i++) { /* from the cache, from the owners, as who wants to be sure */
        if (i == 1)
            forget_bytes(f);
        assert_ok(i == 2 ? sysdoc_read_firm(&f->w, KEY, &d) : sysdoc_read(&f->w, KEY, &d));
        assert_int_equal(number_in(&d), 7);
        assert_int_equal(stamp_cmp(d.record, record), 0);
        assert_string_equal(d.by, "root");
        assert_true(d.at_ms + 60000 > clock_unix_ms());
        sysdoc_release(&d);
    }
}

static void of_two_writers_one_is_told(void **state)
{
    struct fixture *f = *state;
    struct stamp first, second;
    uint64_t n;
    assert_ok(write_number(&f->w, 1, NULL, "", &first));
    assert_err(ERR_CONFLICT, write_number(&f->w, 2, NULL, "", NULL));
    assert_ok(write_number(&f->w, 3, &first, "", &second));
    assert_err(ERR_CONFLICT, write_number(&f->w, 4, &first, "", NULL));
    assert_ok(read_number(&f->w, &n, NULL));
    assert_int_equal(n, 3);
    assert_err(ERR_CONFLICT, sysdoc_remove(&f->w, KEY, &first, ""));
    assert_ok(sysdoc_remove(&f->w, KEY, &second, "root"));
    assert_err(ERR_NOT_FOUND, read_number(&f->w, &n, NULL));
    assert_err(ERR_NOT_FOUND, sysdoc_remove(&f->w, KEY, NULL, ""));
    assert_err(ERR_CONFLICT, write_number(&f->w, 5, &second, "", NULL));
    assert_ok(write_number(&f->w, 6, NULL, "", NULL));
    assert_ok(sysdoc_remove(&f->w, KEY, NULL, ""));
}

/* A write whose answer is lost is asked for again under one id: it is there once, and known to be. */
static void lost_answers_make_no_conflict_with_oneself(void **state)
{
    struct fixture *f = *state;
    uint64_t written = 0, n = 0;
    struct stamp record;
    assert_ok(write_number(&f->w, 1, NULL, "", &record));
    owners.loss_percent = 15;
    for (uint64_t i = 2; i < 20; i++) {
        enum err e = write_number(&f->w, i, &record, "", &record);
        arena_reset(&f->w.arena);
        assert_true(e == ERR_OK || e == ERR_TIMEOUT || e == ERR_UNAVAILABLE);
        if (e != ERR_OK)
            break;
        written = i;
    }
    owners.loss_percent = 0;
    assert_ok(read_number(&f->w, &n, NULL));
    assert_true(n == written || n == written + 1 || written == 0);
}

static void bytes_are_taken_from_who_has_them(void **state)
{
    struct fixture *f = *state;
    uint64_t n = 0;
    assert_ok(write_number(&f->w, 1, NULL, "", NULL));
    forget_bytes(f);
    owners.disk[0].blind = owners.disk[1].blind = 1;
    assert_ok(read_number(&f->w, &n, NULL));
    assert_int_equal(n, 1);
    forget_bytes(f);
    owners.disk[2].blind = 1;
    assert_err(ERR_UNAVAILABLE, read_number(&f->w, &n, NULL));
}

/* ---- owners that lag */

static void what_was_acknowledged_is_never_missed(void **state)
{
    struct fixture *f = *state;
    struct stamp record;
    uint64_t n = 0;
    assert_ok(write_number(&f->w, 1, NULL, "", &record));
    owners.disk[2].down = 1;
    assert_ok(write_number(&f->w, 2, &record, "", NULL));
    owners.disk[2].down = 0;
    owners.disk[0].down = 1; /* left: one that knows, one that lags */
    assert_ok(read_number(&f->w, &n, NULL));
    assert_int_equal(n, 2);
    owners.disk[1].down = 1; /* left: the one that lags */
    assert_err(ERR_UNAVAILABLE, read_number(&f->w, &n, NULL));
    owners.disk[2].down = 1;
    assert_err(ERR_UNAVAILABLE, read_number(&f->w, &n, NULL));
}

static void a_removal_is_never_missed(void **state)
{
    struct fixture *f = *state;
    uint64_t n = 0;
    assert_ok(write_number(&f->w, 1, NULL, "", NULL));
    owners.disk[2].down = 1;
    assert_ok(sysdoc_remove(&f->w, KEY, NULL, ""));
    owners.disk[2].down = 0;
    owners.disk[0].down = 1;
    assert_err(ERR_NOT_FOUND, read_number(&f->w, &n, NULL));
    owners.disk[1].down = 1;
    assert_err(ERR_UNAVAILABLE, read_number(&f->w, &n, NULL));
}

static int only_the_first_accepts(size_t owner, const struct message_request *m)
{
    return m->verb == MESSAGE_ACCEPT && owner != 0 ? -1 : 0;
}

/* A value in one slot may have been accepted by the owner that is silent, and acknowledged. */
static void what_may_be_chosen_is_not_passed_over(void **state)
{
    struct fixture *f = *state;
    struct stamp record;
    uint64_t n = 0;
    assert_ok(write_number(&f->w, 1, NULL, "", &record));
    owners.refuse = only_the_first_accepts;
    assert_err(ERR_TIMEOUT, write_number(&f->w, 2, &record, "", NULL));
    owners.refuse = NULL;
    assert_ok(read_number(&f->w, &n, NULL)); /* all answer, and it is nowhere else */
    assert_int_equal(n, 1);
    owners.disk[2].down = 1;
    assert_err(ERR_UNAVAILABLE, read_number(&f->w, &n, NULL));
    owners.disk[2].down = 0;
    owners.disk[0].down = 1;
    assert_ok(read_number(&f->w, &n, NULL));
    assert_int_equal(n, 1);
}

static void too_few_owners_change_nothing(void **state)
{
    struct fixture *f = *state;
    uint64_t n = 0;
    owners.disk[0].down = owners.disk[1].down = 1;
    assert_err(ERR_UNAVAILABLE, write_number(&f->w, 1, NULL, "", NULL));
    owners.disk[0].down = owners.disk[1].down = 0;
    assert_err(ERR_NOT_FOUND, read_number(&f->w, &n, NULL));
}

/* ---- bounds */

static void a_document_has_at_most_so_many_bytes(void **state)
{
    struct fixture *f = *state;
    struct json *j = json_object();
    char *text = calloc(1, DOCS_BYTES_MAX + 1);
    memset(text, 'x', DOCS_BYTES_MAX);
    json_set_str(j, "text", text);
    assert_err(ERR_TOO_LARGE, sysdoc_write(&f->w, KEY, j, NULL, "", NULL));
    text[DOCS_BYTES_MAX - strlen("{\"text\":\"\"}")] = '\0';
    json_set_str(j, "text", text);
    assert_ok(sysdoc_write(&f->w, KEY, j, NULL, "", NULL));
    struct sysdoc d;
    forget_bytes(f);
    assert_ok(sysdoc_read(&f->w, KEY, &d));
    assert_string_equal(json_get_str(d.doc, "text"), text);
    sysdoc_release(&d);
    json_free(j);
    free(text);
}

static void lists_need_the_index(void **state)
{
    struct fixture *f = *state;
    struct sysdoc_keys keys;
    assert_err(ERR_UNAVAILABLE, sysdoc_list(&f->w, "sys/", "", 10, &keys));
    assert_err(ERR_UNAVAILABLE, sysdoc_list_by(&f->w, "ann", "sys/", "", 10, &keys));
}

/* ---- altering */

static enum err add_one(const struct sysdoc *old, void *ctx, struct json **out)
{
    uint64_t n = old == NULL ? 0 : number_in(old);
    unsigned *calls = ctx;
    ++*calls;
    *out = json_object();
    json_set_u64(*out, "n", n + 1);
    return ERR_OK;
}

static enum err refuse(const struct sysdoc *old, void *ctx, struct json **out)
{
    (void)old;
    (void)out;
    return *(enum err *)ctx;
}

static void altering_reads_and_writes(void **state)
{
    struct fixture *f = *state;
    unsigned calls = 0;
    uint64_t n = 0;
    struct stamp record, same;
    enum err said = ERR_PRECONDITION;
    assert_ok(sysdoc_alter(&f->w, KEY, "ann", add_one, &calls, &record));
    assert_ok(sysdoc_alter(&f->w, KEY, "ann", add_one, &calls, &record));
    assert_int_equal(calls, 2);
    assert_ok(read_number(&f->w, &n, &same));
    assert_int_equal(n, 2);
    assert_int_equal(stamp_cmp(record, same), 0);
    assert_err(ERR_PRECONDITION, sysdoc_alter(&f->w, KEY, "ann", refuse, &said, NULL));
    said = ERR_OK; /* nothing is to be written */
    assert_ok(sysdoc_alter(&f->w, KEY, "ann", refuse, &said, &record));
    assert_int_equal(stamp_cmp(record, same), 0);
    assert_ok(read_number(&f->w, &n, &same));
    assert_int_equal(n, 2);
}

struct writer {
    struct app *app;
    uint64_t done;
};

static void *alter_often(void *arg)
{
    struct writer *t = arg;
    struct worker w;
    unsigned calls = 0;
    owners_worker(&w, t->app);
    for (int i = 0; i < ROUNDS; i++) {
        enum err e = sysdoc_alter(&w, KEY, "", add_one, &calls, NULL);
        assert_true(e == ERR_OK || e == ERR_CONFLICT);
        t->done += e == ERR_OK;
        arena_reset(&w.arena);
    }
    owners_worker_release(&w);
    return NULL;
}

/* Each that was told it wrote did, and nobody wrote over another. */
static void no_change_is_lost_among_threads(void **state)
{
    struct fixture *f = *state;
    struct writer writers[THREADS];
    pthread_t threads[THREADS];
    uint64_t n = 0, done = 0;
    for (int i = 0; i < THREADS; i++) {
        writers[i] = (struct writer){.app = &f->app};
        assert_int_equal(pthread_create(&threads[i], NULL, alter_often, &writers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        done += writers[i].done;
    }
    assert_ok(read_number(&f->w, &n, NULL));
    assert_int_equal(n, done);
    assert_true(done >= ROUNDS);
}

int main(void)
{
    log_init("test", (enum log_level)(LOG_ERROR + 1)); /* nothing */
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(a_document_is_read_as_it_was_written),
        CASE(of_two_writers_one_is_told),
        CASE(lost_answers_make_no_conflict_with_oneself),
        CASE(bytes_are_taken_from_who_has_them),
        CASE(what_was_acknowledged_is_never_missed),
        CASE(a_removal_is_never_missed),
        CASE(what_may_be_chosen_is_not_passed_over),
        CASE(too_few_owners_change_nothing),
        CASE(a_document_has_at_most_so_many_bytes),
        CASE(lists_need_the_index),
        CASE(altering_reads_and_writes),
        CASE(no_change_is_lost_among_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
