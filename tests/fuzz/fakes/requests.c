/* Requests out of a fuzzer's text (http.h): signed, framed, played to the one server that was started, and their answers held to what every answer must be. */
#include "tests/fuzz/fakes/connection.h"

#include "lib/base/clock.h"
#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/wire/frame.h"
#include "lib/wire/json.h"

#include <sys/socket.h>
#include <unistd.h>

static void add_header(struct MHD_Connection *c, const char *name, const char *value)
{
    FUZZ_CHECK(c->n_headers < HEADERS_MAX);
    struct header *h = &c->headers[c->n_headers++];
    h->name = strdup(name);
    h->value = strdup(value);
    FUZZ_CHECK(h->name && h->value);
}

/* The key of messages from a sender to who is asked, as that one derives it. */
static void pair_key(const struct http_fuzz *f, const char *sender, struct sign_key *out)
{
    struct sign_key receiver;
    if (f->receiver)
        sign_node_key(&f->master, f->receiver, &receiver);
    else
        sign_coordinators_key(&f->master, &receiver);
    sign_pair_key(&receiver, sender, out);
}

/* A good signature, of a nonce that was not used before. */
static void sign(struct MHD_Connection *c, const struct http_fuzz *f, const char *role, const struct fake_request *q, int is_stream)
{
    static uint64_t nonces;
    char sender[SIGN_SENDER_MAX], hash[HASH_HEX_SIZE] = "stream";
    struct sign_key key;
    struct buf b;
    struct sign_input in = {.method = q->method,
        .path = q->target,
        .body_hash = hash,
        .sender = sender,
        .time_ms = clock_unix_ms() - q->late_ms,
        .epoch = f->epoch};
    if (strncmp(role, "node:", 5) == 0)
        snprintf(sender, sizeof(sender), "%s", role);
    else
        snprintf(sender, sizeof(sender), "%s:%s", role, strcmp(role, "node") == 0 ? f->node : "fuzz");
    snprintf(in.nonce, sizeof(in.nonce), "%032llx", (unsigned long long)++nonces);
    if (!is_stream)
        hash_sha256_hex(q->body, q->len, hash);
    pair_key(f, sender, &key);
    buf_init(&b, SIGN_HEADER_MAX + 2 * strlen(q->target));
    if (sign_make(&key, &in, &b) == ERR_OK)
        add_header(c, "Authorization", b.data);
    buf_release(&b);
}

/* A capability for the last segment of the target. */
static void permit(struct MHD_Connection *c, const struct http_fuzz *f, const char *kind, const char *target)
{
    const char *last = strrchr(target, '/');
    size_t len = last ? strcspn(last + 1, "?") : 0, n = 0;
    struct sign_key key;
    struct buf what, header;
    buf_init(&what, 16384);
    buf_init(&header, SIGN_HEADER_MAX);
    char *name = malloc(len + 1);
    FUZZ_CHECK(name && buf_addf(&what, "%s:", kind) == ERR_OK);
    if (f->receiver && last && text_percent_decode(last + 1, len, 0, name, &n) == ERR_OK && buf_add(&what, name, n) == ERR_OK) {
        sign_node_key(&f->master, f->receiver, &key);
        if (sign_capability_make(&key, f->receiver, buf_str(&what), clock_unix_ms() / 1000 + 30, &header) == ERR_OK)
            add_header(c, "Authorization", header.data);
    }
    free(name);
    buf_release(&what);
    buf_release(&header);
}

/* Takes a line of the headers; q gets what is none. */
static void take_header(struct MHD_Connection *c, char *line, struct fake_request *q)
{
    char *colon = strchr(line, ':');
    if (!colon || colon == line || c->n_headers + 3 >= HEADERS_MAX)
        return;
    *colon = '\0';
    const char *value = colon + 1 + strspn(colon + 1, " \t");
    if (strcmp(line, "Cut") == 0)
        q->cut = (size_t)strtoul(value, NULL, 10);
    else if (strcmp(line, "Late") == 0)
        q->late_ms = strtoul(value, NULL, 10) % 1000000;
    else
        add_header(c, line, value);
}

/* Makes the frame that a body's first line and the rest stand for. */
static void make_frame(const uint8_t *data, size_t size, struct buf *out)
{
    const uint8_t *end = memchr(data, '\n', size);
    size_t head = end ? (size_t)(end - data) : size;
    FUZZ_CHECK(frame_head(out, (const char *)data, head) == ERR_OK);
    if (end)
        FUZZ_CHECK(buf_add(out, end + 1, size - head - 1) == ERR_OK);
}

