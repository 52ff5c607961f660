/* Requests to a coordinator, by the client that nodes use. */
#ifndef RB_TESTS_UNIT_COORDINATOR_CALLS_H
#define RB_TESTS_UNIT_COORDINATOR_CALLS_H

#include "lib/peer/peer.h"
#include "lib/wire/json.h"
#include "lib/wire/member.h"
#include "tests/unit/keyring.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#define CALL_TIMEOUT_MS 20000u /* no test waits for it to pass */

/* Asks as `sender`, "role:name" or a node's id; the status, and the JSON in *answer (to be freed; NULL when there is none). */
static inline long call_as(const struct sign_key *key, const char *url, const char *sender, const char *method, const char *path,
    const char *body, struct json **answer)
{
    char self[SIGN_SENDER_MAX];
    snprintf(self, sizeof self, "%s%s", strchr(sender, ':') ? "" : "node:", sender);
    struct sign_keys *keys = keyring_of(key, self);
    struct peer *p = keys ? peer_new(keys, NULL) : NULL;
    struct peer_call call = {
        .base_url = url, .method = method, .path = path, .body = body, .body_len = body ? strlen(body) : 0, .answer_max = 1u << 21};
    assert_non_null(p);
    assert_ok(peer_call(p, &call, CALL_TIMEOUT_MS));
    assert_ok(call.error);
    *answer = NULL;
    if (json_parse(buf_str(&call.answer), call.answer.len, answer) != ERR_OK)
        *answer = NULL;
    peer_calls_release(&call, 1);
    peer_free(p);
    sign_keys_free(keys);
    return call.status;
}

/* Sends a member as `sender`; as call_as(). */
static inline long call_with_member(
    const struct sign_key *key, const char *url, const char *sender, const char *path, const struct member *m, struct json **answer)
{
    struct buf text;
    struct json *j = member_to_json(m);
    buf_init(&text, 8192);
    assert_ok(json_print(j, &text));
    json_free(j);
    long status = call_as(key, url, sender, "POST", path, buf_str(&text), answer);
    buf_release(&text);
    return status;
}

#endif
