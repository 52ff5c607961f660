/* Where a node is, so that copies of one file on one machine, or one file system, can be noticed: two texts that are equal for equal places and say nothing else. */
#ifndef RB_NODE_PLACE_H
#define RB_NODE_PLACE_H

#include "lib/wire/member.h"

/* machine: a hash of /etc/machine-id (machine-id(5) asks not to show the id itself), or of the kernel's boot id where there is none. volume: of that and the
 * file system that holds `data`. "" when it cannot be told. */
void place_find(const char *data, char machine[MEMBER_PLACE_MAX], char volume[MEMBER_PLACE_MAX]);

#endif
