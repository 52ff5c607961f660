/* What is pure about peers: their order and their names, whom to believe of a file's blocks, and where a node is. */
#include "tests/unit/unit.h"

#include "fcgi/service/capability.h"
#include "fcgi/service/peers_read.h"
#include "fcgi/service/peers_sources.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHA "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define ONE "1111111111111111111111111111111111111111111111111111111111111111"

static struct peers_peer make(const char *name, const char *incarnation, uint64_t heard_at_ms)
{
    struct peers_peer p = {.heard_at_ms = heard_at_ms};
    snprintf(p.name, sizeof(p.name), "%s", name);
    snprintf(p.id, sizeof(p.id), "%s.%s", name, incarnation);
    return p;
}

static void pages_of_peers_neither_repeat_nor_skip_one(void **state)
{
    (void)state;
    struct peers_peer all[] = {make("zoe", "01", 1), make("lab", "02", 1), make("lab-07", "03", 1), make("lab", "01", 1),
        make("amber", "0f", 1), make("lab.x", "01", 1)};
    const char *const order[] = {"amber.0f", "lab.01", "lab.02", "lab-07.03", "lab.x.01", "zoe.01"};
    size_t n = sizeof(all) / sizeof(all[0]);
    peers_read_sort(all, n);
    for (size_t i = 0; i < n; i++)
        assert_string_equal(all[i].id, order[i]);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(peers_read_after(all, n, order[i]), i + 1);
    assert_int_equal(peers_read_after(all, n, "lab.015"), 2); /* one that has left meanwhile */
    assert_int_equal(peers_read_after(all, n, "aaa.00"), 0);
    assert_int_equal(peers_read_after(all, n, "zzz.00"), n);
    assert_int_equal(peers_read_after(all, n, ""), 0);
}

static void a_peer_is_meant_by_its_id_or_by_its_name(void **state)
{
    (void)state;
    struct peers_peer all[] = {make("lab", "01", 5), make("lab", "02", 9), make("lab", "03", 0), make("lab.02", "07", 20)};
    size_t n = sizeof(all) / sizeof(all[0]);
    assert_ptr_equal(peers_read_pick(all, n, "lab.01"), &all[0]);
    assert_ptr_equal(peers_read_pick(all, n, "lab"), &all[1]);    /* it came back as another one */
    assert_ptr_equal(peers_read_pick(all, n, "lab.02"), &all[1]); /* an id goes before a name */
    assert_null(peers_read_pick(all, n, "la"));
    assert_null(peers_read_pick(all, n, ""));
    assert_null(peers_read_pick(all, 0, "lab"));
}

static struct shared_blocks list(const char *sha256, uint64_t size, int fill)
{
    struct shared_blocks b;
    assert_ok(shared_blocks_init(&b, size));
    snprintf(b.sha256, sizeof(b.sha256), "%s", sha256);
    for (size_t i = 0; i < b.n; i++)
        memset(b.hashes[i], fill, HASH_SIZE);
    return b;
}

static void most_are_believed_of_those_that_speak_of_these_bytes(void **state)
{
    (void)state;
    struct shared_blocks all[] = {list(ONE, 5, 7), list(SHA, 6, 7), list(SHA, 5, 1), list(SHA, 5, 2), list(SHA, 5, 2), {.size = 0}};
    size_t n = sizeof(all) / sizeof(all[0]);
    assert_int_equal(peers_sources_judge(all, n, SHA, 5), 3);
    assert_int_equal(peers_sources_judge(all, 4, SHA, 5), 2); /* a tie: who was asked first */
    assert_int_equal(peers_sources_judge(all, n, SHA, 6), 1);
    assert_int_equal(peers_sources_judge(all, n, SHA, 7), -1);
    assert_int_equal(peers_sources_judge(all + 5, 1, SHA, 0), -1); /* who said nothing said nothing of an empty file either */
    assert_int_equal(peers_sources_judge(all, 0, SHA, 5), -1);
    for (size_t i = 0; i < n; i++)
        shared_blocks_release(&all[i]);
}

static void only_plain_addresses_lead_to_a_node(void **state)
{
    (void)state;
    char out[CAPABILITY_ADDRESS_SIZE] = "untouched";
    static const char *const bad[] = {"", "http://", "http:///", "127.0.0.1:4711", "https://127.0.0.1:4711", "plain://127.0.0.1:4711",
        "http://a@127.0.0.1:4711", "http://127.0.0.1:4711/x", "http://127.0.0.1:4711?x", "http://127.0.0.1:4711\r\nX-Accel-Redirect: /",
        "http://localhost:4711", "http://127.0.0.1:4711 ", "http://[::1]:4711/", "http://169.254.169.254:80", "file:///etc/passwd",
        "http://1111111111222222222233333333334444444444555555555566666666667777777777"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (capability_address(NULL, bad[i], out) != ERR_INVALID)
            fail_msg("%s was taken", bad[i]);
        assert_string_equal(out, "untouched");
    }
    assert_ok(capability_address(NULL, "http://127.0.0.1:4711", out));
    assert_string_equal(out, "127.0.0.1:4711");
    assert_ok(capability_address(NULL, "http://[::1]:4711", out));
    assert_string_equal(out, "[::1]:4711");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_of_peers_neither_repeat_nor_skip_one),
        cmocka_unit_test(a_peer_is_meant_by_its_id_or_by_its_name),
        cmocka_unit_test(most_are_believed_of_those_that_speak_of_these_bytes),
        cmocka_unit_test(only_plain_addresses_lead_to_a_node),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
