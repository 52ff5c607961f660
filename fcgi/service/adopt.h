/* Adoption: a file that only peers hold and that many ask for is taken into the ring, so that it outlives its peers. It becomes the one record of the key
 * "peer/<sha256>", stored like any upload; nobody can name such a course from outside. */
#ifndef RB_FCGI_SERVICE_ADOPT_H
#define RB_FCGI_SERVICE_ADOPT_H

#include "fcgi/service/app.h"
#include "lib/base/hash.h"
#include "lib/store/peers.h"

#define ADOPT_KEY_SIZE (sizeof(PEERS_KEY_PREFIX) + HASH_HEX_SIZE - 1) /* bytes of such a key with NUL */
#define ADOPT_WAITING_MAX 64u                                         /* files that wait to be adopted, were just now, or could not be */
#define ADOPT_PAUSE_MS 60000u /* for so long a file that was tried is not tried again, however many ask for it */

struct adopter; /* a thread and what it has to do; thread-safe */

/* The key of the adopted file with this hash. */
void adopt_key(const char *sha256, char out[ADOPT_KEY_SIZE]);
/* True for the key of an adopted file: the prefix and 64 hex digits. Pure. */
int adopt_is_key(const char *key);

/* Starts the thread. ERR_NOMEM. */
enum err adopt_start(struct app *a, struct adopter **out) MUST_CHECK;
/* Ends it; what it is fetching is given up. NULL is fine. */
void adopt_stop(struct adopter *a);

/* One more download of these bytes has begun: counted for all apis together, and with the app's adopt_after-th of a file that is not adopted yet the file is handed to the thread. Never
 * fails a download: what cannot be counted is not. sha256 "": not known, so not counted. */
void adopt_count(struct worker *w, const char *sha256, int adopted);

/* Hands a hash to the thread. Nothing happens when it is there already, was tried within ADOPT_PAUSE_MS, or the list is full: the next download offers it again. */
void adopt_offer(struct adopter *a, const char *sha256);

/* The last part of a shared file's name, at most RECORD_FIELD_CHARS_MAX characters from its end: what its extension says is kept. Points into name. Pure. */
const char *adopt_filename(const char *name);

#endif
