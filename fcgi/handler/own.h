/* Whose a version is, for contributors: they may alter what is their own. Who may alter anything in the course is not held up by a look at it. */
#ifndef RB_FCGI_HANDLER_OWN_H
#define RB_FCGI_HANDLER_OWN_H

#include "fcgi/handler/allow.h"

enum own_what {
    OWN_VERSION, /* one version, by number or id */
    OWN_CURRENT, /* the version that is current */
    OWN_ALL      /* every version that is shown: nobody deletes another's by deleting the course */
};

/* What was looked at, so that the change is made to just that, whatever came in between. */
struct own_found {
    int looked;                 /* 0: nobody needed to look */
    struct stamp record;        /* the version named */
    struct stamp current;       /* the current record, a tombstone perhaps */
    char sha256[HASH_HEX_SIZE]; /* of the current one; "" for a tombstone */
};

/* May who asks do this to the version(s)? version: for OWN_VERSION. After an error the problem is answered already. */
enum err own_check(
    struct request *r, enum act act, const char *key, enum own_what what, const char *version, struct own_found *out) MUST_CHECK;

#endif
