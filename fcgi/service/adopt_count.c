/* When a file is popular enough to be adopted. */
#include "fcgi/service/adopt.h"

#include "lib/store/downloads.h"

void adopt_count(struct worker *w, const char *sha256, int adopted)
{
    uint64_t count, after = w->app->settings.adopt_after;
    if (after == 0 || adopted || sha256[0] == '\0')
        return;
    struct store *s = worker_store(w);
    if (s != NULL && worker_store_said(w, downloads_count(s, sha256, &count)) == ERR_OK && count >= after)
        adopt_offer(w->app->adopter, sha256);
}
