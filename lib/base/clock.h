/* Clocks: wall time for people, boot time for leases, the hybrid logical clock for stamps. */
#ifndef RB_LIB_BASE_CLOCK_H
#define RB_LIB_BASE_CLOCK_H

#include "lib/base/stamp.h"

#include <pthread.h>
#include <stdint.h>

/* Unix time in milliseconds / microseconds (CLOCK_REALTIME). */
uint64_t clock_unix_ms(void);
uint64_t clock_unix_us(void);
/* Milliseconds since boot, also through suspend (CLOCK_BOOTTIME): for time-outs, leases, TTLs. */
uint64_t clock_boot_ms(void);
void clock_sleep_ms(uint64_t ms);

/* The hybrid logical clock of one process: stamps are unique and never go below one that was used or seen (protocol.md).
 * A clock value is microseconds since 1970 shifted left by 12, plus a counter in the low 12 bits. Thread-safe. */
struct hlc {
    pthread_mutex_t lock;
    uint64_t last;    /* largest clock value used or seen */
    uint64_t process; /* drawn at random at init */
};

#define HLC_SKEW_MAX_MS 60000u /* stamps further ahead of an owner's clock are refused */

void hlc_init(struct hlc *c);
void hlc_release(struct hlc *c);
/* A fresh stamp, larger than all this clock used or saw. */
struct stamp hlc_next(struct hlc *c);
/* Raises the clock to a stamp from elsewhere. The caller decides whether to believe it (HLC_SKEW_MAX_MS). */
void hlc_see(struct hlc *c, struct stamp s);
/* A clock value for a unix time, and back. */
uint64_t hlc_from_unix_ms(uint64_t unix_ms);
uint64_t hlc_to_unix_ms(uint64_t clock);

#endif
