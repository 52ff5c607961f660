#include "node/join.h"

#include "lib/auth/secret.h"
#include "lib/base/fs.h"
#include "lib/base/id.h"
#include "lib/base/num.h"
#include "lib/base/seal.h"
#include "lib/peer/client.h"
#include "lib/peer/peer.h"
#include "lib/wire/json.h"
#include "node/identity.h"
#include "node/keys.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PATH "/api/v1/join"
#define CLAIM_BYTES 32
#define CLAIM_HEX (2 * CLAIM_BYTES + 1)
#define SMALL_MAX 4096u
#define STALL_MS 30000u

struct join {
    const char *data, *url;
    char *why;
    char id[AUTH_ID_SIZE]; /* of the token */
    struct sign_key secret;
    char claim[CLAIM_HEX];
    struct ring_member self;
    struct keys_given given;
};

__attribute__((format(printf, 3, 4))) static enum err fail(const struct join *j, enum err e, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(j->why, JOIN_WHY_SIZE, fmt, ap);
    va_end(ap);
    return e;
}

static void wipe(struct buf *b)
{
    if (b->data)
        explicit_bzero(b->data, b->cap);
    buf_release(b);
}

static enum err read_token(struct join *j, const char *path)
{
    struct buf text;
    buf_init(&text, SECRET_TOKEN_SIZE + 2);
    enum err e = fs_read_private(path, &text);
    size_t len = text.len;
    while (len > 0 && strchr(" \r\n", text.data[len - 1]))
        len--;
    if (!e)
        e = secret_token_parse(SECRET_JOIN, buf_str(&text), len, j->id) ? ERR_SYNTAX : ERR_OK;
    if (!e)
        e = secret_bytes(text.data + len - (SECRET_SIZE - 1), SECRET_SIZE - 1, j->secret.bytes);
    wipe(&text);
    if (e == ERR_DENIED)
        return fail(j, e, "%s can be read by others, or not by us: a join token must be for its owner only (chmod 600)", path);
    return e ? fail(j, e, "%s holds no join token: %s", path, err_text(e)) : ERR_OK;
}

/* The claim that was drawn for this token before, if there was one. */
static enum err read_claim(struct join *j, const char *path)
{
    struct json *kept = NULL;
    struct buf text;
    buf_init(&text, SMALL_MAX);
    enum err e = fs_read_private(path, &text);
    if (!e)
        e = json_parse(buf_str(&text), text.len, &kept);
    const char *token = json_get_str(kept, "token"), *claim = json_get_str(kept, "claim");
    if (!e && (!token || strcmp(token, j->id) != 0 || !claim || !num_is_hex(claim, CLAIM_HEX - 1)))
        e = ERR_NOT_FOUND; /* of another token: it never became a node */
    if (!e)
        memcpy(j->claim, claim, CLAIM_HEX);
    json_free(kept);
    wipe(&text);
    return e;
}

/* The claim is on disk before anybody hears of it. */
static enum err have_claim(struct join *j)
{
    char path[PATH_MAX], text[SMALL_MAX];
    int len = snprintf(path, sizeof(path), "%s/join.json", j->data);
    if (len < 0 || (size_t)len >= sizeof(path))
        return fail(j, ERR_INVALID, "%s is too long", j->data);
    enum err e = read_claim(j, path);
    if (!e)
        return ERR_OK;
    id_random_hex(j->claim, CLAIM_BYTES);
    len = snprintf(text, sizeof(text), "{\"token\":\"%s\",\"claim\":\"%s\"}", j->id, j->claim);
    e = fs_mkdirs(j->data, 0750);
    if (!e)
        e = fs_replace_file(path, text, (size_t)len, 0600);
    return e ? fail(j, e, "%s cannot be written: %s", path, err_text(e)) : ERR_OK;
}

static void drop_claim(const struct join *j)
{
    char path[PATH_MAX];
    int len = snprintf(path, sizeof(path), "%s/join.json", j->data);
    if (len > 0 && (size_t)len < sizeof(path))
        unlink(path);
}

/* What a refusal says for people, or its status. */
static enum err refused(const struct join *j, const struct client_answer *a)
{
    enum err e = a->status == 409 ? ERR_CONFLICT : a->status == 401 || a->status == 403 || a->status == 404 ? ERR_DENIED : ERR_UNAVAILABLE;
    struct json *problem = NULL;
    const char *detail = NULL;
    if (json_parse(buf_str(&a->body), a->body.len, &problem) == ERR_OK)
        detail = json_get_str(problem, "detail");
    e = fail(j, e, "%s answers %ld: %.300s", j->url, a->status, detail ? detail : "the token is not taken");
    json_free(problem);
    return e;
}

/* {"sealed": hex} */
static enum err read_sealed(const struct client_answer *a, struct buf *sealed)
{
    struct json *answer;
    enum err e = json_parse(buf_str(&a->body), a->body.len, &answer);
    if (e)
        return e;
    const char *text = json_get_str(answer, "sealed");
    size_t n = text ? strlen(text) / 2 : 0;
    e = n > 0 ? buf_reserve(sealed, n) : ERR_SYNTAX;
    if (!e)
        e = num_unhex(text, sealed->data, n);
    if (!e)
        sealed->len = n;
    json_free(answer);
    return e;
}

