/* What a person most likely means comes first in a page of a search for files. */
#ifndef RB_FCGI_SERVICE_PEERS_ORDER_H
#define RB_FCGI_SERVICE_PEERS_ORDER_H

#include "lib/store/peers.h"

/* The index finds names by their words run together, so that "csen317" finds "CSEN 317.pdf"; but then "file10" finds "file1_0.txt" as well. Moves the rows whose words begin with the
 * words of q, one by one, before the others; both keep their order. q: NULL or what was searched for. A page stays as it is when there is no memory. */
void peers_order(struct peers_row *rows, size_t n, const char *q);

#endif
