#include "tests/unit/unit.h"

#include "fcgi/service/picture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void make(struct members *m, uint64_t epoch, size_t nodes)
{
    struct ring_member ring[4];
    struct ballot ballot = {.counter = 0};
    memset(m, 0, sizeof(*m));
    memset(ring, 0, sizeof(ring));
    m->nodes = calloc(nodes + 1, sizeof(*m->nodes));
    m->n_nodes = nodes;
    for (size_t i = 0; i < 3; i++) {
        snprintf(ring[i].name, sizeof(ring[i].name), "node-%zu", i + 1);
        snprintf(ring[i].id, sizeof(ring[i].id), "node-%zu.000000000000000%zu", i + 1, i);
        ring[i].weight = 1;
    }
    for (size_t i = 0; i < nodes; i++) {
        struct member *n = &m->nodes[i];
        memcpy(n->id, ring[i].id, sizeof(n->id));
        memcpy(n->name, ring[i].name, sizeof(n->name));
        snprintf(n->url, sizeof(n->url), "http://127.0.0.1:470%zu", i);
        n->weight = 1;
        n->stores = 1;
        n->alive = 1;
    }
    if (epoch > 0)
        assert_ok(ringdoc_new(ring, 3, 3, epoch, &ballot, &m->ring));
}

static void what_a_wiped_redis_forgot_is_kept_but_not_alive(void **state)
{
    (void)state;
    struct members known, fresh;
    make(&known, 4, 3);
    make(&fresh, 0, 1);
    assert_ok(picture_complete(&fresh, &known));
    assert_int_equal(fresh.ring->ring->epoch, 4);
    assert_int_equal(fresh.n_nodes, 3);
    assert_int_equal(fresh.nodes[0].state, MEMBER_UP);
    assert_int_equal(fresh.nodes[2].state, MEMBER_SUSPECT);
    members_release(&known);
    members_release(&fresh);
}

static void a_missing_heartbeat_says_nothing_while_redis_is_new(void **state)
{
    (void)state;
    struct members known, fresh;
    make(&known, 4, 3);
    make(&fresh, 4, 3);
    known.nodes[1].alive = 0;
    for (size_t i = 0; i < 3; i++)
        fresh.nodes[i].alive = 0;
    picture_keep_living(&fresh, &known);
    assert_int_equal(fresh.nodes[0].state, MEMBER_UP);
    assert_int_equal(fresh.nodes[1].state, MEMBER_SUSPECT);
    assert_int_equal(fresh.nodes[2].state, MEMBER_UP);
    members_release(&known);
    members_release(&fresh);
}

static void a_newer_ring_replaces_and_an_older_one_does_not(void **state)
{
    (void)state;
    struct members known, fresh;
    make(&known, 4, 3);
    make(&fresh, 5, 3);
    assert_ok(picture_complete(&fresh, &known));
    assert_int_equal(fresh.ring->ring->epoch, 5);
    members_release(&fresh);
    make(&fresh, 3, 3);
    assert_ok(picture_complete(&fresh, &known));
    assert_int_equal(fresh.ring->ring->epoch, 4);
    members_release(&fresh);
    members_release(&known);
}

static void a_coordinators_answer_updates_what_was_known(void **state)
{
    (void)state;
    struct members known, out;
    make(&known, 4, 2);
    known.nodes[0].files = 77;
    known.nodes[1].alive = 0;
    const char *text =
        "{\"ring\":null,\"view\":3,\"leader\":{\"name\":\"coordinator-1\",\"epoch\":6},\"nodes\":["
        "{\"id\":\"node-1.0000000000000000\",\"name\":\"node-1\",\"url\":\"http://127.0.0.1:1\",\"zone\":\"\",\"state\":\"up\"},"
        "{\"id\":\"node-2.0000000000000001\",\"name\":\"node-2\",\"url\":\"http://127.0.0.1:2\",\"zone\":\"\",\"state\":\"suspect\"},"
        "{\"id\":\"node-3.0000000000000002\",\"name\":\"node-3\",\"url\":\"http://127.0.0.1:3\",\"zone\":\"\",\"state\":\"up\"}]}";
    assert_ok(picture_from_coordinator(text, strlen(text), &known, &out));
    assert_int_equal(out.n_nodes, 3);
    assert_string_equal(out.nodes[0].url, "http://127.0.0.1:1");
    assert_int_equal(out.nodes[0].files, 77);
    assert_true(out.nodes[0].alive);
    assert_false(out.nodes[1].alive);
    assert_true(out.nodes[2].alive);
    assert_int_equal(out.ring->ring->epoch, 4);
    assert_string_equal(out.leader_name, "coordinator-1");
    assert_int_equal(out.leader_epoch, 6);
    members_release(&out);
    members_release(&known);
}

/* A coordinator's answer about two silent nodes; %s: whether it hears the second. */
#define ANSWER                                                                                                                         \
    "{\"ring\":null,\"leader\":null,\"waiting\":\"node-3 joins\",\"wishes\":{\"node-2.0000000000000001\":\"drain\",\"k\":3},"          \
    "\"progress\":{\"epoch\":5,\"copies_done\":1,\"copies_total\":9,\"bytes_done\":2,\"bytes_total\":8,\"bytes_per_s\":4,\"ends_at\":" \
    "null},\"nodes\":["                                                                                                                \
    "{\"id\":\"node-1.0000000000000000\",\"name\":\"node-1\",\"url\":\"http://"                                                        \
    "127.0.0.1:1\",\"zone\":\"\",\"state\":\"suspect\",\"alive\":false,\"out_at\":77},"                                                \
    "{\"id\":\"node-2.0000000000000001\",\"name\":\"node-2\",\"url\":\"http://"                                                        \
    "127.0.0.1:2\",\"zone\":\"\",\"state\":\"draining\",\"alive\":%s}]}"

