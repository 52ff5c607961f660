/* What people type beside the file: bounds, and the file name as harmless display text. Pure. */
#ifndef RB_FCGI_SERVICE_FIELDS_H
#define RB_FCGI_SERVICE_FIELDS_H

#include "lib/base/buf.h"

/* Checks one field (NULL counts as ""). ERR_SYNTAX: not UTF-8, or a control character; ERR_INVALID: more than RECORD_FIELD_CHARS_MAX characters. */
enum err fields_check(const char *value) MUST_CHECK;

/* Checks a file name as a client sent it and appends what is kept of it: the last part of a path of either kind ("../../x.pdf" and "C:\\x.pdf" become "x.pdf"),
 * trimmed; nothing for "", ".", "..". It is shown to people and never names a file on a disk, so right-to-left marks and reserved names stay. Errors as above. */
enum err fields_filename(const char *sent, struct buf *out) MUST_CHECK;

/* Appends a file name for a file that came without one: the course's name, with '-' for path separators, and the extension ("" for none). */
enum err fields_default_filename(const char *course, const char *extension, struct buf *out) MUST_CHECK;

#endif
