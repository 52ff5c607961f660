#include "lib/peer/internal.h"

#include <stdlib.h>

/* Kept connections of one client; beyond it the oldest is closed. */
#define CONNECTIONS_KEPT 64L

enum err peer_global_init(void)
{
    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? ERR_OK : ERR_INTERNAL;
}

struct peer *peer_new(struct sign_keys *keys)
{
    struct peer *p = calloc(1, sizeof *p);

    if (!p)
        return NULL;
    p->keys = keys;
    p->multi = curl_multi_init();
    if (!p->multi) {
        free(p);
        return NULL;
    }
    curl_multi_setopt(p->multi, CURLMOPT_MAXCONNECTS, CONNECTIONS_KEPT);
    return p;
}

void peer_free(struct peer *p)
{
    if (!p)
        return;
    while (p->n_idle > 0)
        curl_easy_cleanup(p->idle[--p->n_idle]);
    curl_multi_cleanup(p->multi);
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

    curl_multi_poll(p->multi, NULL, 0, (int)wait_ms, NULL);
    curl_multi_perform(p->multi, &running);
    collect(p);
}
