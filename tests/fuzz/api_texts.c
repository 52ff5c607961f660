/* What the api reads besides requests: the first admin's file, the live keys of links, its picture of the cluster on disk, and a coordinator's answer to GET /ring.
 * What is taken is whole and says the same when it is written and read again. Input: tried as each of them. */
#include "tests/fuzz/folder.h"

#include "fcgi/service/accounts.h"
#include "fcgi/service/links_inside.h"
#include "fcgi/service/picture.h"
#include "lib/base/log.h"
#include "lib/wire/json.h"

static void check_admin(const char *text, size_t len)
{
    struct accounts_admin a;
    struct buf again;
    char id[AUTH_ID_SIZE];
    if (accounts_admin_parse(text, len, &a))
        return;
    FUZZ_CHECK(auth_name_ok(a.name) && *a.password && !strpbrk(a.password, "\r\n"));
    FUZZ_CHECK(*a.token == '\0' || secret_token_parse(SECRET_API, a.token, strlen(a.token), id) == ERR_OK);
    buf_init(&again, 1u << 14);
    FUZZ_CHECK(buf_addf(&again, "%s\n%s\n%s%s", a.name, a.password, a.token, *a.token ? "\n" : "") == ERR_OK);
    FUZZ_CHECK(again.len == len || again.len == len + 1); /* the last line needs no end */
    FUZZ_CHECK(memcmp(again.data, text, len < again.len ? len : again.len) == 0);
    buf_release(&again);
}

static void check_link_keys(const struct json *j)
{
    struct link_keys keys, again;
    struct buf once, twice;
    if (links_keys_from_json(j, &keys))
        return;
    buf_init(&once, 1u << 14);
    buf_init(&twice, 1u << 14);
    struct json *printed = links_keys_to_json(&keys), *anew;
    FUZZ_CHECK(json_print(printed, &once) == ERR_OK && links_keys_from_json(printed, &again) == ERR_OK && again.n == keys.n);
    anew = links_keys_to_json(&again);
    FUZZ_CHECK(json_print(anew, &twice) == ERR_OK && strcmp(once.data, twice.data) == 0);
    json_free(printed);
    json_free(anew);
    buf_release(&once);
    buf_release(&twice);
}

/* Every node of a picture has an id; written down it is read again with the same ring and addresses. */
static void check_members(const struct members *m)
{
    struct members again, copy, complete;
    uint8_t digest[HASH_SIZE], digest_again[HASH_SIZE];
    for (size_t i = 0; i < m->n_nodes; i++)
        FUZZ_CHECK(*m->nodes[i].id && picture_node(m, m->nodes[i].id));
    FUZZ_CHECK(picture_save(fuzz_path("saved.json"), m) == ERR_OK && picture_load(fuzz_path("saved.json"), &again) == ERR_OK);
    picture_digest(m, digest);
    picture_digest(&again, digest_again);
    FUZZ_CHECK(memcmp(digest, digest_again, sizeof(digest)) == 0);
    FUZZ_CHECK(picture_copy(m, &copy) == ERR_OK && picture_copy(&again, &complete) == ERR_OK);
    FUZZ_CHECK(picture_complete(&complete, &copy) == ERR_OK);
    picture_keep_living(&complete, &copy);
    members_release(&again);
    members_release(&copy);
    members_release(&complete);
}

static void check_picture(const uint8_t *data, size_t size)
{
    struct members known, told;
    fuzz_write("picture.json", data, size, 0600);
    if (picture_load(fuzz_path("picture.json"), &known) == ERR_OK) {
        check_members(&known);
        members_release(&known);
    }
    known = (struct members){.n_nodes = 0};
    if (picture_from_coordinator((const char *)data, size, &known, &told))
        return;
    check_members(&told);
    struct members later;
    FUZZ_CHECK(picture_from_coordinator((const char *)data, size, &told, &later) == ERR_OK);
    members_release(&later);
    members_release(&told);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json *j = NULL;
    log_init("fuzz", LOG_ERROR);
    check_admin((const char *)data, size);
    if (json_parse((const char *)data, size, &j) == ERR_OK)
        check_link_keys(j);
    json_free(j);
    check_picture(data, size);
    return 0;
}
