/* Peers and what they share, as the index has it: who is there, which files, and where one of them is. Without the index there is nothing to be said of peers. */
#ifndef RB_FCGI_SERVICE_PEERS_READ_H
#define RB_FCGI_SERVICE_PEERS_READ_H

#include "fcgi/service/capability.h"
#include "lib/store/peers.h"

/* A page of peers, by name and id. */
struct peers_read_page {
    const struct peers_peer *items; /* n of them, in `all` */
    size_t n;
    const char *next;       /* cursor: the id of the last item; NULL at the end */
    struct peers_peer *all; /* owned: peers_read_page_release */
};
/* cursor: NULL or a page's next; a peer that left meanwhile moves nothing. ERR_SYNTAX: the cursor is no peer's id; ERR_UNAVAILABLE, ERR_STALE_INDEX: the index is away, or not believed. */
enum err peers_read_all(struct worker *w, const char *cursor, unsigned limit, struct peers_read_page *out) MUST_CHECK;
void peers_read_page_release(struct peers_read_page *p);

/* The place of the first peer behind the cursor in a list in the order of peers_read_sort(). Pure. */
size_t peers_read_after(const struct peers_peer *peers, size_t n, const char *cursor);
/* Puts peers in order: by name, then by id. Pure. */
void peers_read_sort(struct peers_peer *peers, size_t n);
/* The peer that a person means by an id or a name: of several with one name the one that was heard last. NULL: none. Pure. */
const struct peers_peer *peers_read_pick(const struct peers_peer *peers, size_t n, const char *id_or_name);

#define PEERS_READ_PAGES 10u /* searches at most for one page: some 10 ms each */
/* A page of files: peers_search(), which is asked on while it gives no row: an empty page with a cursor means that even so nothing was found yet. exclude: id or name of a peer whose files are left out; nobody's changes nothing. ERR_SYNTAX: q or cursor. Others as above. */
enum err peers_read_search(
    struct worker *w, const char *q, const char *exclude, const char *cursor, unsigned limit, struct peers_page *out) MUST_CHECK;

/* One file of one peer, and how to get it from there. */
struct peers_read_file {
    struct peers_row row; /* with this one holder; owned: peers_read_file_release */
    char address[CAPABILITY_ADDRESS_SIZE];
    char capability[CAPABILITY_SIZE];
};
/* peer: its id or name. ERR_NOT_FOUND: no such peer, or it shares no such file; ERR_GONE: the peer is not here any more; ERR_CONFLICT: it speaks the line protocol only; others as
 * above. After an error *detail is a sentence for people, or NULL. */
enum err peers_read_file(struct worker *w, const char *peer, const char *name, struct peers_read_file *out, const char **detail) MUST_CHECK;
void peers_read_file_release(struct peers_read_file *f);

/* The id that a person means by an id or a name, into the worker's arena; NULL when nobody has it. Errors as above. */
enum err peers_read_id(struct worker *w, const char *id_or_name, const char **id) MUST_CHECK;

#endif
