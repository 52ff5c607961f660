/* Certificates from our own CA, and what a process accepts of them before it starts. */
#include "tests/unit/lib/tls/certs.h"

#include "lib/base/url.h"

static struct ca_pair ca;

static int setup(void **state)
{
    (void)state;
    certs_new_ca(&ca);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ca_pair_release(&ca);
    return 0;
}

static enum err read_now(const struct certs *c, struct tls **out, char why[TLS_WHY_SIZE])
{
    struct tls_files files = certs_files(c);
    return tls_read(&files, certs_now_s(), out, why);
}

/* It is refused, and the sentence says why. */
static void assert_refused(enum err e, const char *word, const struct tls_settings *s)
{
    struct tls *t = NULL;
    char why[TLS_WHY_SIZE] = "";

    assert_err(e, tls_open(s, certs_now_s(), &t, why));
    assert_null(t);
    if (!strstr(why, word))
        fail_msg("it said: %s", why);
}

static void what_was_issued_is_good_for_both_ends_and_its_own_address(void **state)
{
    struct certs c;
    struct tls *t = NULL;
    char why[TLS_WHY_SIZE];
    union url_at at;
    size_t len;
    (void)state;
    certs_issue(&c, &ca, "192.0.2.7", certs_now_s(), 30);
    assert_ok(read_now(&c, &t, why));
    assert_ok(url_read_listen("192.0.2.7:1", &at));
    assert_true(tls_is_for(t, &at));
    assert_ok(url_read_listen("192.0.2.8:1", &at));
    assert_false(tls_is_for(t, &at));
    assert_ok(url_read_listen("[::1]:1", &at));
    assert_false(tls_is_for(t, &at));
    assert_true(tls_ends_s(t) > certs_now_s() + 29 * CERTS_DAY_S && tls_ends_s(t) <= certs_now_s() + 30 * CERTS_DAY_S);
    const char *key = tls_key(t, &len);
    assert_int_equal(strlen(key), len);
    assert_non_null(strstr(key, "PRIVATE KEY"));
    assert_string_equal(tls_ca(t, NULL), buf_str(&ca.cert));
    tls_free(t);
    certs_remove(&c);
}

static void an_address_of_version_6_has_one_meaning_in_all_spellings(void **state)
{
    struct certs c;
    struct tls *t = NULL;
    char why[TLS_WHY_SIZE];
    union url_at at;
    (void)state;
    certs_issue(&c, &ca, "2001:DB8:0::7", certs_now_s(), 1);
    assert_ok(read_now(&c, &t, why));
    assert_ok(url_read_listen("[2001:db8::7]:1", &at));
    assert_true(tls_is_for(t, &at));
    tls_free(t);
    certs_remove(&c);
}

static void serial_numbers_and_keys_are_never_the_same(void **state)
{
    const char *address = "127.0.0.1";
    const struct ca_wish wish = {.name = "n", .addresses = &address, .n_addresses = 1, .days = 1};
    struct ca_pair a, b;
    (void)state;
    ca_pair_init(&a);
    ca_pair_init(&b);
    assert_ok(ca_issue(&ca, &wish, certs_now_s(), &a, NULL));
    assert_ok(ca_issue(&ca, &wish, certs_now_s(), &b, NULL));
    assert_string_not_equal(buf_str(&a.cert), buf_str(&b.cert));
    assert_string_not_equal(buf_str(&a.key), buf_str(&b.key));
    ca_pair_release(&a);
    ca_pair_release(&b);
}