static void a_coordinators_word_on_who_lives_counts_when_it_hears_anybody(void **state)
{
    (void)state;
    struct members known, out;
    make(&known, 4, 2);
    const char *words[] = {"true", "false"};
    for (int i = 0; i < 2; i++) {
        char filled[1024];
        snprintf(filled, sizeof(filled), ANSWER, words[i]);
        assert_ok(picture_from_coordinator(filled, strlen(filled), &known, &out));
        assert_int_equal(out.nodes[0].alive, i); /* nobody is heard: as it was */
        assert_true(out.nodes[1].alive);
        assert_int_equal(out.nodes[0].out_at_ms, 77);
        assert_int_equal(out.nodes[1].state, MEMBER_DRAINING);
        assert_int_equal(out.progress.copies_total, 9);
        assert_string_equal(out.waiting, "node-3 joins");
        members_release(&out);
    }
    members_release(&known);
}

/* An answer that tells of one node. */
#define ONE(id, name, url)                                                                              \
    "{\"ring\":null,\"leader\":null,\"nodes\":[{\"id\":\"" id "\",\"name\":\"" name "\",\"url\":\"" url \
    "\",\"zone\":\"\",\"state\":\"up\"}]}"

static void nonsense_from_a_coordinator_changes_nothing(void **state)
{
    (void)state;
    struct members known = {.n_nodes = 0}, out;
    const char *good = ONE("node-1.aa", "node-1", "http://127.0.0.1:1");
    const char *rows[] = {"", "[]", "{}", "{\"ring\":1,\"nodes\":[]}", "{\"ring\":null,\"nodes\":{}}", "{\"ring\":null,\"nodes\":[1]}",
        "{\"ring\":null,\"nodes\":[{\"id\":\"x\"}]}", "{\"ring\":null,\"nodes\":[],\"leader\":{}}",
        ONE("node-1.aa", "node-2", "http://127.0.0.1:1"), ONE("", "", "http://127.0.0.1:1"),
        ONE("node-1.aa", "node-1", "http://169.254.169.254:80"), ONE("node-1.aa", "node-1", "file:///etc/passwd"),
        ONE("node-1.aa", "node-1", "")};
    assert_ok(picture_from_coordinator(good, strlen(good), &known, &out));
    members_release(&out);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_not_equal(picture_from_coordinator(rows[i], strlen(rows[i]), &known, &out), ERR_OK);
}

static void what_was_saved_is_read_back_as_alive(void **state)
{
    (void)state;
    struct members m, back;
    char path[] = "/tmp/picture-XXXXXX";
    uint8_t a[HASH_SIZE], b[HASH_SIZE];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    make(&m, 4, 3);
    m.nodes[1].alive = 0;
    assert_ok(picture_save(path, &m));
    assert_ok(picture_load(path, &back));
    assert_int_equal(back.ring->ring->epoch, 4);
    assert_int_equal(back.n_nodes, 3);
    assert_string_equal(back.nodes[1].url, m.nodes[1].url);
    assert_int_equal(back.nodes[1].state, MEMBER_UP);
    picture_digest(&m, a);
    picture_digest(&back, b);
    assert_memory_equal(a, b, HASH_SIZE);
    back.nodes[1].url[8] = 'x';
    picture_digest(&back, b);
    assert_memory_not_equal(a, b, HASH_SIZE);
    members_release(&back);
    members_release(&m);
    assert_int_equal(truncate(path, 20), 0);
    assert_err(ERR_SYNTAX, picture_load(path, &back));
    unlink(path);
    assert_err(ERR_NOT_FOUND, picture_load(path, &back));
}

static void peers_that_only_share_change_nothing_on_disk(void **state)
{
    (void)state;
    struct members m, with, back;
    char path[] = "/tmp/picture-XXXXXX";
    uint8_t a[HASH_SIZE], b[HASH_SIZE];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    make(&m, 4, 3);
    make(&with, 4, 3);
    with.nodes[3] = with.nodes[2]; /* make() leaves room for one more */
    snprintf(with.nodes[3].id, sizeof(with.nodes[3].id), "laptop.0000000000000009");
    snprintf(with.nodes[3].name, sizeof(with.nodes[3].name), "laptop");
    with.nodes[3].stores = 0;
    with.n_nodes = 4;
    picture_digest(&m, a);
    picture_digest(&with, b);
    assert_memory_equal(a, b, HASH_SIZE);
    assert_ok(picture_save(path, &with));
    assert_ok(picture_load(path, &back));
    assert_int_equal(back.n_nodes, 3);
    assert_null(picture_node(&back, "laptop.0000000000000009"));
    members_release(&back);
    members_release(&with);
    members_release(&m);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_wiped_redis_forgot_is_kept_but_not_alive),
        cmocka_unit_test(a_missing_heartbeat_says_nothing_while_redis_is_new),
        cmocka_unit_test(a_newer_ring_replaces_and_an_older_one_does_not),
        cmocka_unit_test(a_coordinators_answer_updates_what_was_known),
        cmocka_unit_test(a_coordinators_word_on_who_lives_counts_when_it_hears_anybody),
        cmocka_unit_test(nonsense_from_a_coordinator_changes_nothing),
        cmocka_unit_test(what_was_saved_is_read_back_as_alive),
        cmocka_unit_test(peers_that_only_share_change_nothing_on_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
