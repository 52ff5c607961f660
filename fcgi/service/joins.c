#include "fcgi/service/joins.h"

#include "lib/base/clock.h"

#include <stdio.h>

enum err joins_make(
    struct worker *w, const struct joins_new *in, const char *by, struct docs_join *out, char text[SECRET_TOKEN_SIZE], const char **detail)
{
    char key[sizeof(DOCS_JOIN_PREFIX) + AUTH_ID_SIZE];
    struct docs_join made = {.created_at_ms = clock_unix_ms(), .expires_at_ms = in->expires_at_ms};
    secret_token_new(SECRET_JOIN, made.id, text);
    secret_digest(text, made.digest);
    snprintf(made.node, sizeof(made.node), "%s", in->node);
    snprintf(made.zone, sizeof(made.zone), "%s", in->zone);
    snprintf(made.by, sizeof(made.by), "%s", by);
    snprintf(key, sizeof(key), "%s%s", DOCS_JOIN_PREFIX, made.id);
    struct json *doc = docs_join_to_json(&made);
    enum err e = doc != NULL ? docs_join_from_json(doc, out) : ERR_NOMEM; /* what cannot be read again is not written */
    if (e == ERR_SYNTAX || e == ERR_INVALID) {
        *detail =
            "A machine's name has 1 to 63 of a–z, 0–9 and -, beginning with a letter; a zone at most 63 of letters, digits and . _ -.";
        e = ERR_INVALID;
    } else if (e == ERR_OK) {
        e = sysdoc_write(w, key, doc, NULL, by, NULL);
    }
    if (e != ERR_OK)
        secret_wipe(text, SECRET_TOKEN_SIZE);
    json_free(doc);
    return e;
}
