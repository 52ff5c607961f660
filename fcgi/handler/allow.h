/* The handler's own question, once it knows the course: may they? The front has asked already what can be asked without (README of lib/auth). */
#ifndef RB_FCGI_HANDLER_ALLOW_H
#define RB_FCGI_HANDLER_ALLOW_H

#include "fcgi/request.h"

/* What is said of a course that is not there, and of one that the asker must not know of. */
#define ALLOW_MISSING "Nothing is filed under this course name."

/* May who asks do this to the course (and to a version of this owner; NULL: nobody's)? Answers 401, 403 or 404 when not. */
enum err allow(struct request *r, enum act act, const char *key, const char *owner) MUST_CHECK;
/* The same question, silently. */
enum verdict allow_verdict(const struct request *r, enum act act, const char *key, const char *owner);
/* May they do what concerns people and the whole cluster: ACT_ACCOUNTS, ACT_OPERATE? Silently. */
int allow_whole(const struct request *r, enum act act);
/* True when the account is the asker's own. */
int allow_is_self(const struct request *r, const char *name);
/* An account's name in the path, for its owner and for who keeps the accounts. Whether there is such an account makes no difference for anybody else: 403. After an
 * error the problem is answered already. */
enum err allow_account(struct request *r, char name[AUTH_NAME_SIZE]) MUST_CHECK;

#endif