static void what_cannot_be_issued_is_refused(void **state)
{
    const char *names[CA_ADDRESSES_MAX + 1];
    struct ca_wish wish = {.name = "n", .addresses = names, .n_addresses = 1, .days = 1};
    struct ca_pair out, other, mixed;
    int64_t ends_s = 0;
    static const char *const bad[] = {"", "localhost", "127.0.0.1:80", "[::1]", "127.1", "127.0.0.1,DNS:evil"};
    (void)state;
    for (size_t i = 0; i < CA_ADDRESSES_MAX + 1; i++)
        names[i] = "10.0.0.1";
    ca_pair_init(&out);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(ca_address_ok(bad[i]));
        names[0] = bad[i];
        assert_err(ERR_INVALID, ca_issue(&ca, &wish, certs_now_s(), &out, NULL));
    }
    names[0] = "10.0.0.1";
    wish.n_addresses = 0;
    assert_err(ERR_INVALID, ca_issue(&ca, &wish, certs_now_s(), &out, NULL));
    wish.n_addresses = CA_ADDRESSES_MAX + 1;
    assert_err(ERR_INVALID, ca_issue(&ca, &wish, certs_now_s(), &out, NULL));
    wish.n_addresses = CA_ADDRESSES_MAX;
    assert_err(ERR_GONE, ca_issue(&ca, &wish, certs_now_s() + (CA_DAYS + 1) * CERTS_DAY_S, &out, NULL));
    certs_new_ca(&other);
    mixed = (struct ca_pair){.cert = ca.cert, .key = other.key};
    assert_err(ERR_INVALID, ca_issue(&mixed, &wish, certs_now_s(), &out, NULL));
    mixed = (struct ca_pair){.cert = ca.key, .key = ca.key};
    assert_err(ERR_SYNTAX, ca_issue(&mixed, &wish, certs_now_s(), &out, NULL));
    assert_int_equal(out.cert.len + out.key.len, 0);
    /* Never longer than who signs it. */
    wish.days = CA_DAYS;
    assert_ok(ca_issue(&ca, &wish, certs_now_s() + CERTS_DAY_S, &out, &ends_s));
    assert_true(ends_s <= certs_now_s() + CA_DAYS * CERTS_DAY_S);
    ca_pair_release(&out);
    ca_pair_release(&other);
}

static void without_settings_there_is_no_tls_and_with_some_it_is_refused(void **state)
{
    struct tls *t = (struct tls *)(void *)&ca; /* anything but NULL */
    char why[TLS_WHY_SIZE];
    const struct tls_files none = {.ca = "", .cert = NULL, .key = ""};
    (void)state;
    assert_ok(tls_read(&none, 0, &t, why));
    assert_null(t);
    assert_refused(ERR_INVALID, "all three", &(struct tls_settings){.files = {.ca = "/x"}});
    assert_refused(ERR_INVALID, "all three", &(struct tls_settings){.files = {.cert = "/x", .key = "/y"}});
    assert_refused(ERR_NOT_FOUND, "/nowhere", &(struct tls_settings){.files = {"/nowhere", "/nowhere", "/nowhere"}});
}

static void files_that_do_not_belong_together_are_refused(void **state)
{
    struct certs good, other;
    struct ca_pair stranger;
    (void)state;
    certs_new_ca(&stranger);
    certs_issue(&good, &ca, "127.0.0.1", certs_now_s(), 30);
    certs_issue(&other, &stranger, "127.0.0.1", certs_now_s(), 30);
    assert_refused(ERR_INVALID, "not that of the certificate", &(struct tls_settings){.files = {good.ca, good.cert, other.key}});
    assert_refused(ERR_INVALID, "is not good here", &(struct tls_settings){.files = {good.ca, other.cert, other.key}});
    assert_refused(ERR_SYNTAX, "no certificate in PEM", &(struct tls_settings){.files = {good.key, good.cert, good.key}});
    certs_write(other.key, "no key at all\n", 14, 0600);
    assert_refused(ERR_SYNTAX, "no private key in PEM", &(struct tls_settings){.files = {good.ca, good.cert, other.key}});
    ca_pair_release(&stranger);
    certs_remove(&good);
    certs_remove(&other);
}

static void a_key_that_others_can_read_is_refused(void **state)
{
    struct certs c;
    (void)state;
    certs_issue(&c, &ca, "127.0.0.1", certs_now_s(), 30);
    assert_int_equal(chmod(c.key, 0640), 0);
    assert_refused(ERR_DENIED, "chmod 600", &(struct tls_settings){.files = certs_files(&c)});
    certs_remove(&c);
}

static void a_certificate_out_of_its_time_is_refused(void **state)
{
    struct certs over, early;
    (void)state;
    certs_issue(&over, &ca, "127.0.0.1", certs_now_s() - 3 * CERTS_DAY_S, 2);
    assert_refused(ERR_INVALID, "expired", &(struct tls_settings){.files = certs_files(&over)});
    certs_issue(&early, &ca, "127.0.0.1", certs_now_s() + CERTS_DAY_S, 2);
    assert_refused(ERR_INVALID, "not yet valid", &(struct tls_settings){.files = certs_files(&early)});
    certs_remove(&over);
    certs_remove(&early);
}

static void the_ca_itself_is_no_process(void **state)
{
    struct certs c;
    (void)state;
    certs_issue(&c, &ca, "127.0.0.1", certs_now_s(), 30);
    certs_write(c.key, ca.key.data, ca.key.len, 0600);
    assert_refused(ERR_INVALID, "is not good here", &(struct tls_settings){.files = {c.ca, c.ca, c.key}});
    certs_remove(&c);
}

