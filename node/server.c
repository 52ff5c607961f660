#include "node/server.h"

#include "lib/base/url.h"
#include "lib/wire/frame.h"
#include "node/handle.h"
#include "node/settle.h"

#include <stdio.h>
#include <string.h>

#define CONNECTIONS_MIN 8u
/* What the node has open whoever asks: the database six times, folders, the audit log, and its own connections to the others. */
#define BASE_DESCRIPTORS 48u
#define BASE_BYTES (24u << 20) /* libraries, the database's pages, checks, stacks of its own threads */
#define BASE                         \
    (struct limits_cost)             \
    {                                \
        BASE_DESCRIPTORS, BASE_BYTES \
    }
/* Of a connection: its socket and a blob; a stack, its buffer, and some bytes on their way. */
#define EACH                                             \
    (struct limits_cost)                                 \
    {                                                    \
        2, (512u << 10) + CONNECTION_BYTES + (64u << 10) \
    }
#define TIMEOUT_S 30u
#define CONNECTION_BYTES (64u << 10)
#define BLOB_BODY_MAX (4u << 20) /* a blob that comes with its record; larger ones are staged */
#define HEAD_MAX (FRAME_PREFIX + FRAME_HEAD_MAX)
#define SMALL_MAX 65536u
#define ORDER_MAX (RING_MEMBERS_MAX * (RING_ID_MAX + 4) + SMALL_MAX) /* an order names at most all members */

#define ANYBODY (SIGN_NODE | SIGN_COORDINATOR | SIGN_API | SIGN_TOOL)
#define READERS (SIGN_NODE | SIGN_API | SIGN_TOOL)        /* of bytes */
#define VIEWERS (SIGN_COORDINATOR | SIGN_API | SIGN_TOOL) /* of what this node has, as a whole */

