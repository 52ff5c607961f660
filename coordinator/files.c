#include "coordinator/files_inside.h"

#include "coordinator/coordinator.h"
#include "coordinator/serve.h"

#define ANSWER_MAX 4096u

void files_init(struct files *f)
{
    pthread_condattr_t attributes;
    *f = (struct files){.n_jobs = 0};
    lists_init(&f->lists);
    f->end = &f->first;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&f->work, &attributes);
    pthread_cond_init(&f->done, &attributes);
    pthread_condattr_destroy(&attributes);
}

void files_release(struct files *f)
{
    lists_release(&f->lists);
    pthread_cond_destroy(&f->work);
    pthread_cond_destroy(&f->done);
}

/* ---- the queue (all locked) */

void files_push(struct files *f, struct files_job *job)
{
    job->next = NULL;
    *f->end = job;
    f->end = &job->next;
    pthread_cond_signal(&f->work);
}

struct files_job *files_pop(struct files *f)
{
    struct files_job *job = f->first;
    if (!job)
        return NULL;
    f->first = job->next;
    if (!f->first)
        f->end = &f->first;
    return job;
}

void files_answer(struct files *f, struct files_job *job, enum err e)
{
    job->error = e;
    job->is_done = 1;
    f->n_jobs--;
    pthread_cond_broadcast(&f->done);
}

void files_answer_all(struct files *f, enum err e)
{
    struct files_job *job;
    while ((job = files_pop(f)))
        files_answer(f, job, e);
}

int files_is_away(enum err e)
{
    return e == ERR_UNAVAILABLE || e == ERR_TIMEOUT || e == ERR_STALE_INDEX;
}

/* ---- requests */

void files_tell(const struct coordinator *c, const struct member *told, struct json *answer)
{
    int leads = coordinator_leads(c);
    json_set_bool(answer, "leads", leads);
    if (!leads || !told->shares)
        return;
    /* Of an earlier term of ours others may have changed everything since. */
    const char *digest = c->files.term == c->term ? lists_digest(&c->files.lists, told->id) : NULL;
    json_set_str(answer, "listed", digest);
}

static void reply_listed(struct http_request *r, enum err e, const char *listed)
{
    struct json *j = json_object();
    struct buf text;
    buf_init(&text, ANSWER_MAX);
    if (e != ERR_OK)
        json_set_str(j, "error", err_code(e));
    json_set_str(j, "listed", listed);
    enum err printed = json_print(j, &text);
    json_free(j);
    if (printed == ERR_OK)
        http_reply_json(r, err_http_status(e), &text);
    else
        http_reply_problem(r, printed, NULL);
    buf_release(&text);
}

/* (locked) Whether this peer's delta may be queued. ERR_FENCED: we do not lead. *why is set with ERR_DENIED and ERR_UNAVAILABLE. */
static enum err may_queue(const struct coordinator *c, const char *id, const char **why)
{
    const struct membership_node *node = membership_find(&c->membership, id);
    if (!coordinator_leads(c))
        return ERR_FENCED;
    *why = "The sender's last heartbeat here did not say that it shares, or there was none.";
    if (!node || !node->member.alive || !node->member.shares)
        return ERR_DENIED;
    *why = "Too many lists are on their way into the index; try again.";
    return c->files.is_open && c->files.n_jobs < FILES_WAITING_MAX ? ERR_OK : ERR_UNAVAILABLE;
}

/* Hands it to the thread and waits for what becomes of it. */
static enum err carry(struct coordinator *c, struct files_job *job, const char **why)
{
    pthread_mutex_lock(&c->lock);
    enum err e = may_queue(c, job->id, why);
    if (e == ERR_OK) {
        c->files.n_jobs++;
        files_push(&c->files, job);
        while (!job->is_done)
            pthread_cond_wait(&c->files.done, &c->lock);
        e = job->error;
        *why = files_is_away(e) ? "Redis is away, or the index is not known to be this one's; try again." : NULL;
    }
    pthread_mutex_unlock(&c->lock);
    return e;
}

void files_handle(struct http_request *r, void *ctx)
{
    struct coordinator *c = ctx;
    struct shared_delta delta;
    const char *why = "The body is not a change of a list of files.";
    size_t len;
    const void *body = http_body(r, &len);
    enum err e = shared_delta_parse(body, len, &delta);
    if (e != ERR_OK) {
        http_reply_problem(r, e, e == ERR_SYNTAX ? why : NULL);
        return;
    }
    struct files_job job = {.id = sign_claim_name(http_claim(r)), .delta = &delta};
    e = carry(c, &job, &why);
    if (e == ERR_OK || e == ERR_CONFLICT)
        reply_listed(r, e, job.listed);
    else if (e == ERR_FENCED)
        serve_reply_leader(r, c);
    else
        http_reply_problem(r, e, why);
    shared_delta_release(&delta);
}
