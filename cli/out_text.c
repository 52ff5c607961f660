/* Sizes, durations and times as people write them. */
#include "cli/out.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

void out_size(uint64_t bytes, char text[OUT_SIZE_TEXT])
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = (double)bytes / 1024;
    size_t unit = 0;

    if (bytes < 1024) {
        snprintf(text, OUT_SIZE_TEXT, "%" PRIu64 " B", bytes);
        return;
    }
    while (value >= 1023.95 && unit + 1 < sizeof units / sizeof units[0]) { /* 1023.95 would be written as 1024.0 */
        value /= 1024;
        unit++;
    }
    snprintf(text, OUT_SIZE_TEXT, "%.1f %s", value, units[unit]);
}

void out_duration(uint64_t seconds, char text[OUT_SIZE_TEXT])
{
    if (seconds < 60)
        snprintf(text, OUT_SIZE_TEXT, "%" PRIu64 " s", seconds);
    else if (seconds < 3600)
        snprintf(text, OUT_SIZE_TEXT, "%" PRIu64 ":%02" PRIu64, seconds / 60, seconds % 60);
    else
        snprintf(text, OUT_SIZE_TEXT, "%" PRIu64 ":%02" PRIu64 ":%02" PRIu64, seconds / 3600, seconds / 60 % 60, seconds % 60);
}

/* An RFC 3339 time in UTC as seconds since 1970. False when it is none. */
static int read_time(const char *rfc3339, time_t *at)
{
    struct tm utc = {0};

    if (!rfc3339 || !strptime(rfc3339, "%Y-%m-%dT%H:%M:%S", &utc))
        return 0;
    *at = timegm(&utc);
    return 1;
}

void out_time(const struct out *o, const char *rfc3339, char text[OUT_TIME_TEXT])
{
    struct tm local;
    time_t at;

    if (!o->terminal || !read_time(rfc3339, &at) || !localtime_r(&at, &local) ||
        strftime(text, OUT_TIME_TEXT, "%Y-%m-%d %H:%M", &local) == 0)
        snprintf(text, OUT_TIME_TEXT, "%s", rfc3339 ? rfc3339 : "");
}

void out_age(const struct out *o, const char *then, const char *now, char text[OUT_TIME_TEXT])
{
    time_t from, to;
    char age[OUT_SIZE_TEXT];

    if (!o->terminal || !read_time(then, &from) || !read_time(now, &to)) {
        snprintf(text, OUT_TIME_TEXT, "%s", then ? then : "");
        return;
    }
    out_duration(to > from ? (uint64_t)(to - from) : 0, age);
    snprintf(text, OUT_TIME_TEXT, "%s", age);
}
