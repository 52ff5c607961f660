/* Adoption without its work (a fake by the linker): names, what is offered, and when it is tried again. */
#include "tests/unit/unit.h"

#include "fcgi/service/adopt_inside.h"
#include "lib/wire/record.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define SHA "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int closed; /* tries wait until it is opened */
    size_t tries;
    char last[HASH_HEX_SIZE];
} fake = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

void adopt_take(struct adopter *a, struct worker *w, const char *sha256)
{
    assert_non_null(w->store);
    pthread_mutex_lock(&fake.lock);
    while (fake.closed && !adopt_is_stopping(a)) {
        pthread_mutex_unlock(&fake.lock);
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        pthread_mutex_lock(&fake.lock);
    }
    fake.tries++;
    memcpy(fake.last, sha256, sizeof(fake.last));
    pthread_cond_signal(&fake.changed);
    pthread_mutex_unlock(&fake.lock);
}

/* Waits until so many were tried, and a moment longer for one more that must not come. */
static void expect_tries(size_t n)
{
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += 10;
    pthread_mutex_lock(&fake.lock);
    while (fake.tries < n && pthread_cond_timedwait(&fake.changed, &fake.lock, &end) == 0)
        continue;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_nsec += 50000000;
    end.tv_sec += end.tv_nsec / 1000000000;
    end.tv_nsec %= 1000000000;
    while (fake.tries <= n && pthread_cond_timedwait(&fake.changed, &fake.lock, &end) == 0)
        continue;
    size_t tries = fake.tries;
    pthread_mutex_unlock(&fake.lock);
    assert_int_equal(tries, n);
}

static void numbered(unsigned i, char out[HASH_HEX_SIZE])
{
    char text[16];
    snprintf(text, sizeof(text), "%u", i);
    hash_sha256_hex(text, strlen(text), out);
}

static struct app app = {.settings = {.name = "api-test", .redis = {.address = "unix:/nowhere"}}};

static void a_file_is_tried_once_however_many_ask(void **state)
{
    (void)state;
    struct adopter *a;
    fake.tries = 0;
    assert_ok(adopt_start(&app, &a));
    for (int i = 0; i < 100; i++)
        adopt_offer(a, SHA);
    expect_tries(1);
    assert_string_equal(fake.last, SHA);
    adopt_offer(a, SHA); /* it was tried just now */
    expect_tries(1);
    adopt_stop(a);
}

static void a_full_list_takes_no_more_and_forgets_nothing(void **state)
{
    (void)state;
    struct adopter *a;
    char sha[HASH_HEX_SIZE];
    fake.tries = 0;
    fake.closed = 1;
    assert_ok(adopt_start(&app, &a));
    for (unsigned i = 0; i < ADOPT_WAITING_MAX + 10; i++) {
        numbered(i, sha);
        adopt_offer(a, sha);
    }
    pthread_mutex_lock(&fake.lock);
    fake.closed = 0;
    pthread_mutex_unlock(&fake.lock);
    expect_tries(ADOPT_WAITING_MAX);
    numbered(ADOPT_WAITING_MAX - 1, sha);
    assert_string_equal(fake.last, sha); /* who came first was first */
    adopt_stop(a);
}

static void stopping_gives_up_what_is_under_way(void **state)
{
    (void)state;
    struct adopter *a;
    fake.tries = 0;
    fake.closed = 1;
    assert_ok(adopt_start(&app, &a));
    adopt_offer(a, SHA);
    adopt_stop(a);
    assert_true(fake.tries <= 1);
    adopt_stop(NULL);
}

static void nothing_is_counted_when_nothing_is_adopted(void **state)
{
    (void)state;
    struct worker w = {.app = &app}; /* neither a view nor a store: it must not come so far */
    app.settings.adopt_after = 0;
    adopt_count(&w, SHA, 0);
}

static void the_key_is_the_prefix_and_the_hash(void **state)
{
    (void)state;
    char key[ADOPT_KEY_SIZE];
    static const char *const others[] = {"", "peer/", ("peer/" SHA "0"), "peer/e3b0", ("peers/" SHA), ("Peer/" SHA), SHA,
        "peer/E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855", ("peer/ " SHA), ("/peer/" SHA)};
    adopt_key(SHA, key);
    assert_string_equal(key, "peer/" SHA);
    assert_true(adopt_is_key(key));
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (adopt_is_key(others[i]))
            fail_msg("%s is taken for a key", others[i]);
}

static void a_file_is_called_by_the_last_part_of_its_name(void **state)
{
    (void)state;
    char text[2 * RECORD_FIELD_CHARS_MAX + 32] = "folder/";
    assert_string_equal(adopt_filename("plan.pdf"), "plan.pdf");
    assert_string_equal(adopt_filename("a/b/plan.pdf"), "plan.pdf");
    for (int i = 0; i < RECORD_FIELD_CHARS_MAX; i++)
        strcat(text, "\xc3\xa9");
    assert_string_equal(adopt_filename(text), text + 7);
    strcat(text, ".pdf");
    assert_string_equal(adopt_filename(text), text + 7 + 8); /* four characters less in front, none cut in two */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_tried_once_however_many_ask),
        cmocka_unit_test(a_full_list_takes_no_more_and_forgets_nothing),
        cmocka_unit_test(stopping_gives_up_what_is_under_way),
        cmocka_unit_test(nothing_is_counted_when_nothing_is_adopted),
        cmocka_unit_test(the_key_is_the_prefix_and_the_hash),
        cmocka_unit_test(a_file_is_called_by_the_last_part_of_its_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
