/* Documents, records and sets of them: everything that is made once in a run and then named by its place. */
#include "tests/sim/cluster_sim.h"

#include "lib/base/clock.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int bits_get(const struct bits *b, unsigned i)
{
    return (int)(b->word[i / 64] >> (i % 64) & 1u);
}

void bits_set(struct bits *b, unsigned i)
{
    b->word[i / 64] |= 1ull << (i % 64);
}

void bits_add(struct bits *to, const struct bits *from)
{
    for (unsigned i = 0; i < SIM_RECORDS / 64; i++)
        to->word[i] |= from->word[i];
}

int bits_hold(const struct bits *b, const struct bits *part)
{
    for (unsigned i = 0; i < SIM_RECORDS / 64; i++)
        if (part->word[i] & ~b->word[i])
            return 0;
    return 1;
}

int bits_empty(const struct bits *b)
{
    const struct bits none = {{0}};
    return bits_hold(&none, b);
}

const char *message_kind_name(enum message_kind k)
{
    static const char *const names[] = {"promise", "install", "settle", "drop", "heartbeat", "store", "prepare", "accept", "learn", "pull",
        "list", "holds", "ring", "answer"};
    return names[k];
}

/* ---- nodes' names */

void world_id(struct who who, char out[RING_ID_MAX])
{
    snprintf(out, RING_ID_MAX, "node-%u.disk%u", who.name, who.life);
}

struct who world_who(const char *id)
{
    /* "node-N.diskM", as world_id() writes it; read very often. */
    unsigned name = (unsigned)(id[5] - '0'), life = 0;
    assert(id[6] == '.' && name < SIM_NODES);
    for (const char *c = id + 11; *c != '\0'; c++)
        life = life * 10 + (unsigned)(*c - '0');
    return (struct who){(unsigned char)name, (unsigned char)life};
}

void world_member(struct who who, struct ring_member *out)
{
    *out = (struct ring_member){.weight = 1};
    world_id(who, out->id);
    snprintf(out->name, sizeof out->name, "node-%u", who.name);
}

/* ---- documents */

static int same_ring(const struct ring *a, const struct ring *b)
{
    if (!a || !b)
        return a == b;
    return a->epoch == b->epoch && a->k == b->k && a->n_members == b->n_members &&
           memcmp(a->members, b->members, a->n_members * sizeof *a->members) == 0;
}

static int same_content(const struct ringdoc *a, const struct ringdoc *b)
{
    if (!same_ring(a->ring, b->ring) || !same_ring(a->before, b->before) || a->n_away != b->n_away)
        return 0;
    return a->n_away == 0 || memcmp(a->away, b->away, a->n_away * sizeof *a->away) == 0;
}

int world_document(struct sim *s, const struct ringdoc *d)
{
    unsigned content = (unsigned)s->n_contents;
    for (size_t i = 0; i < s->n_documents; i++) {
        const struct sim_document *have = &s->documents[i];
        if (!same_content(have->doc, d))
            continue;
        if (ballot_cmp(&have->doc->ballot, &d->ballot) == 0)
            return (int)i;
        content = have->content;
    }
    if (s->n_documents == SIM_DOCUMENTS) {
        s->stuck = 1;
        world_fail(s, "%u documents and no end", SIM_DOCUMENTS);
        return s->in_force;
    }
    struct sim_document *kept = &s->documents[s->n_documents];
    *kept = (struct sim_document){.content = content};
    if (ringdoc_copy(d, &kept->doc) != ERR_OK)
        abort();
    if (content == s->n_contents)
        s->n_contents++;
    return (int)s->n_documents++;
}

const struct ringdoc *world_doc(const struct sim *s, int document)
{
    return document < 0 ? NULL : s->documents[document].doc;
}

/* ---- records */

struct stamp world_stamp(const struct sim *s, unsigned process, int64_t skew_ms, uint64_t *clock, uint64_t id)
{
    uint64_t wall = hlc_from_unix_ms((uint64_t)((int64_t)world_unix_ms(s, process) + skew_ms));
    *clock = wall > *clock ? wall : *clock + 1;
    return (struct stamp){*clock, id};
}

int world_record(struct sim *s, unsigned course, struct stamp id, unsigned upload, int deletes, int conditional)
{
    if (s->n_records == SIM_RECORDS)
        return -1;
    struct sim_record *r = &s->records[s->n_records];
    *r = (struct sim_record){.course = course, .parent = -1};
    if (record_init(&r->record) != ERR_OK || record_set(&r->record.course, s->keys[course]) != ERR_OK ||
        record_set(&r->record.key, s->keys[course]) != ERR_OK)
        abort();
    r->record.id = id;
    r->record.kind = deletes ? RECORD_DELETE : RECORD_UPLOAD;
    r->record.conditional = conditional;
    snprintf(r->record.upload, sizeof r->record.upload, "%032x", upload);
    if (!deletes)
        snprintf(r->record.sha256, sizeof r->record.sha256, "%064x", upload);
    return (int)s->n_records++;
}

void world_history(const struct sim *s, const struct bits *records, const struct bits *direct, struct history *out)
{
    history_init(out);
    for (unsigned i = 0; i < s->n_records; i++) {
        if (!records->word[i / 64]) {
            i |= 63;
            continue;
        }
        if (bits_get(records, i) && history_add(out, &s->records[i].record, bits_get(direct, i)) != ERR_OK)
            abort();
    }
}

int world_current(const struct sim *s, const struct bits *records)
{
    /* Without deletes of single versions the current record is the one with the largest stamp: its attempts come in the order of their stamps. */
    int best = -1;
    for (unsigned i = 0; i < s->n_records; i++) {
        if (!records->word[i / 64])
            i |= 63;
        else if (bits_get(records, i) && (best < 0 || stamp_cmp(s->records[i].record.id, s->records[best].record.id) > 0))
            best = (int)i;
    }
    return best;
}
