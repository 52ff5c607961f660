/* Records made up for tests of the index. */
#ifndef RB_TESTS_UNIT_LIB_STORE_RECORDS_H
#define RB_TESTS_UNIT_LIB_STORE_RECORDS_H

#include "lib/base/id.h"
#include "lib/name/name.h"
#include "lib/store/index.h"
#include "lib/wire/history.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

/* An empty index that is believed, as a leader's rebuild of nothing leaves it. */
static inline struct mark_hold begin_index(struct store *s)
{
    struct mark_hold hold;
    assert_int_equal(mark_begin(s, &hold), ERR_OK);
    assert_int_equal(index_clear(s, &hold), ERR_OK);
    assert_int_equal(mark_finish(s, &hold, 0), ERR_OK);
    return hold;
}

/* A version of a course; the clock is its place, the upload number becomes its upload id. */
static inline struct record make_version(
    const char *course, uint64_t clock, uint64_t upload, const char *title, const char *instructor, const char *term)
{
    struct record r;
    struct buf name, key;
    buf_init(&name, NAME_BYTES_MAX);
    buf_init(&key, NAME_KEY_BYTES_MAX);
    assert_int_equal(record_init(&r), ERR_OK);
    assert_int_equal(name_course(course, strlen(course), &name, &key), ERR_OK);
    assert_int_equal(record_set(&r.course, buf_str(&name)), ERR_OK);
    assert_int_equal(record_set(&r.key, buf_str(&key)), ERR_OK);
    assert_int_equal(record_set(&r.title, title), ERR_OK);
    assert_int_equal(record_set(&r.instructor, instructor), ERR_OK);
    assert_int_equal(record_set(&r.term, term), ERR_OK);
    assert_int_equal(record_set(&r.filename, "syllabus.pdf"), ERR_OK);
    assert_int_equal(record_set(&r.type, "application/pdf"), ERR_OK);
    buf_release(&name);
    buf_release(&key);
    r.id = (struct stamp){clock, 7};
    r.kind = RECORD_UPLOAD;
    r.size = 1;
    hash_sha256_hex("x", 1, r.sha256);
    snprintf(r.upload, sizeof r.upload, "%032llx", (unsigned long long)upload);
    return r;
}

/* A tombstone of one version, or of everything older when of is zero. */
static inline struct record make_tombstone(const char *course, uint64_t clock, uint64_t upload, struct stamp of)
{
    struct record r = make_version(course, clock, upload, "", "", "");
    r.kind = RECORD_DELETE;
    r.of = of;
    r.size = 0;
    r.sha256[0] = '\0';
    assert_int_equal(record_set(&r.filename, ""), ERR_OK);
    assert_int_equal(record_set(&r.type, ""), ERR_OK);
    return r;
}

/* The words and the term of a record as the index lists them, each between spaces: " a b =term ". */
static inline int append_listed_word(const char *word, size_t len, void *ctx)
{
    assert_int_equal(buf_add(ctx, word, len), ERR_OK);
    return buf_add(ctx, " ", 1) != ERR_OK;
}

static inline void listed_words(const struct record *r, struct buf *out)
{
    const char *fields[] = {r->course, r->title, r->instructor};
    buf_init(out, 1u << 16);
    assert_int_equal(buf_add(out, " ", 1), ERR_OK);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(name_words(fields[i], strlen(fields[i]), append_listed_word, out), 0);
    struct buf term;
    buf_init(&term, 1u << 13);
    assert_int_equal(name_key(r->term, strlen(r->term), &term), ERR_OK);
    if (term.len > 0)
        assert_int_equal(buf_addf(out, "=%s ", buf_str(&term)), ERR_OK);
    buf_release(&term);
}

#endif
