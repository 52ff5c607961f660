#include "tests/unit/lib/peer/fixture.h"

#include "lib/peer/internal.h"

#include <fcntl.h>

static struct fixture node;
static struct peer *client;
static int fd;
static char hello_hash[HASH_HEX_SIZE];
/* The fixture answers a name that starts with b with other bytes, and all others with 404. */
static const char *const wrong = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
static const char *const unknown = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

static enum err fetch(struct peer *p, const char *url, const char *sha256, uint64_t size, int into, unsigned stall_ms)
{
    return peer_fetch_blob(p, &(struct peer_blob){.base_url = url, .to = FIXTURE_ID, .sha256 = sha256, .size = size}, 1, into, stall_ms);
}

static int setup(void **state)
{
    char name[] = "/tmp/rb-fetch-XXXXXX";

    (void)state;
    fixture_start(&node);
    client = fixture_client();
    fd = mkstemp(name);
    assert_true(fd >= 0);
    unlink(name);
    hash_sha256_hex("hello", 5, hello_hash);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    close(fd);
    peer_free(client);
    fixture_stop(&node);
    return 0;
}

static void a_blob_arrives_with_its_hash(void **state)
{
    char got[6] = "";

    (void)state;
    assert_int_equal(fetch(client, node.url, hello_hash, 5, fd, 2000), ERR_OK);
    assert_int_equal(pread(fd, got, 6, 0), 5);
    assert_string_equal(got, "hello");
    assert_int_equal(fetch(client, node.url, hello_hash, 100, fd, 2000), ERR_OK);
    assert_int_equal(lseek(fd, 0, SEEK_END), 10);
}

static void other_bytes_are_corrupt(void **state)
{
    (void)state;
    assert_int_equal(fetch(client, node.url, wrong, 5, fd, 2000), ERR_CORRUPT);
}

static void more_bytes_than_said_are_corrupt_and_not_kept(void **state)
{
    (void)state;
    assert_int_equal(fetch(client, node.url, hello_hash, 4, fd, 2000), ERR_CORRUPT);
    assert_true(lseek(fd, 0, SEEK_END) <= 4);
}

static void a_missing_blob_is_not_found(void **state)
{
    (void)state;
    assert_int_equal(fetch(client, node.url, unknown, 5, fd, 2000), ERR_NOT_FOUND);
    assert_int_equal(lseek(fd, 0, SEEK_END), 0);
}

static void a_malformed_hash_is_invalid(void **state)
{
    (void)state;
    assert_int_equal(fetch(client, node.url, "../../etc/passwd", 5, fd, 2000), ERR_INVALID);
    assert_int_equal(fetch(client, "http://localhost:80", hello_hash, 5, fd, 2000), ERR_INVALID);
    assert_int_equal(node.seen.handled, 0);
}

static void nobody_there_is_unavailable(void **state)
{
    char url[64];

    (void)state;
    dead_url(url);
    assert_int_equal(fetch(client, url, hello_hash, 5, fd, 2000), ERR_UNAVAILABLE);
}

static void a_stranger_is_refused(void **state)
{
    static const struct sign_key other = {{9}};
    struct sign_keys *keys = keyring_of(&other, "api:tester");
    struct peer *stranger = peer_new(keys, NULL);

    (void)state;
    assert_int_equal(fetch(stranger, node.url, hello_hash, 5, fd, 2000), ERR_AUTH);
    assert_int_equal(lseek(fd, 0, SEEK_END), 0);
    peer_free(stranger);
    sign_keys_free(keys);
}

static void silence_is_a_timeout(void **state)
{
    char url[64];
    int deaf = deaf_url(url);
    uint64_t started_ms = clock_boot_ms();

    (void)state;
    assert_int_equal(fetch(client, url, hello_hash, 5, fd, 300), ERR_TIMEOUT);
    assert_true(clock_boot_ms() - started_ms >= 300);
    assert_true(clock_boot_ms() - started_ms < 2000);
    close(deaf);
}

static void a_file_that_cannot_be_written_is_an_io_error(void **state)
{
    int read_only = open("/dev/null", O_RDONLY), full = open("/dev/full", O_WRONLY);

    (void)state;
    assert_int_equal(fetch(client, node.url, hello_hash, 5, read_only, 2000), ERR_IO);
    assert_int_equal(fetch(client, node.url, hello_hash, 5, full, 2000), ERR_FULL);
    close(read_only);
    close(full);
}

static void a_wrong_clock_is_corrected(void **state)
{
    (void)state;
    clocks_learn(client, node.url, -31000);
    assert_int_equal(fetch(client, node.url, hello_hash, 5, fd, 2000), ERR_OK);
    assert_int_equal(lseek(fd, 0, SEEK_END), 5);
    assert_true(llabs(peer_clock_offset_ms(client, node.url)) < 1000);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_blob_arrives_with_its_hash),
        TEST(other_bytes_are_corrupt),
        TEST(more_bytes_than_said_are_corrupt_and_not_kept),
        TEST(a_missing_blob_is_not_found),
        TEST(a_malformed_hash_is_invalid),
        TEST(nobody_there_is_unavailable),
        TEST(a_stranger_is_refused),
        TEST(silence_is_a_timeout),
        TEST(a_file_that_cannot_be_written_is_an_io_error),
        TEST(a_wrong_clock_is_corrected),
    };

    assert_int_equal(peer_global_init(), ERR_OK);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
