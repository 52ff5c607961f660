/* What members.c and members_ring.c share. */
#ifndef RB_LIB_STORE_MEMBERS_INSIDE_H
#define RB_LIB_STORE_MEMBERS_INSIDE_H

#include "lib/store/members.h"

#include <hiredis/hiredis.h>

#define MEMBERS_WISHES_KEY "rb:wishes"
#define MEMBERS_NEWS_KEY "rb:news"

/* The wishes of HGETALL; what cannot be read, or does not fit, is left out. */
void members_read_wishes(const redisReply *list, struct members_wishes *out);
/* The leader's news into progress, waiting and the nodes' out_at_ms; nothing happens when it cannot be read. */
void members_read_news(const char *text, size_t len, struct members *m);

#endif
