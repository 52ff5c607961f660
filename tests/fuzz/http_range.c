/* Ranges and conditions: a part lies within the file, and asked for in its plainest form it is the same part. Input: four lines (Range, If-Range, If-None-Match,
 * If-Modified-Since; an empty line is a missing header), then the size in decimal. */
#include "tests/fuzz/fuzz.h"

#include "lib/http/http.h"

#include <inttypes.h>

#define ETAG "\"9f2c\""
#define MODIFIED_S UINT64_C(784111777) /* Sun, 06 Nov 1994 08:49:37 GMT */

static void check_part(uint64_t size, uint64_t first, uint64_t last)
{
    char range[64];
    uint64_t first2 = 0, last2 = 0;
    struct http_conditions plain = {.range = range};
    FUZZ_CHECK(first <= last && last < size);
    snprintf(range, sizeof(range), "bytes=%" PRIu64 "-%" PRIu64, first, last);
    FUZZ_CHECK(http_range(&plain, size, ETAG, MODIFIED_S, &first2, &last2) == HTTP_RANGE_PART && first2 == first && last2 == last);
    plain.if_range = ETAG;
    FUZZ_CHECK(http_range(&plain, size, ETAG, MODIFIED_S, &first2, &last2) == HTTP_RANGE_PART);
    plain.if_range = "\"another\"";
    FUZZ_CHECK(http_range(&plain, size, ETAG, MODIFIED_S, &first2, &last2) == HTTP_RANGE_WHOLE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *lines[5];
    for (int i = 0; i < 5; i++)
        lines[i] = fuzz_line(&data, &size);
    struct http_conditions c = {
        .range = *lines[0] ? lines[0] : NULL,
        .if_range = *lines[1] ? lines[1] : NULL,
        .if_none_match = *lines[2] ? lines[2] : NULL,
        .if_modified_since = *lines[3] ? lines[3] : NULL,
    };
    uint64_t length = strtoull(lines[4], NULL, 10), first = 7, last = 7;
    switch (http_range(&c, length, ETAG, MODIFIED_S, &first, &last)) {
    case HTTP_RANGE_PART:
        FUZZ_CHECK(c.range);
        check_part(length, first, last);
        break;
    case HTTP_RANGE_UNSATISFIABLE: FUZZ_CHECK(c.range); break;
    case HTTP_RANGE_NOT_MODIFIED: FUZZ_CHECK(c.if_none_match || c.if_modified_since); break;
    case HTTP_RANGE_WHOLE: break;
    }
    /* Without headers it is always the whole. */
    FUZZ_CHECK(http_range(&(struct http_conditions){0}, length, ETAG, MODIFIED_S, &first, &last) == HTTP_RANGE_WHOLE);
    for (int i = 0; i < 5; i++)
        free(lines[i]);
    return 0;
}
