/* As what stored bytes are handed out. What a browser could run never keeps its type and is never shown in place. */
#ifndef RB_FCGI_HANDLER_MEDIA_H
#define RB_FCGI_HANDLER_MEDIA_H

struct media {
    const char *type;   /* value of Content-Type */
    int may_inline;     /* a browser may show it */
    const char *policy; /* value of Content-Security-Policy */
};

/* By the record's type, which the service took from the bytes themselves. */
struct media media_of(const char *record_type);

#endif
