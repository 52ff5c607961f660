/* How uploads, deletes and restores are answered: they end alike. */
#ifndef RB_FCGI_HANDLER_OUTCOME_H
#define RB_FCGI_HANDLER_OUTCOME_H

#include "fcgi/handler/own.h"
#include "fcgi/request.h"
#include "fcgi/service/upload.h"

/* What the headers of a change say, of any of the three. After an error the problem is answered already. */
struct outcome_terms {
    enum upload_match match;
    struct stamp match_record;
    char match_sha256[HASH_HEX_SIZE];
    const char *idempotency_key; /* NULL when not given */
};
enum err outcome_terms(struct request *r, struct outcome_terms *out) MUST_CHECK;

/* All that a delete or a restore asks for: course, terms, ?version=; and that who asks may do it. whole: what they have to own without a version. What their right
 * was found to depend on the change is bound to. Strings in the request's arena. After an error the problem is answered already. */
enum err outcome_delete_input(struct request *r, enum own_what whole, struct delete_input *out) MUST_CHECK;

/* Answers a change that made a record: 201 with Location, ETag and Record-Id, or 200 when it was there already; anything but ERR_OK: its problem. */
void outcome_send_record(struct request *r, enum err e, const struct upload_result *result);
/* Answers a delete: 204 with the tombstone's Record-Id, or its problem. */
void outcome_send_deleted(struct request *r, enum err e, const struct upload_result *result);

#endif
