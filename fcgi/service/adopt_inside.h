/* What the adopter's thread and its work share. */
#ifndef RB_FCGI_SERVICE_ADOPT_INSIDE_H
#define RB_FCGI_SERVICE_ADOPT_INSIDE_H

#include "fcgi/service/adopt.h"

/* adopt.c. True once the thread is to end. */
int adopt_is_stopping(struct adopter *a);

/* adopt_take.c. Fetches the bytes of this hash from one of its holders and stores them; says in the log what came of it. Nothing is done when the ring has them. */
void adopt_take(struct adopter *a, struct worker *w, const char *sha256);

#endif
