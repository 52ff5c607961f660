/* What every upload goes through before and after its body: may they, is there room, does it have to wait for a maintainer. */
#ifndef RB_FCGI_HANDLER_INTAKE_H
#define RB_FCGI_HANDLER_INTAKE_H

#include "fcgi/handler/course_name.h"
#include "fcgi/service/quota.h"
#include "fcgi/service/upload.h"

struct intake {
    struct quota_hold hold;
    int waits; /* for a maintainer */
};

/* Before the body: rights, and room for so many bytes. After an error the problem is answered already; after ERR_OK intake_close(). */
enum err intake_open(struct request *r, const struct course_name *course, uint64_t bytes, struct intake *out) MUST_CHECK;
void intake_close(struct request *r, struct intake *i);

/* Uploads, as the one who asks, and answers. An upload that waits is not held to its conditions: the maintainer decides. */
void intake_send(struct request *r, const struct intake *i, struct upload_input *in);

#endif
