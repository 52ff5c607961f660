/* Names within a time. getaddrinfo() is this file's own: it knows names that take their time. */
#include "lib/store/resolve.h"

#include "lib/base/clock.h"
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOW_MS 300u

static atomic_int asked;

/* One answer, and a second one for "both", whose first is IPv6. */
static struct addrinfo *answer(int family, struct addrinfo *next)
{
    struct addrinfo *a = calloc(1, sizeof *a + sizeof(struct sockaddr_in6));
    if (!a)
        abort();
    a->ai_family = family;
    a->ai_addr = (struct sockaddr *)(void *)(a + 1);
    a->ai_addrlen = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    a->ai_addr->sa_family = (sa_family_t)family;
    a->ai_next = next;
    if (family == AF_INET)
        ((struct sockaddr_in *)(void *)a->ai_addr)->sin_addr.s_addr = htonl(0x0a000001);
    else
        ((struct sockaddr_in6 *)(void *)a->ai_addr)->sin6_addr.s6_addr[15] = 9;
    return a;
}

int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **out)
{
    (void)service;
    (void)hints;
    asked++;
    if (strncmp(host, "slow", 4) == 0)
        clock_sleep_ms(SLOW_MS);
    if (strcmp(host, "nobody") == 0)
        return EAI_NONAME;
    if (strcmp(host, "six") == 0)
        *out = answer(AF_INET6, NULL);
    else
        *out = answer(strcmp(host, "both") == 0 ? AF_INET6 : AF_INET, strcmp(host, "both") == 0 ? answer(AF_INET, NULL) : NULL);
    return 0;
}

void freeaddrinfo(struct addrinfo *a)
{
    while (a) {
        struct addrinfo *next = a->ai_next;
        free(a);
        a = next;
    }
}

static uint64_t in_ms(unsigned ms)
{
    return clock_boot_ms() + ms;
}

static void test_numbers_are_not_looked_up(void **state)
{
    (void)state;
    struct resolve *r = resolve_new();
    char out[RESOLVE_TEXT_MAX];
    int before = asked;
    assert_ok(resolve_host(r, "127.0.0.1", 0, out));
    assert_string_equal(out, "127.0.0.1");
    assert_ok(resolve_host(r, "fe80::1", 0, out));
    assert_string_equal(out, "fe80::1");
    assert_int_equal(asked, before);
    resolve_free(r);
}

static void test_names(void **state)
{
    (void)state;
    struct resolve *r = resolve_new();
    char out[RESOLVE_TEXT_MAX];
    assert_ok(resolve_host(r, "redis-1", in_ms(5000), out));
    assert_string_equal(out, "10.0.0.1");
    assert_ok(resolve_host(r, "both", in_ms(5000), out));
    assert_string_equal(out, "10.0.0.1");
    assert_ok(resolve_host(r, "six", in_ms(5000), out));
    assert_string_equal(out, "::9");
    assert_err(ERR_NOT_FOUND, resolve_host(r, "nobody", in_ms(5000), out));
    assert_string_equal(out, "::9");
    resolve_free(r);
}

/* Who waits is let go in time; the answer is there for the next call, and nothing is asked twice meanwhile. */
static void test_slow_names(void **state)
{
    (void)state;
    struct resolve *r = resolve_new();
    char out[RESOLVE_TEXT_MAX];
    int before = asked;
    uint64_t began_ms = clock_boot_ms();
    assert_err(ERR_TIMEOUT, resolve_host(r, "slow", in_ms(50), out));
    assert_err(ERR_TIMEOUT, resolve_host(r, "slow", 0, out));
    assert_ok(resolve_host(r, "quick", in_ms(5000), out));
    assert_true(clock_boot_ms() - began_ms < SLOW_MS);
    assert_ok(resolve_host(r, "slow", in_ms(5000), out));
    assert_string_equal(out, "10.0.0.1");
    assert_int_equal(asked - before, 2);
    /* An answer serves once: the next call looks again. */
    assert_ok(resolve_host(r, "slow", in_ms(5000), out));
    assert_int_equal(asked - before, 3);
    resolve_free(r);
}

/* Threads are bounded, and one who leaves early leaves nothing behind but a thread that ends by itself. */
static void test_too_many_names(void **state)
{
    (void)state;
    struct resolve *r = resolve_new();
    char out[RESOLVE_TEXT_MAX], host[32];
    for (unsigned i = 0; i < RESOLVE_NAMES_MAX; i++) {
        snprintf(host, sizeof host, "slow-%u", i);
        assert_err(ERR_TIMEOUT, resolve_host(r, host, 0, out));
    }
    assert_err(ERR_UNAVAILABLE, resolve_host(r, "slow-more", in_ms(5000), out));
    assert_err(ERR_TIMEOUT, resolve_host(r, "slow-0", 0, out));
    resolve_free(r);
    clock_sleep_ms(2 * SLOW_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_are_not_looked_up),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_slow_names),
        cmocka_unit_test(test_too_many_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
