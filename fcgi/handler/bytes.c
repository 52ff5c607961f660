/* GET and HEAD /courses/{course}/syllabus, and of files that the ring has adopted. The bytes never pass through here: nginx is told which owners have them. */
#include "fcgi/handler/bytes.h"

#include "fcgi/handler/allow.h"
#include "fcgi/handler/conditional.h"
#include "fcgi/handler/course_name.h"
#include "fcgi/handler/handlers.h"
#include "fcgi/handler/inputs.h"
#include "fcgi/handler/media.h"
#include "fcgi/service/adopt.h"
#include "fcgi/service/read.h"
#include "lib/base/clock.h"
#include "lib/base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SMALL_BLOB_BYTES \
    (4u << 20)             /* a node needs no time worth mentioning to check it: nginx waits less for its first byte (nginx/blob.conf) */
#define BY_ID_MAX_AGE_S 60 /* an id always names the same bytes, but they may be deleted */

struct wish {
    struct read_target target;
    int attachment; /* ?download=1 */
};

/* After an error the problem is answered already. */
static enum err read_wish(struct request *r, const char *key, struct wish *out)
{
    const char *download = request_query(r, "download"), *detail = NULL;
    *out = (struct wish){.target = {.key = key, .version = request_query(r, "version"), .term = request_query(r, "term")}};
    enum err e = inputs_version(out->target.version, &detail);
    if (!e && out->target.version && out->target.term) {
        e = ERR_SYNTAX;
        detail = "version and term exclude each other.";
    }
    if (!e)
        e = inputs_flag(download, &out->attachment, &detail);
    if (e)
        response_problem(r, e, detail);
    return e;
}

static void send_missing(struct request *r, enum err e, const struct wish *w)
{
    const char *detail = NULL;
    if (e == ERR_NOT_FOUND)
        detail = w->target.version ? "This course has no such version."
                 : w->target.term  ? "This course has no syllabus of that term."
                                   : ALLOW_MISSING;
    else if (e == ERR_GONE)
        detail = w->target.version ? "This version was taken down." : "This syllabus was taken down.";
    else if (e == ERR_UNAVAILABLE)
        detail = "No machine that keeps this file answers.";
    response_problem(r, e, detail);
}

/* What 200 and 304 both say (RFC 9110 §15.4.5). */
static void add_validators(struct request *r, const struct record *record, const struct wish *w)
{
    char tag[HASH_HEX_SIZE + 2], id[STAMP_HEX_SIZE], date[TEXT_HTTP_DATE_SIZE], cache[48];
    struct stamp by_id;
    snprintf(tag, sizeof(tag), "\"%s\"", record->sha256);
    stamp_hex(record->id, id);
    text_http_date(hlc_to_unix_ms(record->id.clock), date);
    snprintf(cache, sizeof(cache), "private, max-age=%d", BY_ID_MAX_AGE_S);
    int forever = w->target.version && stamp_parse(w->target.version, &by_id) == ERR_OK;
    response_header(r, "ETag", tag);
    response_header(r, "Record-Id", id);
    response_header(r, "Last-Modified", date);
    response_header(r, "Cache-Control", forever ? cache : "private, no-cache");
}

static void add_numbered(struct request *r, const char *name, int number, const char *value)
{
    char header[24];
    snprintf(header, sizeof(header), "%s-%d", name, number);
    response_header(r, header, value);
}

/* docs/inside.md, "A download's headers". The target holds nothing but 64 hex digits. */
static void add_sources(struct request *r, const struct read_bytes *b)
{
    char path[16 + HASH_HEX_SIZE], id[STAMP_HEX_SIZE], modified[24];
    snprintf(path, sizeof(path), "/%s/%s", b->record.size <= SMALL_BLOB_BYTES ? "_small" : "_blob", b->record.sha256);
    stamp_hex(b->record.id, id);
    snprintf(modified, sizeof(modified), "%" PRIu64, hlc_to_unix_ms(b->record.id.clock) / 1000);
    for (int i = 0; i < READ_SOURCES; i++) {
        add_numbered(r, "X-Node", i + 1, b->sources[i].address);
        add_numbered(r, "X-Cap", i + 1, b->sources[i].capability);
    }
    response_header(r, "X-Blob-Modified", modified);
    response_header(r, "X-Blob-Record", id);
    response_header(r, "X-Accel-Redirect", path);
}

static enum err add_presentation(struct request *r, const struct record *record, const struct wish *w)
{
    struct media media = media_of(record->type);
    struct buf disposition;
    buf_init(&disposition, 8192);
    enum err e =
        text_content_disposition(&disposition, w->attachment || !media.may_inline, *record->filename ? record->filename : record->course);
    if (!e) {
        response_header(r, "Content-Type", media.type);
        response_header(r, "Content-Disposition", buf_str(&disposition));
        response_header(r, "X-Blob-Csp", media.policy);
    }
    buf_release(&disposition);
    return e;
}

static void send_bytes(struct request *r, const struct read_bytes *b, const struct wish *w)
{
    const struct conditional asked = {
        .if_match = request_header(r, "If-Match"),
        .if_unmodified_since = request_header(r, "If-Unmodified-Since"),
        .if_none_match = request_header(r, "If-None-Match"),
        .if_modified_since = request_header(r, "If-Modified-Since"),
    };
    enum conditional_result verdict = conditional_check(&asked, b->record.sha256, hlc_to_unix_ms(b->record.id.clock) / 1000);
    if (verdict == CONDITIONAL_FAILED) {
        response_problem(r, ERR_PRECONDITION, NULL);
        return;
    }
    enum err e = verdict == CONDITIONAL_SEND ? add_presentation(r, &b->record, w) : ERR_OK;
    if (e) {
        response_problem(r, e, NULL);
        return;
    }
    add_validators(r, &b->record, w);
    if (verdict == CONDITIONAL_SEND)
        add_sources(r, b);
    response_empty(r, verdict == CONDITIONAL_SEND ? 200 : 304);
}

enum err bytes_serve(struct request *r, const struct read_target *target, int attachment)
{
    struct wish w = {.target = *target, .attachment = attachment};
    struct read_bytes b;
    enum err e = read_bytes(request_worker(r), &w.target, &b);
    if (e)
        return e;
    send_bytes(r, &b, &w);
    read_bytes_release(&b);
    return ERR_OK;
}

void bytes_get(struct request *r)
{
    struct course_name course;
    struct wish w;
    if (course_name_read(r, &course) || read_wish(r, course.key, &w) || allow(r, ACT_READ, course.key, NULL))
        return;
    enum err e = bytes_serve(r, &w.target, w.attachment);
    if (e)
        send_missing(r, e, &w);
}

/* A file of a peer's folder that the ring has taken in: the one record of its key, and always to be saved, never shown in place. */
void bytes_get_adopted(struct request *r)
{
    char key[ADOPT_KEY_SIZE];
    const char *sha256 = request_capture(r, 0, NULL), *detail = NULL;
    enum err e = inputs_sha256(sha256, &detail);
    if (!e) {
        adopt_key(sha256, key);
        e = bytes_serve(r, &(struct read_target){.key = key}, 1);
        if (!e)
            return;
        if (e == ERR_NOT_FOUND)
            detail = "The ring has adopted no file with this hash. Peers may share it: /api/v1/peers/files/{sha256}/sources.";
        else if (e == ERR_UNAVAILABLE)
            detail = "No machine that keeps this file answers.";
    }
    response_problem(r, e, detail);
}
