/* What the api notes in its audit log: each request that changes something, however it ends, and each that was refused to somebody. */
#ifndef RB_FCGI_NOTE_H
#define RB_FCGI_NOTE_H

#include "fcgi/front.h"

/* Notes a request that was answered, when it is one of those. */
void note_request(const struct request *r);

#endif
