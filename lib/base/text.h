/* Text from outside: UTF-8, percent-encoding, trimming, header safety, times. */
#ifndef RB_LIB_BASE_TEXT_H
#define RB_LIB_BASE_TEXT_H

#include "lib/base/buf.h"

#include <stddef.h>
#include <stdint.h>

/* Strict UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF, no NUL. */
int text_is_utf8(const char *s, size_t len);
/* Number of code points of valid UTF-8. */
size_t text_length(const char *s, size_t len);
/* True when a C0/C1 control character or DEL occurs in valid UTF-8. */
int text_has_control(const char *s, size_t len);

/* Decodes %XX once into out (at least len + 1 bytes), NUL-terminated; '+' stays unless plus_is_space. Bad escapes, %00 → ERR_SYNTAX. */
enum err text_percent_decode(const char *s, size_t len, int plus_is_space, char *out, size_t *out_len) MUST_CHECK;
/* Appends s percent-encoded: all but RFC 3986 unreserved characters. */
enum err text_percent_encode(struct buf *b, const char *s, size_t len) MUST_CHECK;

/* One character of s (len > 0 bytes of anything) as it stands inside a JSON string: at most 6 bytes and NUL into out. A byte that is not UTF-8
 * becomes U+FFFD. Returns how many bytes of s it took. */
#define TEXT_JSON_CHAR_SIZE 7
size_t text_json_char(const char *s, size_t len, char out[TEXT_JSON_CHAR_SIZE]);

/* Trims ASCII and Unicode white space at both ends; returns the new start and changes *len. */
const char *text_trim(const char *s, size_t *len);

/* RFC 3339 UTC with milliseconds, "2026-11-21T14:02:03.004Z", 25 bytes with NUL. */
#define TEXT_TIME_SIZE 25
void text_time_rfc3339(uint64_t unix_ms, char out[TEXT_TIME_SIZE]);
/* IMF-fixdate (RFC 9110 §5.6.7), 30 bytes with NUL, and its strict parser (also seconds precision only). */
#define TEXT_HTTP_DATE_SIZE 30
void text_http_date(uint64_t unix_ms, char out[TEXT_HTTP_DATE_SIZE]);
enum err text_http_date_parse(const char *s, uint64_t *unix_s) MUST_CHECK;

/* Content-Disposition value (RFC 6266 + 8187): attachment|inline; filename="ascii"; filename*=UTF-8''…  Never lets CR, LF or a quote through. */
enum err text_content_disposition(struct buf *b, int attachment, const char *filename) MUST_CHECK;

#endif
