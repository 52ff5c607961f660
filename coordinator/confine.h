/* What a running coordinator may do: its table of places, ports and system calls (lib/jail). */
#ifndef RB_COORDINATOR_CONFINE_H
#define RB_COORDINATOR_CONFINE_H

#include "coordinator/coordinator.h"

/* Shuts this process in for good, before its first thread; its folder is there by then. `words` are those of --jail. ERR_DENIED: `strict` and the kernel lacks something. */
enum err confine_coordinator(const struct coordinator_settings *s, const char *words) MUST_CHECK;

#endif
