/* Who a node is, and how a database that forgot promises is told (protocol.md, pitfall 5). */
#include "tests/unit/node/folder.h"

#include "node/identity.h"

static int setup(void **state)
{
    struct folder *f = calloc(1, sizeof(*f));
    folder_make(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    folder_remove(*state);
    free(*state);
    return 0;
}

static enum err init(struct folder *f, const char *name, const char *zone, uint64_t weight, char *line, size_t size)
{
    struct buf b;
    buf_init(&b, 4096);
    enum err e = identity_init(f->path, name, zone, weight, &b);
    snprintf(line, size, "%s", buf_str(&b));
    buf_release(&b);
    return e;
}

/* Starts and stops, as far as identity goes. */
static enum err claim(struct folder *f)
{
    struct ring_member self;
    struct db *db;
    enum err e = identity_read(f->path, &self);
    if (e)
        return e;
    e = db_open(f->db_path, &db);
    if (e)
        return e;
    e = identity_claim(f->path, &self, db);
    db_close(db);
    return e;
}

static void init_draws_an_id_once(void **state)
{
    struct folder *f = *state;
    char first[512], second[512];
    struct ring_member self;
    assert_ok(init(f, "node-1", "east", 2, first, sizeof(first)));
    assert_ok(init(f, "other", "", 1, second, sizeof(second)));
    assert_string_equal(first, second);
    assert_ok(identity_read(f->path, &self));
    assert_string_equal(self.name, "node-1");
    assert_string_equal(self.zone, "east");
    assert_int_equal(self.weight, 2);
    assert_int_equal(strlen(self.id), strlen("node-1.") + 16);
    assert_ok(claim(f));
    assert_ok(claim(f));
}

static void two_inits_draw_two_ids(void **state)
{
    struct folder *f = *state;
    char first[512], second[512];
    assert_ok(init(f, "node-1", "", 1, first, sizeof(first)));
    assert_int_equal(unlink(folder_at(f, "node.json")), 0);
    assert_ok(init(f, "node-1", "", 1, second, sizeof(second)));
    assert_string_not_equal(first, second);
    assert_ok(claim(f));
    assert_true(folder_count(f, "quarantine") >= 1); /* the database of the first life */
}

static void bad_names_zones_and_weights_are_refused(void **state)
{
    struct folder *f = *state;
    char line[512];
    assert_err(ERR_INVALID, init(f, "Node", "", 1, line, sizeof(line)));
    assert_err(ERR_INVALID, init(f, "", "", 1, line, sizeof(line)));
    assert_err(ERR_INVALID, init(f, "1node", "", 1, line, sizeof(line)));
    assert_err(ERR_INVALID, init(f, "node", "a zone", 1, line, sizeof(line)));
    assert_err(ERR_INVALID, init(f, "node", "", 0, line, sizeof(line)));
    assert_err(ERR_INVALID, init(f, "node", "", RING_WEIGHT_MAX + 1, line, sizeof(line)));
    assert_int_equal(folder_count(f, ""), 0);
}

static void a_node_without_its_database_is_not_started(void **state)
{
    struct folder *f = *state;
    char line[512];
    assert_ok(init(f, "node-1", "", 1, line, sizeof(line)));
    assert_ok(claim(f));
    assert_int_equal(unlink(f->db_path), 0);
    assert_err(ERR_NOT_FOUND, claim(f));
}

static void an_older_database_is_told(void **state)
{
    struct folder *f = *state;
    char line[512], copy[512];
    assert_ok(init(f, "node-1", "", 1, line, sizeof(line)));
    assert_ok(claim(f));
    snprintf(copy, sizeof(copy), "cp %s %s/backup", f->db_path, f->path);
    assert_int_equal(system(copy), 0);
    assert_ok(claim(f));
    snprintf(copy, sizeof(copy), "cp %s/backup %s", f->path, f->db_path);
    assert_int_equal(system(copy), 0);
    assert_err(ERR_CORRUPT, claim(f));
}

static void another_nodes_database_is_told(void **state)
{
    struct folder *f = *state;
    char line[512];
    assert_ok(init(f, "node-1", "", 1, line, sizeof(line)));
    assert_int_equal(unlink(f->db_path), 0);
    assert_ok(db_create(f->db_path, "node-1.ffffffffffffffff"));
    assert_err(ERR_CORRUPT, claim(f));
}

static void a_folder_without_a_marker_is_not_started(void **state)
{
    struct folder *f = *state;
    char line[512];
    assert_ok(init(f, "node-1", "", 1, line, sizeof(line)));
    assert_int_equal(unlink(folder_at(f, "marker.json")), 0);
    assert_err(ERR_CORRUPT, claim(f));
}

static void a_damaged_identity_is_told(void **state)
{
    struct folder *f = *state;
    struct ring_member self;
    static const char *const bad[] = {"", "{", "[]", "{\"id\":\"x\"}", "{\"id\":\"a.1\",\"name\":\"b\",\"zone\":\"\",\"weight\":1}",
        "{\"id\":\"a.1\",\"name\":\"a\",\"zone\":\"\",\"weight\":0}"};
    assert_err(ERR_NOT_FOUND, identity_read(f->path, &self));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_ok(fs_replace_file(folder_at(f, "node.json"), bad[i], strlen(bad[i]), 0600));
        assert_err(ERR_CORRUPT, identity_read(f->path, &self));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        T(init_draws_an_id_once),
        T(two_inits_draw_two_ids),
        T(bad_names_zones_and_weights_are_refused),
        T(a_node_without_its_database_is_not_started),
        T(an_older_database_is_told),
        T(another_nodes_database_is_told),
        T(a_folder_without_a_marker_is_not_started),
        T(a_damaged_identity_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
