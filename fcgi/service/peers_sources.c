#include "fcgi/service/peers_sources.h"

#include "fcgi/service/adopt.h"
#include "fcgi/service/peers_read.h"
#include "lib/base/log.h"
#include "lib/base/text.h"

#include <string.h>

#define TIMEOUT_MS 1000u
#define CONNECT_MS 300u

/* ---- whom to believe */

static int is_about(const struct shared_blocks *b, const char *sha256, uint64_t size)
{
    return b->size == size && strcmp(b->sha256, sha256) == 0;
}

long peers_sources_judge(const struct shared_blocks *lists, size_t n, const char *sha256, uint64_t size)
{
    long best = -1;
    size_t most = 0;
    for (size_t i = 0; i < n; i++) {
        size_t same = 0;
        for (size_t j = 0; j < n && is_about(&lists[i], sha256, size); j++)
            same += (size_t)(shared_blocks_equal(&lists[i], &lists[j]) != 0);
        if (same > most) {
            most = same;
            best = (long)i;
        }
    }
    return best;
}

/* ---- asking */

static const char *blocks_path(struct worker *w, const struct peers_source *s, const char *sha256)
{
    struct buf name;
    if (s->file == NULL)
        return arena_printf(&w->arena, "/blobs/%s?blocks=1", sha256);
    buf_init(&name, 3 * SHARED_NAME_MAX);
    const char *path = NULL;
    if (text_percent_encode(&name, s->file, strlen(s->file)) == ERR_OK)
        path = arena_printf(&w->arena, "/files/%s?blocks=1", buf_str(&name));
    buf_release(&name);
    return path;
}

/* What each says of the blocks; a list stays all zero when there is none. */
static enum err ask(
    struct worker *w, const struct peers_sources *all, const size_t *whom, size_t n, const char *sha256, struct shared_blocks *lists)
{
    struct peer_call calls[PEERS_SOURCES_ASKED];
    struct peer_round round = {.timeout_ms = TIMEOUT_MS, .connect_timeout_ms = CONNECT_MS};
    for (size_t i = 0; i < n; i++) {
        const struct peers_source *s = &all->at[whom[i]];
        calls[i] = (struct peer_call){
            .base_url = s->url, .method = "GET", .path = blocks_path(w, s, sha256), .to = s->peer, .answer_max = SHARED_BLOCKS_JSON_MAX};
        if (calls[i].path == NULL)
            return ERR_NOMEM;
    }
    enum err e = peer_round(w->peer, &round, calls, n);
    if (e != ERR_OK)
        return e;
    for (size_t i = 0; i < n; i++) {
        const struct peer_call *c = &calls[i];
        if (!c->done || c->error != ERR_OK || c->status != 200)
            continue;
        if (shared_blocks_parse(buf_str(&c->answer), c->answer.len, &lists[i]) != ERR_OK)
            log_write(LOG_WARN, "blocks", "%s does not tell the blocks of %s as it must", all->at[whom[i]].name, sha256);
    }
    peer_calls_release(calls, n);
    return ERR_OK;
}

/* Asks these places and takes the list that most of them give. ERR_UNAVAILABLE: none gives one. */
static enum err agree(
    struct worker *w, struct peers_sources *s, const size_t *whom, size_t n, const struct peers_row *row, struct shared_blocks *out)
{
    struct shared_blocks lists[PEERS_SOURCES_ASKED] = {{.size = 0}};
    if (n == 0)
        return ERR_UNAVAILABLE;
    enum err e = ask(w, s, whom, n, row->sha256, lists);
    long best = e == ERR_OK ? peers_sources_judge(lists, n, row->sha256, row->size) : -1;
    if (e == ERR_OK && best < 0)
        e = ERR_UNAVAILABLE;
    for (size_t i = 0; i < n; i++) {
        if ((long)i == best)
            *out = lists[i];
        else
            shared_blocks_release(&lists[i]);
    }
    return e;
}

static int is_peer(const struct peers_source *s, const char *id_or_name)
{
    return strcmp(s->peer, id_or_name) == 0 || strcmp(s->name, id_or_name) == 0;
}

static enum err find_blocks_of(
    struct worker *w, struct peers_sources *s, const struct peers_row *row, const char *peer, const char **detail)
{
    size_t whom[PEERS_SOURCES_ASKED], n = 0;
    for (size_t i = 0; i < s->n && n < PEERS_SOURCES_ASKED; i++)
        if (is_peer(&s->at[i], peer))
            whom[n++] = i;
    if (n == 0) {
        *detail = "The peer whose list of blocks is wanted is not among those who have this file.";
        return ERR_NOT_FOUND;
    }
    return agree(w, s, whom, n, row, &s->blocks);
}