static enum err post(const struct join *j, struct client *client, const char *body, struct buf *sealed)
{
    static const char *const headers[] = {"Content-Type: application/json"};
    char url[CLIENT_URL_MAX];
    size_t base = strlen(j->url);
    struct client_answer a;
    base -= base > 0 && j->url[base - 1] == '/';
    int len = snprintf(url, sizeof(url), "%.*s" PATH, (int)base, j->url);
    if (len < 0 || (size_t)len >= sizeof(url))
        return fail(j, ERR_INVALID, "the portal's address is too long");
    struct client_request q = {.method = "POST",
        .url = url,
        .headers = headers,
        .n_headers = 1,
        .body = body,
        .body_len = strlen(body),
        .answer_max = SMALL_MAX,
        .stall_ms = STALL_MS};
    enum err e = client_do(client, &q, &a);
    if (e)
        e = fail(j, e, "%s does not answer: %.200s", j->url, a.why);
    else if (a.status != 200)
        e = refused(j, &a);
    else if (read_sealed(&a, sealed))
        e = fail(j, ERR_AUTH, "what %s answers is not what a portal answers", j->url);
    client_answer_release(&a);
    return e;
}

/* Asks, and leaves what was sealed in `sealed`. */
static enum err ask(const struct join *j, struct buf *sealed)
{
    char body[512], hex[HASH_HEX_SIZE];
    uint8_t proof[HASH_SIZE];
    sign_join_proof(&j->secret, j->id, j->claim, proof);
    num_hex(proof, sizeof(proof), hex);
    snprintf(body, sizeof(body), "{\"id\":\"%s\",\"claim\":\"%s\",\"proof\":\"%s\"}", j->id, j->claim, hex);
    struct client *client = peer_global_init() ? NULL : client_new();
    if (!client)
        return fail(j, ERR_NOMEM, "out of memory");
    enum err e = post(j, client, body, sealed);
    client_free(client);
    return e;
}

static int get_bytes(const struct json *from, const char *name, uint8_t *out, size_t n)
{
    const char *hex = json_get_str(from, name);
    return hex && num_unhex(hex, out, n) == ERR_OK;
}

/* {"id","name","zone","key","coordinators","seed"}: who we are now. */
static enum err read_answer(struct join *j, const struct buf *text)
{
    struct json *answer;
    char id[SIGN_SENDER_MAX];
    enum err e = json_parse(buf_str(text), text->len, &answer);
    if (e)
        return e;
    const char *name = json_get_str(answer, "name"), *zone = json_get_str(answer, "zone"), *given = json_get_str(answer, "id");
    int ok = name && zone && given && ring_name_ok(name) && strlen(zone) < sizeof(j->self.zone) &&
             get_bytes(answer, "key", j->given.own.bytes, SIGN_KEY_SIZE) &&
             get_bytes(answer, "coordinators", j->given.to_coordinators.bytes, SIGN_KEY_SIZE) &&
             get_bytes(answer, "seed", j->given.seed, AUDIT_KEY_SIZE);
    if (ok) {
        sign_join_node(name, j->claim, id);
        ok = strcmp(id, given) == 0;
    }
    if (ok) {
        snprintf(j->self.id, sizeof(j->self.id), "%.95s", id);
        snprintf(j->self.name, sizeof(j->self.name), "%s", name);
        snprintf(j->self.zone, sizeof(j->self.zone), "%s", zone);
    }
    json_free(answer);
    return ok ? ERR_OK : ERR_SYNTAX;
}

static enum err obtain(struct join *j)
{
    struct sign_key key;
    struct buf sealed, text;
    buf_init(&sealed, SMALL_MAX);
    buf_init(&text, SMALL_MAX);
    enum err e = ask(j, &sealed);
    if (!e) {
        sign_join_seal(&j->secret, j->id, j->claim, &key);
        e = seal_open(key.bytes, "join", sealed.data, sealed.len, &text);
        explicit_bzero(&key, sizeof(key));
        if (!e)
            e = read_answer(j, &text);
        if (e)
            e = fail(j, ERR_AUTH, "what %s answers was not sealed for this token", j->url);
    }
    buf_release(&sealed);
    wipe(&text);
    return e;
}

/* Identity first: keys_give() ends it. */
static enum err settle_down(struct join *j, struct buf *line)
{
    enum err e = identity_take(j->data, &j->self, line);
    if (e == ERR_CONFLICT)
        return fail(j, e, "%s is another node's folder already", j->data);
    if (e)
        return fail(j, e, "%s cannot become a node's folder: %s", j->data, err_text(e));
    e = keys_give(j->data, j->self.id, &j->given);
    if (e)
        return fail(j, e, "the keys cannot be kept in %s: %s", j->data, err_text(e));
    drop_claim(j);
    return ERR_OK;
}

enum err join_folder(const char *data, const char *token_file, const char *url, unsigned weight, struct buf *line, char why[JOIN_WHY_SIZE])
{
    why[0] = '\0';
    struct join j = {.data = data, .url = url, .why = why, .self = {.weight = weight}};
    if (keys_are_there(data) && identity_read(data, &j.self) == ERR_OK)
        return identity_take(data, &j.self, line);
    enum err e = read_token(&j, token_file);
    if (!e)
        e = have_claim(&j);
    if (!e)
        e = obtain(&j);
    if (!e)
        e = settle_down(&j, line);
    explicit_bzero(&j, sizeof(j));
    return e;
}
