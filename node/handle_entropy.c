#include "node/handle.h"

#include "lib/base/num.h"
#include "node/entropy_inside.h"

#include <stdlib.h>
#include <string.h>

/* A neighbour's question, and what is gathered for it under the catalog's lock. */
struct asked {
    uint64_t ring;
    char with[RING_ID_MAX];
    unsigned char arcs[CATALOG_BUCKETS / 8]; /* POST /entropy/keys: those that are wanted */
    int only_lacking;
    long place; /* of the asker among the members of the acting ring */
    uint64_t epoch, digest, digests[CATALOG_BUCKETS];
    struct json *courses;
    size_t n_courses;
};

static struct json *course_json(const struct catalog_course *course)
{
    uint8_t digest[8];
    char hex[17];
    struct json *j = json_object();
    num_store_be64(digest, course->digest);
    num_hex(digest, sizeof(digest), hex);
    json_set_str(j, "key", course->key);
    json_set_str(j, "digest", hex);
    json_set_u64(j, "records", course->records);
    json_set_u64(j, "live", course->live);
    json_set_u64(j, "here", course->here);
    json_set_bool(j, "current", course->current_here);
    return j;
}

static void gather(void *ctx, const struct catalog_ring *ring, const struct catalog_course *course)
{
    struct asked *a = ctx;
    unsigned arc = catalog_bucket(course->point);
    if (ring->epoch != a->ring || course->digest == 0 || !entropy_owns(course, ring->self) || !entropy_owns(course, a->place))
        return;
    a->digest ^= course->digest;
    a->digests[arc] ^= course->digest;
    int is_wanted = a->only_lacking ? course->here < course->live && a->n_courses < ENTROPY_LACKS_MAX : (a->arcs[arc / 8] >> (arc % 8)) & 1;
    if (is_wanted) {
        json_append(a->courses, course_json(course));
        a->n_courses++;
    }
}

static void find_asker(void *ctx, const struct catalog_ring *ring)
{
    struct asked *a = ctx;
    a->epoch = ring->epoch;
    a->place = ring->ring ? ring_find(ring->ring, a->with) : -1;
}

static enum err read_question(struct http_request *r, struct asked *a, struct json **out)
{
    size_t len;
    const void *body = http_body(r, &len);
    enum err e = json_parse(body, len, out);
    if (e)
        return e;
    e = json_get_u64(*out, "ring", UINT64_MAX, &a->ring);
    return e ? e : json_copy_str(*out, "with", a->with, sizeof(a->with));
}

/* Everything the two of us own, as it is now. Answers, and returns 0, when that cannot be said. */
static int look_up(struct http_request *r, struct node *n, struct asked *a)
{
    enum err e = catalog_refresh(n->catalog);
    if (e) {
        http_reply_problem(r, e, NULL);
        return 0;
    }
    catalog_with_ring(n->catalog, find_asker, a);
    if (a->epoch != a->ring) {
        struct json *j = json_object();
        json_set_u64(j, "ring", a->epoch);
        handle_reply_json(r, 409, j);
        return 0;
    }
    a->courses = json_array();
    if (a->place >= 0)
        catalog_each(n->catalog, CATALOG_BUCKETS, gather, a);
    return 1;
}

static void set_arcs(struct json *j, const struct asked *a)
{
    uint8_t bytes[8 * CATALOG_BUCKETS];
    char *text = malloc(2 * sizeof(bytes) + 1);
    for (size_t i = 0; i < CATALOG_BUCKETS; i++)
        num_store_be64(bytes + 8 * i, a->digests[i]);
    if (text)
        num_hex(bytes, sizeof(bytes), text);
    json_set(j, "arcs", text ? json_string(text) : NULL);
    free(text);
}

static enum err read_theirs(const struct json *j, uint64_t *out)
{
    uint8_t bytes[8];
    const char *text = json_get_str(j, "digest");
    enum err e = text ? num_unhex(text, bytes, sizeof(bytes)) : ERR_SYNTAX;
    if (!e)
        *out = num_load_be64(bytes);
    return e;
}

void handle_entropy_look(struct http_request *r, void *ctx)
{
    struct asked a = {.only_lacking = 1};
    struct json *question = NULL;
    uint64_t theirs = 0;
    enum err e = read_question(r, &a, &question);
    if (!e)
        e = read_theirs(question, &theirs);
    json_free(question);
    if (e) {
        http_reply_problem(r, e, NULL);
        return;
    }
    if (!look_up(r, ctx, &a))
        return;
    struct json *j = json_object();
    json_set_u64(j, "ring", a.ring);
    json_set_bool(j, "same", a.digest == theirs);
    json_set(j, "lacks", a.courses);
    if (a.digest != theirs)
        set_arcs(j, &a);
    handle_reply_json(r, 200, j);
}

void handle_entropy_keys(struct http_request *r, void *ctx)
{
    struct asked a = {.only_lacking = 0};
    struct json *question = NULL;
    enum err e = read_question(r, &a, &question);
    const char *arcs = e ? NULL : json_get_str(question, "arcs");
    if (!e)
        e = arcs ? num_unhex(arcs, a.arcs, sizeof(a.arcs)) : ERR_SYNTAX;
    json_free(question);
    if (e) {
        http_reply_problem(r, e, NULL);
        return;
    }
    if (!look_up(r, ctx, &a))
        return;
    struct json *j = json_object();
    json_set_u64(j, "ring", a.ring);
    json_set(j, "courses", a.courses);
    handle_reply_json(r, 200, j);
}
