/* What operators and machines ask: healthz, readyz, metrics, openapi.json. */
#include "fcgi/handler/handlers.h"
#include "fcgi/metrics.h"
#include "fcgi/openapi.h"
#include "fcgi/request.h"
#include "fcgi/service/auditing.h"
#include "fcgi/service/read.h"
#include "fcgi/service/reindex.h"
#include "fcgi/service/stamps.h"
#include "fcgi/service/view.h"
#include "lib/base/clock.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define METRICS_TEXT_MAX (1u << 20)

/* Alive: a thread of this process answers. */
void ops_healthz(struct request *r)
{
    struct json *j = json_object();
    json_set_str(j, "name", request_worker(r)->app->settings.name);
    response_json(r, 200, j);
}

/* Ready: a write quorum can be met for every course. */
void ops_readyz(struct request *r)
{
    struct cluster c;
    enum err e = cluster_read(request_worker(r), &c);
    if (e) {
        response_problem(r, e, NULL);
        return;
    }
    const char *why = c.view->ring ? "Some courses have too few machines to write to." : "No ring is known yet.";
    struct json *j = c.view->survey.ready ? json_object() : response_problem_begin(r, ERR_UNAVAILABLE, why);
    json_set_bool(j, "ready", c.view->survey.ready);
    json_set_u64(j, "ring_epoch", c.ring_epoch);
    if (c.view->survey.ready)
        response_json(r, 200, j);
    else
        response_problem_end(r, ERR_UNAVAILABLE, j);
    cluster_release(request_worker(r), &c);
}

/* The second number of /proc/self/statm, in bytes; 0 when it cannot be read. */
static uint64_t resident_bytes(void)
{
    char text[128], *end;
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
    if (fd >= 0)
        close(fd);
    if (n <= 0)
        return 0;
    text[n] = '\0';
    strtoull(text, &end, 10);
    return (uint64_t)strtoull(end, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE);
}

static struct metrics_gauges read_gauges(struct app *a)
{
    int rebased;
    struct metrics_gauges now = {
        .index_retries = reindex_waiting(a->retry),
        .clock_rebases = stamps_rebases(a->stamps, &rebased),
        .hedges = contacts_hedges(a->contacts),
        .resident_bytes = resident_bytes(),
    };
    struct auditing_figures audit = auditing_figures(a);
    now.audit_lines = audit.lines;
    now.audit_lost = audit.lost;
    now.audit_head_waits_s = audit.head_waits_s;
    const struct view *v = view_get(a->view);
    const struct survey *s = &v->survey;
    now.clock_skew_s = (double)s->skew_ms / 1000.0;
    now.index_ready = s->index == SURVEY_INDEX_READY;
    now.counted = s->counted;
    now.copies_missing = s->copies_missing;
    now.courses_below_k = s->courses_below_k;
    now.courses_unreadable = s->courses_unreadable;
    now.bytes_to_move = s->bytes_to_move;
    now.moves = s->n_moves;
    uint64_t unix_ms = clock_unix_ms();
    if (v->taken_at_ms && unix_ms > v->taken_at_ms)
        now.view_age_s = (double)(unix_ms - v->taken_at_ms) / 1000.0;
    view_put(a->view, v);
    return now;
}

void ops_metrics(struct request *r)
{
    struct metrics_gauges now = read_gauges(request_worker(r)->app);
    struct buf text;
    buf_init(&text, METRICS_TEXT_MAX);
    enum err e = metrics_print(request_metrics(r), &now, &text);
    if (e) {
        response_problem(r, e, NULL);
    } else {
        response_header(r, "Cache-Control", "no-store");
        response_text(r, 200, "text/plain; version=0.0.4; charset=utf-8", buf_str(&text), text.len);
    }
    buf_release(&text);
}

void ops_openapi(struct request *r)
{
    response_header(r, "Cache-Control", "no-cache");
    response_text(r, 200, "application/json", openapi_json, (size_t)(openapi_json_end - openapi_json));
}