/* The ring's word goes before that of peers: its copies were checked when they were stored. */
static enum err find_blocks(struct worker *w, struct peers_sources *s, const struct peers_row *row)
{
    size_t ring[PEERS_SOURCES_ASKED], peers[PEERS_SOURCES_ASKED], n_ring = 0, n_peers = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (s->at[i].file == NULL && n_ring < PEERS_SOURCES_ASKED)
            ring[n_ring++] = i;
        else if (s->at[i].file != NULL && n_peers < PEERS_SOURCES_ASKED)
            peers[n_peers++] = i;
    }
    enum err e = agree(w, s, ring, n_ring, row, &s->blocks);
    return e == ERR_UNAVAILABLE ? agree(w, s, peers, n_peers, row, &s->blocks) : e;
}

/* ---- who has it */

static enum err add_ring(struct worker *w, const char *sha256, struct peers_sources *out)
{
    char key[ADOPT_KEY_SIZE];
    struct read_bytes ring;
    adopt_key(sha256, key);
    const struct read_target target = {.key = key};
    enum err e = read_bytes(w, &target, &ring);
    if (e != ERR_OK)
        return e == ERR_NOMEM ? e : ERR_OK; /* then the peers have to do */
    for (size_t i = 0; i < ring.n_sources; i++) {
        const struct read_source *r = &ring.sources[i];
        struct peers_source *s = &out->at[out->n++];
        *s = (struct peers_source){.peer = r->node, .name = r->name, .url = r->url};
        memcpy(s->capability, r->capability, sizeof(s->capability));
    }
    read_bytes_release(&ring);
    return ERR_OK;
}

static enum err add_holder(struct worker *w, const struct view *v, const struct peers_holder *h, struct peers_sources *out)
{
    struct arena *a = &w->arena;
    struct peers_source *s = &out->at[out->n];
    char address[CAPABILITY_ADDRESS_SIZE];
    const char *what = arena_printf(a, "file:%s", h->file);
    if (capability_address(w->app->tls, h->url, address) != ERR_OK)
        return ERR_OK;
    *s = (struct peers_source){.peer = arena_strdup(a, h->peer),
        .name = arena_strdup(a, h->name),
        .url = arena_strdup(a, h->url),
        .file = arena_strdup(a, h->file)};
    if (what == NULL || s->peer == NULL || s->name == NULL || s->url == NULL || s->file == NULL)
        return ERR_NOMEM;
    enum err e = capability_make(w->app, v, h->peer, what, s->capability);
    out->n += e == ERR_OK;
    return e;
}

static enum err add_holders(struct worker *w, const struct peers_row *row, struct peers_sources *out)
{
    const struct view *v = view_get(w->app->view);
    enum err e = ERR_OK;
    for (size_t i = 0; i < row->n_holders && out->n < PEERS_SOURCES_MAX && e == ERR_OK; i++)
        e = add_holder(w, v, &row->holders[i], out);
    view_put(w->app->view, v);
    return e;
}

/* Who asks may well tell of the blocks, but is no source for itself. A ring copy on its machine stays. */
static void leave_out(struct peers_sources *s, const char *peer)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->n; i++)
        if (s->at[i].file == NULL || !is_peer(&s->at[i], peer))
            s->at[kept++] = s->at[i];
    s->n = kept;
}

static enum err fill(
    struct worker *w, const struct peers_row *row, const struct peers_sources_wish *wish, struct peers_sources *out, const char **detail)
{
    out->adopted = row->adopted;
    enum err e = row->adopted ? add_ring(w, row->sha256, out) : ERR_OK;
    if (e == ERR_OK)
        e = add_holders(w, row, out);
    if (e == ERR_OK && out->n == 0 && !row->adopted) {
        *detail = "Only peers that speak the plain line protocol have this file: it is to be had by OBTAIN, not from here.";
        return ERR_NOT_FOUND;
    }
    if (e == ERR_OK)
        e = wish->blocks_of != NULL ? find_blocks_of(w, out, row, wish->blocks_of, detail) : find_blocks(w, out, row);
    if (e == ERR_UNAVAILABLE)
        *detail = "None of those who have this file tells the hashes of its blocks just now.";
    return e;
}

enum err peers_sources_find(struct worker *w, const struct peers_sources_wish *wish, struct peers_sources *out, const char **detail)
{
    struct peers_row row;
    struct store *s = worker_store(w);
    memset(out, 0, sizeof(*out));
    *detail = NULL;
    enum err e = s == NULL ? ERR_UNAVAILABLE : worker_store_said(w, peers_by_hash(s, wish->sha256, &row));
    if (e != ERR_OK)
        return e == ERR_TIMEOUT ? ERR_UNAVAILABLE : e;
    e = fill(w, &row, wish, out, detail);
    peers_row_release(&row);
    if (e != ERR_OK)
        peers_sources_release(out);
    else if (wish->exclude != NULL)
        leave_out(out, wish->exclude);
    return e;
}

void peers_sources_release(struct peers_sources *s)
{
    shared_blocks_release(&s->blocks);
    memset(s, 0, sizeof(*s));
}
