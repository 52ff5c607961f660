/* POST /courses/{course}/syllabus: the upload as an HTML form sends it, one file and named fields in any order. Fields may come behind the file, and the file's
 * size is not known before its end, so it waits in an unlinked file of the api's own folder; what happens then is exactly a PUT. */
#include "fcgi/handler/course_name.h"
#include "fcgi/handler/handlers.h"
#include "fcgi/handler/inputs.h"
#include "fcgi/handler/intake.h"
#include "fcgi/handler/outcome.h"
#include "fcgi/multipart.h"
#include "lib/base/fs.h"
#include "lib/base/log.h"
#include "lib/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIELD_MAX 4096              /* bytes of one field's value; the service knows the real bounds */
#define OVERHEAD_MAX (256u * 1024u) /* what boundaries, headers and fields may add to the file */
#define PIECE 16384

enum field { FIELD_FILENAME, FIELD_TERM, FIELD_TITLE, FIELD_INSTRUCTOR, FIELD_NOTE, FIELD_COUNT };
static const char *const field_names[FIELD_COUNT] = {"filename", "term", "title", "instructor", "note"};

struct form {
    struct request *r;
    uint64_t file_max;
    int fd; /* the file's bytes, -1 before its part has come */
    uint64_t size;
    char type[RECORD_TYPE_MAX + 1];
    const char *part_filename;       /* what the file's part is called, or NULL */
    const char *values[FIELD_COUNT]; /* NULL = not given */
    enum field current;              /* FIELD_COUNT: the file */
    struct buf value;
};

/* ---- where the file waits ---- */

/* A file without a name in DATA/tmp, so that nothing is left behind however this ends. */
static enum err open_unlinked(const char *data, int *fd)
{
    char path[4200];
    snprintf(path, sizeof(path), "%s/tmp", data);
    enum err e = fs_mkdirs(path, 0700);
    if (e)
        return e;
    int f = open(path, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (f < 0 && (errno == EOPNOTSUPP || errno == EISDIR)) {
        snprintf(path, sizeof(path), "%s/tmp/form-XXXXXX", data);
        f = mkostemp(path, O_CLOEXEC);
        if (f >= 0)
            unlink(path);
    }
    if (f < 0)
        return errno == ENOSPC ? ERR_FULL : ERR_IO;
    *fd = f;
    return ERR_OK;
}

/* Space is had before the first byte is written (guarantees.md, G10). A file system that cannot reserve fails at the write instead. */
static enum err reserve(int fd, uint64_t bytes)
{
    if (fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)bytes) == 0 || (errno != ENOSPC && errno != EDQUOT && errno != EFBIG))
        return ERR_OK;
    return ERR_FULL;
}

/* ---- the parts ---- */

static enum err begin_file(struct form *f, const struct multipart_part *part, const char **detail)
{
    if (f->fd >= 0) {
        *detail = "The form has more than one part called file.";
        return ERR_SYNTAX;
    }
    uint64_t body;
    enum err e = inputs_media_type(*part->type ? part->type : NULL, f->type, detail);
    if (!e)
        e = request_content_length(f->r, UINT64_MAX, &body);
    if (!e)
        e = open_unlinked(request_worker(f->r)->app->settings.data, &f->fd);
    if (!e)
        e = reserve(f->fd, body);
    if (!e && part->has_filename && !(f->part_filename = arena_strdup(request_arena(f->r), part->filename)))
        e = ERR_NOMEM;
    return e;
}

static enum err part_begin(void *ctx, const struct multipart_part *part, const char **detail)
{
    struct form *f = ctx;
    f->current = FIELD_COUNT;
    if (strcmp(part->name, "file") == 0)
        return begin_file(f, part, detail);
    for (int i = 0; i < FIELD_COUNT; i++) {
        if (strcmp(part->name, field_names[i]) == 0)
            f->current = (enum field)i;
    }
    if (f->current == FIELD_COUNT || f->values[f->current]) {
        *detail = "The form takes one file and the fields filename, term, title, instructor and note, each once.";
        return ERR_SYNTAX;
    }
    buf_reset(&f->value);
    return ERR_OK;
}

static enum err part_data(void *ctx, const void *data, size_t n, const char **detail)
{
    struct form *f = ctx;
    if (f->current != FIELD_COUNT) {
        if (buf_add(&f->value, data, n) == ERR_OK)
            return ERR_OK;
        *detail = "A field of the form is longer than 4 KiB.";
        return ERR_INVALID;
    }
    f->size += n;
    if (f->size > f->file_max)
        return ERR_TOO_LARGE;
    return fs_write_all(f->fd, data, n);
}

