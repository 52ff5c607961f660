#include "coordinator/index_port.h"
#include "coordinator/index_port_peer.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/store/plain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STORE_TIMEOUT_MS 500u
#define BEAT_EVERY_MS 400u                /* less than a tick, so that each tick beats */
#define BEAT_BATCH MEMBERS_HEARTBEATS_MAX /* heartbeats in one go */
#define COMPARE_EVERY_MS 1000u            /* what the index has is compared with what we have */
#define ANSWER_MAX 128u                   /* bytes of one holder */

static const char away[] = "the index is not there now; try again";

struct index_port {
    struct store *store;
    struct index_voice voice;
    struct port *port;
    struct index_peer *peers; /* connected here, with something listed or a port to say */
    uint64_t bytes;           /* of all their names */
    int32_t greatest;         /* number drawn here */
    uint64_t beat_at_ms, compare_at_ms;
};

/* One connection's side of the talk: port_conn.user. */
struct talk {
    int32_t number; /* PLAIN_NOBODY: a pickle peer that has not introduced itself */
    uint16_t port;
    struct index_peer *peer;     /* NULL: nothing is listed by this connection */
    unsigned done;               /* names whose DONE is due once the index has them */
    char (*holders)[ANSWER_MAX]; /* answers to a search that go out one by one */
    size_t n_holders, next_holder;
};

static enum port_verdict say(struct port_conn *c, const char *text)
{
    return plain_say(&c->out, c->in.form, text) == ERR_OK ? PORT_GO_ON : PORT_END;
}

static enum port_verdict refuse_for(struct port_conn *c, enum err e)
{
    switch (e) {
    case ERR_INVALID: return port_refuse(c, "no shared file can have this name");
    case ERR_FULL: return port_refuse(c, "too many files");
    case ERR_NOMEM: return port_refuse(c, "out of memory");
    default: return port_refuse(c, away);
    }
}

static void drop_holders(struct talk *t)
{
    free(t->holders);
    t->holders = NULL;
    t->n_holders = t->next_holder = 0;
}

/* ---- peers */

static struct index_peer *find_peer(const struct index_port *p, int32_t number)
{
    struct index_peer *peer = p->peers;
    while (peer && peer->number != number)
        peer = peer->next;
    return peer;
}

/* The last connection of a peer takes its list along. */
static void let_go(struct index_port *p, struct talk *t)
{
    struct index_peer *peer = t->peer, **at = &p->peers;
    t->peer = NULL;
    if (!peer || --peer->connections > 0)
        return;
    while (*at != peer)
        at = &(*at)->next;
    *at = peer->next;
    p->bytes -= peer->bytes;
    index_peer_leave(peer, p->store);
    index_peer_free(peer);
}

static enum err beat_one(struct index_port *p, const struct index_peer *peer)
{
    struct member facts;
    index_peer_facts(peer, &facts);
    return members_heartbeats(p->store, &facts, 1);
}

/* Says that everybody is here, several times in one TTL, however much else there is to do. */
static void beat(void *ctx)
{
    struct index_port *p = ctx;
    struct member facts[BEAT_BATCH];
    size_t n = 0;
    enum err e = ERR_OK;
    if (clock_boot_ms() < p->beat_at_ms)
        return;
    for (struct index_peer *peer = p->peers; peer && e == ERR_OK; peer = peer->next) {
        index_peer_facts(peer, &facts[n++]);
        if (n == BEAT_BATCH || !peer->next) {
            e = members_heartbeats(p->store, facts, n);
            n = 0;
        }
    }
    p->beat_at_ms = clock_boot_ms() + BEAT_EVERY_MS;
}

/* The connection's peer, made when it is the first to need it. */
static enum err have_peer(struct index_port *p, struct port_conn *c, struct talk *t)
{
    if (t->peer)
        return ERR_OK;
    struct index_peer *peer = find_peer(p, t->number);
    if (peer) {
        peer->connections++;
    } else {
        peer = index_peer_new(t->number, c->host, t->port);
        if (!peer)
            return ERR_NOMEM;
        peer->next = p->peers;
        p->peers = peer;
    }
    t->peer = peer;
    c->stays = 1;
    return beat_one(p, peer);
}

