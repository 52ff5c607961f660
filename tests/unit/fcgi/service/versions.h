/* Versions in memory instead of on owners, and a real Redis with a real index of them: for what is built on uploads and documents together. A test that includes this defines the
 * use cases of upload.h and read.h, known.h and the view; the linker takes these instead of those of fcgi/service. */
#ifndef RB_TESTS_SERVICE_VERSIONS_H
#define RB_TESTS_SERVICE_VERSIONS_H

#include "tests/unit/unit.h"

#include "fcgi/service/accounts.h"
#include "fcgi/service/commit.h"
#include "fcgi/service/doccache.h"
#include "fcgi/service/hasher.h"
#include "fcgi/service/known.h"
#include "fcgi/service/read.h"
#include "fcgi/service/rules.h"
#include "fcgi/service/upload.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/store/index.h"
#include "lib/store/mark.h"
#include "lib/store/rate.h"
#include "tests/unit/lib/store/redis_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VERSIONS_KEYS 64
#define VERSIONS_BLOBS 256

static struct {
    struct {
        char key[160];
        struct history history;
    } course[VERSIONS_KEYS];
    size_t n;
    struct {
        char sha256[HASH_HEX_SIZE];
        char text[2048];
        size_t len;
    } blob[VERSIONS_BLOBS];
    size_t n_blobs;
    uint64_t at_ms; /* when the next change happens, 0: now */
    uint64_t count;
    enum err away;    /* what uploads give, ERR_OK: they are taken */
    int uploads_left; /* < 0: as many as one likes; then they are ERR_UNAVAILABLE */
    unsigned fetched;
    int redis_up;
    struct redis_server redis;
} versions = {.uploads_left = -1};

static struct history *versions_of(const char *key)
{
    for (size_t i = 0; i < versions.n; i++)
        if (strcmp(versions.course[i].key, key) == 0)
            return &versions.course[i].history;
    assert_true(versions.n < VERSIONS_KEYS);
    snprintf(versions.course[versions.n].key, sizeof(versions.course[0].key), "%s", key);
    history_init(&versions.course[versions.n].history);
    return &versions.course[versions.n++].history;
}

static void versions_stamp(struct record *r)
{
    uint64_t ms = versions.at_ms == 0 ? clock_unix_ms() : versions.at_ms;
    r->id = (struct stamp){hlc_from_unix_ms(ms) + ++versions.count, 7};
}

/* Adds what was drawn up to the course and the index. */
static enum err versions_add(struct worker *w, struct record *r)
{
    versions_stamp(r);
    assert_ok(history_add(versions_of(r->key), r, 1));
    struct store *s = worker_store(w);
    if (s != NULL)
        assert_ok(index_add(s, r, 1, record_kind_name(r->kind)));
    return ERR_OK;
}

static int versions_match(const struct history *h, enum upload_match match, struct stamp id)
{
    const struct record *current = history_current(h);
    int there = current != NULL && !record_is_tombstone(current);
    return match == MATCH_NOTHING || (match == MATCH_NONE ? !there : there && stamp_cmp(current->id, id) == 0);
}

/* ---- in place of upload.c and alter.c */

static void versions_keep(const struct upload_input *in, struct record *r)
{
    assert_true(versions.n_blobs < VERSIONS_BLOBS && in->body.size <= sizeof(versions.blob[0].text));
    char *text = versions.blob[versions.n_blobs].text;
    size_t len = 0;
    for (long got = 1; got > 0; len += (size_t)got) {
        got = in->body.read(in->body.ctx, text + len, in->body.size - len);
        assert_true(got >= 0);
    }
    assert_int_equal(len, in->body.size);
    hash_sha256_hex(text, len, r->sha256);
    memcpy(versions.blob[versions.n_blobs].sha256, r->sha256, sizeof(r->sha256));
    versions.blob[versions.n_blobs++].len = len;
    r->size = len;
}

