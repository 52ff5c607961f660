/* The founding document: written once, the same for every order of the nodes, never changed. */
#include "coordinator/ringfile.h"

#include "lib/base/fs.h"
#include "tests/unit/coordinator/rings.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct world {
    char dir[64], founding[128], nodes[3][128], all[512];
    int out, err;
};

static void write_text(const char *path, const char *text)
{
    assert_ok(fs_replace_file(path, text, strlen(text), 0644));
}

/* What the program says to people is not what is tested here. */
static void hush(struct world *w)
{
    fflush(NULL);
    int null = open("/dev/null", O_WRONLY);
    w->out = dup(STDOUT_FILENO);
    w->err = dup(STDERR_FILENO);
    dup2(null, STDOUT_FILENO);
    dup2(null, STDERR_FILENO);
    close(null);
}

static void unhush(struct world *w)
{
    fflush(NULL);
    dup2(w->out, STDOUT_FILENO);
    dup2(w->err, STDERR_FILENO);
    close(w->out);
    close(w->err);
}

static int found(struct world *w, const char *path, uint64_t k, const char *members)
{
    hush(w);
    int code = ringfile_found(path, k, members);
    unhush(w);
    return code;
}

static int set_up(void **state)
{
    static struct world w;
    char text[256];
    w = (struct world){.dir = "/tmp/rb-found-XXXXXX"};
    if (!mkdtemp(w.dir))
        return -1;
    snprintf(w.founding, sizeof w.founding, "%s/founding.json", w.dir);
    for (unsigned i = 0; i < 3; i++) {
        snprintf(w.nodes[i], sizeof w.nodes[i], "%s/n%u.json", w.dir, i);
        snprintf(text, sizeof text, "{\"id\":\"node-%u.%016x\",\"name\":\"node-%u\",\"zone\":\"z%u\",\"weight\":%u}", i + 1, i + 1, i + 1,
            i, i + 1);
        write_text(w.nodes[i], text);
    }
    snprintf(w.all, sizeof w.all, "%s,%s,%s", w.nodes[0], w.nodes[1], w.nodes[2]);
    *state = &w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    char path[128];
    unlink(w->founding);
    for (int i = 0; i < 3; i++)
        unlink(w->nodes[i]);
    snprintf(path, sizeof path, "%s/ring.json", w->dir);
    unlink(path);
    return rmdir(w->dir);
}

static void test_written_once(void **state)
{
    struct world *w = *state;
    struct ringdoc *d;
    struct buf first, second;
    char other_order[512];
    buf_init(&first, 65536);
    buf_init(&second, 65536);
    assert_int_equal(found(w, w->founding, 2, w->all), 0);
    assert_ok(ringfile_read(w->founding, &d));
    assert_int_equal(d->ring->epoch, 1);
    assert_int_equal(d->ring->k, 2);
    assert_int_equal(d->ring->n_members, 3);
    assert_int_equal(d->ring->members[2].weight, 3);
    assert_string_equal(d->ring->members[2].zone, "z2");
    assert_int_equal(d->ballot.counter, 0);
    ringdoc_free(d);
    assert_ok(fs_read_file(w->founding, &first));

    snprintf(other_order, sizeof other_order, "%s,%s,%s", w->nodes[2], w->nodes[0], w->nodes[1]);
    assert_int_equal(found(w, w->founding, 2, other_order), 0); /* the same again */
    assert_int_equal(found(w, w->founding, 3, w->all), 1);
    assert_int_equal(found(w, w->founding, 2, w->nodes[0]), 1);
    assert_ok(fs_read_file(w->founding, &second));
    assert_string_equal(buf_str(&first), buf_str(&second));
    buf_release(&first);
    buf_release(&second);
}

static void test_bad_members(void **state)
{
    struct world *w = *state;
    char twice[512];
    snprintf(twice, sizeof twice, "%s,%s", w->nodes[0], w->nodes[0]);
    assert_int_equal(found(w, w->founding, 3, twice), 2);
    assert_int_equal(found(w, w->founding, 3, ""), 2);
    assert_int_equal(found(w, w->founding, 3, ","), 2);
    assert_int_equal(found(w, w->founding, 3, "/nonexistent/node.json"), 2);
    static const char *const bad[] = {"", "{", "[]", "{}", "{\"id\":\"a.1\",\"name\":\"a\",\"zone\":\"\"}",
        "{\"id\":\"a.1\",\"name\":\"b\",\"zone\":\"\",\"weight\":1}", "{\"id\":\"a.1\",\"name\":\"a\",\"zone\":\"\",\"weight\":0}",
        "{\"id\":\"a.1\",\"name\":\"a\",\"zone\":\"\",\"weight\":99}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        write_text(w->nodes[2], bad[i]);
        assert_int_equal(found(w, w->founding, 3, w->all), 2);
    }
    assert_int_equal(access(w->founding, F_OK), -1);
}

static void test_last_ring_is_kept(void **state)
{
    struct world *w = *state;
    struct ringdoc *d = make_doc(4, 1, 3, 9, "coordinator-1"), *back;
    assert_err(ERR_NOT_FOUND, ringfile_load(w->dir, &back));
    assert_ok(ringfile_save(w->dir, d));
    assert_ok(ringfile_load(w->dir, &back));
    assert_string_equal(back->text, d->text);
    assert_int_equal(back->ballot.counter, 9);
    ringdoc_free(d);
    ringdoc_free(back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_written_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bad_members, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_last_ring_is_kept, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