/* A number that was given before is good for further connections from the same place, and for a peer that comes back. */
static enum err choose_number(struct index_port *p, const struct port_conn *c, int32_t wanted, uint16_t port, int32_t *out)
{
    const struct index_peer *peer = wanted == PLAIN_NOBODY ? NULL : find_peer(p, wanted);
    if (peer && peer->port == port && strcmp(peer->host, c->host) == 0) {
        *out = wanted;
        return ERR_OK;
    }
    enum err e = plain_draw(p->store, peer ? PLAIN_NOBODY : wanted, p->greatest + 1, out);
    if (e == ERR_OK && *out != wanted && *out > p->greatest)
        p->greatest = *out; /* what peers wish for does not use the numbers up */
    return e;
}

/* ---- commands */

/* Tells what waits, and says DONE for each name of it. */
static enum port_verdict finish_names(struct index_port *p, struct port_conn *c, struct talk *t)
{
    if (t->done == 0)
        return PORT_GO_ON;
    enum err e = index_peer_tell(t->peer, &p->voice);
    if (e != ERR_OK)
        return refuse_for(c, e);
    enum port_verdict v = PORT_GO_ON;
    for (; t->done > 0 && v == PORT_GO_ON; t->done--)
        v = say(c, "DONE");
    return v;
}

static enum port_verdict add_name(struct index_port *p, struct port_conn *c, struct talk *t, const struct plain_command *command)
{
    enum err e = shared_name_check(command->name, command->name_len);
    if (e == ERR_OK && p->bytes + command->name_len > INDEX_PORT_BYTES_MAX)
        e = ERR_FULL;
    if (e == ERR_OK)
        e = have_peer(p, c, t);
    if (e != ERR_OK)
        return refuse_for(c, e);
    uint64_t before = t->peer->bytes;
    e = index_peer_add(t->peer, &p->voice, command->name, command->name_len);
    p->bytes += t->peer->bytes - before;
    if (e != ERR_OK)
        return refuse_for(c, e);
    t->done++;
    return PORT_GO_ON;
}

static enum port_verdict set_port(struct index_port *p, struct port_conn *c, struct talk *t, uint16_t port)
{
    t->port = port;
    if (!t->peer)
        return say(c, "DONE");
    t->peer->port = port;
    enum err e = beat_one(p, t->peer);
    return e == ERR_OK ? say(c, "DONE") : refuse_for(c, e);
}

/* "<id>:<port>" in pickles, where all hosts are one, "<id>:<host>:<port>" in lines. Returns 0 for a holder who cannot be asked by this protocol. */
static int write_holder(const struct port_conn *c, const struct peers_holder *h, int32_t number, char out[ANSWER_MAX])
{
    const char *host = strstr(h->url, "://"), *end = host ? strrchr(host + 3, ':') : NULL;
    int is_plain = strncmp(h->url, "plain://", 8) == 0;
    if (c->in.form == PLAIN_PICKLES) {
        snprintf(out, ANSWER_MAX, "%d:%u", (int)number, h->obtain_port);
        return h->obtain_port != 0;
    }
    if (!end || (h->obtain_port == 0 && !is_plain))
        return 0;
    int n = snprintf(out, ANSWER_MAX, "%d:%.*s:%u", (int)number, (int)(end - host - 3), host + 3, h->obtain_port);
    return n > 0 && (size_t)n < ANSWER_MAX;
}

