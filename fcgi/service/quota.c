#include "fcgi/service/quota.h"

#include "lib/base/id.h"
#include "lib/base/log.h"
#include "lib/store/sys.h"

#include <stdio.h>
#include <string.h>

#define HOLD_S 900u /* longer than any body that is here already takes to its owners */

/* An account's own limit, else what the settings say of all accounts. */
static uint64_t limit_of(const struct docs_account *a, const struct docs_settings *s)
{
    if (a == NULL)
        return DOCS_NO_LIMIT;
    return a->quota_bytes != DOCS_NO_LIMIT ? a->quota_bytes : s->quota_user_bytes;
}

enum err quota_take(struct worker *w, const struct docs_account *account, const struct docs_settings *s, uint64_t bytes,
    struct quota_hold *out, const char **detail)
{
    struct quota_hold h = {.id = ""};
    struct store *store = worker_store(w);
    uint64_t limit = limit_of(account, s);
    char whose = '\0';
    *detail = NULL;
    memset(out, 0, sizeof(*out));
    if (limit == DOCS_NO_LIMIT && s->quota_cluster_bytes == DOCS_NO_LIMIT)
        return ERR_OK;
    if (account != NULL)
        memcpy(h.user, account->name, sizeof(h.user));
    id_random_hex(h.id, (sizeof(h.id) - 1) / 2);
    enum err e = store == NULL
                     ? ERR_UNAVAILABLE
                     : worker_store_said(w, sys_flight_begin(store, h.id, h.user, bytes, limit, s->quota_cluster_bytes, HOLD_S, &whose));
    if (e == ERR_FULL) {
        *detail = whose == 'u' ? arena_printf(&w->arena, "With this file you would have more than the %llu bytes that you may keep here.",
                                     (unsigned long long)limit)
                               : "With this file all together would have more than may be kept here.";
        return ERR_FULL;
    }
    if (e == ERR_NOMEM)
        return e;
    if (e == ERR_OK)
        *out = h;
    else /* uploads go on without Redis (guarantees.md, G8) */
        log_write(LOG_WARN, "quota", "an upload of %llu bytes was let in uncounted: %s", (unsigned long long)bytes, err_text(e));
    return ERR_OK;
}

void quota_give(struct worker *w, struct quota_hold *h)
{
    struct store *store = worker_store(w);
    if (h->id[0] != '\0' && (store == NULL || worker_store_said(w, sys_flight_end(store, h->id)) != ERR_OK))
        log_write(LOG_WARN, "quota", "what an upload held is free again after %u s only", HOLD_S);
    memset(h, 0, sizeof(*h));
}

enum err quota_read(struct worker *w, const struct docs_account *account, const struct docs_settings *s, struct quota *out)
{
    struct store *store = worker_store(w);
    struct sys_bytes b;
    struct quota q = {.limit = limit_of(account, s), .cluster_limit = s->quota_cluster_bytes};
    enum err e = store == NULL ? ERR_UNAVAILABLE : worker_store_said(w, sys_bytes(store, account == NULL ? "" : account->name, &b));
    if (e == ERR_NOMEM)
        return e;
    if (e == ERR_OK) {
        q.known = 1;
        q.used = b.user + b.user_flight;
        q.cluster_used = b.all + b.all_flight;
    }
    *out = q;
    return ERR_OK;
}