/* Who may ask for what is said here and nowhere else: a node commands nobody, writes no record at another node, and reads what it may have to keep itself. */
static const struct http_route routes[] = {
    {"POST", "/records/{}/store", HTTP_AUTH_SIGNED, SIGN_API, HEAD_MAX + BLOB_BODY_MAX, handle_store, NULL, NULL, NULL},
    {"POST", "/records/{}/prepare", HTTP_AUTH_SIGNED, SIGN_API, SMALL_MAX, handle_prepare, NULL, NULL, NULL},
    {"POST", "/records/{}/accept", HTTP_AUTH_SIGNED, SIGN_API, HEAD_MAX + BLOB_BODY_MAX, handle_accept, NULL, NULL, NULL},
    {"POST", "/records/{}/learn", HTTP_AUTH_SIGNED, SIGN_API, SMALL_MAX, handle_learn, NULL, NULL, NULL},
    {"POST", "/records/{}/pull", HTTP_AUTH_SIGNED, SIGN_API | SIGN_NODE, SMALL_MAX, handle_pull, NULL, NULL, NULL},
    {"POST", "/records/{}/hint", HTTP_AUTH_SIGNED, SIGN_API, SMALL_MAX, handle_hint, NULL, NULL, NULL},
    {"POST", "/records/{}/fetch", HTTP_AUTH_SIGNED, SIGN_NODE, SMALL_MAX, handle_fetch, NULL, NULL, NULL},
    {"PUT", "/staging/{}", HTTP_AUTH_SIGNED, SIGN_API, 0, handle_staging, handle_staging_begin, handle_staging_piece, handle_staging_drop},
    {"POST", "/staging/{}/commit", HTTP_AUTH_SIGNED, SIGN_API, SMALL_MAX, handle_staging_commit, NULL, NULL, NULL},
    {"GET", "/blobs/{}", HTTP_AUTH_HANDLER, READERS, 0, handle_blob, NULL, NULL, NULL},
    {"GET", "/files/{}", HTTP_AUTH_HANDLER, READERS, 0, handle_file, NULL, NULL, NULL},
    {"GET", "/files", HTTP_AUTH_SIGNED, READERS, 0, handle_files, NULL, NULL, NULL},
    {"POST", "/leader/promise", HTTP_AUTH_SIGNED, SIGN_COORDINATOR, SMALL_MAX, handle_promise, NULL, NULL, NULL},
    {"POST", "/leader/install", HTTP_AUTH_SIGNED, SIGN_COORDINATOR, RINGDOC_BYTES_MAX + SMALL_MAX, handle_install, NULL, NULL, NULL},
    {"POST", "/entropy/look", HTTP_AUTH_SIGNED, SIGN_NODE, SMALL_MAX, handle_entropy_look, NULL, NULL, NULL},
    {"POST", "/entropy/keys", HTTP_AUTH_SIGNED, SIGN_NODE, SMALL_MAX, handle_entropy_keys, NULL, NULL, NULL},
    {"POST", "/scrub", HTTP_AUTH_SIGNED, SIGN_API | SIGN_TOOL, SMALL_MAX, handle_scrub, NULL, NULL, NULL},
    {"POST", "/leader/command", HTTP_AUTH_SIGNED, SIGN_COORDINATOR, ORDER_MAX, handle_command, NULL, NULL, NULL},
    {"GET", "/ring", HTTP_AUTH_SIGNED, ANYBODY, 0, handle_ring, NULL, NULL, NULL},
    {"POST", "/settle/list", HTTP_AUTH_SIGNED, SIGN_NODE, ORDER_MAX, handle_settle_list, NULL, NULL, NULL},
    {"POST", "/settle/blobs", HTTP_AUTH_SIGNED, SIGN_NODE, SETTLE_BODY_MAX, handle_settle_blobs, NULL, NULL, NULL},
    {"POST", "/settle/prepare", HTTP_AUTH_SIGNED, SIGN_NODE, SETTLE_BODY_MAX, handle_settle_prepare, NULL, NULL, NULL},
    {"POST", "/settle/accept", HTTP_AUTH_SIGNED, SIGN_NODE, SETTLE_BODY_MAX, handle_settle_accept, NULL, NULL, NULL},
    {"POST", "/settle/holds", HTTP_AUTH_SIGNED, SIGN_NODE | SIGN_COORDINATOR, SETTLE_BODY_MAX, handle_settle_holds, NULL, NULL, NULL},
    {"GET", "/courses", HTTP_AUTH_SIGNED, VIEWERS, 0, handle_courses, NULL, NULL, NULL},
    {"GET", "/holdings", HTTP_AUTH_SIGNED, VIEWERS, 0, handle_holdings, NULL, NULL, NULL},
    {"GET", "/deleted", HTTP_AUTH_SIGNED, VIEWERS, 0, handle_deleted, NULL, NULL, NULL},
    {"GET", "/lookup/{}", HTTP_AUTH_SIGNED, ANYBODY, 0, handle_lookup, NULL, NULL, NULL},
    {"GET", "/inventory", HTTP_AUTH_SIGNED, VIEWERS, 0, handle_inventory, NULL, NULL, NULL},
    {"POST", "/audit/head", HTTP_AUTH_SIGNED, SIGN_NODE | SIGN_COORDINATOR | SIGN_API, SMALL_MAX, handle_head, NULL, NULL, NULL},
    {"GET", "/audit/heads", HTTP_AUTH_SIGNED, VIEWERS, 0, handle_heads, NULL, NULL, NULL},
    {"GET", "/healthz", HTTP_AUTH_NONE, 0, 0, handle_healthz, NULL, NULL, NULL},
};

unsigned server_connections(const struct limits *l)
{
    unsigned n = (unsigned)limits_fit(l, BASE, EACH, SERVER_CONNECTIONS_MAX);
    return n < CONNECTIONS_MIN ? CONNECTIONS_MIN : n;
}

enum err server_start(struct node *n, const char *listen, unsigned connections_max, struct http_server **out)
{
    char address[URL_HOST_SIZE];
    union url_at at;
    if (url_read_listen(listen, &at))
        return ERR_INVALID;
    url_host(&at, address);
    struct http_config config = {
        .address = address,
        .port = url_port(&at),
        .connections_max = connections_max ? connections_max : SERVER_CONNECTIONS_MAX,
        .timeout_s = TIMEOUT_S,
        .memory_per_connection = CONNECTION_BYTES,
        .routes = routes,
        .n_routes = sizeof(routes) / sizeof(routes[0]),
        .keys = n->keys,
        .tls = n->tls,
        .ctx = n,
        .self = n->self.id,
        .answered = note_answered,
    };
    return http_start(&config, out);
}
