/* What operators ask of the ring: the leader decides and does it, the api only finds it. */
#ifndef RB_FCGI_SERVICE_ADMIN_H
#define RB_FCGI_SERVICE_ADMIN_H

#include "fcgi/service/app.h"
#include "lib/ring/ring.h"
#include "lib/wire/json.h"

#define ADMIN_K_MAX RING_K_MAX

struct admin_answer {
    long status;       /* the leader's: 200, 202, 400, 404 or 409 */
    struct json *body; /* owned: admin_answer_release; an object */
};

/* Hands {…} to the leader as POST /admin/{verb}: to the coordinator that the view calls the leader, then to whom others point, then to all. ERR_UNAVAILABLE: no coordinator leads
 * now, nothing was asked; ERR_TIMEOUT: the leader did not answer in time, so it is not known; ERR_NOMEM. */
enum err admin_ask(struct worker *w, const char *verb, const struct json *body, struct admin_answer *out) MUST_CHECK;
void admin_answer_release(struct admin_answer *a);

/* Whether a text can be a node's name or id. Pure. */
int admin_is_node(const char *text);

#endif
