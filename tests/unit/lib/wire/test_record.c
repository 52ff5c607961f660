#include "tests/unit/unit.h"

#include "tests/unit/lib/wire/records.h"

/* ---- helpers */

static void print(const struct record *r, struct buf *b)
{
    buf_init(b, 100000);
    assert_ok(record_print(r, b));
}

static void assert_same(const struct record *a, const struct record *b)
{
    assert_int_equal(stamp_cmp(a->id, b->id), 0);
    assert_int_equal(stamp_cmp(a->of, b->of), 0);
    assert_int_equal(stamp_cmp(a->parent, b->parent), 0);
    assert_string_equal(a->course, b->course);
    assert_string_equal(a->key, b->key);
    assert_string_equal(a->term, b->term);
    assert_string_equal(a->title, b->title);
    assert_string_equal(a->instructor, b->instructor);
    assert_string_equal(a->note, b->note);
    assert_string_equal(a->filename, b->filename);
    assert_string_equal(a->type, b->type);
    assert_string_equal(a->uploader, b->uploader);
    assert_string_equal(a->sha256, b->sha256);
    assert_string_equal(a->upload, b->upload);
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->size, b->size);
    assert_int_equal(a->conditional, b->conditional);
    assert_int_equal(a->erase, b->erase);
}

/* Prints r and expects it to be refused: the field that the test has spoilt is the only thing wrong. */
static void assert_refused(const struct record *r)
{
    struct buf b;
    struct record out;
    print(r, &b);
    assert_err(ERR_SYNTAX, record_parse(b.data, b.len, &out));
    buf_release(&b);
}

/* ---- tests */

static void a_record_goes_there_and_back(void **state)
{
    (void)state;
    struct record rows[] = {make_record(RECORD_UPLOAD, 100, 0, 1), make_record(RECORD_RESTORE, 101, 100, 2),
        make_record(RECORD_DELETE, 102, 0, 3), make_record(RECORD_DELETE, 103, 101, 4)};
    rows[1].parent = (struct stamp){100, UINT64_MAX};
    rows[1].conditional = 1;
    rows[0].size = JSON_EXACT_MAX;
    assert_ok(record_set(&rows[0].note, "line one\nline \"two\" \xf0\x9f\x98\x80 \\ \x01"));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf b, again;
        struct record out;
        print(&rows[i], &b);
        assert_ok(record_parse(b.data, b.len, &out));
        assert_same(&rows[i], &out);
        print(&out, &again);
        assert_string_equal(buf_str(&b), buf_str(&again));
        buf_release(&b);
        buf_release(&again);
        record_release(&out);
        record_release(&rows[i]);
    }
}

static void the_json_is_the_one_that_is_written_down(void **state)
{
    (void)state;
    struct record r = make_record(RECORD_UPLOAD, 0x1a, 0, 7);
    struct buf b;
    print(&r, &b);
    assert_string_equal(buf_str(&b), "{\"id\":\"000000000000001a0000000000000001\",\"kind\":\"upload\",\"of\":null,\"course\":\"CSEN "
                                     "317\",\"key\":\"csen317\",\"term\":\"2026 Fall\","
                                     "\"title\":\"\",\"instructor\":\"\",\"note\":\"\",\"filename\":\"syllabus.pdf\",\"type\":"
                                     "\"application/pdf\",\"uploader\":\"\",\"size\":5,"
                                     "\"sha256\":\"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824\",\"parent\":null,"
                                     "\"upload\":\"00000000000000000000000000000007\",\"conditional\":false,"
                                     "\"fields\":\"ac354d2e887cbef21a42a42cd2b827ca551a7879168abbba86041c6859dbe97c\"}");
    buf_release(&b);
    record_release(&r);
}

static void a_copy_shares_nothing(void **state)
{
    (void)state;
    struct record r = make_record(RECORD_UPLOAD, 100, 0, 1), copy;
    assert_ok(record_copy(&copy, &r));
    assert_same(&r, &copy);
    assert_ok(record_set(&r.term, "another"));
    r.course[0] = 'X';
    assert_string_equal(copy.term, "2026 Fall");
    assert_string_equal(copy.course, "CSEN 317");
    record_release(&r);
    record_release(&copy);
    record_release(&copy); /* fine on all zeroes */
}

