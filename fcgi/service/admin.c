#include "fcgi/service/admin.h"

#include "fcgi/service/view.h"
#include "lib/base/log.h"

#include <stdio.h>
#include <string.h>

#define ASK_MS 15000u /* the leader looks at every course of a node first */
#define ANSWER_MAX (4u << 20)
#define HOPS_MAX (MEMBERS_COORDINATORS_MAX + 2)

/* Whom to ask, each once. */
struct round {
    char urls[HOPS_MAX][MEMBERS_URL_MAX];
    size_t n;
};

static void add(struct round *r, const char *url)
{
    if (url == NULL || *url == '\0' || strlen(url) >= MEMBERS_URL_MAX || r->n == HOPS_MAX)
        return;
    for (size_t i = 0; i < r->n; i++)
        if (strcmp(r->urls[i], url) == 0)
            return;
    snprintf(r->urls[r->n++], MEMBERS_URL_MAX, "%s", url);
}

/* The leader by the view first, then the other coordinators that live, then whom the settings name. */
static void fill(struct worker *w, struct round *r)
{
    const struct view *v = view_get(w->app->view);
    const struct members *m = &v->members;
    char list[2048], *rest = NULL;
    for (size_t i = 0; i < m->n_coordinators; i++)
        if (strcmp(m->coordinators[i].name, m->leader_name) == 0)
            add(r, m->coordinators[i].url);
    for (size_t i = 0; i < m->n_coordinators; i++)
        if (m->coordinator_is_alive[i])
            add(r, m->coordinators[i].url);
    view_put(w->app->view, v);
    snprintf(list, sizeof(list), "%s", w->app->settings.coordinators == NULL ? "" : w->app->settings.coordinators);
    for (char *url = strtok_r(list, ", ", &rest); url != NULL; url = strtok_r(NULL, ", ", &rest))
        add(r, url);
}

/* A coordinator that does not lead says who does, if it knows. */
static int is_pointer(long status, const struct json *body)
{
    return status == 409 && json_get(body, "leader") != NULL;
}

/* One coordinator's answer. ERR_NOT_FOUND: it does not lead; ERR_UNAVAILABLE: it is not there, or has no answer. */
static enum err take(const struct peer_call *call, struct round *r, struct admin_answer *out)
{
    struct json *body = NULL;
    if (!call->done || call->error != ERR_OK)
        return call->done && call->error == ERR_UNAVAILABLE ? ERR_UNAVAILABLE : ERR_TIMEOUT;
    if (json_parse(buf_str(&call->answer), call->answer.len, &body) != ERR_OK || !json_is_object(body)) {
        json_free(body);
        return ERR_UNAVAILABLE;
    }
    if (is_pointer(call->status, body) || call->status >= 500) {
        add(r, json_get_str(json_get(body, "leader"), "url"));
        json_free(body);
        return ERR_NOT_FOUND;
    }
    *out = (struct admin_answer){.status = call->status, .body = body};
    return ERR_OK;
}

enum err admin_ask(struct worker *w, const char *verb, const struct json *body, struct admin_answer *out)
{
    struct round round = {.n = 0};
    struct buf text;
    enum err e;
    const char *path = arena_printf(&w->arena, "/admin/%s", verb);
    *out = (struct admin_answer){.status = 0};
    buf_init(&text, ANSWER_MAX);
    e = path == NULL ? ERR_NOMEM : json_print(body, &text);
    if (e != ERR_OK)
        goto out;
    fill(w, &round);
    e = ERR_UNAVAILABLE;
    for (size_t i = 0; i < round.n && e != ERR_OK && e != ERR_TIMEOUT && e != ERR_NOMEM; i++) {
        struct peer_call call = {
            .base_url = round.urls[i], .method = "POST", .path = path, .body = text.data, .body_len = text.len, .answer_max = ANSWER_MAX};
        e = peer_call(w->peer, &call, ASK_MS);
        if (e == ERR_OK)
            e = take(&call, &round, out);
        peer_calls_release(&call, 1);
    }
    if (e == ERR_NOT_FOUND)
        e = ERR_UNAVAILABLE;
    if (e == ERR_OK)
        log_write(LOG_INFO, "admin", "%s asked of the leader: %.300s → %ld", verb, buf_str(&text), out->status);
out:
    buf_release(&text);
    return e;
}

int admin_is_node(const char *text)
{
    return ring_name_ok(text) || (strlen(text) < RING_ID_MAX && ring_id_ok(text));
}

void admin_answer_release(struct admin_answer *a)
{
    json_free(a->body);
    a->body = NULL;
}
