/* What belongs to an account: listed, erased, counted against its quota. Versions are in memory, the index is a real one. */
#include "tests/unit/fcgi/service/versions.h"

#include "fcgi/service/links.h"
#include "fcgi/service/pending.h"
#include "fcgi/service/quota.h"

static void everything_of_theirs_is_listed(void **state)
{
    struct fixture *f = *state;
    struct accounts_versions v;
    const char *after = "";
    char got[256] = "", id[PENDING_ID_SIZE];
    size_t pages = 0;
    versions_put(f, "CSEN 317", "csen317", "ann", "one");
    versions_put(f, "CSEN 317", "csen317", "bob", "two");
    versions_put(f, "CSEN 317", "csen317", "ann", "three");
    versions_put(f, "Math 9", "math9", "ann", "four");
    struct upload_input in = versions_input(f, "Math 10", "math10", "ann", "five");
    upload_result_release(&f->out);
    assert_ok(pending_upload(&f->w, &in, id, &f->out));
    struct json *j = json_object();
    assert_ok(sysdoc_write(&f->w, "sys/user/zoe", j, NULL, "ann", NULL)); /* a document of the system is not theirs */
    json_free(j);
    do {
        assert_ok(accounts_versions(&f->w, "ann", after, 2, &v));
        for (size_t i = 0; i < v.n; i++) {
            const struct accounts_version *one = &v.items[i];
            snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s:%llu:%llu%s ", one->record.course, (unsigned long long)one->version,
                (unsigned long long)one->record.size, one->live ? "" : "-");
        }
        after = v.next;
        accounts_versions_release(&v);
        pages++;
    } while (after != NULL);
    assert_string_equal(got, "CSEN 317:1:3 CSEN 317:3:5 Math 9:1:4 Math 10:1:4 ");
    assert_in_range(pages, 2, 3);
    assert_err(ERR_SYNTAX, accounts_versions(&f->w, "ann", "nonsense", 2, &v));
    assert_err(ERR_SYNTAX, accounts_versions(&f->w, "ann", "0000000000000000000000000000000g:csen317", 2, &v));
    versions.redis_up = 0;
    assert_err(ERR_UNAVAILABLE, accounts_versions(&f->w, "ann", "", 2, &v));
}

static void erasing_takes_theirs_and_leaves_the_rest(void **state)
{
    struct fixture *f = *state;
    struct accounts_erased e;
    struct upload_result r;
    struct docs_link l;
    char id[PENDING_ID_SIZE], text[LINK_TEXT_SIZE], version[STAMP_HEX_SIZE];
    const char *detail;
    struct stamp deleted = versions_put(f, "CSEN 317", "csen317", "ann", "one");
    versions_put(f, "CSEN 317", "csen317", "bob", "two");
    versions_put(f, "CSEN 317", "csen317", "ann", "three");
    versions_put(f, "Math 9", "math9", "ann", "four");
    struct upload_input in = versions_input(f, "Math 10", "math10", "ann", "five");
    upload_result_release(&f->out);
    assert_ok(pending_upload(&f->w, &in, id, &f->out));
    stamp_hex(deleted, version); /* deleted in the ordinary way: its bytes are still there */
    assert_ok(upload_delete(&f->w, &(struct delete_input){.key = "csen317", .uploader = "ann", .version = version}, &r));
    upload_result_release(&r);
    struct links_new link = {.course = "csen317", .label = "", .expires_at_ms = clock_unix_ms() + 100000, .downloads_max = DOCS_NO_LIMIT};
    assert_ok(links_make(&f->w, &link, "ann", &l, text, &detail));
    assert_ok(accounts_erase(&f->w, "ann", "ann", &e));
    assert_int_equal(e.versions, 4);
    assert_int_equal(e.failed, 0);
    assert_false(e.more);
    const struct history *h = versions_of("csen317");
    for (size_t i = 0; i < h->n; i++)
        if (!record_is_tombstone(&h->entries[i].record))
            assert_int_equal(history_is_erased(h, i), strcmp(h->entries[i].record.uploader, "ann") == 0);
    assert_string_equal(history_current(h)->uploader, "bob");
    assert_err(ERR_DENIED, links_open(&f->w, text, strlen(text), NULL, 0, 0, &l));
    assert_ok(accounts_erase(&f->w, "ann", "ann", &e)); /* again */
    assert_int_equal(e.versions, 0);
    versions.redis_up = 0;
    assert_err(ERR_UNAVAILABLE, accounts_erase(&f->w, "ann", "ann", &e));
}

