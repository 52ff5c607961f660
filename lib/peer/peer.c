#include "lib/peer/internal.h"

#include <stdlib.h>

/* Kept connections of one client; beyond it the oldest is closed. */
#define CONNECTIONS_KEPT 64u

enum err peer_global_init(void)
{
    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? ERR_OK : ERR_INTERNAL;
}

struct peer *peer_new(struct sign_keys *keys, const struct tls *tls)
{
    struct peer *p = calloc(1, sizeof *p);

    if (!p)
        return NULL;
    p->keys = keys;
    p->tls = tls;
    p->kept_max = CONNECTIONS_KEPT;
    if (peer_open(p))
        return p;
    free(p);
    return NULL;
}

int peer_open(struct peer *p)
{
    if (p->multi)
        return 1;
    p->multi = curl_multi_init();
    if (p->multi)
        curl_multi_setopt(p->multi, CURLMOPT_MAXCONNECTS, (long)p->kept_max);
    return p->multi != NULL;
}

void peer_keep(struct peer *p, unsigned n)
{
    p->kept_max = n;
    if (p->multi)
        curl_multi_setopt(p->multi, CURLMOPT_MAXCONNECTS, (long)n);
}

void peer_rest(struct peer *p)
{
    while (p->n_idle > 0)
        curl_easy_cleanup(p->idle[--p->n_idle]);
    curl_multi_cleanup(p->multi); /* with it go its connections; NULL is fine */
    p->multi = NULL;
}

void peer_free(struct peer *p)
{
    if (!p)
        return;
    peer_rest(p);
    free(p);
}

static void collect(struct peer *p)
{
    CURLMsg *m;
    int left;

    while ((m = curl_multi_info_read(p->multi, &left))) {
        struct transfer *t;
        char *private;

        if (m->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &private);
        t = (struct transfer *)(void *)private;
        t->finished = 1;
        t->result = m->data.result;
        curl_easy_getinfo(m->easy_handle, CURLINFO_RESPONSE_CODE, &t->status);
    }
}

void peer_drive(struct peer *p, unsigned wait_ms)
{
    int running;

    if (!p->multi) /* nothing could be started */
        return;
    curl_multi_poll(p->multi, NULL, 0, (int)wait_ms, NULL);
    curl_multi_perform(p->multi, &running);
    collect(p);
}