static void a_field_may_be_set_to_a_part_of_itself(void **state)
{
    (void)state;
    struct record r = make_record(RECORD_UPLOAD, 100, 0, 1);
    assert_ok(record_set(&r.term, r.term + 5));
    assert_string_equal(r.term, "Fall");
    record_release(&r);
}

struct bound {
    size_t offset, bytes_max, chars_max;
};
#define OF(field) offsetof(struct record, field)

static void fields_have_bounds_in_bytes_and_characters(void **state)
{
    (void)state;
    static const struct bound rows[] = {{OF(term), 1020, 255}, {OF(title), 1020, 255}, {OF(instructor), 1020, 255}, {OF(note), 1020, 255},
        {OF(filename), 1020, 255}, {OF(uploader), 1020, 255}, {OF(type), 127, 127}, {OF(course), 512, 128}, {OF(key), 2304, 2304}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct record r = make_record(RECORD_UPLOAD, 100, 0, 1), out;
        char **field = (char **)(void *)((char *)&r + rows[i].offset);
        char text[2400] = "";
        struct buf b;
        memset(text, 'x', rows[i].chars_max);
        assert_ok(record_set(field, text));
        print(&r, &b);
        assert_ok(record_parse(b.data, b.len, &out));
        record_release(&out);
        buf_release(&b);
        strcat(text, "x");
        assert_ok(record_set(field, text));
        assert_refused(&r);
        text[0] = '\0';
        for (size_t n = 0; n + 4 <= rows[i].bytes_max; n += 4)
            strcat(text, "\xf0\x9f\x98\x80");
        assert_ok(record_set(field, text));
        print(&r, &b);
        assert_ok(record_parse(b.data, b.len, &out));
        record_release(&out);
        buf_release(&b);
        strcat(text, "\xf0\x9f\x98\x80");
        assert_ok(record_set(field, text));
        assert_refused(&r);
        record_release(&r);
    }
}

/* The invariant behind RECORD_JSON_MAX: no record within its bounds has a longer text. */
static void the_longest_record_fits(void **state)
{
    (void)state;
    struct record r = make_record(RECORD_RESTORE, UINT64_MAX, 5, 1), out;
    char quotes[2305] = "", controls[256] = "";
    memset(quotes, '"', 2304);
    memset(controls, 1, 255);
    assert_ok(record_set(&r.key, quotes));
    quotes[128] = '\0';
    assert_ok(record_set(&r.course, quotes));
    char **all[] = {&r.term, &r.title, &r.instructor, &r.note, &r.filename, &r.uploader};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        assert_ok(record_set(all[i], controls));
    controls[127] = '\0';
    assert_ok(record_set(&r.type, controls));
    r.parent = (struct stamp){1, 1};
    r.size = JSON_EXACT_MAX;
    struct buf b;
    print(&r, &b);
    assert_true(b.len <= RECORD_JSON_MAX);
    assert_ok(record_parse(b.data, b.len, &out));
    record_release(&out);
    buf_release(&b);
    record_release(&r);
}

static void a_longer_text_is_not_even_parsed(void **state)
{
    (void)state;
    struct record r = make_record(RECORD_UPLOAD, 100, 0, 1), out;
    struct buf b;
    print(&r, &b);
    while (b.len < RECORD_JSON_MAX)
        assert_ok(buf_add(&b, " ", 1));
    assert_ok(record_parse(b.data, b.len, &out));
    record_release(&out);
    assert_ok(buf_add(&b, " ", 1));
    assert_err(ERR_SYNTAX, record_parse(b.data, b.len, &out));
    buf_release(&b);
    record_release(&r);
}

static void course_and_key_are_needed_and_clean(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "a\nb", "\x7f", "\xc2\x85"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct record r = make_record(RECORD_UPLOAD, 100, 0, 1);
        assert_ok(record_set(&r.course, bad[i]));
        assert_refused(&r);
        assert_ok(record_set(&r.course, "CSEN 317"));
        assert_ok(record_set(&r.key, bad[i]));
        assert_refused(&r);
        record_release(&r);
    }
}

