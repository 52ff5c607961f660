/* Who has a file of a name, and which of them it shall come from. */
#ifndef RB_CLI_OBTAIN_FIND_H
#define RB_CLI_OBTAIN_FIND_H

#include "cli/cli.h"
#include "lib/base/hash.h"

#define FOUND_MAX 100   /* holders that are told apart */
#define FOUND_ROWS 1000 /* rows of a search that are looked through */

/* One holder of one content. A copy in the ring is held by "ring". */
struct found {
    char *peer, *peer_name;     /* id, and as people know it */
    char *file;                 /* its name there */
    char sha256[HASH_HEX_SIZE]; /* "": not known yet */
    uint64_t size;
};

struct found_list {
    struct found items[FOUND_MAX];
    size_t n;
};

/* Searches for files whose whole name, or last part, is `name`; only those of the peer `from` (id, name or "ring") unless NULL, and none of `exclude`. None is no error.
 * Errors are said. *out is uninitialised before and the caller's after success. */
enum err found_search(struct cli *c, const char *name, const char *from, const char *exclude, struct found_list *out) MUST_CHECK;
/* The same for an answer of GET /peers/files. ERR_NOMEM, ERR_SYNTAX: not such an answer. */
enum err found_parse(const struct json *answer, const char *name, const char *from, struct found_list *out) MUST_CHECK;
void found_release(struct found_list *f);

/* True when they all are one content with a known hash, so that it can come from all of them at once. */
int found_agree(const struct found_list *f);
/* Picks one, by asking when somebody can be asked and there is a choice. *pick: its number, or SIZE_MAX: all of them together. ERR_CONFLICT: there are different files of
 * that name and nobody can be asked (said). ERR_GONE: cancelled (said). */
enum err found_choose(const struct cli *c, const struct found_list *f, size_t *pick) MUST_CHECK;
/* What an answer to the question means, for n choices; agree: "all" is one of them, and an empty line means it. ERR_SYNTAX: nothing; ERR_GONE: cancel. Pure. */
enum err found_answer(const char *line, size_t n, int agree, size_t *pick) MUST_CHECK;

#endif