enum err upload(struct worker *w, const struct upload_input *in, struct upload_result *out)
{
    struct history *h = versions_of(in->key);
    struct record r;
    memset(out, 0, sizeof(*out));
    if (versions.away != ERR_OK)
        return versions.away;
    if (versions.uploads_left == 0)
        return ERR_UNAVAILABLE;
    assert_ok(record_init(&r));
    commit_upload_id(in->uploader, in->key, in->idempotency_key, r.upload);
    const struct history_entry *before = history_find_upload(h, r.upload);
    if (before != NULL || !versions_match(h, in->match, in->match_record)) {
        record_release(&r);
        if (before == NULL)
            return ERR_PRECONDITION;
        out->outcome = UPLOAD_UNCHANGED;
        return record_copy(&out->record, &before->record);
    }
    versions.uploads_left -= versions.uploads_left > 0;
    assert_ok(record_set(&r.course, in->course));
    assert_ok(record_set(&r.key, in->key));
    assert_ok(record_set(&r.title, in->title));
    assert_ok(record_set(&r.filename, in->filename));
    assert_ok(record_set(&r.type, in->claimed_type[0] == '\0' ? "text/plain" : in->claimed_type));
    assert_ok(record_set(&r.uploader, in->uploader));
    versions_keep(in, &r);
    enum err e = versions_add(w, &r);
    out->record = r;
    return e;
}

enum err upload_delete(struct worker *w, const struct delete_input *in, struct upload_result *out)
{
    struct history *h = versions_of(in->key);
    const struct record *current = history_current(h);
    struct record r;
    memset(out, 0, sizeof(*out));
    if (versions.away != ERR_OK)
        return versions.away;
    if (current == NULL || (in->version == NULL && record_is_tombstone(current)))
        return ERR_NOT_FOUND;
    if (!versions_match(h, in->match, in->match_record))
        return ERR_PRECONDITION;
    assert_ok(record_init(&r));
    if (in->version != NULL) {
        assert_ok(stamp_parse(in->version, &r.of));
        const struct history_entry *entry = history_find(h, r.of);
        if (entry == NULL || history_is_erased(h, (size_t)(entry - h->entries))) {
            record_release(&r);
            return ERR_NOT_FOUND;
        }
    }
    r.kind = RECORD_DELETE;
    r.erase = in->erase;
    commit_upload_id(in->uploader, in->key, in->idempotency_key, r.upload);
    assert_ok(record_set(&r.course, current->course));
    assert_ok(record_set(&r.key, in->key));
    assert_ok(record_set(&r.uploader, in->uploader));
    enum err e = versions_add(w, &r);
    out->record = r;
    return e;
}

/* ---- in place of read.c, course.c, known.c and lib/peer's fetch.c */

enum err read_bytes(struct worker *w, const struct read_target *t, struct read_bytes *out)
{
    struct stamp id;
    (void)w;
    memset(out, 0, sizeof(*out));
    assert_ok(stamp_parse(t->version, &id));
    const struct history_entry *e = history_find(versions_of(t->key), id);
    if (e == NULL)
        return ERR_NOT_FOUND;
    for (size_t i = 0; i < READ_SOURCES; i++)
        out->sources[i].url = "http://127.0.0.1:1";
    out->n_sources = 1;
    return record_copy(&out->record, &e->record);
}

void read_bytes_release(struct read_bytes *b)
{
    record_release(&b->record);
}

enum err peer_fetch_blob(struct peer *p, const struct peer_blob *blob, uint64_t epoch, int fd, unsigned stall_ms)
{
    (void)p;
    (void)epoch;
    (void)stall_ms;
    for (size_t i = 0; i < versions.n_blobs; i++) {
        if (strcmp(versions.blob[i].sha256, blob->sha256) != 0)
            continue;
        assert_int_equal(versions.blob[i].len, blob->size);
        assert_int_equal(write(fd, versions.blob[i].text, versions.blob[i].len), blob->size);
        versions.fetched++;
        return ERR_OK;
    }
    return ERR_NOT_FOUND;
}

enum err course_read(struct worker *w, const char *key, struct course *out)
{
    (void)w;
    memset(out, 0, sizeof(*out));
    history_init(&out->history);
    const struct history *h = versions_of(key);
    return h->n == 0 ? ERR_NOT_FOUND : history_merge(&out->history, h);
}

void course_release(struct course *c)
{
    history_release(&c->history);
}

enum err known_read(struct quorum *q, struct known *out)
{
    memset(out, 0, sizeof(*out));
    history_init(&out->history);
    out->index_answered = 1;
    const struct history *h = versions_of(q->key);
    return h->n == 0 ? ERR_NOT_FOUND : history_merge(&out->history, h);
}

void known_release(struct known *k)
{
    history_release(&k->history);
}

