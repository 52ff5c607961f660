/* What a node reads of its own folder and of what coordinators tell it: identity, keys, pairs, addresses, the ring. What is taken is whole; what cannot be read is
 * refused or forgotten, as the file's purpose wants it. Input: a line that says which of them, then its bytes. */
#include "tests/fuzz/folder.h"

#include "lib/base/log.h"
#include "lib/base/seal.h"
#include "node/cluster.h"
#include "node/db.h"
#include "node/identity.h"
#include "node/keys.h"

#define SELF "node-1.00000000000000aa"
#define COORDINATORS "http://127.0.0.1:1"

static const struct sign_key master = {"the key of the fuzz target, 32 b"};

static void give_keys(void)
{
    struct keys_given given;
    keys_derive(&master, SELF, &given);
    FUZZ_CHECK(keys_give(fuzz_folder(), SELF, &given) == ERR_OK);
}

static void check_identity(const uint8_t *data, size_t size)
{
    struct ring_member self, again;
    struct buf line;
    fuzz_write("node.json", data, size, 0600);
    enum err e = identity_read(fuzz_folder(), &self);
    FUZZ_CHECK(e == ERR_OK || e == ERR_CORRUPT || e == ERR_NOMEM);
    if (!e) {
        buf_init(&line, 4096);
        FUZZ_CHECK(ring_id_ok(self.id) && ring_name_ok(self.name) && self.weight >= 1 && self.weight <= RING_WEIGHT_MAX);
        FUZZ_CHECK(identity_take(fuzz_folder(), &self, &line) == ERR_OK);
        fuzz_write("node.json", line.data, line.len, 0600);
        FUZZ_CHECK(identity_read(fuzz_folder(), &again) == ERR_OK && strcmp(again.id, self.id) == 0 && again.weight == self.weight);
        buf_release(&line);
    }
    unlink(fuzz_path("node.json"));
}

/* A marker decides whether the database beside it may be used. */
static void check_marker(const uint8_t *data, size_t size)
{
    const struct ring_member self = {.id = SELF, .name = "node-1", .weight = 1};
    struct db *db = NULL;
    char path[256];
    snprintf(path, sizeof(path), "%s", fuzz_path("records.db"));
    FUZZ_CHECK(db_create(path, SELF) == ERR_OK && db_open(path, &db) == ERR_OK);
    fuzz_write("marker.json", data, size, 0600);
    enum err e = identity_claim(fuzz_folder(), &self, db);
    FUZZ_CHECK(e == ERR_OK || e == ERR_CORRUPT);
    if (!e)
        FUZZ_CHECK(identity_claim(fuzz_folder(), &self, db) == ERR_OK); /* what was written is read again */
    db_close(db);
    fuzz_folder_remove();
}

static void check_node_key(const uint8_t *data, size_t size)
{
    struct sign_keys *keys = NULL;
    fuzz_write("node.key", data, size, 0600);
    enum err e = keys_open(fuzz_folder(), SELF, &keys);
    FUZZ_CHECK(e == ERR_OK || e == ERR_CORRUPT || e == ERR_INVALID || e == ERR_NOMEM);
    FUZZ_CHECK(e || strcmp(sign_keys_self(keys), "node:" SELF) == 0);
    sign_keys_free(keys);
    FUZZ_CHECK(chmod(fuzz_path("node.key"), 0640) == 0 && keys_open(fuzz_folder(), SELF, &keys) == ERR_DENIED);
    unlink(fuzz_path("node.key"));
}

/* Pairs that cannot be read are no reason not to start. */
static void check_pairs(const uint8_t *data, size_t size)
{
    struct sign_keys *keys = NULL;
    give_keys();
    fuzz_write("pairs.json", data, size, 0600);
    FUZZ_CHECK(keys_open(fuzz_folder(), SELF, &keys) == ERR_OK);
    sign_keys_free(keys);
    unlink(fuzz_path("pairs.json"));
}

