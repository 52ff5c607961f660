#include "node/entropy_inside.h"

#include "lib/base/clock.h"
#include "lib/base/num.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_MS 1000u
#define CONNECT_MS 200u
#define TOGETHER 32 /* neighbours asked at once; PEER_CALLS_MAX is the limit */
#define COURSES_PER_CALL 4000u
#define QUESTION_MAX 16384u

#define ARC_DIGITS 16u

/* One neighbour in a round. */
struct question {
    size_t place;
    char url[MEMBERS_URL_MAX], id[RING_ID_MAX];
    uint64_t digest, epoch;
    int is_different, failed;
    char *arcs;                               /* their digests, ARC_DIGITS each */
    unsigned char differs[CATALOG_BUCKETS];   /* arcs */
    struct entropy_facts lacks, theirs, ours; /* courses of which they lack blobs; all they and we have in the arcs that differ */
    struct buf body;
};

/* ---- whom to ask */

/* Who lives, as the coordinators say; when they say nothing, a node lives as long as it answers us. */
static void note_life(struct entropy *e, struct entropy_neighbour *to)
{
    char url[MEMBERS_URL_MAX] = "";
    int lives = cluster_lives(e->node->cluster, to->id);
    int moved = cluster_url(e->node->cluster, to->id, url) == ERR_OK && strcmp(url, to->url) != 0;
    if (lives < 0)
        lives = to->answered;
    if ((lives && !to->lives) || moved) {
        to->came_back = 1;
        to->known = 0;
        to->fresh_ms = clock_boot_ms() + ENTROPY_FRESH_MS;
    }
    to->lives = lives;
    if (moved)
        memcpy(to->url, url, sizeof(url));
}

/* The next few with whom we own anything; dead ones are asked too when nobody but we can tell. */
static size_t choose(struct entropy *e, size_t *from, struct question *out)
{
    size_t n = 0;
    pthread_mutex_lock(&e->looker.lock);
    for (; *from < e->n && e->self >= 0 && n < TOGETHER; (*from)++) {
        struct entropy_neighbour *to = &e->neighbours[*from];
        if ((long)*from == e->self)
            continue;
        note_life(e, to);
        if (to->url[0] == '\0' || (!to->lives && cluster_lives(e->node->cluster, to->id) == 0))
            continue;
        struct question *q = &out[n++];
        memset(q, 0, sizeof(*q));
        q->place = *from;
        q->digest = to->digest;
        q->epoch = e->epoch;
        memcpy(q->url, to->url, sizeof(q->url));
        memcpy(q->id, to->id, sizeof(q->id));
        buf_init(&q->body, QUESTION_MAX);
    }
    pthread_mutex_unlock(&e->looker.lock);
    return n;
}

/* ---- asking */

/* Sends each question's body, where it has one, and hands the answers' trees to `take`. */
static void ask(struct peer *peer, const char *path, struct question *q, size_t n, void (*take)(struct question *, const struct json *))
{
    struct peer_call calls[TOGETHER];
    size_t asked[TOGETHER], m = 0;
    struct peer_round round = {.timeout_ms = TIMEOUT_MS, .connect_timeout_ms = CONNECT_MS};
    memset(calls, 0, sizeof(calls));
    for (size_t i = 0; i < n; i++) {
        if (q[i].failed || q[i].body.len == 0)
            continue;
        calls[m] = (struct peer_call){.base_url = q[i].url,
            .method = "POST",
            .path = path,
            .epoch = q[i].epoch,
            .to = q[i].id,
            .body = q[i].body.data,
            .body_len = q[i].body.len,
            .answer_max = ENTROPY_BODY_MAX};
        asked[m++] = i;
    }
    enum err e = m ? peer_round(peer, &round, calls, m) : ERR_OK;
    for (size_t i = 0; i < m; i++) {
        struct json *j = NULL;
        struct question *to = &q[asked[i]];
        to->failed =
            e || calls[i].error || calls[i].status != 200 || json_parse(buf_str(&calls[i].answer), calls[i].answer.len, &j) != ERR_OK;
        if (!to->failed)
            take(to, j);
        json_free(j);
    }
    if (!e)
        peer_calls_release(calls, m);
}

