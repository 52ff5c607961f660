/* Where Redis is said to be: what is taken is whole, and written anew it is the same. */
#include "tests/fuzz/fuzz.h"

#include "lib/store/address.h"

static void write_place(const struct address_place *p, struct buf *out)
{
    int v6 = strchr(p->host, ':') != NULL;
    FUZZ_CHECK(*p->host && p->port > 0);
    FUZZ_CHECK(buf_addf(out, "%s%s%s:%u", v6 ? "[" : "", p->host, v6 ? "]" : "", (unsigned)p->port) == ERR_OK);
}

static void check(const struct address *a)
{
    struct address again;
    struct buf text;
    buf_init(&text, 1u << 14);
    if (a->kind == ADDRESS_UNIX)
        FUZZ_CHECK(buf_addf(&text, "unix:%s", a->path) == ERR_OK);
    if (a->kind == ADDRESS_SENTINEL)
        FUZZ_CHECK(buf_add_str(&text, "sentinel:") == ERR_OK);
    for (size_t i = 0; i < a->n_places; i++) {
        FUZZ_CHECK(i == 0 || buf_add_str(&text, ",") == ERR_OK);
        write_place(&a->places[i], &text);
    }
    if (a->kind == ADDRESS_SENTINEL)
        FUZZ_CHECK(a->n_places > 0 && *a->master && buf_addf(&text, "/%s", a->master) == ERR_OK);
    FUZZ_CHECK(address_parse(text.data, &again) == ERR_OK && again.kind == a->kind && again.n_places == a->n_places);
    FUZZ_CHECK(strcmp(again.path, a->path) == 0 && strcmp(again.master, a->master) == 0);
    for (size_t i = 0; i < a->n_places; i++)
        FUZZ_CHECK(address_place_equal(&again.places[i], &a->places[i]));
    buf_release(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct address a;
    char *text = fuzz_string(data, size);
    if (address_parse(text, &a) == ERR_OK)
        check(&a);
    free(text);
    return 0;
}
