/* Joining by a token: whatever file is said to hold it, whatever was kept of an earlier try, and whatever the portal answers, the folder becomes a node's only by an
 * answer that was sealed for this token and this claim; and why not is a sentence. Input: a line "token", "claim", "answer STATUS" or "sealed", then the bytes of the
 * token's file, of join.json, of the answer, or of what the portal seals. */
#include "tests/fuzz/folder.h"

#include "lib/base/log.h"
#include "lib/base/num.h"
#include "lib/base/seal.h"
#include "lib/peer/client.h"
#include "lib/sign/keys.h"
#include "node/identity.h"
#include "node/join.h"
#include "node/keys.h"

#define TOKEN_ID "0123456789abcdef"
#define SECRET "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
#define CLAIM "c1a1c1a1c1a1c1a1c1a1c1a1c1a1c1a1c1a1c1a1c1a1c1a1c1a1c1a1c1a1c1a1"

/* What the portal does. */
static struct {
    long status;
    int seals;
    const uint8_t *data;
    size_t size;
} portal;

/* In place of the network. */
struct client *client_new(void)
{
    return (struct client *)&portal;
}

void client_free(struct client *c)
{
    (void)c;
}

void client_answer_release(struct client_answer *a)
{
    buf_release(&a->body);
}

static void answer_sealed(struct client_answer *a)
{
    struct sign_key secret, key;
    struct buf sealed;
    for (size_t i = 0; i < sizeof(secret.bytes); i++)
        secret.bytes[i] = (uint8_t)i; /* SECRET in base64url */
    sign_join_seal(&secret, TOKEN_ID, CLAIM, &key);
    buf_init(&sealed, portal.size + SEAL_EXTRA + 1);
    FUZZ_CHECK(seal_close(key.bytes, "join", portal.data, portal.size, &sealed) == ERR_OK);
    char *hex = malloc(2 * sealed.len + 1);
    FUZZ_CHECK(hex);
    num_hex((const uint8_t *)sealed.data, sealed.len, hex);
    FUZZ_CHECK(buf_addf(&a->body, "{\"sealed\":\"%s\"}", hex) == ERR_OK);
    free(hex);
    buf_release(&sealed);
}

enum err client_do(struct client *c, const struct client_request *q, struct client_answer *a)
{
    (void)c;
    FUZZ_CHECK(q->body_len > 0 && !memmem(q->body, q->body_len, SECRET, sizeof(SECRET) - 1)); /* the secret never travels */
    *a = (struct client_answer){.status = portal.status};
    buf_init(&a->body, 1u << 20);
    if (portal.status == 0) {
        snprintf(a->why, sizeof(a->why), "nobody there");
        return ERR_UNAVAILABLE;
    }
    if (portal.seals)
        answer_sealed(a);
    else
        FUZZ_CHECK(buf_add(&a->body, portal.data, portal.size) == ERR_OK);
    return a->body.len > q->answer_max ? ERR_TOO_LARGE : ERR_OK;
}

static enum err join(struct buf *line)
{
    char why[JOIN_WHY_SIZE] = "", data[256], token[256];
    snprintf(data, sizeof(data), "%s", fuzz_path("data"));
    snprintf(token, sizeof(token), "%s", fuzz_path("token"));
    enum err e = join_folder(data, token, "http://127.0.0.1:1/", 1, line, why);
    FUZZ_CHECK(!e || *why);
    return e;
}

/* A folder that became a node's is one: with an identity, with keys, and it stays so without asking anybody. */
static void check_joined(struct buf *line)
{
    struct ring_member self;
    struct sign_keys *keys = NULL;
    FUZZ_CHECK(identity_read(fuzz_path("data"), &self) == ERR_OK);
    FUZZ_CHECK(keys_open(fuzz_path("data"), self.id, &keys) == ERR_OK || keys == NULL);
    sign_keys_free(keys);
    portal.status = 0;
    buf_reset(line);
    FUZZ_CHECK(join(line) == ERR_OK && line->len > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char token[] = "rbj_" TOKEN_ID "_" SECRET "\n", claim[] = "{\"token\":\"" TOKEN_ID "\",\"claim\":\"" CLAIM "\"}";
    char *what = fuzz_line(&data, &size);
    struct buf line;
    int is_token = strcmp(what, "token") == 0, is_claim = strcmp(what, "claim") == 0;
    log_init("fuzz", LOG_ERROR);
    buf_init(&line, 1u << 16);
    portal.status = is_token || is_claim ? 401 : strncmp(what, "answer ", 7) == 0 ? strtol(what + 7, NULL, 10) : 200;
    portal.seals = strcmp(what, "sealed") == 0;
    portal.data = data;
    portal.size = size;
    FUZZ_CHECK(mkdir(fuzz_path("data"), 0700) == 0);
    fuzz_write("token", is_token ? data : (const uint8_t *)token, is_token ? size : sizeof(token) - 1, 0600);
    fuzz_write("data/join.json", is_claim ? data : (const uint8_t *)claim, is_claim ? size : sizeof(claim) - 1, 0600);
    enum err e = join(&line);
    FUZZ_CHECK(e || portal.seals);
    if (!e)
        check_joined(&line);
    buf_release(&line);
    fuzz_folder_remove();
    free(what);
    return 0;
}
