/* The kinds of files we know by name: which media type we store for what libmagic found, and whether a claim (Content-Type, file name) agrees with it. Pure. */
#ifndef RB_FCGI_SERVICE_KINDS_H
#define RB_FCGI_SERVICE_KINDS_H

#include <stddef.h>

/* How kinds agree with each other (api.md: any text agrees with any text, Office types with zip). */
enum kind_family {
    KIND_TEXT,    /* agrees with every text */
    KIND_PACKAGE, /* zip archives and what is made of them */
    KIND_OLE,     /* Office documents of before 2007 */
    KIND_EXACT,   /* agrees with itself only */
    KIND_UNKNOWN  /* bytes of no kind in the table: contradict every claim of a known kind that could be told */
};

struct kind {
    const char *type; /* the media type we store and serve */
    enum kind_family family;
    const char *words;     /* "a web page (HTML)" */
    const char *extension; /* with its dot, or "" */
    int generic;           /* a claim that agrees tells more than the bytes do: it gives the type */
    int claim_only;        /* cannot be told by the bytes; as a claim it refines a generic kind */
};

/* What the bytes are: libmagic's media type, and whether they read as text. Never NULL. */
const struct kind *kinds_of_bytes(const char *magic_type, int reads_as_text);
/* What a Content-Type (no parameters, any case) or a file name claims. NULL: nothing that we know. */
const struct kind *kinds_of_claim(const char *media_type);
const struct kind *kinds_of_filename(const char *filename);

/* True when bytes of this kind may carry that claim. A NULL claim is none. */
int kinds_agree(const struct kind *bytes, const struct kind *claim);
/* The same for a media type that the table does not know: only its first half can contradict ("image/x-thing" on a PDF). */
int kinds_agree_unknown(const struct kind *bytes, const char *media_type);

/* The type to store for bytes whose claims (NULL fine) agree. */
const char *kinds_type(const struct kind *bytes, const struct kind *by_name, const struct kind *by_type);
/* The usual extension of a stored type, with its dot; "" when there is none. */
const char *kinds_extension(const char *type);

/* True when the bytes (the head of a file) read as UTF-8 text without control characters other than white space; a character cut at the end is fine. */
int kinds_reads_as_text(const void *head, size_t n);

#endif
