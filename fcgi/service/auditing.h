/* The api's audit log (lib/audit): begun and ended with the app; nodes of the ring keep its heads. */
#ifndef RB_FCGI_SERVICE_AUDITING_H
#define RB_FCGI_SERVICE_AUDITING_H

#include "fcgi/service/app.h"

/* Begins the log in the app's folder and sets a->audit and a->audit_ship. The view is started. Errors as audit_open(). */
enum err auditing_start(struct app *a) MUST_CHECK;
/* Writes and tells the last line. */
void auditing_stop(struct app *a);

/* For the metrics. */
struct auditing_figures {
    uint64_t lines, lost;  /* of this start */
    uint64_t head_waits_s; /* since when too few nodes took the newest line */
};
struct auditing_figures auditing_figures(const struct app *a);

#endif
