/* The threads that serve: each waits in libfcgi for a request and serves it with a worker of its own. The only home of libfcgi. */
#ifndef RB_FCGI_POOL_H
#define RB_FCGI_POOL_H

#include "fcgi/metrics.h"
#include "fcgi/service/app.h"

struct pool;

#define POOL_THREADS_MAX 256u

/* libfcgi's own start. Before sig_init(): it takes SIGTERM, SIGPIPE and SIGUSR1 for itself. */
enum err pool_global_init(void) MUST_CHECK;

/* Starts n threads that serve what arrives at the listening socket. app and m are borrowed and outlive the pool. ERR_NOMEM. */
enum err pool_start(struct app *app, struct metrics *m, int listen_fd, unsigned n, struct pool **out) MUST_CHECK;

/* Takes no more requests, lets those under way end within grace_ms, joins the threads and frees the pool. 0 when a request was still under way after that:
 * then its thread still uses app, and nothing was freed. */
int pool_stop(struct pool *p, unsigned grace_ms);

#endif
