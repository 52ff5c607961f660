/* POST /audit/head and GET /audit/heads: the newest lines of audit logs, kept for others. */
#include "node/handle.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/num.h"

#include <string.h>

static enum err read_head(struct http_request *r, struct audit_head *out)
{
    size_t len;
    struct json *j;
    const void *body = http_body(r, &len);
    enum err e = json_parse(body, len, &j);
    if (e)
        return e;
    e = audit_head_from_json(j, out);
    json_free(j);
    return e;
}

void handle_head(struct http_request *r, void *ctx)
{
    struct node *n = ctx;
    struct audit_head head = {.n = 0};
    const char *why = "The body is not the head of an audit log.";
    if (handle_refuse_writes(r, n))
        return;
    enum err e = read_head(r, &head);
    if (!e && strcmp(head.process, http_claim(r)->sender) != 0) {
        why = "A process tells only heads of its own.";
        e = ERR_DENIED;
    } else if (!e) {
        why = "Another line of that number was told before: the log was written anew.";
        e = heads_keep(&n->heads, &head, clock_unix_ms());
    }
    if (e == ERR_CONFLICT)
        log_write(
            LOG_ERROR, "audit", "%s tells another line %llu of chain %s than before", head.process, (unsigned long long)head.n, head.chain);
    if (e)
        http_reply_problem(r, e, e == ERR_SYNTAX || e == ERR_DENIED || e == ERR_CONFLICT ? why : NULL);
    else
        http_reply(r, 200, "application/json", "{}", 2);
}

void handle_heads(struct http_request *r, void *ctx)
{
    struct node *n = ctx;
    const char *after = http_query(r, "after"), *limit = http_query(r, "limit");
    uint64_t from = 0, max = HEADS_PAGE_MAX, next = 0;
    if ((after && num_parse_u64(after, INT64_MAX, &from)) || (limit && (num_parse_u64(limit, HEADS_PAGE_MAX, &max) || max == 0))) {
        http_reply_problem(r, ERR_SYNTAX, "after is a number, limit one from 1 to 1000.");
        return;
    }
    struct json *j = json_object(), *list = json_array();
    enum err e = heads_list(&n->heads, from, max, list, &next);
    json_set_str(j, "node", n->self.id);
    json_set(j, "heads", list);
    if (next)
        json_set_u64(j, "next", next);
    else
        json_set_null(j, "next");
    if (!e) {
        handle_reply_json(r, 200, j);
        return;
    }
    json_free(j);
    http_reply_problem(r, e, NULL);
}