static enum err part_end(void *ctx, const char **detail)
{
    struct form *f = ctx;
    if (f->current == FIELD_COUNT)
        return ERR_OK;
    if (!text_is_utf8(buf_str(&f->value), f->value.len)) {
        *detail = "A field of the form is not UTF-8 text.";
        return ERR_SYNTAX;
    }
    f->values[f->current] = arena_strdup(request_arena(f->r), buf_str(&f->value));
    return f->values[f->current] ? ERR_OK : ERR_NOMEM;
}

/* Reads the whole body through the parser. */
static enum err read_form(struct form *f, const char *boundary, const char **detail)
{
    const struct multipart_sink sink = {part_begin, part_data, part_end, f};
    struct multipart parser;
    char piece[PIECE];
    multipart_init(&parser, boundary, &sink);
    enum err e = ERR_OK;
    long n;
    while (!e && (n = request_read(f->r, piece, sizeof(piece))) != 0) {
        if (n < 0) {
            *detail = "The body ended before its Content-Length.";
            return ERR_SYNTAX;
        }
        e = multipart_push(&parser, piece, (size_t)n);
    }
    if (!e)
        e = multipart_finish(&parser);
    *detail = parser.detail;
    return e;
}

/* ---- the upload ---- */

static long read_file(void *ctx, void *into, size_t n)
{
    const struct form *f = ctx;
    ssize_t got;
    do
        got = read(f->fd, into, n);
    while (got < 0 && errno == EINTR);
    return got;
}

static const char *value_or_empty(const struct form *f, enum field i)
{
    return f->values[i] ? f->values[i] : "";
}

static void send_upload(struct form *f, const struct course_name *course, const struct outcome_terms *terms, const struct intake *intake,
    struct upload_input *in)
{
    in->course = course->shown;
    in->key = course->key;
    in->term = value_or_empty(f, FIELD_TERM);
    in->title = value_or_empty(f, FIELD_TITLE);
    in->instructor = value_or_empty(f, FIELD_INSTRUCTOR);
    in->note = value_or_empty(f, FIELD_NOTE);
    in->filename = f->values[FIELD_FILENAME] ? f->values[FIELD_FILENAME] : f->part_filename ? f->part_filename : "";
    in->claimed_type = f->type;
    in->match = terms->match;
    in->match_record = terms->match_record;
    memcpy(in->match_sha256, terms->match_sha256, sizeof(in->match_sha256));
    in->idempotency_key = terms->idempotency_key;
    in->body = (struct upload_body){.read = read_file, .ctx = f, .size = f->size};
    intake_send(f->r, intake, in);
}

/* Everything that can be known before the body is read. */
static enum err read_headers(struct form *f, char boundary[MULTIPART_BOUNDARY_MAX + 1], uint64_t *body, const char **detail)
{
    enum err e = multipart_boundary(request_header(f->r, "Content-Type"), boundary);
    if (e)
        *detail = "POST takes multipart/form-data with a boundary of 1 to 70 characters; to send the file itself, use PUT.";
    if (!e)
        e = request_content_length(f->r, f->file_max + OVERHEAD_MAX, body);
    if (e == ERR_SYNTAX && !*detail)
        *detail = "Content-Length must be one plain number.";
    return e;
}

/* Reads the form into a file that can be read from its beginning. */
static enum err take_form(struct form *f, const char *boundary, const char **detail)
{
    enum err e = read_form(f, boundary, detail);
    if (!e && f->size == 0) {
        e = f->fd < 0 ? ERR_SYNTAX : ERR_INVALID;
        *detail = f->fd < 0 ? "The form has no part called file." : "The file is empty.";
    }
    if (!e && lseek(f->fd, 0, SEEK_SET) != 0)
        e = ERR_IO;
    return e;
}

void form_post(struct request *r)
{
    struct course_name course;
    struct outcome_terms terms;
    struct intake intake;
    struct form f = {.r = r, .fd = -1, .file_max = request_worker(r)->app->settings.upload_max_bytes};
    struct upload_input in = {0};
    char boundary[MULTIPART_BOUNDARY_MAX + 1];
    const char *detail = NULL;
    uint64_t body = 0;
    if (course_name_read(r, &course) || outcome_terms(r, &terms))
        return;
    enum err e = read_headers(&f, boundary, &body, &detail);
    if (!e)
        e = inputs_content_digest(request_header(r, "Content-Digest"), &in.has_digest, in.digest, &detail);
    if (e) {
        response_problem(r, e, detail);
        return;
    }
    if (intake_open(r, &course, body, &intake))
        return;
    buf_init(&f.value, FIELD_MAX);
    e = take_form(&f, boundary, &detail);
    if (e)
        response_problem(r, e, detail);
    else
        send_upload(&f, &course, &terms, &intake, &in);
    intake_close(r, &intake);
    buf_release(&f.value);
    if (f.fd >= 0)
        close(f.fd);
}