static void kind_of_and_bytes_must_fit_together(void **state)
{
    (void)state;
    struct record r = make_record(RECORD_UPLOAD, 100, 0, 1);
    r.of = (struct stamp){5, 5};
    assert_refused(&r); /* an upload names no version */
    r.kind = RECORD_RESTORE;
    r.of = STAMP_ZERO;
    assert_refused(&r); /* a restore must */
    r.of = r.id;
    assert_refused(&r);
    r.of = STAMP_ZERO;
    r.kind = RECORD_DELETE;
    assert_refused(&r); /* a tombstone has no bytes */
    r.sha256[0] = '\0';
    assert_refused(&r); /* nor a size */
    r.kind = RECORD_UPLOAD;
    assert_refused(&r); /* a version has */
    record_release(&r);
    r = make_record(RECORD_UPLOAD, 100, 0, 1);
    r.parent = r.id;
    assert_refused(&r);
    r.parent = STAMP_ZERO;
    r.id = STAMP_ZERO;
    assert_refused(&r);
    record_release(&r);
}

static void hex_and_sizes_are_checked(void **state)
{
    (void)state;
    struct record r = make_record(RECORD_UPLOAD, 100, 0, 1);
    r.sha256[0] = 'G';
    assert_refused(&r);
    r.sha256[0] = 'A';
    assert_refused(&r);
    r.sha256[63] = '\0';
    assert_refused(&r);
    record_release(&r);
    r = make_record(RECORD_UPLOAD, 100, 0, 1);
    r.upload[31] = '\0';
    assert_refused(&r);
    r.upload[0] = '\0';
    assert_refused(&r);
    record_release(&r);
    r = make_record(RECORD_UPLOAD, 100, 0, 1);
    r.size = JSON_EXACT_MAX + 1;
    assert_refused(&r);
    record_release(&r);
}

static void every_member_is_needed_and_of_its_type(void **state)
{
    (void)state;
    static const char *const members[] = {"id", "course", "key", "kind", "of", "term", "title", "instructor", "note", "filename", "type",
        "size", "sha256", "uploader", "parent", "upload", "conditional", "fields"};
    struct record r = make_record(RECORD_UPLOAD, 100, 0, 1);
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        struct json *j = record_to_json(&r);
        struct record out;
        assert_non_null(j);
        assert_int_equal(json_count(j), 18);
        json_set(j, members[i], json_array());
        assert_err(ERR_SYNTAX, record_from_json(j, &out));
        json_free(j);
        j = record_to_json(&r);
        struct buf b;
        buf_init(&b, 10000);
        assert_ok(json_print(j, &b));
        json_free(j);
        char name[40];
        snprintf(name, sizeof(name), "\"%s\":", members[i]);
        strstr(b.data, name)[1] = '*'; /* now another member, and this one missing */
        assert_err(ERR_SYNTAX, record_parse(b.data, b.len, &out));
        buf_release(&b);
    }
    record_release(&r);
}

static void unknown_members_are_passed_over(void **state)
{
    (void)state;
    struct record r = make_record(RECORD_UPLOAD, 100, 0, 1), out;
    struct json *j = record_to_json(&r);
    json_set_str(j, "from the future", "x");
    assert_ok(record_from_json(j, &out));
    assert_same(&r, &out);
    record_release(&out);
    json_free(j);
    record_release(&r);
}

/* Written as true or not at all, so that what was written before there was such a thing reads as it did. */
static void only_a_tombstone_erases(void **state)
{
    (void)state;
    struct record r = make_record(RECORD_DELETE, 100, 0, 1), out;
    struct buf b;
    print(&r, &b);
    assert_null(strstr(buf_str(&b), "erase"));
    buf_release(&b);
    r.erase = 1;
    print(&r, &b);
    assert_non_null(strstr(buf_str(&b), "\"erase\":true"));
    assert_ok(record_parse(b.data, b.len, &out));
    assert_same(&r, &out);
    record_release(&out);
    buf_release(&b);
    struct json *j = record_to_json(&r);
    json_set_bool(j, "erase", 0);
    assert_err(ERR_SYNTAX, record_from_json(j, &out));
    json_set_str(j, "erase", "true");
    assert_err(ERR_SYNTAX, record_from_json(j, &out));
    json_free(j);
    record_release(&r);
    r = make_record(RECORD_UPLOAD, 100, 0, 1);
    r.erase = 1;
    assert_refused(&r);
    record_release(&r);
    r = make_record(RECORD_RESTORE, 100, 50, 1);
    r.erase = 1;
    assert_refused(&r);
    record_release(&r);
}

