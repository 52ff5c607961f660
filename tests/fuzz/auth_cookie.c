/* The session's cookie: what is found is plain text that stands in the header, it is found again when we write it, and never beside a second one. Input: a header. */
#include "tests/fuzz/fuzz.h"

#include "lib/auth/cookie.h"

static void check_found(const char *header, const char *name, const char *value)
{
    struct buf b;
    char again[64];
    FUZZ_CHECK(*value && strlen(value) < 64 && strstr(header, value));
    FUZZ_CHECK(strcspn(value, " \t\r\n\",;\\") == strlen(value));
    buf_init(&b, 8192);
    FUZZ_CHECK(buf_addf(&b, "%s=%s; %s", name, value, header) == ERR_OK);
    FUZZ_CHECK(cookie_find(b.data, name, again, sizeof(again)) == ERR_AUTH);
    buf_reset(&b);
    FUZZ_CHECK(cookie_print(&b, name[0] == '_', value, 600) == ERR_OK);
    *strchr(b.data, ';') = '\0';
    FUZZ_CHECK(cookie_find(b.data, name, again, sizeof(again)) == ERR_OK && strcmp(again, value) == 0);
    buf_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *header = fuzz_string(data, size), value[64] = "before";
    FUZZ_CHECK(cookie_find(NULL, "sid", value, sizeof(value)) == ERR_NOT_FOUND);
    for (int tls = 0; tls < 2; tls++) {
        enum err e = cookie_find(header, cookie_name(tls), value, sizeof(value));
        FUZZ_CHECK(e == ERR_OK || e == ERR_AUTH || e == ERR_NOT_FOUND);
        if (e == ERR_OK)
            check_found(header, cookie_name(tls), value);
        else
            FUZZ_CHECK(strcmp(value, "before") == 0);
        memcpy(value, "before", 7);
    }
    free(header);
    return 0;
}
