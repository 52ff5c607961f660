#include "tests/unit/unit.h"

#include "fcgi/service/courses.h"
#include "lib/base/clock.h"

#include <pthread.h>
#include <stdatomic.h>

#define THREADS 8
#define TURNS 200

struct shared {
    struct course_queue *q;
    const char *key;
    atomic_int inside, most, served;
};

static void *take_turns(void *arg)
{
    struct shared *s = arg;
    for (int i = 0; i < TURNS; i++) {
        if (courses_enter(s->q, s->key, 10000) != ERR_OK)
            continue;
        int now = atomic_fetch_add(&s->inside, 1) + 1;
        if (now > atomic_load(&s->most))
            atomic_store(&s->most, now);
        atomic_fetch_add(&s->served, 1);
        atomic_fetch_sub(&s->inside, 1);
        courses_leave(s->q, s->key);
    }
    return NULL;
}

static void only_one_is_at_work_on_a_course(void **state)
{
    (void)state;
    struct shared s = {.q = courses_new(), .key = "csen317"};
    pthread_t t[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&t[i], NULL, take_turns, &s), 0);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);
    assert_int_equal(atomic_load(&s.most), 1);
    assert_int_equal(atomic_load(&s.served), THREADS * TURNS);
    courses_free(s.q); /* asserts that no line is left */
}

static void courses_do_not_wait_for_each_other(void **state)
{
    (void)state;
    struct course_queue *q = courses_new();
    assert_ok(courses_enter(q, "a", 0));
    assert_ok(courses_enter(q, "b", 0));
    courses_leave(q, "a");
    courses_leave(q, "b");
    courses_free(q);
}

static void nobody_waits_longer_than_said(void **state)
{
    (void)state;
    struct course_queue *q = courses_new();
    assert_ok(courses_enter(q, "a", 0));
    uint64_t before = clock_boot_ms();
    assert_err(ERR_UNAVAILABLE, courses_enter(q, "a", 50));
    uint64_t took = clock_boot_ms() - before;
    assert_true(took >= 49 && took < 1000);
    courses_leave(q, "a");
    assert_ok(courses_enter(q, "a", 0));
    courses_leave(q, "a");
    courses_free(q);
}

static void *give_up(void *arg)
{
    struct shared *s = arg;
    if (courses_enter(s->q, s->key, 20) == ERR_OK)
        courses_leave(s->q, s->key);
    return NULL;
}

static void those_who_give_up_leave_no_hole(void **state)
{
    (void)state;
    struct shared s = {.q = courses_new(), .key = "a"};
    pthread_t quitter, patient;
    assert_ok(courses_enter(s.q, "a", 0));
    assert_int_equal(pthread_create(&quitter, NULL, give_up, &s), 0);
    assert_int_equal(pthread_create(&patient, NULL, take_turns, &s), 0);
    pthread_join(quitter, NULL);
    courses_leave(s.q, "a");
    pthread_join(patient, NULL);
    assert_int_equal(atomic_load(&s.served), TURNS);
    courses_free(s.q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_one_is_at_work_on_a_course),
        cmocka_unit_test(courses_do_not_wait_for_each_other),
        cmocka_unit_test(nobody_waits_longer_than_said),
        cmocka_unit_test(those_who_give_up_leave_no_hole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