/* The same as a coordinator seals it; and as it is, which opens for nobody. */
static void check_told_pairs(const uint8_t *data, size_t size)
{
    struct sign_keys *keys = NULL, *again = NULL;
    struct sign_key own, seal;
    struct buf sealed;
    give_keys();
    FUZZ_CHECK(keys_open(fuzz_folder(), SELF, &keys) == ERR_OK);
    FUZZ_CHECK(keys_take(fuzz_folder(), keys, data, size) == ERR_AUTH);
    sign_node_key(&master, SELF, &own);
    sign_pairs_seal(&own, &seal);
    buf_init(&sealed, size + SEAL_EXTRA + 1);
    FUZZ_CHECK(seal_close(seal.bytes, "pairs", data, size, &sealed) == ERR_OK);
    enum err e = keys_take(fuzz_folder(), keys, sealed.data, sealed.len);
    FUZZ_CHECK(e == ERR_OK || e == ERR_SYNTAX || e == ERR_TOO_LARGE || e == ERR_NOMEM || e == ERR_INVALID);
    FUZZ_CHECK(keys_open(fuzz_folder(), SELF, &again) == ERR_OK);
    FUZZ_CHECK(e || sign_keys_knows(keys, "node-2.bb") == sign_keys_knows(again, "node-2.bb"));
    sign_keys_free(keys);
    sign_keys_free(again);
    buf_release(&sealed);
    unlink(fuzz_path("pairs.json"));
}

static struct cluster *open_cluster(struct db **db, struct ledger **ledger, struct sign_keys **keys, const char *coordinators, enum err *e)
{
    struct cluster *c = NULL;
    char path[256];
    snprintf(path, sizeof(path), "%s", fuzz_path("records.db"));
    give_keys();
    FUZZ_CHECK(keys_open(fuzz_folder(), SELF, keys) == ERR_OK);
    FUZZ_CHECK(db_create(path, SELF) == ERR_OK && db_open(path, db) == ERR_OK && ledger_open(*db, ledger) == ERR_OK);
    *e = cluster_open(fuzz_folder(), coordinators, *ledger, *keys, &c);
    return c;
}

/* nodes.json, or a coordinator's answer to GET /ring, or the setting that names the coordinators. */
static void check_cluster(const char *what, const uint8_t *data, size_t size)
{
    struct db *db;
    struct ledger *ledger;
    struct sign_keys *keys;
    enum err e;
    char *list = strcmp(what, "coordinators") == 0 ? fuzz_string(data, size) : NULL, url[MEMBERS_URL_MAX];
    if (strcmp(what, "nodes.json") == 0)
        fuzz_write("nodes.json", data, size, 0600);
    struct cluster *c = open_cluster(&db, &ledger, &keys, list ? list : COORDINATORS, &e);
    FUZZ_CHECK(e == ERR_OK || (list && e == ERR_SYNTAX));
    for (size_t i = 0; c && i < cluster_coordinators(c); i++)
        FUZZ_CHECK(*cluster_coordinator(c, i) && !strchr(cluster_coordinator(c, i), ','));
    if (c && strcmp(what, "ring") == 0) {
        e = cluster_learn(c, (const char *)data, size);
        FUZZ_CHECK(e == ERR_OK || e == ERR_SYNTAX || e == ERR_INVALID || e == ERR_NOMEM || e == ERR_STALE_RING || e == ERR_CONFLICT);
    }
    if (c && cluster_url(c, "node-2.bb", url) == ERR_OK)
        FUZZ_CHECK(*url);
    cluster_close(c);
    ledger_close(ledger);
    db_close(db);
    sign_keys_free(keys);
    free(list);
    fuzz_folder_remove();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct {
        const char *what;
        void (*check)(const uint8_t *data, size_t size);
    } rows[] = {{"node.json", check_identity}, {"marker.json", check_marker}, {"node.key", check_node_key}, {"pairs.json", check_pairs},
        {"pairs", check_told_pairs}};
    char *what = fuzz_line(&data, &size);
    log_init("fuzz", LOG_ERROR);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (strcmp(rows[i].what, what) == 0)
            rows[i].check(data, size);
    if (strcmp(what, "nodes.json") == 0 || strcmp(what, "ring") == 0 || strcmp(what, "coordinators") == 0)
        check_cluster(what, data, size);
    free(what);
    return 0;
}