/* Only there it is plain where nobody else can listen. */
static void other_machines_are_served_by_tls_or_on_a_private_network(void **state)
{
    static const char *const near[] = {"127.0.0.1:80", "127.9.9.9:0", "[::1]:80", "unix:/run/x.sock", "nonsense"};
    static const char *const far[] = {"0.0.0.0:80", "10.0.0.1:80", "[::]:80", "[fd00::1]:80", "[::ffff:127.0.0.1]:80"};
    struct certs c;
    struct tls *t = NULL;
    char why[TLS_WHY_SIZE];
    (void)state;
    for (size_t i = 0; i < sizeof near / sizeof *near; i++) {
        assert_ok(tls_open(&(struct tls_settings){.listen = near[i]}, 0, &t, why));
        assert_null(t);
    }
    certs_issue(&c, &ca, "10.0.0.1", certs_now_s(), 40);
    for (size_t i = 0; i < sizeof far / sizeof *far; i++) {
        assert_refused(ERR_INVALID, "--private-network", &(struct tls_settings){.listen = far[i]});
        assert_ok(tls_open(&(struct tls_settings){.listen = far[i], .private_network = 1}, 0, &t, why));
        assert_null(t);
        assert_ok(tls_open(
            &(struct tls_settings){.files = certs_files(&c), .listen = far[i], .url = "https://10.0.0.1:80"}, certs_now_s(), &t, why));
        tls_free(t);
        t = NULL;
    }
    certs_remove(&c);
}

static void all_urls_are_of_one_scheme_and_ours_is_in_our_certificate(void **state)
{
    struct certs c;
    struct tls *t = NULL;
    char why[TLS_WHY_SIZE];
    (void)state;
    certs_issue(&c, &ca, "10.0.0.1", certs_now_s(), 40);
    struct tls_files files = certs_files(&c);
    assert_refused(ERR_INVALID, "must begin with https://", &(struct tls_settings){.files = files, .url = "http://10.0.0.1:80"});
    assert_refused(ERR_INVALID, "must begin with http://", &(struct tls_settings){.url = "https://10.0.0.1:80"});
    assert_refused(ERR_INVALID, "is not for the address", &(struct tls_settings){.files = files, .url = "https://10.0.0.2:80"});
    assert_refused(ERR_INVALID, "no numeric address", &(struct tls_settings){.files = files, .url = "https://node-1:80"});
    assert_refused(
        ERR_INVALID, "http://10.0.0.4:1 must", &(struct tls_settings){.files = files, .others = "https://10.0.0.3:1,http://10.0.0.4:1"});
    assert_refused(ERR_INVALID, "https://10.0.0.3:1 must", &(struct tls_settings){.others = "http://10.0.0.4:1,https://10.0.0.3:1"});
    assert_ok(tls_open(&(struct tls_settings){.others = "http://10.0.0.4:1,http://10.0.0.3:1"}, 0, &t, why));
    assert_null(t);
    assert_true(tls_url_ok(NULL, "http://10.0.0.1:80"));
    assert_false(tls_url_ok(NULL, "https://10.0.0.1:80"));
    assert_ok(tls_open(&(struct tls_settings){.files = files, .url = "https://10.0.0.1:80"}, certs_now_s(), &t, why));
    assert_true(tls_url_ok(t, "https://10.0.0.1:80"));
    assert_false(tls_url_ok(t, "http://10.0.0.1:80"));
    assert_false(tls_url_ok(t, "https://169.254.169.254:80"));
    tls_free(t);
    certs_remove(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_issued_is_good_for_both_ends_and_its_own_address),
        cmocka_unit_test(an_address_of_version_6_has_one_meaning_in_all_spellings),
        cmocka_unit_test(serial_numbers_and_keys_are_never_the_same),
        cmocka_unit_test(what_cannot_be_issued_is_refused),
        cmocka_unit_test(without_settings_there_is_no_tls_and_with_some_it_is_refused),
        cmocka_unit_test(files_that_do_not_belong_together_are_refused),
        cmocka_unit_test(a_key_that_others_can_read_is_refused),
        cmocka_unit_test(a_certificate_out_of_its_time_is_refused),
        cmocka_unit_test(the_ca_itself_is_no_process),
        cmocka_unit_test(other_machines_are_served_by_tls_or_on_a_private_network),
        cmocka_unit_test(all_urls_are_of_one_scheme_and_ours_is_in_our_certificate),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
