#include "lib/jail/internal.h"

#include "lib/base/log.h"

#include <string.h>

struct wish {
    const char *word;
    unsigned bit;
};

enum { STRICT = 1, KILL = 2, TRACEABLE = 4, NO_SECCOMP = 8, NO_LANDLOCK = 16, OFF = 32 };

static const struct wish wishes[] = {
    {"on", 0},
    {"strict", STRICT},
    {"kill", KILL},
    {"traceable", TRACEABLE},
    {"no-seccomp", NO_SECCOMP},
    {"no-landlock", NO_LANDLOCK},
    {"off", OFF},
};

static enum err parse_word(const char *word, size_t len, unsigned *bits)
{
    for (size_t i = 0; i < sizeof(wishes) / sizeof(wishes[0]); i++) {
        if (strlen(wishes[i].word) == len && memcmp(wishes[i].word, word, len) == 0) {
            *bits |= wishes[i].bit;
            return ERR_OK;
        }
    }
    return ERR_SYNTAX;
}

static enum err parse_words(const char *words, unsigned *out)
{
    unsigned bits = 0;
    if (!words)
        return ERR_SYNTAX;
    for (;;) {
        size_t len = strcspn(words, ",");
        enum err e = parse_word(words, len, &bits);
        if (e)
            return e;
        if (words[len] == '\0')
            break;
        words += len + 1;
    }
    /* Who asks for both would get less than one of the words says. */
    if ((bits & STRICT) && (bits & (NO_SECCOMP | NO_LANDLOCK | OFF)))
        return ERR_SYNTAX;
    *out = bits;
    return ERR_OK;
}

enum err jail_words_check(const char *words)
{
    unsigned bits;
    return parse_words(words, &bits);
}

/* Landlock first: seccomp forbids the calls that make its rules. */
static enum err close_doors(const struct jail *j, unsigned bits, char places[JAIL_REPORT_MAX], char calls[JAIL_REPORT_MAX])
{
    enum err lacking = ERR_OK;
    if (!(bits & NO_LANDLOCK))
        lacking = places_close(j, places);
    if (!(bits & NO_SECCOMP)) {
        enum err e = filter_install(j->calls, (bits & KILL) != 0, calls);
        lacking = e ? e : lacking;
    }
    return lacking;
}

enum err jail_enter(const struct jail *j)
{
    char places[JAIL_REPORT_MAX] = "landlock is switched off", calls[JAIL_REPORT_MAX] = "seccomp is switched off";
    unsigned bits;
    enum err e = parse_words(j->words, &bits);
    if (e)
        return e;
    if (bits & OFF) {
        log_write(LOG_WARN, "jail", "switched off");
        return ERR_OK;
    }
    e = process_give_up(!(bits & TRACEABLE));
    if (!e) {
        e = close_doors(j, bits, places, calls);
        log_write(e || (bits & (NO_SECCOMP | NO_LANDLOCK)) ? LOG_WARN : LOG_INFO, "jail", "%s; %s", places, calls);
    } else {
        log_write(LOG_WARN, "jail", "the kernel does not take away new privileges; so nothing else can be shut");
    }
    if (!e || !(bits & STRICT))
        return ERR_OK;
    log_write(LOG_ERROR, "jail", "--jail strict: not starting without all of it");
    return ERR_DENIED;
}
