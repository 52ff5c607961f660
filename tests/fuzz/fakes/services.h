/* The use cases behind the api's handlers, put in their place by the linker: they read what they are handed and answer what `fake` says, so that every outcome
 * meets every handler. Those of people are tests/unit/fcgi/people.h. */
#ifndef RB_TESTS_FUZZ_FAKES_SERVICES_H
#define RB_TESTS_FUZZ_FAKES_SERVICES_H

#include "tests/fuzz/fuzz.h"

#include "fcgi/service/admin.h"
#include "fcgi/service/adopt.h"
#include "fcgi/service/auditing.h"
#include "fcgi/service/contacts.h"
#include "fcgi/service/peers_read.h"
#include "fcgi/service/peers_sources.h"
#include "fcgi/service/read.h"
#include "fcgi/service/reindex.h"
#include "fcgi/service/stamps.h"
#include "fcgi/service/upload.h"
#include "fcgi/service/view.h"
#include "lib/name/name.h"

#define FAKE_ID "0006489c8a1f40000000000000000abc"
#define FAKE_SHA "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static struct {
    enum err error;      /* of every use case */
    const char *detail;  /* with it */
    const char *leader;  /* what the leader answers: a status and JSON; outside bytes as well */
    const char *type;    /* of the file that is there */
    const char *owner;   /* whose it is */
    unsigned long bytes; /* of bodies that were read */
    int changes;         /* calls that would have changed something */
} fake;

/* What a use case may be handed as a course. */
static inline void fake_check_course(const char *name, const char *key)
{
    struct buf shown, again;
    FUZZ_CHECK(*key && strlen(key) <= NAME_KEY_BYTES_MAX);
    if (!name)
        return;
    buf_init(&shown, 4096);
    buf_init(&again, 4096);
    FUZZ_CHECK(name_course(name, strlen(name), &shown, &again) == ERR_OK && strcmp(again.data, key) == 0);
    buf_release(&shown);
    buf_release(&again);
}

static inline void fake_record(struct record *r, enum record_kind kind)
{
    FUZZ_CHECK(record_init(r) == ERR_OK && stamp_parse(FAKE_ID, &r->id) == ERR_OK);
    FUZZ_CHECK(record_set(&r->course, "CRJU/POSC 320") == ERR_OK && record_set(&r->key, "crju/posc320") == ERR_OK);
    FUZZ_CHECK(record_set(&r->filename, "pl\"än.pdf") == ERR_OK && record_set(&r->type, fake.type) == ERR_OK);
    FUZZ_CHECK(record_set(&r->uploader, fake.owner) == ERR_OK);
    r->kind = kind;
    if (kind == RECORD_DELETE)
        return;
    memcpy(r->sha256, FAKE_SHA, sizeof(r->sha256));
    r->size = 42;
}

static inline enum err fake_finish(struct upload_result *out, enum record_kind kind)
{
    *out = (struct upload_result){.can_write = 1, .needed = 2, .retry_after_s = 3, .detail = fake.detail};
    if (fake.error)
        return fake.error;
    fake_record(&out->record, kind);
    out->version = 7;
    out->n_copies = 2;
    out->copies[0] = (struct upload_copy){"node-1.aa", "node-1", BLOB_STORED};
    out->copies[1] = (struct upload_copy){"node-2.bb", "node-2", BLOB_UNKNOWN};
    return ERR_OK;
}

/* ---- uploads and changes */

enum err upload(struct worker *w, const struct upload_input *in, struct upload_result *out)
{
    char piece[7];
    long n;
    (void)w;
    fake_check_course(in->course, in->key);
    while ((n = in->body.read(in->body.ctx, piece, sizeof(piece))) > 0)
        fake.bytes += (unsigned long)n;
    *out = (struct upload_result){.retry_after_s = 0};
    if (n < 0)
        return ERR_SYNTAX;
    fake.changes++;
    return fake_finish(out, RECORD_UPLOAD);
}

enum err upload_delete(struct worker *w, const struct delete_input *in, struct upload_result *out)
{
    (void)w;
    fake_check_course(NULL, in->key);
    fake.changes++;
    return fake_finish(out, RECORD_DELETE);
}

enum err upload_restore(struct worker *w, const struct delete_input *in, struct upload_result *out)
{
    (void)w;
    fake_check_course(NULL, in->key);
    fake.changes++;
    return fake_finish(out, RECORD_RESTORE);
}

void upload_result_release(struct upload_result *r)
{
    record_release(&r->record);
}

/* ---- reading */