enum err known_absence(const struct known *k)
{
    (void)k;
    return ERR_NOT_FOUND;
}

/* ---- in place of view.c */

static const struct view versions_view;

const struct view *view_get(struct view_keeper *k)
{
    (void)k;
    return &versions_view;
}
void view_put(struct view_keeper *k, const struct view *v)
{
    (void)k;
    (void)v;
}
void view_refresh(struct view_keeper *k, uint64_t epoch, unsigned wait_ms)
{
    (void)k;
    (void)epoch;
    (void)wait_ms;
}
int view_store_up(struct view_keeper *k)
{
    (void)k;
    return versions.redis_up;
}
void view_store_failed(struct view_keeper *k)
{
    (void)k;
}
enum err view_start(struct app *a, struct view_keeper **out)
{
    (void)a;
    (void)out;
    return ERR_INTERNAL;
}
void view_stop(struct view_keeper *k)
{
    (void)k;
}
enum err view_owners(struct view_keeper *k, const struct view *v, const char *key, struct view_owners *out)
{
    (void)k;
    (void)v;
    (void)key;
    memset(out, 0, sizeof(*out));
    return ERR_OK;
}

/* ---- for tests */

struct fixture {
    struct app app;
    struct worker w;
    struct upload_result out;
    char bytes[1024];
    size_t at;
};

static int versions_start(void **state)
{
    (void)state;
    log_init("test", (enum log_level)(LOG_ERROR + 1)); /* nothing */
    return redis_server_init(&versions.redis) ? 0 : -1;
}

static int versions_stop(void **state)
{
    (void)state;
    redis_server_release(&versions.redis);
    return 0;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct mark_hold hold;
    redis_server_kill(&versions.redis);
    assert_true(redis_server_start(&versions.redis));
    versions.redis_up = 1;
    versions.away = ERR_OK;
    versions.uploads_left = -1;
    versions.at_ms = 0;
    versions.fetched = 0;
    f->app.settings.name = "api-test";
    f->app.settings.data = "/tmp";
    f->app.documents = doccache_new(DOCCACHE_DOCS_MAX, DOCCACHE_BYTES_MAX);
    f->app.rules = rules_new();
    f->app.hasher = hasher_new(HASHER_THREADS, HASHER_WAITING_MAX);
    f->app.rates = rate_table_new();
    f->w.app = &f->app;
    arena_init(&f->w.arena, 1u << 24);
    f->w.store = store_new(&(struct store_config){.address = versions.redis.address, .timeout_ms = 5000});
    assert_ok(store_ping(f->w.store));
    assert_ok(mark_begin(f->w.store, &hold));
    assert_ok(index_clear(f->w.store, &hold));
    assert_ok(mark_finish(f->w.store, &hold, 0));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    upload_result_release(&f->out);
    store_free(f->w.store);
    arena_release(&f->w.arena);
    doccache_free(f->app.documents);
    rules_free(f->app.rules);
    hasher_free(f->app.hasher);
    rate_table_free(f->app.rates);
    for (size_t i = 0; i < versions.n; i++)
        history_release(&versions.course[i].history);
    versions.n = versions.n_blobs = 0;
    free(f);
    return 0;
}

static long versions_give(void *ctx, void *into, size_t n)
{
    struct fixture *f = ctx;
    size_t left = strlen(f->bytes) - f->at;
    n = n < left ? n : left;
    memcpy(into, f->bytes + f->at, n);
    f->at += n;
    return (long)n;
}

/* The input of an upload of this text. */
static struct upload_input versions_input(struct fixture *f, const char *course, const char *key, const char *uploader, const char *text)
{
    snprintf(f->bytes, sizeof(f->bytes), "%s", text);
    f->at = 0;
    return (struct upload_input){.course = course,
        .key = key,
        .term = "",
        .title = "A title",
        .instructor = "",
        .note = "",
        .filename = "a.txt",
        .uploader = uploader,
        .claimed_type = "",
        .body = {.read = versions_give, .ctx = f, .size = strlen(text)}};
}

/* A version of a course; its id. */
static inline struct stamp versions_put(struct fixture *f, const char *course, const char *key, const char *uploader, const char *text)
{
    struct upload_input in = versions_input(f, course, key, uploader, text);
    upload_result_release(&f->out);
    assert_ok(upload(&f->w, &in, &f->out));
    return f->out.record.id;
}

#endif