static enum err find_holders(struct index_port *p, const struct port_conn *c, struct talk *t, const struct plain_command *command)
{
    char name[SHARED_NAME_MAX + 1], asker[RING_ID_MAX];
    struct peers_row row;
    if (shared_name_check(command->name, command->name_len) != ERR_OK)
        return ERR_NOT_FOUND;
    memcpy(name, command->name, command->name_len);
    name[command->name_len] = '\0';
    enum err e = command->id == PLAIN_NOBODY ? ERR_OK : plain_id(p->store, command->id, asker);
    if (e == ERR_OK)
        e = peers_named(p->store, name, command->id == PLAIN_NOBODY ? NULL : asker, &row);
    if (e != ERR_OK)
        return e;
    t->holders = calloc(row.n_holders + 1, sizeof *t->holders);
    e = t->holders ? ERR_OK : ERR_NOMEM;
    for (size_t i = 0; i < row.n_holders && e == ERR_OK; i++) {
        int32_t number;
        e = plain_number(p->store, row.holders[i].peer, &number);
        if (e == ERR_OK && write_holder(c, &row.holders[i], number, t->holders[t->n_holders]))
            t->n_holders++;
    }
    peers_row_release(&row);
    return e == ERR_OK && t->n_holders == 0 ? ERR_NOT_FOUND : e;
}

/* The next holder of a search in pickles, each asked for by a DONE; then "-2". */
static enum port_verdict say_next_holder(struct port_conn *c, struct talk *t)
{
    if (!t->holders)
        return port_refuse(c, "there is nothing more to tell");
    if (t->next_holder < t->n_holders)
        return say(c, t->holders[t->next_holder++]);
    drop_holders(t);
    return say(c, "-2");
}

static enum port_verdict search(struct index_port *p, struct port_conn *c, struct talk *t, const struct plain_command *command)
{
    drop_holders(t);
    enum err e = find_holders(p, c, t, command);
    if (e != ERR_OK)
        drop_holders(t);
    if (e == ERR_NOT_FOUND)
        return say(c, c->in.form == PLAIN_PICKLES ? "-1" : "NONE");
    if (e != ERR_OK)
        return refuse_for(c, e);
    if (c->in.form == PLAIN_PICKLES)
        return say_next_holder(c, t);
    enum port_verdict v = PORT_GO_ON;
    for (size_t i = 0; i < t->n_holders && v == PORT_GO_ON; i++)
        v = say(c, t->holders[i]);
    drop_holders(t);
    return v == PORT_GO_ON ? say(c, "END") : v;
}

static enum port_verdict leave(struct index_port *p, struct port_conn *c, struct talk *t)
{
    let_go(p, t);
    c->stays = 0;
    (void)say(c, "DONE");
    return PORT_END;
}

static enum port_verdict obey(struct index_port *p, struct port_conn *c, struct talk *t, const struct plain_command *command)
{
    int is_own = command->id == t->number;
    beat(p);
    if (command->word == PLAIN_REGISTER && is_own)
        return add_name(p, c, t, command);
    /* All else sees what was registered before it, and is answered after it. */
    enum port_verdict v = finish_names(p, c, t);
    if (v != PORT_GO_ON)
        return v;
    switch (command->word) {
    case PLAIN_SEARCH: return search(p, c, t, command);
    case PLAIN_DONE: return say_next_holder(c, t);
    case PLAIN_EXIT: return leave(p, c, t);
    case PLAIN_LISTEN: return is_own ? set_port(p, c, t, command->port) : port_refuse(c, "this is not your id");
    case PLAIN_REGISTER: return port_refuse(c, "this is not your id");
    case PLAIN_OBTAIN: break;
    }
    return port_refuse(c, "files are obtained from peers");
}

/* ---- what the port calls */

static enum port_verdict introduce(struct index_port *p, struct port_conn *c, struct talk *t, int32_t wanted, uint16_t port)
{
    enum err e = choose_number(p, c, wanted, port, &t->number);
    if (e != ERR_OK)
        return refuse_for(c, e);
    t->port = port;
    return plain_say_id(&c->out, c->in.form, t->number) == ERR_OK ? PORT_GO_ON : PORT_END;
}