static void a_changed_field_is_noticed(void **state)
{
    (void)state;
    struct record r = make_record(RECORD_UPLOAD, 100, 0, 1), out;
    struct buf b;
    print(&r, &b);
    strstr(b.data, "2026 Fall")[3] = '7';
    assert_err(ERR_SYNTAX, record_parse(b.data, b.len, &out));
    buf_release(&b);
    record_release(&r);
}

static void other_values_are_no_records(void **state)
{
    (void)state;
    static const char *const rows[] = {"", "[]", "1", "null", "{}", "\"x\"", "{\"id\":1}"};
    struct record out;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_err(ERR_SYNTAX, record_parse(rows[i], strlen(rows[i]), &out));
    assert_err(ERR_SYNTAX, record_from_json(NULL, &out));
}

static void same_content_means_what_a_person_gave(void **state)
{
    (void)state;
    struct record a = make_record(RECORD_UPLOAD, 100, 0, 1), b = make_record(RECORD_UPLOAD, 200, 0, 2);
    b.parent = a.id;
    b.conditional = 1;
    assert_ok(record_set(&b.uploader, "somebody else"));
    assert_ok(record_set(&b.course, "csen-317"));
    assert_true(record_same_content(&a, &b));
    char **given[] = {&b.term, &b.title, &b.instructor, &b.note, &b.filename, &b.type};
    for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); i++) {
        char *was = strdup(*given[i]);
        assert_ok(record_set(given[i], "different"));
        assert_false(record_same_content(&a, &b));
        assert_ok(record_set(given[i], was));
        free(was);
    }
    assert_true(record_same_content(&a, &b));
    b.sha256[0] = '0';
    assert_false(record_same_content(&a, &b));
    record_release(&a);
    record_release(&b);
}

static void only_deletes_are_tombstones(void **state)
{
    (void)state;
    static const int wanted[] = {[RECORD_UPLOAD] = 0, [RECORD_DELETE] = 1, [RECORD_RESTORE] = 0};
    for (int k = RECORD_UPLOAD; k <= RECORD_RESTORE; k++) {
        struct record r = make_record((enum record_kind)k, 100, 0, 1);
        assert_int_equal(record_is_tombstone(&r), wanted[k]);
        record_release(&r);
    }
    assert_string_equal(record_kind_name(RECORD_UPLOAD), "upload");
    assert_string_equal(record_kind_name(RECORD_DELETE), "delete");
    assert_string_equal(record_kind_name(RECORD_RESTORE), "restore");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_goes_there_and_back),
        cmocka_unit_test(the_json_is_the_one_that_is_written_down),
        cmocka_unit_test(a_copy_shares_nothing),
        cmocka_unit_test(a_field_may_be_set_to_a_part_of_itself),
        cmocka_unit_test(fields_have_bounds_in_bytes_and_characters),
        cmocka_unit_test(the_longest_record_fits),
        cmocka_unit_test(a_longer_text_is_not_even_parsed),
        cmocka_unit_test(course_and_key_are_needed_and_clean),
        cmocka_unit_test(kind_of_and_bytes_must_fit_together),
        cmocka_unit_test(hex_and_sizes_are_checked),
        cmocka_unit_test(every_member_is_needed_and_of_its_type),
        cmocka_unit_test(unknown_members_are_passed_over),
        cmocka_unit_test(only_a_tombstone_erases),
        cmocka_unit_test(a_changed_field_is_noticed),
        cmocka_unit_test(other_values_are_no_records),
        cmocka_unit_test(same_content_means_what_a_person_gave),
        cmocka_unit_test(only_deletes_are_tombstones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
