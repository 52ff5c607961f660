/* The header section of one part of a form, and parameters of header fields. */
#ifndef RB_FCGI_MULTIPART_HEADER_H
#define RB_FCGI_MULTIPART_HEADER_H

#include "fcgi/multipart.h"

/* Reads "\r\nName: value\r\nName: value" (len bytes) into part. ERR_SYNTAX: a malformed or folded line, no form-data disposition with a name, text that is not
 * clean UTF-8, a transfer encoding that changes bytes; ERR_TOO_LARGE: a bound of multipart.h. *detail: a sentence. */
enum err multipart_header_parse(const char *text, size_t len, struct multipart_part *part, const char **detail) MUST_CHECK;

#endif
