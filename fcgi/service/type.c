#include "fcgi/service/type.h"

#include "fcgi/service/kinds.h"
#include "lib/base/log.h"

#include <magic.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* libmagic's tests all look at the first few kilobytes; its tests for text take time in proportion (5 ms for 64 KiB). */
#define MAGIC_BYTES 16384u

struct type_sniffer {
    pthread_mutex_t lock;
    magic_t magic;
};

enum err type_sniffer_new(struct type_sniffer **out)
{
    struct type_sniffer *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return ERR_NOMEM;
    /* JSON and CSV are told from whole files only, which we do not show it; nothing is ever decompressed. */
    int flags = MAGIC_MIME_TYPE | MAGIC_NO_CHECK_COMPRESS | MAGIC_NO_CHECK_ELF | MAGIC_NO_CHECK_JSON | MAGIC_NO_CHECK_CSV;
    s->magic = magic_open(flags);
    if (s->magic == NULL || magic_load(s->magic, NULL) != 0) {
        log_write(LOG_ERROR, "type", "libmagic does not start: %s", s->magic == NULL ? "no memory" : magic_error(s->magic));
        if (s->magic != NULL)
            magic_close(s->magic);
        free(s);
        return ERR_IO;
    }
    pthread_mutex_init(&s->lock, NULL);
    *out = s;
    return ERR_OK;
}

void type_sniffer_free(struct type_sniffer *s)
{
    if (s == NULL)
        return;
    magic_close(s->magic);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static enum err look(struct type_sniffer *s, const void *head, size_t n, const struct kind **out)
{
    enum err e = ERR_OK;
    int text = kinds_reads_as_text(head, n);
    pthread_mutex_lock(&s->lock);
    /* The answer lives in the handle until the next look. */
    const char *name = magic_buffer(s->magic, head, n < MAGIC_BYTES ? n : MAGIC_BYTES);
    if (name == NULL) {
        log_write(LOG_ERROR, "type", "libmagic fails: %s", magic_error(s->magic));
        e = ERR_INTERNAL;
    } else {
        *out = kinds_of_bytes(name, text);
    }
    pthread_mutex_unlock(&s->lock);
    return e;
}

enum err type_check(struct type_sniffer *s, const void *head, size_t n, const char *claimed, const char *filename, struct arena *arena,
    const char **type, const char **detail)
{
    const struct kind *bytes;
    enum err e = look(s, head, n, &bytes);
    if (e != ERR_OK)
        return e;

    const struct kind *by_name = kinds_of_filename(filename);
    if (!kinds_agree(bytes, by_name)) {
        *detail = arena_printf(arena, "It is named %s, but inside it is %s.", filename, bytes->words);
        return ERR_TYPE;
    }
    if (strcasecmp(claimed, "application/octet-stream") == 0)
        claimed = "";
    const struct kind *by_type = kinds_of_claim(claimed);
    int agrees = by_type != NULL ? kinds_agree(bytes, by_type) : kinds_agree_unknown(bytes, claimed);
    if (!agrees) {
        *detail = arena_printf(arena, "It was sent as %s, but inside it is %s.", claimed, bytes->words);
        return ERR_TYPE;
    }
    *type = kinds_type(bytes, by_name, by_type);
    return ERR_OK;
}