static enum err read_digest(const struct json *j, const char *key, uint64_t *out)
{
    uint8_t bytes[8];
    const char *text = json_get_str(j, key);
    enum err e = text ? num_unhex(text, bytes, sizeof(bytes)) : ERR_SYNTAX;
    if (!e)
        *out = num_load_be64(bytes);
    return e;
}

static enum err read_count(const struct json *j, const char *key, uint32_t *out)
{
    uint64_t value;
    enum err e = json_get_u64(j, key, UINT32_MAX, &value);
    if (!e)
        *out = (uint32_t)value;
    return e;
}

static enum err take_course(struct entropy_facts *to, const struct json *j)
{
    struct entropy_fact fact = {.current = json_get_bool(j, "current", 0), .looks = 1};
    const char *key = json_get_str(j, "key");
    enum err e = key ? read_digest(j, "digest", &fact.digest) : ERR_SYNTAX;
    if (!e)
        e = read_count(j, "records", &fact.records);
    if (!e)
        e = read_count(j, "live", &fact.live);
    if (!e)
        e = read_count(j, "here", &fact.here);
    fact.key = (char *)(uintptr_t)key; /* copied, not kept */
    return e ? e : entropy_fact_add(to, &fact);
}

static void take_courses(struct question *q, const struct json *list, struct entropy_facts *to)
{
    for (const struct json *item = json_first(list); item && !q->failed; item = json_next(item))
        q->failed = take_course(to, item) != ERR_OK;
    entropy_facts_sort(to);
}

static void take_look(struct question *q, const struct json *j)
{
    const char *arcs = json_get_str(j, "arcs");
    take_courses(q, json_get(j, "lacks"), &q->lacks);
    buf_reset(&q->body);
    q->is_different = !q->failed && !json_get_bool(j, "same", 0);
    if (!q->is_different)
        return;
    q->arcs = arcs && strlen(arcs) == (size_t)ARC_DIGITS * CATALOG_BUCKETS ? strdup(arcs) : NULL;
    q->failed = !q->arcs;
}

static void take_keys(struct question *q, const struct json *j)
{
    take_courses(q, json_get(j, "courses"), &q->theirs);
}

/* ---- what differs */

struct compare {
    struct question *q;
    uint64_t serial;
    uint64_t digests[CATALOG_BUCKETS], courses[CATALOG_BUCKETS];
};

static int is_shared(const struct compare *c, const struct catalog_ring *ring, const struct catalog_course *course)
{
    return ring->serial == c->serial && entropy_owns(course, ring->self) && entropy_owns(course, (long)c->q->place);
}

static void add_to_arc(void *ctx, const struct catalog_ring *ring, const struct catalog_course *course)
{
    struct compare *c = ctx;
    if (!is_shared(c, ring, course))
        return;
    c->digests[catalog_bucket(course->point)] ^= course->digest;
    c->courses[catalog_bucket(course->point)]++;
}

static void add_ours(void *ctx, const struct catalog_ring *ring, const struct catalog_course *course)
{
    struct compare *c = ctx;
    struct entropy_fact fact = {.key = course->key, .mine = course->digest, .my_records = course->records};
    if (course->digest && c->q->differs[catalog_bucket(course->point)] && is_shared(c, ring, course) && !c->q->failed)
        c->q->failed = entropy_fact_add(&c->q->ours, &fact) != ERR_OK;
}

/* The question for the courses of the arcs that differ, no more of them than hold COURSES_PER_CALL courses here; the others wait for the next look. */
static enum err ask_for_keys(struct entropy *e, struct question *q)
{
    unsigned char bits[CATALOG_BUCKETS / 8] = {0};
    char arcs[CATALOG_BUCKETS / 4 + 1], hex[ARC_DIGITS + 1];
    uint64_t courses = 0;
    struct compare *c = calloc(1, sizeof(*c));
    if (!c)
        return ERR_NOMEM;
    c->q = q;
    c->serial = e->serial;
    catalog_each(e->catalog, CATALOG_BUCKETS, add_to_arc, c);
    for (size_t i = 0; i < CATALOG_BUCKETS; i++) {
        snprintf(hex, sizeof(hex), "%016llx", (unsigned long long)c->digests[i]);
        q->differs[i] = memcmp(hex, q->arcs + ARC_DIGITS * i, ARC_DIGITS) != 0 && courses < COURSES_PER_CALL;
        courses += q->differs[i] ? c->courses[i] + 1 : 0;
        if (q->differs[i])
            bits[i / 8] |= (unsigned char)(1u << (i % 8));
    }
    catalog_each(e->catalog, CATALOG_BUCKETS, add_ours, c);
    free(c);
    entropy_facts_sort(&q->ours);
    num_hex(bits, sizeof(bits), arcs);
    struct json *body = json_object();
    json_set_u64(body, "ring", q->epoch);
    json_set_str(body, "with", e->node->self.id);
    json_set_str(body, "arcs", arcs);
    enum err failed = json_print(body, &q->body);
    json_free(body);
    return failed;
}