static enum port_verdict on_greet(void *ctx, struct port_conn *c)
{
    struct talk *t = calloc(1, sizeof *t);
    if (!t)
        return port_refuse(c, "out of memory");
    t->number = PLAIN_NOBODY;
    c->user = t;
    return c->in.form == PLAIN_PICKLES ? PORT_GO_ON : introduce(ctx, c, t, PLAIN_NOBODY, 0);
}

static enum port_verdict on_said(void *ctx, struct port_conn *c, const struct pickle *message)
{
    struct talk *t = c->user;
    struct plain_command command;
    if (message->kind == PICKLE_PAIR && t->number == PLAIN_NOBODY) {
        if (message->number[0] < PLAIN_NOBODY || message->number[1] < 0 || message->number[1] > UINT16_MAX)
            return port_refuse(c, "no id and port");
        return introduce(ctx, c, t, message->number[0], (uint16_t)message->number[1]);
    }
    if (message->kind != PICKLE_TEXT || t->number == PLAIN_NOBODY)
        return port_refuse(c, "this is not what is expected here");
    enum err e = plain_command(message->text, message->text_len, &command);
    if (e != ERR_OK)
        return port_refuse(c, e == ERR_SYNTAX ? "unknown command" : "the command is not complete");
    return obey(ctx, c, t, &command);
}

static enum port_verdict on_rest(void *ctx, struct port_conn *c)
{
    return finish_names(ctx, c, c->user);
}

static void on_gone(void *ctx, struct port_conn *c)
{
    struct talk *t = c->user;
    if (!t)
        return;
    let_go(ctx, t);
    drop_holders(t);
    free(t);
}

/* What the index has of a peer: "" when it has no list. */
static const char *listed_of(const struct peers_list *lists, size_t n, const char *id)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(lists[i].id, id) == 0)
            return lists[i].digest;
    }
    return "";
}

/* Redis may have lost everything: whoever's list is not as it should be tells it again. */
static void compare_lists(struct index_port *p)
{
    struct peers_list *lists;
    size_t n;
    if (peers_lists(p->store, &lists, &n) != ERR_OK)
        return;
    for (struct index_peer *peer = p->peers; peer; peer = peer->next) {
        snprintf(peer->listed, sizeof peer->listed, "%s", listed_of(lists, n, peer->id));
        enum err e = index_peer_tell(peer, &p->voice);
        if (e != ERR_OK)
            log_write(LOG_WARN, "plain", "the list of %s is not in the index: %s", peer->id, err_text(e));
    }
    free(lists);
}

static void on_tick(void *ctx)
{
    struct index_port *p = ctx;
    uint64_t now_ms = clock_boot_ms();
    beat(p);
    if (p->peers && now_ms >= p->compare_at_ms) {
        compare_lists(p);
        p->compare_at_ms = now_ms + COMPARE_EVERY_MS;
    }
}

enum err index_port_start(struct coordinator *c, struct index_port **out)
{
    static const struct port_calls calls = {.greet = on_greet, .said = on_said, .rest = on_rest, .gone = on_gone, .tick = on_tick};
    *out = NULL;
    if (c->settings->index_port == 0)
        return ERR_OK;
    struct index_port *p = calloc(1, sizeof *p);
    if (p)
        p->store = coordinator_store(c, STORE_TIMEOUT_MS);
    if (!p || !p->store) {
        free(p);
        return ERR_NOMEM;
    }
    p->greatest = PLAIN_NOBODY;
    p->voice = (struct index_voice){.store = p->store, .pause = beat, .ctx = p};
    enum err e = port_start(c->settings->listen, (uint16_t)c->settings->index_port, &calls, p, &p->port);
    if (e == ERR_OK) {
        *out = p;
        return ERR_OK;
    }
    store_free(p->store);
    free(p);
    return e;
}

void index_port_stop(struct index_port *p)
{
    if (!p)
        return;
    port_stop(p->port);
    store_free(p->store);
    free(p);
}
