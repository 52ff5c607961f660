/* Preconditions of GET and HEAD (RFC 9110 §13): pure. A parser of outside bytes: fuzzed. */
#ifndef RB_FCGI_HANDLER_CONDITIONAL_H
#define RB_FCGI_HANDLER_CONDITIONAL_H

#include <stdint.h>

/* The header fields as sent, NULL when absent. */
struct conditional {
    const char *if_match, *if_unmodified_since, *if_none_match, *if_modified_since;
};

enum conditional_result { CONDITIONAL_SEND, CONDITIONAL_NOT_MODIFIED /* 304 */, CONDITIONAL_FAILED /* 412 */ };

/* The verdict in the order of §13.2.2 for a representation with the strong tag `tag` (without quotes) and this time. Malformed dates are ignored, as the RFC says;
 * of a malformed list of tags what stands before the fault counts. */
enum conditional_result conditional_check(const struct conditional *c, const char *tag, uint64_t modified_unix_s);

#endif