enum err read_bytes(struct worker *w, const struct read_target *t, struct read_bytes *out)
{
    (void)w;
    FUZZ_CHECK(*t->key);
    if (fake.error)
        return fake.error;
    *out = (struct read_bytes){.n_sources = 2};
    fake_record(&out->record, RECORD_UPLOAD);
    for (int i = 0; i < READ_SOURCES; i++) {
        snprintf(out->sources[i].address, sizeof(out->sources[i].address), "127.0.0.1:%d", 4701 + i);
        snprintf(out->sources[i].capability, sizeof(out->sources[i].capability), "RBC1 expiry=%d, mac=00", i);
    }
    return ERR_OK;
}

void read_bytes_release(struct read_bytes *b)
{
    record_release(&b->record);
}

enum err course_list(
    struct worker *w, const char *q, const char *term, enum index_sort sort, const char *cursor, unsigned limit, struct index_page *out)
{
    (void)w, (void)q, (void)term, (void)sort, (void)cursor;
    FUZZ_CHECK(limit > 0);
    if (fake.error)
        return fake.error;
    *out = (struct index_page){.n = 1, .items = calloc(1, sizeof(*out->items)), .next = strdup("c2")};
    FUZZ_CHECK(out->items && out->next);
    fake_record(&out->items[0].current, RECORD_UPLOAD);
    out->items[0].versions = 2;
    return ERR_OK;
}

enum err course_read(struct worker *w, const char *key, struct course *out)
{
    (void)w;
    fake_check_course(NULL, key);
    if (fake.error)
        return fake.error;
    *out = (struct course){.name = arena_strdup(&w->arena, "CRJU/POSC 320"), .key = arena_strdup(&w->arena, key), .n_owners = 1};
    history_init(&out->history);
    for (uint64_t i = 0; i < 3; i++) {
        struct record r;
        fake_record(&r, i < 2 ? RECORD_UPLOAD : RECORD_DELETE);
        r.id.clock += i << 12;
        if (i == 2)
            r.of = out->history.entries[0].record.id;
        snprintf(r.upload, sizeof(r.upload), "%032d", (int)i);
        FUZZ_CHECK(history_add(&out->history, &r, 1) == ERR_OK);
        record_release(&r);
    }
    out->owners[0] = (struct course_owner){"node-2.bb", "node-2", "b", BLOB_STORED, 1000, 0};
    out->copies = arena_alloc(&w->arena, 3 * sizeof(*out->copies));
    FUZZ_CHECK(out->copies);
    memset(out->copies, 0, 3 * sizeof(*out->copies));
    return ERR_OK;
}

void course_release(struct course *c)
{
    history_release(&c->history);
}

enum err course_placement(struct worker *w, const char *key, const char *from, struct placement *out)
{
    (void)w, (void)from;
    fake_check_course(NULL, key);
    if (fake.error)
        return fake.error;
    *out = (struct placement){.point = ring_key_point(key), .epoch = 5, .n_owners = 1, .n_steps = 1};
    out->owners[0] = (struct course_owner){"node-2.bb", "node-2", "b", BLOB_UNKNOWN, 0, 0};
    out->steps[0] = (struct ring_step){1, 0, RING_STEP_OWNER};
    return ERR_OK;
}

/* ---- the cluster: one picture, of a ring of two */

static inline struct view *fake_view(void)
{
    static const struct ring_member members[] = {
        {.id = "node-1.aa", .name = "node-1", .weight = 1}, {.id = "node-2.bb", .name = "node-2", .zone = "b", .weight = 2}};
    static double share[2] = {0.4, 0.6};
    static struct member nodes[1];
    static struct view v;
    if (!v.ring) {
        struct ring *ring = NULL;
        FUZZ_CHECK(ring_new(members, 2, 2, 5, &ring) == ERR_OK);
        snprintf(nodes[0].id, sizeof(nodes[0].id), "node-1.aa");
        snprintf(nodes[0].name, sizeof(nodes[0].name), "node-1");
        v = (struct view){.members = {.nodes = nodes, .n_nodes = 1}, .share = share, .ring = ring};
    }
    v.survey.ready = fake.error == ERR_OK;
    return &v;
}

const struct view *view_get(struct view_keeper *k)
{
    (void)k;
    return fake_view();
}

void view_put(struct view_keeper *k, const struct view *v)
{
    (void)k, (void)v;
}

enum err cluster_read(struct worker *w, struct cluster *out)
{
    (void)w;
    *out = (struct cluster){.view = fake_view(), .k = 2, .k_effective = 2, .ring_epoch = 5};
    return fake.error;
}

void cluster_release(struct worker *w, struct cluster *c)
{
    (void)w, (void)c;
}