static void what_cannot_be_erased_is_said(void **state)
{
    struct fixture *f = *state;
    struct accounts_erased e;
    versions_put(f, "CSEN 317", "csen317", "ann", "one");
    versions.away = ERR_UNAVAILABLE;
    assert_ok(accounts_erase(&f->w, "ann", "ann", &e));
    assert_int_equal(e.versions, 0);
    assert_int_equal(e.failed, 1);
    versions.away = ERR_OK;
    assert_ok(accounts_erase(&f->w, "ann", "ann", &e));
    assert_int_equal(e.versions, 1);
}

/* ---- quotas */

static struct docs_account account(const char *name, uint64_t quota_bytes)
{
    struct docs_account a = {.quota_bytes = quota_bytes};
    snprintf(a.name, sizeof(a.name), "%s", name);
    return a;
}

static void an_account_keeps_at_most_its_quota(void **state)
{
    struct fixture *f = *state;
    struct docs_settings s;
    struct quota_hold one, two;
    struct quota q;
    const char *detail;
    struct docs_account ann = account("ann", DOCS_NO_LIMIT), rich = account("ann", 1000);
    docs_settings_default(&s);
    s.quota_user_bytes = 10;
    versions_put(f, "CSEN 317", "csen317", "ann", "four");
    assert_ok(quota_read(&f->w, &ann, &s, &q));
    assert_true(q.known);
    assert_int_equal(q.used, 4);
    assert_int_equal(q.limit, 10);
    assert_ok(quota_take(&f->w, &ann, &s, 5, &one, &detail));
    assert_err(ERR_FULL, quota_take(&f->w, &ann, &s, 2, &two, &detail));
    assert_non_null(detail);
    quota_give(&f->w, &two);                                   /* nothing is held: fine */
    assert_ok(quota_take(&f->w, &rich, &s, 2, &two, &detail)); /* its own limit counts */
    assert_ok(quota_read(&f->w, &ann, &s, &q));
    assert_int_equal(q.used, 11);
    quota_give(&f->w, &one);
    quota_give(&f->w, &two);
    assert_ok(quota_take(&f->w, &ann, &s, 6, &one, &detail));
    quota_give(&f->w, &one);
}

static void all_together_keep_at_most_the_clusters(void **state)
{
    struct fixture *f = *state;
    struct docs_settings s;
    struct quota_hold hold;
    const char *detail;
    struct docs_account ann = account("ann", DOCS_NO_LIMIT);
    docs_settings_default(&s);
    assert_ok(quota_take(&f->w, &ann, &s, UINT64_C(1) << 40, &hold, &detail)); /* no limit anywhere: nothing is held */
    assert_string_equal(hold.id, "");
    s.quota_cluster_bytes = 10;
    versions_put(f, "CSEN 317", "csen317", "bob", "eightxxx");
    assert_err(ERR_FULL, quota_take(&f->w, &ann, &s, 3, &hold, &detail));
    assert_err(ERR_FULL, quota_take(&f->w, NULL, &s, 3, &hold, &detail));
    assert_ok(quota_take(&f->w, NULL, &s, 2, &hold, &detail));
    quota_give(&f->w, &hold);
}

static void without_redis_nothing_is_refused(void **state)
{
    struct fixture *f = *state;
    struct docs_settings s;
    struct quota_hold hold;
    struct quota q;
    const char *detail;
    struct docs_account ann = account("ann", 1);
    docs_settings_default(&s);
    versions.redis_up = 0;
    assert_ok(quota_take(&f->w, &ann, &s, 100, &hold, &detail));
    assert_ok(quota_read(&f->w, &ann, &s, &q));
    assert_false(q.known);
    quota_give(&f->w, &hold);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(everything_of_theirs_is_listed),
        CASE(erasing_takes_theirs_and_leaves_the_rest),
        CASE(what_cannot_be_erased_is_said),
        CASE(an_account_keeps_at_most_its_quota),
        CASE(all_together_keep_at_most_the_clusters),
        CASE(without_redis_nothing_is_refused),
    };
    return cmocka_run_group_tests(tests, versions_start, versions_stop);
}
