/* The files that a coordinator reads: a ring document, and the node.json of whom it founds a cluster with. What is taken is sound; what was founded is read
 * again. Input: the file. The same text is tried as an address that a node gives, and as what Redis says of the lease. */
#include "tests/fuzz/folder.h"

#include "coordinator/ringfile.h"
#include "lib/base/log.h"
#include "lib/base/url.h"
#include "lib/peer/peer.h"
#include "lib/store/lock.h"

static void check_ring(void)
{
    struct ringdoc *doc = NULL, *again = NULL;
    if (ringfile_read(fuzz_path("ring.json"), &doc))
        return;
    FUZZ_CHECK(ringfile_save(fuzz_folder(), doc) == ERR_OK && ringfile_load(fuzz_folder(), &again) == ERR_OK);
    FUZZ_CHECK(again->text_len == doc->text_len && memcmp(again->text, doc->text, doc->text_len) == 0);
    ringdoc_free(doc);
    ringdoc_free(again);
}

static void check_founding(const uint8_t *data, size_t size)
{
    static const char two[] = "{\"id\":\"node-2.00000000000000bb\",\"name\":\"node-2\",\"zone\":\"\",\"weight\":1}";
    struct ringdoc *doc = NULL;
    char founding[256], files[512], one[256];
    fuzz_write("one.json", data, size, 0600);
    fuzz_write("two.json", two, sizeof(two) - 1, 0600);
    snprintf(founding, sizeof(founding), "%s", fuzz_path("founding.json"));
    snprintf(one, sizeof(one), "%s", fuzz_path("one.json"));
    snprintf(files, sizeof(files), "%s,%s", one, fuzz_path("two.json"));
    unlink(founding);
    int code = ringfile_found(founding, 2, files);
    FUZZ_CHECK(code >= 0 && code <= 2 && (code == 0) == (access(founding, F_OK) == 0));
    if (code)
        return;
    FUZZ_CHECK(ringfile_read(founding, &doc) == ERR_OK && doc->ring->n_members == 2 && doc->ring->epoch == 1);
    FUZZ_CHECK(ringfile_found(founding, 2, files) == 0 && ringfile_found(founding, 1, files) != 0);
    ringdoc_free(doc);
}

/* Whatever may be called is a numeric address that the client of all calls takes as well. */
static void check_url(const uint8_t *data, size_t size)
{
    char *url = fuzz_string(data, size);
    if (url_ok(url)) {
        FUZZ_CHECK(strncmp(url, "http://", 7) == 0 || strncmp(url, "https://", 8) == 0);
        FUZZ_CHECK(!strpbrk(url, "@?# \t\r\n\\") && !strstr(url, "//169.254.") && !strstr(url, "//0."));
    }
    free(url);
}

static void check_lease(const uint8_t *data, size_t size)
{
    struct lease l = {.epoch = 0};
    if (lease_parse((const char *)data, size, &l) == ERR_OK)
        FUZZ_CHECK(*l.name && strlen(l.name) < sizeof(l.name) && strlen(l.token) < sizeof(l.token));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    log_init("fuzz", LOG_ERROR);
    fuzz_write("ring.json", data, size, 0600);
    check_ring();
    check_founding(data, size);
    check_url(data, size);
    check_lease(data, size);
    return 0;
}