enum err admin_ask(struct worker *w, const char *verb, const struct json *body, struct admin_answer *out)
{
    (void)w;
    FUZZ_CHECK(*verb && json_is_object(body));
    fake.changes++;
    *out = (struct admin_answer){.status = strtol(fake.leader, NULL, 10)};
    const char *text = strchr(fake.leader, ' ');
    if (fake.error)
        return fake.error;
    /* As admin.c takes it: an object, whatever it says. */
    if (!text || json_parse(text + 1, strlen(text + 1), &out->body) != ERR_OK)
        return ERR_UNAVAILABLE;
    if (json_is_object(out->body) && out->status < 500)
        return ERR_OK;
    json_free(out->body);
    out->body = NULL;
    return ERR_UNAVAILABLE;
}

int admin_is_node(const char *text)
{
    return ring_name_ok(text) || (strlen(text) < RING_ID_MAX && ring_id_ok(text));
}

void admin_answer_release(struct admin_answer *a)
{
    json_free(a->body);
}

/* ---- peers */

enum err peers_read_all(struct worker *w, const char *cursor, unsigned limit, struct peers_read_page *out)
{
    static struct peers_peer here = {
        .id = "lab.01", .name = "lab", .url = "http://127.0.0.1:4711", .files = 3, .heard_at_ms = 1000, .state = PEERS_HERE};
    (void)w, (void)cursor;
    FUZZ_CHECK(limit > 0);
    *out = (struct peers_read_page){.items = &here, .n = 1, .next = "lab.01"};
    return fake.error;
}

void peers_read_page_release(struct peers_read_page *p)
{
    (void)p;
}

static inline struct peers_row fake_row(const char *file)
{
    struct peers_row row = {
        .name = strdup(file), .size = 42, .sha256 = FAKE_SHA, .n_holders = 1, .holders = calloc(1, sizeof(*row.holders))};
    FUZZ_CHECK(row.name && row.holders);
    row.holders[0] = (struct peers_holder){.peer = "lab.01", .name = "lab", .url = "http://127.0.0.1:4711", .file = strdup(file)};
    return row;
}

enum err peers_read_search(struct worker *w, const char *q, const char *exclude, const char *cursor, unsigned limit, struct peers_page *out)
{
    (void)w, (void)q, (void)exclude, (void)cursor;
    FUZZ_CHECK(limit > 0);
    if (fake.error)
        return fake.error;
    *out = (struct peers_page){.rows = calloc(1, sizeof(*out->rows)), .n = 1, .next = strdup("more")};
    FUZZ_CHECK(out->rows && out->next);
    out->rows[0] = fake_row("a/plän.pdf");
    return ERR_OK;
}

enum err peers_read_file(struct worker *w, const char *peer, const char *name, struct peers_read_file *out, const char **detail)
{
    (void)w, (void)peer;
    *detail = fake.detail;
    if (fake.error)
        return fake.error;
    *out = (struct peers_read_file){.row = fake_row(name), .address = "127.0.0.1:4711", .capability = "RBC1 expiry=1, mac=00"};
    return ERR_OK;
}

void peers_read_file_release(struct peers_read_file *f)
{
    peers_row_release(&f->row);
}

enum err peers_sources_find(struct worker *w, const struct peers_sources_wish *wish, struct peers_sources *out, const char **detail)
{
    (void)w;
    FUZZ_CHECK(strlen(wish->sha256) == 64);
    *detail = fake.detail;
    if (fake.error)
        return fake.error;
    *out = (struct peers_sources){.n = 2};
    FUZZ_CHECK(shared_blocks_init(&out->blocks, 42) == ERR_OK);
    out->at[0] = (struct peers_source){.peer = "node-1.0a", .name = "node-1", .url = "http://127.0.0.1:4701", .capability = "RBC1 a"};
    out->at[1] = (struct peers_source){
        .peer = "lab.01", .name = "lab", .url = "http://127.0.0.1:4711", .file = "a/plan.pdf", .capability = "RBC1 b"};
    return ERR_OK;
}

void peers_sources_release(struct peers_sources *s)
{
    shared_blocks_release(&s->blocks);
}

void adopt_count(struct worker *w, const char *sha256, int adopted)
{
    (void)w, (void)sha256, (void)adopted;
}

/* ---- figures */

struct auditing_figures auditing_figures(const struct app *a)
{
    (void)a;
    return (struct auditing_figures){.lines = 3};
}

uint64_t stamps_rebases(struct stamps *s, int *now)
{
    (void)s;
    *now = 0;
    return 0;
}

size_t reindex_waiting(struct index_retry *r)
{
    (void)r;
    return 0;
}

uint64_t contacts_hedges(struct contacts *c)
{
    (void)c;
    return 0;
}

#endif
