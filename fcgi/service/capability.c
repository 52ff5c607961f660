#include "fcgi/service/capability.h"

#include "lib/base/clock.h"

#include <string.h>

#define LASTS_S 50u /* SIGN_CAPABILITY_MAX_S, less what clocks may differ by */

enum err capability_address(const struct tls *tls, const char *url, char out[CAPABILITY_ADDRESS_SIZE])
{
    if (!tls_url_ok(tls, url))
        return ERR_INVALID;
    const char *place = url + strlen(tls_scheme(tls));
    size_t n = strlen(place);
    if (n >= CAPABILITY_ADDRESS_SIZE)
        return ERR_INVALID;
    memcpy(out, place, n + 1);
    return ERR_OK;
}

/* Nodes believe their own clocks; of one that we never asked anything we only know by what clock its heartbeats are dated. */
static uint64_t its_clock_s(const struct app *a, const struct view *v, const char *node)
{
    struct contact contact = contacts_get(a->contacts, node);
    int64_t ahead_ms = contact.clock_known ? contact.ahead_ms : v->survey.heartbeats_ahead_ms;
    return (uint64_t)((int64_t)clock_unix_ms() + ahead_ms) / 1000;
}

enum err capability_make(const struct app *a, const struct view *v, const char *node, const char *what, char out[CAPABILITY_SIZE])
{
    struct buf text;
    buf_init(&text, CAPABILITY_SIZE - 1);
    struct sign_key key;
    enum err e = sign_keys_of(a->keys, node, &key);
    if (e == ERR_OK)
        e = sign_capability_make(&key, node, what, its_clock_s(a, v, node) + LASTS_S, &text);
    if (e == ERR_OK)
        memcpy(out, buf_str(&text), text.len + 1);
    buf_release(&text);
    return e;
}
