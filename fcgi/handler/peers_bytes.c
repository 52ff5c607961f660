/* GET and HEAD /peers/{peer}/files/{name}: nginx is told which peer has the file, and what opens it there. */
#include "fcgi/handler/handlers.h"
#include "fcgi/handler/inputs.h"
#include "fcgi/request.h"
#include "fcgi/service/adopt.h"
#include "fcgi/service/peers_read.h"
#include "lib/base/text.h"

#include <string.h>

#define DISPOSITION_MAX 8192

/* The last part of the name, as which a browser saves it. What is in it is known to nobody here, so it is never shown in place. */
static enum err add_presentation(struct request *r, const char *name)
{
    const char *slash = strrchr(name, '/');
    struct buf disposition;
    buf_init(&disposition, DISPOSITION_MAX);
    enum err e = text_content_disposition(&disposition, 1, slash ? slash + 1 : name);
    if (!e) {
        response_header(r, "Content-Type", "application/octet-stream");
        response_header(r, "Content-Disposition", buf_str(&disposition));
        response_header(r, "Cache-Control", "private, no-cache");
    }
    buf_release(&disposition);
    return e;
}

/* docs/inside.md, "A download's headers". The redirect is a constant; the name travels in a header of its own, percent-encoded down to RFC 3986's unreserved characters, so that neither a
 * path nor a header can be made of it. */
static enum err add_way(struct request *r, const struct peers_read_file *f, const char *name)
{
    struct buf encoded;
    buf_init(&encoded, 3 * SHARED_NAME_MAX);
    enum err e = text_percent_encode(&encoded, name, strlen(name));
    if (!e) {
        response_header(r, "X-Node-1", f->address);
        response_header(r, "X-Cap-1", f->capability);
        response_header(r, "X-Shared-Name", buf_str(&encoded));
        response_header(r, "X-Accel-Redirect", "/_shared");
    }
    buf_release(&encoded);
    return e;
}

static int begins_download(const struct request *r, int counted)
{
    return !counted && strcmp(request_method(r), "GET") == 0 && inputs_range_begins(request_header(r, "Range"));
}

void peers_get_bytes(struct request *r)
{
    struct peers_read_file f;
    const char *name = request_capture(r, 1, NULL), *detail = NULL;
    int counted = 0;
    enum err e = inputs_flag(request_query(r, "counted"), &counted, &detail);
    if (!e)
        e = peers_read_file(request_worker(r), request_capture(r, 0, NULL), name, &f, &detail);
    if (e) {
        if (!detail && err_http_status(e) == 503)
            detail = "The index is away or being rebuilt, and only it knows what peers share.";
        response_problem(r, e, detail);
        return;
    }
    e = add_presentation(r, name);
    if (!e)
        e = add_way(r, &f, name);
    if (e) {
        response_problem(r, e, NULL);
    } else {
        if (begins_download(r, counted))
            adopt_count(request_worker(r), f.row.sha256, f.row.adopted);
        response_empty(r, 200);
    }
    peers_read_file_release(&f);
}