/* What every answer is held to. */
static void check_answer(const struct fake_request *q, const struct http_answer *a)
{
    FUZZ_CHECK(a->status != 500); /* whatever comes from outside: there is a better word for it */
    if (a->wants_more || strcmp(q->method, "HEAD") == 0 ||
        (strcmp(a->type, "application/json") != 0 && strcmp(a->type, "application/problem+json") != 0))
        return;
    struct json *j = NULL;
    FUZZ_CHECK(json_parse(buf_str(&a->body), a->body.len, &j) == ERR_OK);
    FUZZ_CHECK(strcmp(a->type, "application/json") == 0 || (a->status >= 400 && json_get_str(j, "title")));
    json_free(j);
}

/* The headers and the body behind the request's line; size: of this request alone. */
static void play_one(
    const struct http_fuzz *f, const char *role, struct fake_request *q, const uint8_t *data, size_t size, struct http_answer *a)
{
    struct MHD_Connection c = {.socket = {-1, -1}, .peer = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}}};
    struct buf frame;
    buf_init(&frame, 4u << 20);
    q->cut = SIZE_MAX;
    while (size > 0) {
        char *line = fuzz_line(&data, &size);
        int last = *line == '\0';
        take_header(&c, line, q);
        free(line);
        if (last)
            break;
    }
    q->piece = 1 + size % 61;
    q->body = (const char *)data;
    q->len = size;
    if (strcmp(q->method, "FRAME") == 0) {
        make_frame(data, size, &frame);
        q->method = "POST";
        q->body = frame.data;
        q->len = frame.len;
        q->piece = frame.len;
    }
    char length[24];
    snprintf(length, sizeof(length), "%zu", q->len);
    if (!MHD_lookup_connection_value(&c, MHD_HEADER_KIND, "Content-Length") && (q->len > 0 || strcmp(q->method, "GET") != 0))
        add_header(&c, "Content-Length", length);
    a->is_signed = strcmp(role, "none") != 0;
    if (strcmp(role, "blob") == 0 || strcmp(role, "file") == 0)
        permit(&c, f, role, q->target);
    else if (a->is_signed)
        sign(&c, f, role, q, strcmp(q->method, "PUT") == 0);
    /* As libmicrohttpd does: no more of a body than was announced, and no end of it before that. */
    uint64_t announced = 0;
    const char *said = MHD_lookup_connection_value(&c, MHD_HEADER_KIND, "Content-Length");
    if (said && num_parse_u64(said, UINT64_MAX, &announced) == ERR_OK && announced != q->len) {
        if (announced < q->len)
            q->len = (size_t)announced;
        else
            q->cut = q->cut < q->len ? q->cut : q->len, q->len = q->len + 1;
    } else if (!said) {
        q->len = 0;
    }
    connection_serve(&c, q, a);
    check_answer(q, a);
    if (c.response)
        MHD_destroy_response(c.response);
    for (size_t i = 0; i < c.n_headers; i++) {
        free(c.headers[i].name);
        free(c.headers[i].value);
    }
    if (c.socket[0] >= 0) {
        close(c.socket[0]);
        close(c.socket[1]);
    }
    buf_release(&frame);
}

/* Cuts the line "ROLE METHOD TARGET" in three; 0 when it is not so. */
static int cut_line(char *line, char **role, char **method, char **target)
{
    *role = line;
    *method = strchr(line, ' ');
    if (!*method)
        return 0;
    *(*method)++ = '\0';
    *target = strchr(*method, ' ');
    if (!*target)
        return 0;
    *(*target)++ = '\0';
    return **method != '\0';
}

static int is_role(const char *word)
{
    static const char *const words[] = {"none", "api", "tool", "node", "coordinator", "blob", "file"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcmp(word, words[i]) == 0)
            return 1;
    return strncmp(word, "node:", 5) == 0 && word[5] && strlen(word) < SIGN_SENDER_MAX;
}

void http_fuzz_play(
    const struct http_fuzz *f, const uint8_t *data, size_t size, void (*each)(const char *line, const struct http_answer *answer))
{
    static const char next[] = "\n%%\n";
    for (int i = 0; i < HTTP_FUZZ_REQUESTS && size > 0; i++) {
        const uint8_t *end = memmem(data, size, next, sizeof(next) - 1);
        size_t own = end ? (size_t)(end - data) : size;
        const uint8_t *rest = data;
        size_t left = own;
        char *line = fuzz_line(&rest, &left), *whole = strdup(line), *role, *method, *target;
        FUZZ_CHECK(whole);
        if (cut_line(line, &role, &method, &target) && is_role(role)) {
            struct fake_request q = {.method = method, .target = target};
            struct http_answer a = {.status = 0};
            buf_init(&a.body, BODY_MAX + 8192);
            play_one(f, role, &q, rest, left, &a);
            if (getenv("FUZZ_SHOW"))
                fprintf(stderr, "%s: %d %.300s\n", whole, a.status, buf_str(&a.body));
            if (each)
                each(whole, &a);
            buf_release(&a.body);
        }
        free(line);
        free(whole);
        own += end ? sizeof(next) - 1 : 0;
        data += own;
        size -= own;
    }
}