/* Walks over both sorted lists: what only one has, or both have otherwise, goes to `out`. */
static enum err find_differences(const struct entropy_facts *theirs, const struct entropy_facts *ours, struct entropy_facts *out)
{
    enum err e = ERR_OK;
    for (size_t t = 0, o = 0; !e && (t < theirs->n || o < ours->n);) {
        int order = t == theirs->n ? 1 : o == ours->n ? -1 : strcmp(theirs->at[t].key, ours->at[o].key);
        struct entropy_fact fact = order <= 0 ? theirs->at[t] : (struct entropy_fact){.key = ours->at[o].key};
        fact.mine = order >= 0 ? ours->at[o].mine : 0;
        fact.my_records = order >= 0 ? ours->at[o].my_records : 0;
        fact.differs = fact.mine != fact.digest;
        fact.looks = 1;
        if (fact.differs)
            e = entropy_fact_add(out, &fact);
        t += order <= 0;
        o += order >= 0;
    }
    return e;
}

/* ---- taking it in */

/* Counts how long a difference has stood as it is. */
static void count_looks(const struct entropy_facts *before, struct entropy_facts *now)
{
    for (size_t i = 0; i < now->n; i++) {
        const struct entropy_fact *old = entropy_fact_find(before, now->at[i].key);
        if (old && old->digest == now->at[i].digest && old->mine == now->at[i].mine)
            now->at[i].looks = old->looks + 1;
    }
}

static void settle_question(struct entropy *e, struct question *q)
{
    struct entropy_facts facts = q->lacks;
    q->lacks = (struct entropy_facts){0};
    if (!q->failed)
        q->failed = find_differences(&q->theirs, &q->ours, &facts) != ERR_OK;
    entropy_facts_sort(&facts);
    pthread_mutex_lock(&e->looker.lock);
    struct entropy_neighbour *to = &e->neighbours[q->place];
    to->answered = !q->failed;
    if (!q->failed) {
        struct entropy_facts old = to->facts;
        count_looks(&old, &facts);
        to->facts = facts;
        facts = old;
        to->known = 1;
        if (to->came_back) {
            to->mend_ms = 0;
            to->came_back = 2;
        }
    }
    pthread_mutex_unlock(&e->looker.lock);
    entropy_facts_clear(&facts);
    entropy_facts_clear(&q->theirs);
    entropy_facts_clear(&q->ours);
    free(q->arcs);
    buf_release(&q->body);
}

static void write_look(struct entropy *e, struct question *q)
{
    q->failed = buf_addf(&q->body, "{\"ring\":%llu,\"with\":\"%s\",\"digest\":\"%016llx\"}", (unsigned long long)q->epoch, e->node->self.id,
                    (unsigned long long)q->digest) != ERR_OK;
}

void entropy_look(struct entropy *e, struct peer *peer)
{
    struct question *q = calloc(TOGETHER, sizeof(*q));
    size_t from = 0, n = q ? choose(e, &from, q) : 0;
    for (; n > 0; n = choose(e, &from, q)) {
        for (size_t i = 0; i < n; i++)
            write_look(e, &q[i]);
        ask(peer, "/entropy/look", q, n, take_look);
        for (size_t i = 0; i < n; i++)
            if (q[i].is_different && !q[i].failed)
                q[i].failed = ask_for_keys(e, &q[i]) != ERR_OK;
        ask(peer, "/entropy/keys", q, n, take_keys);
        for (size_t i = 0; i < n; i++)
            settle_question(e, &q[i]);
    }
    free(q);
    pthread_mutex_lock(&e->looker.lock);
    e->counts.looks++;
    pthread_mutex_unlock(&e->looker.lock);
}
