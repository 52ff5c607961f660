#include "coordinator/index_port_peer.h"
#include "coordinator/index_port.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"

#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* Size and time are not known: nothing of the file but its name is told by the protocol. */
static struct shared_file file_of(char *name)
{
    return (struct shared_file){.name = name};
}

struct index_peer *index_peer_new(int32_t number, const char *host, uint16_t port)
{
    struct index_peer *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    p->number = number;
    p->port = port;
    p->connections = 1;
    snprintf(p->id, sizeof p->id, "plain-%d.0", (int)number);
    snprintf(p->host, sizeof p->host, "%s", host);
    shared_delta_init(&p->news);
    return p;
}

void index_peer_free(struct index_peer *p)
{
    if (!p)
        return;
    shared_delta_release(&p->news);
    tdestroy(p->names, free);
    free(p);
}

/* ---- telling */

static enum err apply(struct index_peer *p, struct index_voice *voice, struct shared_delta *delta)
{
    char listed[SHARED_DIGEST_HEX_SIZE] = "";
    enum err e = peers_apply(voice->store, p->id, delta, listed);
    voice->pause(voice->ctx);
    if (e == ERR_OK || e == ERR_CONFLICT)
        memcpy(p->listed, listed, sizeof p->listed);
    return e;
}

/* The walk over all names that tells the whole list in deltas one behind the other. */
struct whole {
    struct index_peer *peer;
    struct index_voice *voice;
    struct shared_delta delta;
    struct shared_digest told;
    enum err e;
};

static void tell_delta(struct whole *w)
{
    shared_digest_hex(&w->told, w->delta.digest);
    w->e = apply(w->peer, w->voice, &w->delta);
    shared_delta_release(&w->delta);
    memcpy(w->delta.base, w->peer->listed, sizeof w->delta.base);
}

static void tell_name(const void *node, VISIT which, void *arg)
{
    struct whole *w = arg;
    if ((which != postorder && which != leaf) || w->e != ERR_OK)
        return;
    struct shared_file f = file_of(*(char *const *)node);
    enum err e = shared_delta_add(&w->delta, &f);
    if (e == ERR_FULL) {
        tell_delta(w);
        e = w->e == ERR_OK ? shared_delta_add(&w->delta, &f) : w->e;
    }
    w->e = e;
    if (e == ERR_OK)
        shared_digest_toggle(&w->told, &f);
}

static enum err tell_whole(struct index_peer *p, struct index_voice *voice)
{
    struct whole w = {.peer = p, .voice = voice, .e = ERR_OK};
    shared_delta_release(&p->news);
    shared_delta_init(&w.delta);
    twalk_r(p->names, tell_name, &w);
    if (w.e == ERR_OK)
        tell_delta(&w);
    shared_delta_release(&w.delta);
    if (w.e == ERR_OK)
        log_write(LOG_INFO, "plain", "the whole list of %s, %llu files, was told anew", p->id, (unsigned long long)p->files);
    return w.e;
}

enum err index_peer_tell(struct index_peer *p, struct index_voice *voice)
{
    char digest[SHARED_DIGEST_HEX_SIZE];
    shared_digest_hex(&p->digest, digest);
    if (p->listed[0] && strcmp(p->listed, digest) == 0)
        return ERR_OK; /* nothing is waiting either: what is there is in the digest */
    if (p->news.n_add == 0)
        return tell_whole(p, voice);
    memcpy(p->news.base, p->listed, sizeof p->news.base);
    memcpy(p->news.digest, digest, sizeof p->news.digest);
    /* An empty base begins anew: right for the first names alone. */
    enum err e = !p->listed[0] && p->news.n_add < p->files ? ERR_CONFLICT : apply(p, voice, &p->news);
    shared_delta_release(&p->news);
    return e == ERR_CONFLICT ? tell_whole(p, voice) : e;
}

void index_peer_facts(const struct index_peer *p, struct member *out)
{
    *out = (struct member){.weight = 1, .shares = 1, .shared_files = p->files, .obtain_port = p->port, .heartbeat_at_ms = clock_unix_ms()};
    snprintf(out->id, sizeof out->id, "%s", p->id);
    snprintf(out->name, sizeof out->name, "plain-%d", (int)p->number);
    snprintf(out->url, sizeof out->url, "plain://%s:%u", p->host, p->port);
    shared_digest_hex(&p->digest, out->share_digest);
}

void index_peer_leave(const struct index_peer *p, struct store *s)
{
    uint64_t begun = 0;
    int more = 1;
    enum err e = members_leave(s, p->id, 1);
    while (e == ERR_OK && more)
        e = peers_forget(s, p->id, &begun, &more);
    if (e != ERR_OK)
        log_write(LOG_WARN, "plain", "%s is gone, and its list stays in the index until its time: %s", p->id, err_text(e));
}

/* ---- names */

/* ERR_FULL: the delta has no room for it. */
static enum err add_once(struct index_peer *p, const char *name, size_t len)
{
    char *copy = strndup(name, len);
    char **found = copy ? tsearch(copy, &p->names, compare) : NULL;
    if (!found || *found != copy) {
        free(copy);
        return found ? ERR_OK : ERR_NOMEM;
    }
    struct shared_file f = file_of(copy);
    enum err e = p->files < INDEX_PORT_FILES_MAX ? shared_delta_add(&p->news, &f) : ERR_FULL;
    if (e != ERR_OK) {
        tdelete(copy, &p->names, compare);
        free(copy);
        return e;
    }
    shared_digest_toggle(&p->digest, &f);
    p->files++;
    p->bytes += len;
    return ERR_OK;
}

enum err index_peer_add(struct index_peer *p, struct index_voice *voice, const char *name, size_t len)
{
    enum err e = shared_name_check(name, len);
    if (e == ERR_OK)
        e = add_once(p, name, len);
    if (e != ERR_FULL || p->files >= INDEX_PORT_FILES_MAX)
        return e;
    e = index_peer_tell(p, voice); /* the delta goes, and there is room */
    return e == ERR_OK ? add_once(p, name, len) : e;
}
