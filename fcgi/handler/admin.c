/* PUT /cluster/replication, POST /cluster/nodes/{node}/drain, undrain, remove: what operators ask is handed to the leader, and its answer back. */
#include "fcgi/handler/handlers.h"
#include "fcgi/handler/inputs.h"
#include "fcgi/request.h"
#include "fcgi/service/admin.h"

#define BODY_MAX 4096u
#define AT_RISK_MAX 1000

/* 0 when it is missing. */
static void copy_u64(const struct json *from, const char *name, const char *as, struct json *to)
{
    uint64_t value = 0;
    if (json_get_u64(from, name, UINT64_MAX, &value))
        value = 0;
    json_set_u64(to, as, value);
}

/* Names of courses, as many as are worth reading. */
static void copy_at_risk(const struct json *from, struct json *to)
{
    struct json *list = json_array();
    size_t n = 0;
    for (const struct json *item = json_first(json_get(from, "at_risk")); item && n < AT_RISK_MAX; item = json_next(item), n++)
        json_append(list, json_string(json_as_str(item) ? json_as_str(item) : ""));
    json_set(to, "at_risk", list);
    copy_u64(from, "at_risk_count", "at_risk_count", to);
}

static struct json *dry_run_json(const struct json *answer)
{
    struct json *j = json_object(), *to = json_array();
    copy_u64(answer, "copies", "copies", j);
    copy_u64(answer, "bytes", "bytes", j);
    copy_u64(answer, "seconds", "seconds", j);
    for (const struct json *item = json_first(json_get(answer, "to")); item; item = json_next(item)) {
        struct json *row = json_object();
        json_set_str(row, "node", json_get_str(item, "node"));
        copy_u64(item, "copies", "copies", row);
        json_append(to, row);
    }
    json_set(j, "to", to);
    copy_at_risk(answer, j);
    return j;
}

static void send_refusal(struct request *r, enum err e, const struct json *answer, const char *otherwise)
{
    const char *detail = json_get_str(answer, "detail");
    struct json *problem = response_problem_begin(r, e, detail ? detail : otherwise);
    if (e == ERR_CONFLICT)
        copy_at_risk(answer, problem);
    response_problem_end(r, e, problem);
}

static void send_answer(struct request *r, const struct admin_answer *a)
{
    struct json *j;
    switch (a->status) {
    case 200: response_json(r, 200, dry_run_json(a->body)); break;
    case 202:
        j = json_object();
        copy_u64(a->body, "ring", "ring_epoch", j);
        response_json(r, 202, j);
        break;
    case 400:
    case 422: send_refusal(r, ERR_SYNTAX, a->body, NULL); break;
    case 404: send_refusal(r, ERR_NOT_FOUND, a->body, "No node has this name or id."); break;
    case 409: send_refusal(r, ERR_CONFLICT, a->body, "Not possible yet: files would lose their last copy."); break;
    default:
        response_problem(r, ERR_UNAVAILABLE, "The leader's answer is none that is known here: is it of this cluster, and of this version?");
        break;
    }
}

/* Takes body. */
static void ask(struct request *r, const char *verb, struct json *body)
{
    struct admin_answer answer;
    enum err e = body ? admin_ask(request_worker(r), verb, body, &answer) : ERR_NOMEM;
    json_free(body);
    if (e) {
        response_problem(r, e,
            e == ERR_UNAVAILABLE ? "No leader right now. Reading and sharing go on; a new one is being chosen."
            : e == ERR_TIMEOUT   ? "The leader did not answer in time: it is not known whether it took this up. Asking again does no harm."
                                 : NULL);
        return;
    }
    send_answer(r, &answer);
    admin_answer_release(&answer);
}

/* After an error the problem is answered already. */
static enum err add_flag(struct request *r, const char *name, struct json *body)
{
    int on;
    const char *detail;
    enum err e = inputs_flag(request_query(r, name), &on, &detail);
    if (e)
        response_problem(r, e, detail);
    else if (on)
        json_set_bool(body, name, 1);
    return e;
}

static void ask_about_node(struct request *r, const char *verb)
{
    const char *node = request_capture(r, 0, NULL);
    struct json *body = json_object();
    /* A text that can be neither a name nor an id is nobody's. */
    if (!admin_is_node(node)) {
        response_problem(r, ERR_NOT_FOUND, "No node has this name or id.");
        json_free(body);
        return;
    }
    json_set_str(body, "node", node);
    if (add_flag(r, "dry_run", body) || add_flag(r, "force", body)) {
        json_free(body);
        return;
    }
    ask(r, verb, body);
}

void admin_drain(struct request *r)
{
    ask_about_node(r, "drain");
}

void admin_undrain(struct request *r)
{
    ask_about_node(r, "undrain");
}

void admin_remove(struct request *r)
{
    ask_about_node(r, "remove");
}

/* The whole body. */
static enum err read_body(struct request *r, char text[BODY_MAX], size_t *len)
{
    uint64_t size;
    enum err e = request_content_length(r, BODY_MAX, &size);
    for (*len = 0; !e && *len < size;) {
        long got = request_read(r, text + *len, (size_t)size - *len);
        if (got <= 0)
            e = ERR_SYNTAX;
        else
            *len += (size_t)got;
    }
    return e;
}

static enum err read_k(const char *text, size_t len, uint64_t *k)
{
    struct json *j;
    enum err e = json_parse(text, len, &j);
    if (e)
        return e;
    e = json_is_object(j) && json_count(j) == 1 ? json_get_u64(j, "k", ADMIN_K_MAX, k) : ERR_SYNTAX;
    if (!e && *k == 0)
        e = ERR_INVALID;
    json_free(j);
    return e;
}

void admin_put_replication(struct request *r)
{
    char text[BODY_MAX];
    size_t len;
    uint64_t k;
    enum err e = read_body(r, text, &len);
    if (!e && read_k(text, len, &k)) {
        response_problem(r, ERR_SYNTAX, "The body is {\"k\": n}, with n from 1 to 16.");
        return;
    }
    if (e) {
        response_problem(r, e, NULL);
        return;
    }
    struct json *body = json_object();
    json_set_u64(body, "k", k);
    if (add_flag(r, "dry_run", body)) {
        json_free(body);
        return;
    }
    ask(r, "replication", body);
}
