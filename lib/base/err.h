/* Errors as values: one enum, one table with the code, the HTTP status and the text of each. */
#ifndef RB_LIB_BASE_ERR_H
#define RB_LIB_BASE_ERR_H

#define MUST_CHECK __attribute__((warn_unused_result))

enum err {
    ERR_OK = 0,
    ERR_NOMEM,           /* 500: allocation failed, or a bounded buffer would grow past its maximum */
    ERR_IO,              /* 500: a system call on a file failed; the volume may be suspect */
    ERR_INTERNAL,        /* 500: something that should not happen; logged where it is known */
    ERR_CORRUPT,         /* 500: bytes on disk are not what was written */
    ERR_SYNTAX,          /* 400: malformed input */
    ERR_AUTH,            /* 401: not signed, wrongly signed, replayed */
    ERR_CLOCK,           /* 401: signature outside its window; the answer carries our time */
    ERR_DENIED,          /* 403 */
    ERR_NOT_FOUND,       /* 404 */
    ERR_METHOD,          /* 405 */
    ERR_CONFLICT,        /* 409 */
    ERR_FENCED,          /* 409: a larger stamp or ballot was promised */
    ERR_STALE_RING,      /* 409: the request names an older ring than ours */
    ERR_GONE,            /* 410: deleted */
    ERR_LENGTH_REQUIRED, /* 411 */
    ERR_PRECONDITION,    /* 412 */
    ERR_TOO_LARGE,       /* 413 */
    ERR_URI_TOO_LONG,    /* 414 */
    ERR_TYPE,            /* 415: the bytes are not what was claimed */
    ERR_RANGE,           /* 416 */
    ERR_MISDIRECTED,     /* 421: meant for another process that used to answer here */
    ERR_INVALID,         /* 422: well-formed, but out of bounds */
    ERR_RATE,            /* 429 */
    ERR_UNAVAILABLE,     /* 503: no quorum, or nobody to ask; try again */
    ERR_TIMEOUT,         /* 503: not known whether it happened */
    ERR_STALE_INDEX,     /* 503: the index was not built for this Redis process: ask the owners */
    ERR_FULL,            /* 507: no space, or a quota */
    ERR_COUNT
};

/* The short, stable code of an error, as in a problem's `type` ("not-found"). Never NULL. */
const char *err_code(enum err e);

/* The HTTP status that tells this error to a client; 200 for ERR_OK. */
int err_http_status(enum err e);

/* One English sentence without a full stop, for people and logs. Never NULL. */
const char *err_text(enum err e);

/* The error that a node's answer means: the reverse of err_code(); ERR_INTERNAL when unknown. */
enum err err_from_code(const char *code);

#endif
